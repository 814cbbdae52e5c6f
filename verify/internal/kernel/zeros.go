package kernel

import "slices"

// Zeros reports whether all of x is zero.
func Zeros[T Float](x []T) bool { return !slices.ContainsFunc(x, func(v T) bool { return v != 0 }) }
