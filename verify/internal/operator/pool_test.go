package operator_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/tensor"
)

// poolModel is one pooling node of a [1, 2, sizes...] map.
func poolModel(t testing.TB, op string, sizes []int, attrs ...*onnxio.Attr) (*engine.Engine, *tensor.Tensor) {
	t.Helper()
	dims, shape := []onnxio.Dim{onnxio.Known(1), onnxio.Known(2)}, []int{1, 2}
	for _, n := range sizes {
		dims, shape = append(dims, onnxio.Known(int64(n))), append(shape, n)
	}
	outs := []string{"y"}
	if op == "MaxPool" {
		outs = append(outs, "at")
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float64, dims...)},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)}, Nodes: []*onnxio.Node{onnxio.NewNode("pool", op, []string{"x"}, outs, attrs...)}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(m, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e, &tensor.Tensor{DType: onnxio.Float64, Shape: shape, F64: make([]float64, tensor.Count(shape))}
}

// A sliding is a window and the map that it slides over.
type sliding struct {
	graph.Window
	in, out []int
}

// slidingOver is the window of a node; ok is false where it fits no map of these sizes.
func slidingOver(n *graph.Node, sizes []int) (s sliding, ok bool) {
	shape := []graph.Dim{graph.Size(1), graph.Size(2)}
	for _, d := range sizes {
		shape = append(shape, graph.Size(int64(d)))
	}
	w, err := graph.ConvWindow(n, shape, nil)
	if err != nil {
		return s, false
	}
	s = sliding{Window: w, in: sizes}
	for i := range sizes {
		d, ok := w.Out(i, shape[i+2]).Int()
		if !ok || d < 1 {
			return s, false
		}
		s.out = append(s.out, int(d))
	}
	return s, true
}

// naivePool looks at every tap of every window, as ONNX says (AveragePool 19,
// MaxPool 12).
func naivePool(x []float64, s sliding, average, include bool) (y []float64, at []int64) {
	tensor.EachIndex(s.out, func(_ int, o []int) {
		sum, n, best, place := 0.0, 0, math.Inf(-1), 0
		tensor.EachIndex(tensor.ToInts(s.Kernel), func(_ int, k []int) {
			off, inside, padded := 0, true, true
			for a := range o {
				p := o[a]*int(s.Stride[a]) + k[a]*int(s.Dilation[a]) - int(s.Begin[a])
				inside = inside && p >= 0 && p < s.in[a]
				padded = padded && p < s.in[a]+int(s.End[a])
				off = off*s.in[a] + p
			}
			if inside {
				sum += x[off]
				if x[off] > best || math.IsNaN(x[off]) {
					best, place = x[off], off
				}
			}
			if inside || include && padded {
				n++
			}
		})
		if average {
			y = append(y, sum/float64(n))
			return
		}
		y, at = append(y, best), append(at, int64(place))
	})
	return y, at
}

// Windows of any size, larger than the map too.
func TestPoolsAgainstNaive(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		axes := 1 + rng.IntN(3)
		var sizes []int
		var kernel, stride, dilation, pads []int64
		for range axes {
			sizes = append(sizes, 1+rng.IntN(30/axes))
			kernel, stride, dilation = append(kernel, 1+rng.Int64N(12)), append(stride, 1+rng.Int64N(3)), append(dilation, 1+rng.Int64N(3))
			if rng.IntN(4) == 0 {
				kernel[len(kernel)-1] += 20
			}
		}
		for i := range 2 * axes {
			pads = append(pads, rng.Int64N(kernel[i%axes]+1))
		}
		average, include, up := rng.IntN(2) == 0, rng.Int64N(2), rng.Int64N(2)
		op := map[bool]string{true: "AveragePool", false: "MaxPool"}[average]
		e, x := poolModel(t, op, sizes, onnxio.IntsAttr("kernel_shape", kernel), onnxio.IntsAttr("strides", stride), onnxio.IntsAttr("dilations", dilation),
			onnxio.IntsAttr("pads", pads), onnxio.IntAttr("count_include_pad", include), onnxio.IntAttr("ceil_mode", up))
		for i := range x.F64 {
			x.F64[i] = float64(rng.IntN(5)) // many are equal
			if !average && rng.IntN(40) == 0 {
				x.F64[i] = math.NaN()
			}
		}
		s, ok := slidingOver(e.Value("x").Readers[0].Node, sizes)
		if !ok {
			continue // the window does not fit
		}
		wants := []string{"y"}
		if !average {
			wants = append(wants, "at")
		}
		out, err := e.Eval(context.Background(), map[string]*tensor.Tensor{"x": x}, wants)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		n := tensor.Count(s.in)
		for c := range 2 {
			want, at := naivePool(x.F64[c*n:][:n], s, average, include != 0)
			for i, w := range want {
				have := out["y"].F64[c*len(want)+i]
				if !(math.Abs(have-w) <= 1e-12) && !(math.IsNaN(have) && math.IsNaN(w)) && have != w {
					t.Fatalf("seed %d: %s %v of %v: element %d is %g, want %g", seed, op, s.Window, s.in, i, have, w)
				}
				if at != nil && !math.IsInf(w, -1) && !math.IsNaN(w) && out["at"].I[c*len(want)+i] != at[i]+int64(c*n) {
					t.Fatalf("seed %d: %v of %v: element %d is from %d, want %d", seed, s.Window, s.in, i, out["at"].I[c*len(want)+i], at[i]+int64(c*n))
				}
			}
		}
	}
}

// Windows beyond measure are errors at once.
func TestWindowsBeyondMeasure(t *testing.T) {
	for _, attrs := range [][]*onnxio.Attr{
		{onnxio.IntsAttr("kernel_shape", []int64{2, 2}), onnxio.IntsAttr("pads", []int64{1e12, 0, 0, 0})},
		{onnxio.IntsAttr("kernel_shape", []int64{2, 2}), onnxio.IntsAttr("dilations", []int64{1e10, 1})},
		{onnxio.IntsAttr("kernel_shape", []int64{2, 2}), onnxio.IntsAttr("pads", []int64{1 << 29, 1 << 29, 0, 0})},
		{onnxio.IntsAttr("kernel_shape", []int64{1 << 40, 2}), onnxio.IntsAttr("pads", []int64{1 << 40, 0, 0, 0})},
	} {
		e, x := poolModel(t, "MaxPool", []int{4, 4}, attrs...)
		_, err := e.Eval(context.Background(), map[string]*tensor.Tensor{"x": x}, []string{"y"})
		if err == nil || !strings.Contains(err.Error(), `"pool"`) {
			t.Errorf("%v: %v", attrs[1].Ints(), err)
		}
	}
	// As large as the map and far larger: no more work than the map.
	e, x := poolModel(t, "AveragePool", []int{64, 64}, onnxio.IntsAttr("kernel_shape", []int64{1 << 20, 1 << 20}), onnxio.IntsAttr("pads", []int64{1 << 19, 1 << 19, 1 << 19, 1 << 19}))
	for i := range x.F64 {
		x.F64[i] = 3
	}
	out, err := e.Eval(context.Background(), map[string]*tensor.Tensor{"x": x}, []string{"y"})
	if err != nil || math.Abs(out["y"].F64[0]-3) > 1e-12 {
		t.Errorf("%v, %v", out["y"], err)
	}
}
