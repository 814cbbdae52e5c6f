package verify

import "slices"

// A Reach says how far a region that is one convolution reads along an axis of its
// first input: one output position sees Span neighbours, the next one lies Stride
// further. The axis of the samples has Span 1 and Stride 1. Out is the same axis of
// the output, whose axes the other inputs of the claim have. Where Up is above one,
// every position of the input makes as many of the output.
type Reach struct{ Axis, Span, Stride, Out, Up int }

// crop shortens the axes of shape as far as the region still shows all that it
// does: a window inside the map, its borders, and the same rest behind the last
// stride.
func crop(shape []int, reach []Reach) []int {
	out := slices.Clone(shape)
	for _, r := range reach {
		if n := shape[r.Axis]; n > r.Span {
			out[r.Axis] = r.Span + (n-r.Span)%r.Stride
		}
	}
	return out
}

// cropOther shortens another input, of at most rank axes as the output, by as many
// positions as the output loses where the first input shrinks from one shape to
// another. Axes of one element stay.
func cropOther(shape []int, rank int, reach []Reach, from, to []int) []int {
	out := slices.Clone(shape)
	for _, r := range reach {
		if i := r.Out - rank + len(shape); i >= 0 && i < len(out) && out[i] > 1 {
			out[i] = max(out[i]-(from[r.Axis]-to[r.Axis])/r.Stride*max(r.Up, 1), 0)
		}
	}
	return out
}
