package verify

import (
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
)

// stack is FCs with a Relu between, of the same weights in every type, with inputs and
// outputs of another type where asked for.
func stack(t *testing.T, d, outside onnxio.DType, in, out string, change func(w []float64)) *onnxio.Model {
	t.Helper()
	const width, depth = 32, 4
	rng := random.Stream(9, "stack")
	var nodes []*onnxio.Node
	var inits []*onnxio.Tensor
	x := in
	cast := func(from, to string, d onnxio.DType) {
		nodes = append(nodes, onnxio.NewNode("cast_"+to, "Cast", []string{from}, []string{to}, onnxio.IntAttr("to", int64(d))))
	}
	if outside != d {
		cast(x, "inner", d)
		x = "inner"
	}
	for k := range depth {
		w := make([]float64, width*width)
		for i := range w {
			w[i] = rng.NormFloat64() / 4
		}
		if change != nil && k == 1 {
			change(w)
		}
		raw, err := onnxio.EncodeFloat64(w, d)
		if err != nil {
			t.Fatal(err)
		}
		name := string(rune('a' + k))
		weight, err := onnxio.NewTensor("w"+name, d, []int64{width, width}, raw)
		if err != nil {
			t.Fatal(err)
		}
		inits = append(inits, weight)
		nodes = append(nodes, onnxio.NewNode("fc"+name, "MatMul", []string{x, "w" + name}, []string{"s" + name}), onnxio.NewNode("r"+name, "Tanh", []string{"s" + name}, []string{"t" + name}))
		x = "t" + name
	}
	if outside != d {
		cast(x, out, outside)
	} else {
		nodes = append(nodes, onnxio.NewNode("end", "Identity", []string{x}, []string{out}))
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue(in, outside, onnxio.Named("N"), onnxio.Known(width))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, outside, onnxio.Named("N"), onnxio.Known(width))},
		Nodes:   nodes, Inits: inits,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Models whose names or types differ are compared where that is asked for, and a hint
// says how; what is rounding of a coarser type counts as that, and no more does.
func TestPairings(t *testing.T) {
	f32, f16, f64 := onnxio.Float32, onnxio.Float16, onnxio.Float64
	nudge := func(w []float64) { w[5] += 2 }
	ref := stack(t, f32, f32, "x", "y", nil)
	for _, tc := range []struct {
		name   string
		cand   *onnxio.Model
		o      CompareOptions
		is     Closeness
		says   string // of an error, or its hint
		paired int
	}{
		{"other names", stack(t, f32, f32, "input.1", "out", nil), CompareOptions{}, "", "--match position", 0},
		{"by position", stack(t, f32, f32, "input.1", "out", nil), CompareOptions{ByPosition: true}, Identical, "", 2},
		{"by position, nudged", stack(t, f32, f32, "input.1", "out", nudge), CompareOptions{ByPosition: true}, Different, "", 2},
		{"float16", stack(t, f16, f16, "x", "y", nil), CompareOptions{}, "", "--cast-inputs", 0},
		{"float16, cast", stack(t, f16, f16, "x", "y", nil), CompareOptions{Cast: true}, Rounding, "", 3},
		{"float16 inside", stack(t, f16, f32, "x", "y", nil), CompareOptions{}, Rounding, "", 0},
		{"float16 inside, nudged", stack(t, f16, f32, "x", "y", nudge), CompareOptions{}, Different, "", 0},
		{"float16, nudged", stack(t, f16, f16, "x", "y", nudge), CompareOptions{Cast: true}, Different, "", 3},
		{"float64, cast", stack(t, f64, f64, "x", "y", nil), CompareOptions{Cast: true}, Rounding, "", 3},
		{"both", stack(t, f16, f16, "a", "b", nil), CompareOptions{ByPosition: true, Cast: true}, Rounding, "", 3},
		{"both, unasked", stack(t, f16, f16, "a", "b", nil), CompareOptions{}, "", "--match position --cast-inputs", 0},
	} {
		tc.o.Samples = 2
		c, err := Compare(t.Context(), ref, tc.cand, tc.o)
		if tc.says != "" {
			if err == nil || !strings.Contains(onnxio.Advice(err), tc.says) {
				t.Errorf("%s: %v; %s", tc.name, err, onnxio.Advice(err))
			}
			continue
		}
		if err != nil || c.Outputs[0].Is != tc.is || len(c.Paired) != tc.paired {
			t.Errorf("%s: %+v, %v", tc.name, c, err)
			continue
		}
		t.Logf("%s: %.2g of the largest, noise %.2g and %.2g, ratio %.2g", tc.name, c.Outputs[0].MaxRel, c.Outputs[0].Noise, c.Outputs[0].OwnNoise, c.Outputs[0].Ratio)
	}
}

// Casting keeps numbers or says what it cannot keep.
func TestCast(t *testing.T) {
	ints := &Tensor{DType: onnxio.Int64, Shape: []int{2}, I: []int64{1, 300}}
	for _, tc := range []struct {
		name string
		t    *Tensor
		d    onnxio.DType
		want []float64
	}{
		{"rounded", doubles(1.0/3, 2), onnxio.Float16, []float64{0.333251953125, 2}},
		{"beyond", doubles(1e6), onnxio.Float16, nil},
		{"whole", doubles(3, -4), onnxio.Int8, []float64{3, -4}},
		{"not whole", doubles(0.5), onnxio.Int8, nil},
		{"too large", doubles(128), onnxio.Int8, nil},
		{"narrow", ints, onnxio.Int32, []float64{1, 300}},
		{"too narrow", ints, onnxio.Uint8, nil},
		{"to floats", ints, onnxio.Float32, []float64{1, 300}},
		{"not to floats", &Tensor{DType: onnxio.Int64, Shape: []int{1}, I: []int64{1<<24 + 1}}, onnxio.Float32, nil},
	} {
		got, err := cast(tc.t, tc.d)
		if (err == nil) != (tc.want != nil) {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for i, w := range tc.want {
			if got.Float(i) != w || got.DType != tc.d {
				t.Errorf("%s: %v", tc.name, got)
			}
		}
	}
}
