package operator_test

import (
	"context"
	"math"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// evalAt runs nodes of an old opset in float64 and returns y.
func evalAt(t *testing.T, opset int64, x *tensor.Tensor, n *onnxio.Node, inits ...*onnxio.Tensor) []float64 {
	t.Helper()
	dims := []onnxio.Dim{}
	for _, d := range x.Shape {
		dims = append(dims, onnxio.Known(int64(d)))
	}
	m, err := onnxio.NewModel(onnxio.Parts{Opset: opset, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, dims...)},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}, Nodes: []*onnxio.Node{n}, Inits: inits})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(m, engine.Options{Mode: operator.Double})
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Eval(context.Background(), map[string]*tensor.Tensor{"x": x}, []string{"y"})
	if err != nil {
		t.Fatalf("%s of opset %d: %v", n.OpType(), opset, err)
	}
	return out["y"].F64
}

// Before opset 7 the attributes broadcast and axis align the second operand.
func TestOldBroadcasting(t *testing.T) {
	shape := []int{2, 3, 2, 3}
	x := &tensor.Tensor{DType: onnxio.Float32, Shape: shape, F64: make([]float64, 36)}
	for i := range x.F64 {
		x.F64[i] = 1 + float64(i)
	}
	ops := map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b }, "Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b }, "Div": func(a, b float64) float64 { return a / b }, "Pow": math.Pow,
	}
	three, six, two := f32("b", []int64{3}, 2, 3, 4), f32("b", []int64{3, 2}, 1, 2, 3, 4, 5, 6), f32("b", []int64{2}, 2, 5)
	for _, tc := range []struct {
		name string
		b    *onnxio.Tensor
		axis int64 // -9 for none
		at   func(i int) int
	}{
		{"channels", three, 1, func(i int) int { return i / 6 % 3 }},
		{"the last axis", three, -9, func(i int) int { return i % 3 }},
		{"the last axis by number", three, 3, func(i int) int { return i % 3 }},
		{"the first axis", two, 0, func(i int) int { return i / 18 }},
		{"rows", two, 2, func(i int) int { return i / 3 % 2 }},
		{"channels and rows", six, 1, func(i int) int { return i / 3 % 6 }},
	} {
		values, err := tc.b.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		for op, f := range ops {
			attrs := []*onnxio.Attr{onnxio.IntAttr("broadcast", 1)}
			if tc.axis != -9 {
				attrs = append(attrs, onnxio.IntAttr("axis", tc.axis))
			}
			for i, y := range evalAt(t, 6, x, with(node(op, "y", "x", "b"), attrs...), tc.b) {
				if want := f(x.F64[i], values[tc.at(i)]); math.Abs(y-want) > 1e-12*math.Abs(want) {
					t.Fatalf("%s over %s: element %d is %g, want %g", op, tc.name, i, y, want)
				}
			}
		}
	}
}

// BatchNormalization of opset 6 in test mode, of opset 8 for every element by
// itself, and of a vector.
func TestOldBatchNormalization(t *testing.T) {
	x := &tensor.Tensor{DType: onnxio.Float32, Shape: []int{2, 2, 3}, F64: make([]float64, 12)}
	for i := range x.F64 {
		x.F64[i] = float64(i)
	}
	six := func(name string, at float32) *onnxio.Tensor {
		return f32(name, []int64{2, 3}, at, at+1, at+2, at+3, at+4, at+5)
	}
	bn := with(node("BatchNormalization", "y", "x", "s", "b", "m", "v"), onnxio.IntAttr("spatial", 0), onnxio.FloatAttr("epsilon", 0))
	for i, y := range evalAt(t, 8, x, bn, six("s", 1), six("b", 2), six("m", 3), six("v", 4)) {
		k := float64(i % 6)
		if want := (x.F64[i]-(3+k))/math.Sqrt(4+k)*(1+k) + 2 + k; math.Abs(y-want) > 1e-12 {
			t.Errorf("spatial 0: element %d is %g, want %g", i, y, want)
		}
	}
	two := func(name string, a float32) *onnxio.Tensor { return f32(name, []int64{2}, a, a+1) }
	bn = with(node("BatchNormalization", "y", "x", "s", "b", "m", "v"), onnxio.IntAttr("is_test", 1), onnxio.FloatAttr("epsilon", 0), onnxio.IntsAttr("consumed_inputs", []int64{0, 0, 0, 1, 1}))
	for i, y := range evalAt(t, 6, x, bn, two("s", 1), two("b", 2), two("m", 3), two("v", 4)) {
		k := float64(i / 3 % 2)
		if want := (x.F64[i]-(3+k))/math.Sqrt(4+k)*(1+k) + 2 + k; math.Abs(y-want) > 1e-12 {
			t.Errorf("is_test: element %d is %g, want %g", i, y, want)
		}
	}
	vector := &tensor.Tensor{DType: onnxio.Float32, Shape: []int{4}, F64: []float64{1, 2, 3, 4}}
	one := func(name string, a float32) *onnxio.Tensor { return f32(name, []int64{1}, a) }
	bn = with(node("BatchNormalization", "y", "x", "s", "b", "m", "v"), onnxio.FloatAttr("epsilon", 0))
	for i, y := range evalAt(t, 15, vector, bn, one("s", 2), one("b", 1), one("m", 1), one("v", 4)) {
		if want := vector.F64[i]; math.Abs(y-want) > 1e-12 {
			t.Errorf("a vector: element %d is %g, want %g", i, y, want)
		}
	}
}
