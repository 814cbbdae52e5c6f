package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
	"repmlp/verify/internal/tensor"
)

// Magnitudes of a norm are a bound of what it makes of any data, though they are worked
// out without knowing the data: √n·|γ| + |β|. The largest number of n is nearly as large.
func TestMagnitudesOfNorms(t *testing.T) {
	gamma, beta := []float64{-2, 0.5, 3, -0.25}, []float64{1, -4, 0, 0.5}
	for _, c := range []struct {
		op    string
		opset int64
		n     float64 // normalised together
		attrs []*onnxio.Attr
	}{
		{"LayerNormalization", 17, 4, nil},
		{"RMSNormalization", 23, 4, nil},
		{"InstanceNormalization", 17, 9, nil},
		{"GroupNormalization", 21, 18, []*onnxio.Attr{onnxio.IntAttr("num_groups", 2)}},
	} {
		shape, at := []int64{2, 4, 9}, func(i int) int { return i / 9 % 4 }
		if c.n == 4 {
			shape, at = []int64{2, 9, 4}, func(i int) int { return i % 4 }
		}
		inputs := []string{"x", "gamma", "beta"}
		if c.op == "RMSNormalization" {
			inputs = inputs[:2]
		}
		parts := onnxio.Parts{Opset: c.opset, Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float64, shape...)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)},
			Inits: []*onnxio.Tensor{floats(t, "gamma", onnxio.Float64, []int64{4}, gamma...), floats(t, "beta", onnxio.Float64, []int64{4}, beta...)},
			Nodes: []*onnxio.Node{onnxio.NewNode("norm", c.op, inputs, []string{"y"}, c.attrs...)}}
		e := prepared(t, Options{Mode: operator.Double}, parts)
		rng := rand.New(rand.NewPCG(9, 1))
		x, magnitude := &tensor.Tensor{DType: onnxio.Float64, Shape: tensor.ToInts(shape), F64: make([]float64, 72)}, &tensor.Tensor{DType: onnxio.Float64, Shape: tensor.ToInts(shape), F64: make([]float64, 72)}
		for i := range x.F64 {
			x.F64[i] = rng.NormFloat64()
			if i%9 == 0 {
				x.F64[i] *= 1000 // most of the variance
			}
			magnitude.F64[i] = math.Abs(x.F64[i])
		}
		run := func(e *Engine, x *tensor.Tensor) []float64 {
			out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			return out["y"].Floats()
		}
		y := run(e, x)
		bound := run(e.With(operator.Absolute, nil, operator.NewArena(storage.New(storage.ModelShelf))), magnitude)
		for i := range y {
			want := math.Sqrt(c.n) * math.Abs(gamma[at(i)])
			if len(inputs) == 3 {
				want += math.Abs(beta[at(i)])
			}
			if math.Abs(bound[i]-want) > 1e-12 || math.Abs(y[i]) > bound[i] {
				t.Errorf("%s: %g of %g, want %g", fmt.Sprint(c.op, i), y[i], bound[i], want)
			}
		}
	}
}
