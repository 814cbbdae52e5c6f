package tidy

import (
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A view has the shape of its data if all sizes but one are numbers that agree.
func TestSameSizes(t *testing.T) {
	n, m := graph.Symbol("n"), graph.Symbol("m")
	four, three, zero := graph.Size(4), graph.Size(3), graph.Size(0)
	for i, c := range []struct {
		a, b []graph.Dim
		want bool
	}{
		{[]graph.Dim{four, n, three}, []graph.Dim{four, m, three}, true},
		{[]graph.Dim{four, n, m}, []graph.Dim{four, m, m}, false},
		{[]graph.Dim{zero, n}, []graph.Dim{zero, m}, false},
		{[]graph.Dim{n, m}, []graph.Dim{n, m}, true},
		{[]graph.Dim{n, m}, []graph.Dim{m, n}, false},
		{[]graph.Dim{n}, []graph.Dim{m}, true},
		{[]graph.Dim{four}, []graph.Dim{four, graph.Size(1)}, false},
	} {
		if have := sameSizes(graph.Invent("a", onnxio.Float32, c.a), graph.Invent("b", onnxio.Float32, c.b)); have != c.want {
			t.Errorf("%d: %v", i, have)
		}
	}
}
