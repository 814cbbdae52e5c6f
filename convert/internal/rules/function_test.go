package rules

import (
	"math"
	"slices"
	"testing"

	"repmlp/convert/internal/affine"
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
	at := []float64{1, -2, 0.5}
	inits = append(inits, tensor("at", at, 3, 1, 1))
	for _, n := range nodes {
		first := onnxio.NewNode("first", "Add", []string{"x0", "at"}, []string{"x"})
		m, err := onnxio.NewModel(onnxio.Parts{Opset: 13, Nodes: []*onnxio.Node{first, n}, Inits: inits, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)},
			Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x0", onnxio.Float64, onnxio.Known(1), onnxio.Known(3), onnxio.Known(4), onnxio.Known(4))}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		e := Explain(g, nil, nil)
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		x, y := g.Value("x0"), g.Value("y")
		steps := affine.Between(e.Of, x, y)
		if len(steps) != 2 {
			t.Errorf("%s %v is not explained", n.OpType(), n.Inputs())
			continue
		}
		s := affine.NewSegment(x, y, steps)
		end, why := s.AsMap()
		if why != nil {
			t.Fatalf("%s %v: %v", n.OpType(), n.Inputs(), why.Message)
		}
		outside, err := end.Outside()
		if err != nil {
			t.Fatal(err)
		}
		kernel, err := affine.Fold(s)
		rows, why := s.AsRows()
		if why != nil || err != nil {
			t.Fatalf("%s %v: %v %v", n.OpType(), n.Inputs(), why, err)
		}
		for i := range at {
			shift, scale := program(t, rows, i)
			if want := byHand(n, i); want != nil && (math.Abs(shift-want(at[i])) > 1e-12 || math.Abs(shift+scale-want(at[i]+1)) > 1e-12) {
				t.Errorf("%s %v: channel %d is %g·x + %g", n.OpType(), n.Inputs(), i, scale, shift)
			}
			near := func(x, want float64) bool { return math.Abs(x-want) <= 1e-12 }
			if !near(outside[i], shift) || !near(kernel.B[i], shift) || !near(kernel.W[i*len(kernel.W)/len(at)], scale) {
				t.Errorf("%s %v: channel %d is %g·x + %g, as a kernel %v + %g, outside the map %g", n.OpType(), n.Inputs(), i, scale, shift, kernel.W, kernel.B[i], outside[i])
			}
		}
	}
}

// byHand is what a node of TestStepsAreOneFunction does to a number of a channel, nil
// for a norm.
func byHand(n *onnxio.Node, channel int) func(x float64) float64 {
	if n.OpType() == "BatchNormalization" {
		return nil
	}
	k := map[string][]float64{"one": {3, 3, 3}, "zero": {0, 0, 0}, "each": {2, -3, 5}, "same": {4, 4, 4}}
	return func(x float64) float64 {
		in := []float64{x, x}
		for i, name := range n.Inputs() {
			if v := k[name]; v != nil {
				in[i] = v[channel]
			}
		}
		switch n.OpType() {
		case "Sub":
			return in[0] - in[1]
		case "Mul":
			return in[0] * in[1]
		case "Div":
			return in[0] / in[1]
		case "Neg":
			return -x
		}
		return in[0] + in[1]
	}
}

// program is shift and scale of a channel of a program that only scales.
func program(t *testing.T, m *affine.Rows, channel int) (shift, scale float64) {
	t.Helper()
	order := m.Form().Group
	n := m.Count(m.Group)
	at := func(v float64) float64 {
		y, err := m.Program.Push(slices.Repeat([]float64{v}, n), 1, order)
		if err != nil {
			t.Fatal(err)
		}
		return y[channel%n]
	}
	return at(0), at(1) - at(0)
}
