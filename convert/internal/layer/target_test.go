package layer

import (
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A target of a Reshape leaves one size to it; more are taken from a value at run
// time, but for one that the value does not have.
func TestTargetShape(t *testing.T) {
	a, b, c := graph.Symbol("a"), graph.Symbol("b"), graph.Symbol("c")
	from := graph.Invent("u", onnxio.Float32, []graph.Dim{a, graph.Size(3), b})
	for _, x := range []struct {
		dims []graph.Dim
		out  []int64
		run  []shapeDim
		ok   bool
	}{
		{dims: []graph.Dim{graph.Size(2), graph.Size(0)}, out: []int64{2, 0}, ok: true},
		{dims: []graph.Dim{graph.Size(2), c}, out: []int64{2, -1}, ok: true},
		{dims: []graph.Dim{b, a}, run: []shapeDim{{-1, 2}, {-1, 0}}, ok: true},
		{dims: []graph.Dim{b, graph.Size(4), c}, run: []shapeDim{{-1, 2}, {4, -1}, {-1, -1}}, ok: true},
		{dims: []graph.Dim{graph.Size(0), a, c}, run: []shapeDim{{0, -1}, {-1, 0}, {-1, -1}}, ok: true},
		{dims: []graph.Dim{a.Times(b), c}},
	} {
		out, run, ok := targetShape(x.dims, from)
		if ok != x.ok || !slices.Equal(out, x.out) || (run != nil) != (x.run != nil) {
			t.Errorf("%v: %v, %v, %v", x.dims, out, run, ok)
			continue
		}
		for i, d := range x.run {
			if have := run.dims[i]; have.axis != d.axis || have.axis < 0 && have.n != d.n {
				t.Errorf("%v: size %d is %+v, want %+v", x.dims, i, have, d)
			}
		}
	}
}

// Axes of one element that another layout has are found wherever they stand.
func TestInserted(t *testing.T) {
	atoms := graph.NewAtoms()
	a, b, one := atoms.Axis(graph.Size(2)), atoms.Axis(graph.Size(3)), []graph.Atom(nil)
	for _, c := range []struct {
		from, to graph.Layout
		ones     []int64
		ok       bool
	}{
		{graph.Layout{a, b}, graph.Layout{a, b}, nil, true},
		{graph.Layout{a, b}, graph.Layout{a, b, one}, []int64{2}, true},
		{graph.Layout{a, b}, graph.Layout{one, a, one, one, b, one}, []int64{0, 2, 3, 5}, true},
		{graph.Layout{a, one, b}, graph.Layout{a, one, one, b}, []int64{2}, true},
		{graph.Layout{}, graph.Layout{one}, []int64{0}, true},
		{graph.Layout{a, b}, graph.Layout{a}, nil, false},
		{graph.Layout{a, b}, graph.Layout{one, a}, []int64{0}, false},
		{graph.Layout{a}, graph.Layout{a, b}, nil, false},
		{graph.Layout{a, b}, graph.Layout{b, a}, nil, false},
		{graph.Layout{a, b}, graph.Layout{slices.Concat(a, b)}, nil, false},
	} {
		if ones, ok := inserted(c.from, c.to); ok != c.ok || ok && !slices.Equal(ones, c.ones) {
			t.Errorf("from %v to %v: %v, %v", c.from, c.to, ones, ok)
		}
	}
}
