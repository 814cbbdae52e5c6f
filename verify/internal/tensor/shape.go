package tensor

import (
	"fmt"
	"slices"
)

func Ints64(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// EachIndex calls f for every index of shape in row-major order.
func EachIndex(shape []int, f func(i int, idx []int)) {
	idx := make([]int, len(shape))
	for i := range Count(shape) {
		f(i, idx)
		for a := len(idx) - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
	}
}

func ToInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

func Count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// MaxElements bounds one tensor of a run: beyond it a file is broken rather than
// large.
const MaxElements = 1 << 28

func TooLarge[N int | int64](shape []N) bool {
	total := 1.0
	for _, d := range shape {
		if d < 0 {
			return true
		}
		total *= float64(d)
	}
	return total > MaxElements
}

func Strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// AxisOf turns a possibly negative axis into an index.
func AxisOf(a int64, rank int) (int, error) {
	k := a
	if k < 0 {
		k += int64(rank)
	}
	if k < 0 || k >= int64(rank) {
		return 0, fmt.Errorf("axis or index %d is out of range for %d", a, rank)
	}
	return int(k), nil
}

// Walk calls f with the offset that the strides give, for every index of shape
// in row-major order.
func Walk(shape, stride []int, f func(i, off int)) {
	idx := make([]int, len(shape))
	off := 0
	for i := range Count(shape) {
		f(i, off)
		for a := len(shape) - 1; a >= 0; a-- {
			idx[a]++
			off += stride[a]
			if idx[a] < shape[a] {
				break
			}
			off -= stride[a] * shape[a]
			idx[a] = 0
		}
	}
}

// Broadcast is the common shape of a and b.
func Broadcast(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		switch have := out[off+i]; {
		case have == d, d == 1:
		case have == 1:
			out[off+i] = d
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
	}
	if out == nil {
		out = []int{}
	}
	return out, nil
}

// Spread gives the strides with which a tensor of shape from is read as to.
func Spread(from, to []int) []int {
	out := make([]int, len(to))
	st := Strides(from)
	off := len(to) - len(from)
	for i, d := range from {
		if d != 1 {
			out[off+i] = st[i]
		}
	}
	return out
}
