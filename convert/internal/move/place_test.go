package move

import (
	"fmt"
	"strings"
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

// A move tells of a few nodes, and of the others how many there are; one alone is named.
func TestMoveTellsOfAFewNodes(t *testing.T) {
	var text strings.Builder
	text.WriteString("x : N 3\nv0 = Mul(x, ?3)\n")
	for i := range 6 {
		fmt.Fprintf(&text, "v%d = Relu(v%d)\n", i+1, i)
	}
	g := sketch.Graph(t, text.String())
	for n, want := range map[int]string{
		0: `Mul "Mul_v0" moved to each reader`,
		1: `Mul "Mul_v0" moved on through Relu "Relu_v1"`,
		3: `Mul "Mul_v0" moved on through Relu "Relu_v1" and Relu "Relu_v2" and Relu "Relu_v3"`,
		4: `Mul "Mul_v0" moved on through Relu "Relu_v1" and Relu "Relu_v2" and Relu "Relu_v3" and Relu "Relu_v4"`,
		6: `Mul "Mul_v0" moved on through Relu "Relu_v1" and Relu "Relu_v2" and Relu "Relu_v3" and 3 more`,
	} {
		m := &Move{Roots: g.Nodes[:1], Through: g.Nodes[1 : 1+n]}
		if have := m.String(); have != want {
			t.Errorf("%d nodes: %s", n, have)
		}
	}
}
