package graph

import (
	"strings"
	"testing"

	"repmlp/onnxio"
)

// A Concat whose second input is left out was a fault in the planner: operators
// of any number of inputs need all of them.
func TestInputsThatAreLeftOut(t *testing.T) {
	for _, n := range []*onnxio.Node{
		onnxio.NewNode("gap", "Concat", []string{"x", ""}, []string{"y"}, onnxio.IntAttr("axis", 0)),
		onnxio.NewNode("gap", "Sum", []string{"x", "", "x"}, []string{"y"}),
		onnxio.NewNode("gap", "Max", []string{"", "x"}, []string{"y"}),
		onnxio.NewNode("gap", "ReduceMean", nil, []string{"y"}),
		onnxio.NewNode("gap", "ScatterND", []string{"x", "x", ""}, []string{"y"}),
	} {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   []*onnxio.Node{n},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(m, Options{}); err == nil || !strings.Contains(err.Error(), `"gap"`) || !strings.Contains(err.Error(), "lacks input") {
			t.Errorf("%s %q: %v", n.OpType(), n.Inputs(), err)
		}
	}
}
