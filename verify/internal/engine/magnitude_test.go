package engine

import (
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// What magnitudes become of is no less than what an error is passed on with. The lower of two
// magnitudes was less than that of the value which is the lower one, so that a right merge was
// taken for wrong; a leaky slope above one, and a sign that turns, were not seen either.
func TestMagnitudesOfOperators(t *testing.T) {
	for _, c := range []struct {
		n    *onnxio.Node
		want []float64
	}{
		{node("Min", "y", "x", "w"), []float64{5, 3}},
		{node("Max", "y", "x", "w"), []float64{5, 3}},
		{node("Sub", "y", "x", "w"), []float64{6, 5}},
		{node("Neg", "y", "x"), []float64{1, 3}},
		{with(node("LeakyRelu", "y", "x"), onnxio.FloatAttr("alpha", -2)), []float64{2, 6}},
		{with(node("LeakyRelu", "y", "x"), onnxio.FloatAttr("alpha", 0.25)), []float64{1, 3}},
		{node("PRelu", "y", "x", "w"), []float64{5, 6}},
		{with(node("ReduceMin", "y", "x"), onnxio.IntAttr("keepdims", 0)), []float64{3}},
	} {
		parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, -5, 2)}, Nodes: []*onnxio.Node{c.n}}
		out, err := prepared(t, Options{Mode: operator.Absolute}, parts).Run(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 3)})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out["y"].F64, c.want) {
			t.Errorf("%s: %v, want %v", c.n.OpType(), out["y"].F64, c.want)
		}
	}
}

// The floor of an initializer is added to its magnitudes, and to nothing else.
func TestFloorOfMagnitudes(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, -5, 2), floats(t, "b", onnxio.Float32, []int64{2}, -1, 1)},
		Nodes: []*onnxio.Node{node("Mul", "m", "x", "w"), node("Add", "y", "m", "b")}}
	for mode, want := range map[operator.Mode][]float64{operator.Absolute: {6.5, 8.5}, operator.Double: {-6, 7}} {
		e := prepared(t, Options{Mode: mode}, parts)
		e.Floor = map[string]float64{"w": 0.5}
		out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 3)})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out["y"].F64, want) {
			t.Errorf("mode %d: %v, want %v", mode, out["y"].F64, want)
		}
	}
}

// A constant of the model that is fed is data: of a conv of a constant, which a proof feeds
// with random numbers, the magnitude was that of the result, and a right merge was taken for
// wrong.
func TestFedConstants(t *testing.T) {
	for _, from := range []string{"k", "w"} { // made by a node, or stored
		parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, 5, 2), floats(t, "b", onnxio.Float32, []int64{2}, -1, 1)},
			Nodes: []*onnxio.Node{node("Identity", "k", "w"), node("Mul", "m", from, "b"), with(node("ReduceSum", "s", "m")), node("Add", "y", "x", "s")}}
		e := prepared(t, Options{Mode: operator.Absolute}, parts)
		out, err := e.Eval(t.Context(), map[string]*tensor.Tensor{from: vector(4, 4)}, []string{"s"})
		if err != nil {
			t.Fatal(err)
		}
		if have := out["s"].F64; !slices.Equal(have, []float64{8}) {
			t.Errorf("%s is fed: the magnitude is %v, want 8", from, have)
		}
		out, err = e.Eval(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 1)}, []string{"s"})
		if err != nil {
			t.Fatal(err)
		}
		if have := out["s"].F64; !slices.Equal(have, []float64{3}) {
			t.Errorf("nothing of it is fed: the magnitude is %v, want that of the constant, 3", have)
		}
	}
}

// A Cast of a float64 to float16 rounds twice, as ONNX Runtime's does and as constants are
// worked out: a number just above a tie came out otherwise, and a right merge was taken for
// wrong.
func TestCastRoundsTwice(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 1)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float16)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float64, []int64{2}, 1+0x1p-11+0x1p-40, 1+0x1p-11+0x1p-20)},
		Nodes: []*onnxio.Node{with(node("Cast", "y", "w"), onnxio.IntAttr("to", int64(onnxio.Float16)))}}
	for _, mode := range []operator.Mode{operator.Single, operator.Double} {
		out, err := prepared(t, Options{Mode: mode}, parts).Run(t.Context(), map[string]*tensor.Tensor{"x": vector(1)})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := out["y"].Float(0), out["y"].Float(1); a != 1 || b != 1+0x1p-10 {
			t.Errorf("mode %d: %v, %v", mode, a, b)
		}
	}
}
