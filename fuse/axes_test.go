package fuse

import (
	"slices"
	"testing"
)

// A kernel along other axes has its taps where these are; of an axis that goes one
// tap is left, the one that reads the position itself.
func TestAlong(t *testing.T) {
	w := Window{Out: 2, In: 1, Groups: 1, Lo: []int{-2, -1}, Taps: []int{2, 3}, Step: []int{2, 1}, Stride: []int{1, 2}}
	k := NewKernel(w)
	for i := range k.W {
		k.W[i] = float64(i)
	}
	k.B[1] = 7
	for _, c := range []struct {
		from []int
		taps []int
		want []float64
	}{
		{[]int{0, 1}, []int{2, 3}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{[]int{1, 0}, []int{3, 2}, []float64{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}},
		{[]int{1}, []int{3}, []float64{3, 4, 5, 9, 10, 11}},
		{[]int{0}, []int{2}, []float64{1, 4, 7, 10}},
		{[]int{0, -1, 1}, []int{2, 1, 3}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
	} {
		have := k.Along(c.from)
		if !slices.Equal(have.Taps, c.taps) || !slices.Equal(have.W, c.want) || !slices.Equal(have.B, k.B) {
			t.Errorf("%v: %+v", c.from, have)
		}
	}
	for _, lo := range []int{1, -1, -4} { // no tap reads the position itself
		w.Lo = []int{lo, -1}
		if _, ok := w.Along([]int{1}); ok {
			t.Errorf("taps from %d on: one is left", lo)
		}
	}
	// What stands between positions goes with its axis; a new axis has nothing there, and where
	// no axis has, none is listed.
	w.Lo, w.Up = []int{-2, -1}, []int{1, 3}
	for _, c := range []struct{ from, want []int }{{[]int{1, -1, 0}, []int{3, 1, 1}}, {[]int{-1, 1}, []int{1, 3}}, {[]int{0, -1}, nil}} {
		if have, ok := w.Along(c.from); !ok || !slices.Equal(have.Up, c.want) || have.Up == nil != (c.want == nil) {
			t.Errorf("%v: %v, want %v", c.from, have.Up, c.want)
		}
	}
}
