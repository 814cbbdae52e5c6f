package graph_test

import (
	"fmt"
	"runtime/debug"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A chain of twenty thousand nodes needs no deep stack, be it data, a constant that
// is kept, or one that is too large for that. Where something walks it by recursion
// the test ends with a stack overflow.
func TestChainsNeedNoDeepStack(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 10))
	const length = 20000
	for _, c := range []struct {
		name string
		op   string
		from string
	}{
		{"data", "Neg", "x"},
		{"a large constant", "Identity", "large"},
		{"a small constant", "Neg", "small"},
		{"a number of unknown shape", "Identity", "splat"},
	} {
		nodes := []*onnxio.Node{
			onnxio.NewNode("", "Shape", []string{"x"}, []string{"sizes"}),
			onnxio.NewNode("", "ConstantOfShape", []string{"sizes"}, []string{"splat"}),
		}
		last := c.from
		for i := range length {
			out := fmt.Sprintf("v%d", i)
			nodes = append(nodes, onnxio.NewNode("", c.op, []string{last}, []string{out}))
			last = out
		}
		nodes = append(nodes, onnxio.NewNode("", "Mul", []string{"x", last}, []string{"y"}))
		const large = 1<<16 + 1
		weights, err := onnxio.NewTensor("large", onnxio.Float32, []int64{large}, make([]byte, 4*large))
		if err != nil {
			t.Fatal(err)
		}
		small, err := onnxio.NewTensor("small", onnxio.Float32, []int64{1}, make([]byte, 4))
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.Untyped("x", onnxio.Float32)},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   nodes, Inits: []*onnxio.Tensor{weights, small},
		})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(g.Alive()); n < length {
			t.Errorf("%s: %d nodes are alive", c.name, n)
		}
		v := g.Value(last)
		if c.from == "splat" {
			if k, ok := g.Splat(v); !ok || k != 0 {
				t.Errorf("%s: the number is %g, %v", c.name, k, ok)
			}
		}
		if g.IsConst(v) != (c.from == "large" || c.from == "small") {
			t.Errorf("%s: constant is %v", c.name, g.IsConst(v))
		}
		if g.IsConst(v) {
			if _, err := g.Const(v); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			g.Forget()
			if _, err := g.Const(v); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if without, _, err := g.Without(g.Value("v0").Producer, "why"); err != nil || without.IsConst(without.Value(last)) {
				t.Errorf("%s: it is a constant without its first node", c.name)
			}
		}
	}
}
