package graph_test

import (
	"fmt"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Resize and Upsample round sizes down, and keep what they do not scale, also
// where a size has only a name.
func TestResizedShapes(t *testing.T) {
	scales := func(name string, v ...float64) *onnxio.Tensor {
		raw, err := onnxio.EncodeFloat64(v, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		s, err := onnxio.NewTensor(name, onnxio.Float32, []int64{int64(len(v))}, raw)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, tc := range map[string]struct {
		opset int64
		node  *onnxio.Node
		init  *onnxio.Tensor
		want  string
	}{
		"scales":       {13, onnxio.NewNode("n", "Resize", []string{"x", "", "s"}, []string{"y"}), scales("s", 1, 1, 2, 1.5), "[N 4 16 10]"},
		"half":         {13, onnxio.NewNode("n", "Resize", []string{"x", "", "s"}, []string{"y"}), scales("s", 1, 1, 0.5, 0.5), "[N 4 4 3]"},
		"named":        {13, onnxio.NewNode("n", "Resize", []string{"x", "", "s"}, []string{"y"}), scales("s", 3, 1, 1, 1), "[3*N 4 8 7]"},
		"opset 10":     {10, onnxio.NewNode("n", "Resize", []string{"x", "s"}, []string{"y"}), scales("s", 1, 1, 3, 2), "[N 4 24 14]"},
		"sizes":        {13, onnxio.NewNode("n", "Resize", []string{"x", "", "", "s"}, []string{"y"}), onnxio.NewInts("s", []int64{4}, []int64{2, 4, 5, 6}), "[2 4 5 6]"},
		"axes":         {18, onnxio.NewNode("n", "Resize", []string{"x", "", "", "s"}, []string{"y"}, onnxio.IntsAttr("axes", []int64{3, -2})), onnxio.NewInts("s", []int64{2}, []int64{5, 6}), "[N 4 6 5]"},
		"aspect ratio": {18, onnxio.NewNode("n", "Resize", []string{"x", "", "", "s"}, []string{"y"}, onnxio.StringAttr("keep_aspect_ratio_policy", "not_larger")), onnxio.NewInts("s", []int64{4}, []int64{2, 4, 5, 6}), "[y.0 y.1 y.2 y.3]"},
		"upsample":     {9, onnxio.NewNode("n", "Upsample", []string{"x", "s"}, []string{"y"}), scales("s", 1, 1, 2, 2), "[N 4 16 14]"},
	} {
		m, err := onnxio.NewModel(onnxio.Parts{Opset: tc.opset,
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4), onnxio.Known(8), onnxio.Known(7))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   []*onnxio.Node{tc.node}, Inits: []*onnxio.Tensor{tc.init},
		})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		dims, _ := g.Value("y").Shape()
		if have := fmt.Sprint(dims); have != tc.want {
			t.Errorf("%s: %s, want %s", name, have, tc.want)
		}
	}
}

// Mod takes the sign of the divisor, with fmod that of the dividend.
func TestConstantMod(t *testing.T) {
	for fmod, want := range map[int64]string{0: "[1 -1 2 0]", 1: "[1 2 -1 0]"} {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Int64, onnxio.Known(4))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Int64, onnxio.Known(4))},
			Nodes: []*onnxio.Node{
				onnxio.NewNode("n", "Mod", []string{"a", "b"}, []string{"m"}, onnxio.IntAttr("fmod", fmod)),
				onnxio.NewNode("o", "Add", []string{"x", "m"}, []string{"y"}),
			},
			Inits: []*onnxio.Tensor{onnxio.NewInts("a", []int64{4}, []int64{4, 5, -1, 6}), onnxio.NewInts("b", []int64{4}, []int64{3, -3, 3, 2})},
		})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := g.Const(g.Value("m"))
		if err != nil || fmt.Sprint(c.I) != want {
			t.Errorf("fmod=%d: %v, want %s (%v)", fmod, c, want, err)
		}
	}
}

// What an operator does not have in the model's opset is nobody's to read: Upsample with
// the axes of Resize, Shape (13) with the start of Shape (15).
func TestAttributesOfOtherFormsAreIgnored(t *testing.T) {
	for _, tc := range []struct {
		node *onnxio.Node
		want string
	}{
		{onnxio.NewNode("n", "Upsample", []string{"x", "s"}, []string{"y"}, onnxio.IntsAttr("axes", []int64{1})), "[6]"},
		{onnxio.NewNode("n", "Shape", []string{"x"}, []string{"y"}, onnxio.IntAttr("start", 1), onnxio.IntAttr("end", 1)), "[1]"},
	} {
		s, err := onnxio.NewTensor("s", onnxio.Float32, []int64{1}, []byte{0, 0, 0xc0, 0x3f}) // 1.5
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxio.NewModel(onnxio.Parts{Opset: 13, Inits: []*onnxio.Tensor{s}, Nodes: []*onnxio.Node{tc.node},
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(4))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Undefined)}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		dims, _ := g.Value("y").Shape()
		if have := fmt.Sprint(dims); have != tc.want {
			t.Errorf("%s has shape %s, want %s", tc.node.OpType(), have, tc.want)
		}
	}
}
