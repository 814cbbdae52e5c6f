package move

import (
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Scales and shifts of a type that has no fractions are an error, not nodes.
func TestPlaceOfIntegers(t *testing.T) {
	g := sketch.Graph(t, "x : N 3\ni : int64 N 3\ny = Relu(x)\nz = Neg(i)\n> y z")
	for _, c := range []struct {
		name         string
		scale, shift []float64
	}{{"a scale", []float64{1, 2, 3}, nil}, {"a shift", nil, []float64{1, 2, 3}}, {"both", []float64{1, 2, 3}, []float64{4, 5, 6}}} {
		for value, fails := range map[string]bool{"x": false, "i": true} {
			w := &Result{Origin: map[*onnxio.Node]*graph.Node{}, Move: map[*onnxio.Node]*Move{}}
			p := placed{in: value, out: "w", value: g.Value(value), before: g.Nodes[0], piece: &piece{sizes: []int{1, 3}, scale: c.scale, shift: c.shift}}
			err := w.place(g, &Move{Roots: g.Nodes[:1]}, p, onnxio.Names{}.Fresh)
			if (err != nil) != fails {
				t.Errorf("%s of %s: %v", c.name, value, err)
			}
			if fails && len(w.Edit.AddNodes) > 0 {
				t.Errorf("%s of %s: there are nodes", c.name, value)
			}
		}
	}
}
