package operator_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/tensor"
)

// A transposed convolution puts every input position under every tap (ConvTranspose
// 11), along one to three axes and in groups.
func TestConvTransposeAgainstNaive(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		axes, g := 1+rng.IntN(3), 1+rng.IntN(3)
		ci, co := 1+rng.IntN(3), 1+rng.IntN(3)
		shape, kernel := []int{2, g * ci}, []int{g * ci, co}
		var stride, dilation, extra, pads []int64
		for range axes {
			shape, kernel = append(shape, 1+rng.IntN(5)), append(kernel, 1+rng.IntN(3))
			stride, dilation = append(stride, 1+rng.Int64N(3)), append(dilation, 1+rng.Int64N(2))
			extra = append(extra, rng.Int64N(stride[len(stride)-1]))
		}
		for i := range 2 * axes {
			pads = append(pads, rng.Int64N(int64(kernel[2+i%axes])))
		}
		x := &tensor.Tensor{DType: onnxio.Float64, Shape: shape, F64: make([]float64, tensor.Count(shape))}
		w := &tensor.Tensor{DType: onnxio.Float64, Shape: kernel, F64: make([]float64, tensor.Count(kernel))}
		for _, v := range [][]float64{x.F64, w.F64} {
			for i := range v {
				v[i] = rng.NormFloat64()
			}
		}
		var ins []*onnxio.ValueInfo
		for name, v := range map[string]*tensor.Tensor{"x": x, "w": w} {
			var dims []onnxio.Dim
			for _, d := range v.Shape {
				dims = append(dims, onnxio.Known(int64(d)))
			}
			ins = append(ins, onnxio.NewValue(name, onnxio.Float64, dims...))
		}
		m, err := onnxio.NewModel(onnxio.Parts{Inputs: ins, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)}, Nodes: []*onnxio.Node{
			with(node("ConvTranspose", "y", "x", "w"), onnxio.IntsAttr("strides", stride), onnxio.IntsAttr("dilations", dilation), onnxio.IntsAttr("output_padding", extra), onnxio.IntsAttr("pads", pads), onnxio.IntAttr("group", int64(g)))}})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]int, axes)
		for a := range out {
			out[a] = int(stride[a])*(shape[a+2]-1) + int(extra[a]) + (kernel[a+2]-1)*int(dilation[a]) + 1 - int(pads[a]+pads[axes+a])
		}
		if min(out[0], out[axes-1], out[axes/2]) < 1 {
			continue // nothing is left
		}
		e, err := engine.New(m, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		y, err := e.Eval(context.Background(), map[string]*tensor.Tensor{"x": x, "w": w}, []string{"y"})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := make([]float64, 2*g*co*tensor.Count(out))
		in, taps := tensor.Count(shape[2:]), tensor.Count(kernel[2:])
		for n := range 2 {
			for c := range g * ci {
				for o := range co {
					tensor.EachIndex(shape[2:], func(p int, at []int) {
						tensor.EachIndex(kernel[2:], func(k int, tap []int) {
							off := (n*g+c/ci)*co + o
							for a := range at {
								q := at[a]*int(stride[a]) + tap[a]*int(dilation[a]) - int(pads[a])
								if q < 0 || q >= out[a] {
									return
								}
								off = off*out[a] + q
							}
							want[off] += x.F64[(n*g*ci+c)*in+p] * w.F64[(c*co+o)*taps+k]
						})
					})
				}
			}
		}
		for i, v := range want {
			if have := y["y"].F64[i]; math.Abs(have-v) > 1e-12 {
				t.Fatalf("seed %d: element %d of %v is %g, want %g", seed, i, out, have, v)
			}
		}
	}
}
