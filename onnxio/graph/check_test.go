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
			t.Errorf("%s %q: %v", n.OpType, n.Inputs, err)
		}
	}
}

// A window that no map fills is refused before anybody walks over it.
func TestWindowBeyondTheBudget(t *testing.T) {
	for _, c := range []struct {
		kernel []int64
		ok     bool
	}{{[]int64{4096, 4096}, true}, {[]int64{5000, 5000}, false}, {[]int64{1 << 40, 1 << 40}, false}, {[]int64{-1, 3}, false}} {
		pads := []int64{c.kernel[0] - 1, c.kernel[1] - 1, 0, 0}
		if c.kernel[0] < 0 {
			pads = []int64{0, 0, 0, 0}
		}
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1), onnxio.Known(1), onnxio.Known(8), onnxio.Known(8))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   []*onnxio.Node{onnxio.NewNode("pool", "MaxPool", []string{"x"}, []string{"y"}, onnxio.IntsAttr("kernel_shape", c.kernel), onnxio.IntsAttr("pads", pads))},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(m, Options{})
		if c.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "pool") {
			t.Errorf("kernel %v: %v", c.kernel, err)
		}
	}
}
