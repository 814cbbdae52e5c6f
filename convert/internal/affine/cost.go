package affine

import "repmlp/onnxio/graph"

// A Cost orders ways to write a piece of the graph: first the weights that are
// read, then the layers that run, then the nodes that move data.
type Cost struct{ Weights, Work, Moves int }

// Plus adds two costs.
func (a Cost) Plus(b Cost) Cost {
	return Cost{a.Weights + b.Weights, a.Work + b.Work, a.Moves + b.Moves}
}

// Minus takes a cost away.
func (a Cost) Minus(b Cost) Cost {
	return Cost{a.Weights - b.Weights, a.Work - b.Work, a.Moves - b.Moves}
}

// Less orders costs.
func (a Cost) Less(b Cost) bool {
	if a.Weights != b.Weights {
		return a.Weights < b.Weights
	}
	if a.Work != b.Work {
		return a.Work < b.Work
	}
	return a.Moves < b.Moves
}

// The costs of nodes as they stand. A Transpose counts twice: it touches memory.
var (
	costWork      = Cost{Work: 1}
	costMove      = Cost{Moves: 1}
	costTranspose = Cost{Moves: 2}
)

// Elements counts the elements of constants.
func Elements(vs []*graph.Value) int {
	n := 0
	for _, v := range vs {
		if v == nil {
			continue
		}
		shape, _ := ConstShape(v)
		n += Size(shape)
	}
	return n
}

// Size is the number of elements of a shape.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// ConstShape returns the shape of a value where all sizes are numbers.
func ConstShape(v *graph.Value) ([]int, bool) {
	dims, ok := v.Shape()
	if !ok {
		return nil, false
	}
	out := make([]int, len(dims))
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}

// EqualDims compares shapes.
func EqualDims(a, b []graph.Dim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}
