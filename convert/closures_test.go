package convert

import (
	"math"
	"slices"
	"testing"

	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A step says three times what it does: as a program, as a kernel, and as what it
// gives outside the map. The three must be one function. Once k - x was x + k
// outside the map.
func TestStepsAreOneFunction(t *testing.T) {
	tensor := func(name string, v []float64, dims ...int64) *onnxio.Tensor {
		raw, err := onnxio.EncodeFloat64(v, onnxio.Float64)
		if err != nil {
			t.Fatal(err)
		}
		out, err := onnxio.NewTensor(name, onnxio.Float64, dims, raw)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	inits := []*onnxio.Tensor{tensor("one", []float64{3}), tensor("zero", []float64{0}), tensor("each", []float64{2, -3, 5}, 3, 1, 1),
		tensor("same", []float64{4, 4, 4}, 1, 3, 1, 1), tensor("p", []float64{2, 3, 4}, 3)}
	var nodes []*onnxio.Node
	node := func(op string, inputs ...string) {
		nodes = append(nodes, onnxio.NewNode(op, op, inputs, []string{"y"}))
	}
	for _, k := range []string{"one", "zero", "each", "same"} {
		for _, op := range []string{"Add", "Sub", "Mul", "Sum"} {
			node(op, "x", k)
			node(op, k, "x")
		}
		if k != "zero" {
			node("Div", "x", k)
		}
	}
	node("Neg", "x")
	node("BatchNormalization", "x", "p", "p", "p", "p")
	for _, n := range nodes {
		m, err := onnxio.NewModel(onnxio.Parts{Opset: 13, Nodes: []*onnxio.Node{n}, Inits: inits, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)},
			Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float64, onnxio.Known(1), onnxio.Known(3), onnxio.Known(4), onnxio.Known(4))}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, c := newPlan(g, Options{}, nil)
		x, y := g.Value("x"), g.Value("y")
		s := c.steps[y]
		if s == nil {
			t.Errorf("%s %v is not explained", n.OpType, n.Inputs)
			continue
		}
		at := []float64{1, -2, 0.5} // what the map is, outside too
		state, _ := mapInput(x, []int{0, 1, 2, 3})
		var given outside = func() ([]float64, []float64, error) { return at, []float64{9, 9, 9}, nil }
		state.notZero, state.outside = "bias_before_zero_padding", &given
		after, why := s.window([]mapState{state})
		if why != nil {
			t.Fatalf("%s %v: %v", n.OpType, n.Inputs, why.Message)
		}
		outside, _, err := (*after.outside)()
		if err != nil {
			t.Fatal(err)
		}
		k := fuse.Identity(3, 2)
		k.B = at
		kernel, err := s.kernel([]*fuse.Kernel{k})
		rows, why := c.asTrace(c.segment(x, y))
		if why != nil || err != nil {
			t.Fatalf("%s %v: %v %v", n.OpType, n.Inputs, why, err)
		}
		for i, v := range at {
			program := affine(t, rows, i)
			want := program[1]*v + program[0]
			same := func(x float64) bool { return math.Abs(x-want) <= 1e-12 }
			if !same(outside[i]) || !same(kernel.B[i]) {
				t.Errorf("%s %v: channel %d is %g, as a kernel %g, outside the map %g", n.OpType, n.Inputs, i, want, kernel.B[i], outside[i])
			}
		}
	}
}

// affine is shift and scale of a channel of a program that only scales.
func affine(t *testing.T, m *traceMap, channel int) [2]float64 {
	t.Helper()
	n := m.count(m.group)
	at := func(v float64) float64 {
		y, err := m.program.Push(slices.Repeat([]float64{v}, n), 1, labels(m.group))
		if err != nil {
			t.Fatal(err)
		}
		return y[channel%n]
	}
	return [2]float64{at(0), at(1) - at(0)}
}
