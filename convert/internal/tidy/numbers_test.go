package tidy

import (
	"fmt"
	"slices"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// How many elements a value has is known of numbers up to 2^40, and so many may be worked
// out.
func TestCount(t *testing.T) {
	n := graph.Symbol("n")
	size := func(sizes ...int64) []graph.Dim {
		dims := []graph.Dim{}
		for _, s := range sizes {
			dims = append(dims, graph.Size(s))
		}
		return dims
	}
	for i, c := range []struct {
		dims  []graph.Dim
		count int64
		small bool
	}{
		{size(), 1, true},
		{size(0), 0, true},
		{size(3, 4, 5), 60, true},
		{size(1 << 16), 1 << 16, true},
		{size(1<<16, 1), 1 << 16, true},
		{size(1<<16 + 1), 1<<16 + 1, false},
		{size(1<<20, 1<<20), 1 << 40, false},
		{size(1<<20, 1<<20, 2), -1, false},
		{size(1<<40+1, 0), -1, false},
		{size(-1), -1, false},
		{[]graph.Dim{n}, -1, false},
		{[]graph.Dim{graph.Size(2), n}, -1, false},
	} {
		v := graph.Invent("v", onnxio.Float32, c.dims)
		if have := count(v); have != c.count || small(v) != c.small {
			t.Errorf("%d: %d elements, small %v", i, have, small(v))
		}
	}
}

// Types hold every integer up to a power of two.
func TestLargest(t *testing.T) {
	for d, bits := range map[onnxio.DType]int{onnxio.Float16: 11, onnxio.BFloat16: 8, onnxio.Float32: 24, onnxio.Float64: 53, onnxio.Int32: 31, onnxio.Int64: 31, onnxio.Bool: 31} {
		if have := largest(d); have != 1<<bits {
			t.Errorf("%v: %d", d, have)
		}
	}
	if largest(onnxio.String) != 0 || largest(onnxio.Int8) != 0 {
		t.Error("strings and small integers hold some")
	}
}

// A target asks for numbers, sizes of the same place, and one size that follows.
func TestTarget(t *testing.T) {
	n, m, k := graph.Symbol("n"), graph.Symbol("m"), graph.Symbol("k")
	four, six := graph.Size(4), graph.Size(6)
	for i, c := range []struct {
		from, to []graph.Dim
		want     []int64
	}{
		{[]graph.Dim{four, six}, []graph.Dim{six, four}, []int64{6, 4}},
		{[]graph.Dim{n, six}, []graph.Dim{six, n}, []int64{6, -1}},
		{[]graph.Dim{n, six}, []graph.Dim{n, six}, []int64{-1, 6}},
		{[]graph.Dim{n, m}, []graph.Dim{n, m}, []int64{0, 0}},
		{[]graph.Dim{n, m, six}, []graph.Dim{n, six, m}, []int64{0, 6, -1}},
		{[]graph.Dim{n, m, six}, []graph.Dim{k, m, six}, []int64{-1, 0, 6}},
		{[]graph.Dim{n, m, six}, []graph.Dim{m, n, six}, nil},
		{[]graph.Dim{n}, []graph.Dim{four, n, m}, nil},
		{[]graph.Dim{n}, []graph.Dim{graph.Size(0), n}, nil},
		{[]graph.Dim{n}, nil, nil},
		{nil, []graph.Dim{four, n}, []int64{4, -1}},
		{nil, []graph.Dim{n, m}, nil},
	} {
		have := target(graph.Invent("a", onnxio.Float32, c.from), graph.Invent("b", onnxio.Float32, c.to))
		if !slices.Equal(have, c.want) || (have == nil) != (c.want == nil) {
			t.Errorf("%d: %v, want %v", i, have, c.want)
		}
	}
}

// Numbers are held exactly up to what their type holds, or a part of it.
func TestExactly(t *testing.T) {
	for _, c := range []struct {
		number    int64
		one, half bool
	}{{0, true, true}, {1 << 30, true, true}, {1<<30 + 1, true, false}, {1 << 31, true, false}, {1<<31 + 1, false, false}, {-1 << 30, true, true}, {-1<<30 - 1, true, false}, {-1 << 31, true, false}, {-1<<31 - 1, false, false}} {
		g := sketch.Graph(t, fmt.Sprintf("x : N 2\nk = Identity(#%d_1)\ny = Relu(x)\n> k y", c.number))
		k := g.Value("k")
		if one, half := exactly(1, k, nil), exactly(2, k, nil); one != c.one || half != c.half {
			t.Errorf("%d: %v, half of it %v", c.number, one, half)
		}
		if exactly(1, k, g.Value("x")) {
			t.Error("a value of which nothing is known is held")
		}
	}
}
