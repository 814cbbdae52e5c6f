package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// unitTolerance is what sums of a few products may differ by in another order.
const unitTolerance = 1e-12

// A probe of unit vectors, which reads what they meet of the weights alone, gives what any run
// gives.
func TestProbesOfUnits(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	ints := onnxio.IntsAttr
	for name, c := range map[string]struct {
		n       *onnxio.Node
		x, w, b []int64
	}{
		"Gemm":           {with(node("Gemm", "y", "x", "w", "b")), []int64{5, 80}, []int64{80, 70}, []int64{70}},
		"Gemm transB":    {with(node("Gemm", "y", "x", "w", "b"), onnxio.IntAttr("transB", 1), onnxio.FloatAttr("alpha", 2)), []int64{70, 80}, []int64{70, 80}, []int64{70, 1}},
		"MatMul":         {node("MatMul", "y", "x", "w"), []int64{5, 80}, []int64{80, 70}, nil},
		"MatMul left":    {node("MatMul", "y", "w", "x"), []int64{3, 80, 5}, []int64{3, 70, 80}, nil},
		"MatMul batched": {node("MatMul", "y", "x", "w"), []int64{3, 5, 80}, []int64{3, 80, 70}, nil},
		"MatMul small":   {node("MatMul", "y", "x", "w"), []int64{5, 8}, []int64{8, 7}, nil},
		"Conv":           {with(node("Conv", "y", "x", "w", "b"), ints("pads", []int64{1, 0, 2, 1}), ints("strides", []int64{2, 1}), ints("dilations", []int64{1, 2})), []int64{3, 24, 6, 7}, []int64{10, 24, 3, 3}, []int64{10}},
		"Conv grouped":   {with(node("Conv", "y", "x", "w"), onnxio.IntAttr("group", 4), ints("pads", []int64{1, 1, 1, 1})), []int64{3, 64, 3, 3}, []int64{20, 16, 3, 3}, nil},
		"Conv 1×1":       {with(node("Conv", "y", "x", "w"), onnxio.IntAttr("group", 2)), []int64{3, 160, 1, 1}, []int64{20, 80, 1, 1}, nil},
		"Conv channels":  {with(node("Conv", "y", "x", "w"), onnxio.IntAttr("group", 40), ints("pads", []int64{1, 1, 1, 1})), []int64{3, 40, 5, 5}, []int64{80, 1, 3, 3}, nil},
		"Conv 1d":        {with(node("Conv", "y", "x", "w"), ints("pads", []int64{1, 1})), []int64{3, 40, 5}, []int64{80, 40, 3}, nil},
		"Conv 3d":        {with(node("Conv", "y", "x", "w")), []int64{3, 20, 3, 3, 4}, []int64{8, 20, 3, 1, 2}, nil},
		"ConvTranspose":  {with(node("ConvTranspose", "y", "x", "w", "b"), onnxio.IntAttr("group", 2), ints("strides", []int64{2, 3}), ints("pads", []int64{1, 0, 0, 1}), ints("output_padding", []int64{1, 0})), []int64{2, 40, 3, 4}, []int64{40, 10, 3, 3}, []int64{20}},
	} {
		for _, mode := range []operator.Mode{operator.Double, operator.Absolute} {
			parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, c.x...)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
				Inits: []*onnxio.Tensor{random(t, rng, "w", c.w)}, Nodes: []*onnxio.Node{c.n}}
			if c.b != nil {
				parts.Inits = append(parts.Inits, random(t, rng, "b", c.b))
			}
			x := &tensor.Tensor{DType: onnxio.Float32, Shape: tensor.ToInts(c.x)}
			x.F64 = make([]float64, tensor.Count(x.Shape))
			for range 1 + rng.IntN(4) {
				x.F64[rng.IntN(len(x.F64))] = 1 + rng.Float64()
			}
			var y [2][]float64
			for i, probe := range []bool{false, true} {
				out, err := prepared(t, Options{Mode: mode, Probe: probe}, parts).Eval(t.Context(), map[string]*tensor.Tensor{"x": x}, []string{"y"})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				y[i] = out["y"].F64
			}
			if len(y[0]) != len(y[1]) {
				t.Fatalf("%s: %d and %d numbers", name, len(y[0]), len(y[1]))
			}
			for i, want := range y[0] {
				if math.Abs(want-y[1][i]) > unitTolerance {
					t.Fatalf("%s: number %d is %g, want %g", name, i, y[1][i], want)
				}
			}
		}
	}
}

// random is an initializer of normally distributed numbers.
func random(t *testing.T, rng *rand.Rand, name string, dims []int64) *onnxio.Tensor {
	t.Helper()
	v := make([]float64, tensor.Count(tensor.ToInts(dims)))
	for i := range v {
		v[i] = float64(float32(rng.NormFloat64()))
	}
	return floats(t, name, onnxio.Float32, dims, v...)
}

// What was read of weights stays for runs of the same nodes, until it is given back, and a
// run after that reads it anew.
func TestAgain(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, -5, 2)}, Nodes: []*onnxio.Node{node("Mul", "m", "w", "w"), node("Mul", "y", "x", "m")}}
	e := prepared(t, Options{Mode: operator.Double}, parts)
	e.Again()
	for i := range 3 {
		if i == 2 {
			e.Trim()
		}
		out, err := e.Eval(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 2)}, []string{"y"})
		if err != nil {
			t.Fatal(err)
		}
		if have := fmt.Sprint(out["y"].F64); have != "[25 8]" || (len(e.kept) > 0) != (i < 2) {
			t.Errorf("run %d: %s, %d constants kept", i, have, len(e.kept))
		}
	}
}
