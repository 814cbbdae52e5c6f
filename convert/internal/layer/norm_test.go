package layer

import (
	"slices"
	"testing"
)

// Shapes of parameters meet at their last axes and become as wide as both; leading axes of
// size one that only one of them has are not wanted.
func TestWiderShapes(t *testing.T) {
	for _, c := range []struct {
		a, b, want []int
	}{
		{[]int{4}, []int{4}, []int{4}},
		{[]int{1}, []int{4}, []int{4}},
		{[]int{4}, []int{1}, []int{4}},
		{[]int{4}, []int{1, 1}, []int{4}},
		{[]int{4}, []int{1, 4}, []int{4}},
		{[]int{4}, []int{3, 1}, []int{3, 4}},
		{[]int{3, 4}, []int{1, 1}, []int{3, 4}},
		{[]int{1, 4}, []int{1, 4}, []int{1, 4}},
		{[]int{3, 1}, []int{1, 4}, []int{3, 4}},
		{nil, []int{1}, nil},
		{[]int{4}, []int{3}, nil},
	} {
		have, ok := wider(c.a, c.b)
		if !slices.Equal(have, c.want) || ok != (c.want != nil || c.a == nil) {
			t.Errorf("%v and %v: %v, %v", c.a, c.b, have, ok)
		}
	}
}

// Numbers of a shape are repeated along axes of size one and axes that they lack.
func TestSpread(t *testing.T) {
	for _, c := range []struct {
		v        []float64
		from, to []int
		want     []float64
	}{
		{[]float64{1, 2}, []int{2}, []int{2}, []float64{1, 2}},
		{[]float64{7}, []int{1}, []int{3}, []float64{7, 7, 7}},
		{[]float64{7}, nil, []int{2}, []float64{7, 7}},
		{[]float64{1, 2}, []int{2}, []int{3, 2}, []float64{1, 2, 1, 2, 1, 2}},
		{[]float64{1, 2, 3}, []int{3, 1}, []int{3, 2}, []float64{1, 1, 2, 2, 3, 3}},
		{[]float64{1, 2, 3, 4}, []int{2, 1, 2}, []int{2, 2, 2}, []float64{1, 2, 1, 2, 3, 4, 3, 4}},
		{[]float64{1, 2, 3}, []int{1, 1, 3}, []int{3}, []float64{1, 2, 3}},
		{[]float64{1, 2, 3, 4, 5, 6}, []int{2, 3}, []int{2, 3}, []float64{1, 2, 3, 4, 5, 6}},
	} {
		if have := spread(c.v, c.from, c.to); !slices.Equal(have, c.want) {
			t.Errorf("%v of %v as %v: %v, want %v", c.v, c.from, c.to, have, c.want)
		}
	}
}

// Numbers of channels are numbers of groups where those of a group are equal.
func TestGrouped(t *testing.T) {
	for _, c := range []struct {
		v      []float64
		groups int
		want   []float64
	}{
		{[]float64{1, 1, 2, 2}, 2, []float64{1, 2}},
		{[]float64{1, 1, 1, 1}, 1, []float64{1}},
		{[]float64{1, 2, 3}, 3, []float64{1, 2, 3}},
		{[]float64{5}, 4, []float64{5}},
		{[]float64{1, 1, 2, 3}, 2, nil},
		{[]float64{1, 2, 3, 3}, 2, nil},
	} {
		if have := grouped(c.v, c.groups); !slices.Equal(have, c.want) {
			t.Errorf("%v in %d groups: %v", c.v, c.groups, have)
		}
	}
}
