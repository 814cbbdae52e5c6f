package affine

import (
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Costs are ordered by weights, then work, then moves, and add up by each.
func TestCosts(t *testing.T) {
	var all []Cost
	for _, weights := range []int{-1, 0, 2} {
		for _, work := range []int{-3, 0, 1} {
			for _, moves := range []int{0, 5} {
				all = append(all, Cost{weights, work, moves})
			}
		}
	}
	for i, a := range all { // in order, by the loops above
		for j, b := range all {
			if have := a.Less(b); have != (i < j) {
				t.Errorf("%+v less than %+v: %v", a, b, have)
			}
			if have, want := a.Plus(b), (Cost{a.Weights + b.Weights, a.Work + b.Work, a.Moves + b.Moves}); have != want {
				t.Errorf("%+v plus %+v is %+v", a, b, have)
			}
			if have := a.Plus(b).Minus(b); have != a {
				t.Errorf("%+v plus and minus %+v is %+v", a, b, have)
			}
		}
	}
	if n := Size([]int{2, 3, 5}); n != 30 || Size(nil) != 1 || Size([]int{4, 0}) != 0 {
		t.Errorf("a shape 2×3×5 has %d elements, none %d, 4×0 %d", n, Size(nil), Size([]int{4, 0}))
	}
	of := func(shape ...int64) *graph.Value {
		var dims []graph.Dim
		for _, d := range shape {
			dims = append(dims, graph.Size(d))
		}
		return graph.Invent("w", onnxio.Float32, dims)
	}
	if n := Elements([]*graph.Value{of(2, 3), nil, of(4)}); n != 10 {
		t.Errorf("2×3 and 4 elements are %d", n)
	}
}
