package verify

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// A model whose weights are off is less accurate; one that is the same is as accurate.
func TestMeasureAccuracy(t *testing.T) {
	ref := linear(t, 0.1, 0.2, 0.3, 0.4)
	o := CompareOptions{Samples: 4, Dims: map[string]int64{"N": 16}}
	a, err := MeasureAccuracy(t.Context(), ref, ref, o)
	if err != nil || a.CandRMS != a.RefRMS || a.CandMax != a.RefMax || !(a.RefRMS > 0) || !(a.RefMax >= a.RefRMS) || a.RefMax > 1e-6 {
		t.Errorf("the same model: %+v, %v", a, err)
	}
	a, err = MeasureAccuracy(t.Context(), ref, linear(t, 0.1, 0.2, 0.3, 0.5), o)
	if err != nil || !(a.CandMax > 1000*a.RefMax) {
		t.Errorf("a weight that is off: %+v, %v", a, err)
	}
	zero := linear(t, 0, 0, 0, 0)
	if a, err = MeasureAccuracy(t.Context(), zero, zero, o); err != nil || a != (Accuracy{}) {
		t.Errorf("zeros: %+v, %v", a, err)
	}
	if _, err = MeasureAccuracy(t.Context(), ref, ref, CompareOptions{Dims: map[string]int64{"M": 16}}); err == nil {
		t.Error("a dimension that there is not is taken")
	}
	lacking := network(t, onnxio.Float32, []int64{2}, []*onnxio.Node{node("Frobnicate", "y", "x")})
	if _, err = MeasureAccuracy(t.Context(), lacking, lacking, CompareOptions{}); err == nil {
		t.Error("an operator that there is not is run")
	}
}

// The engine of importers: what it lacks, the time of its nodes, parts of the graph.
func TestEngine(t *testing.T) {
	m := network(t, onnxio.Float32, []int64{2}, []*onnxio.Node{node("Relu", "h", "x"), node("Neg", "y", "h")})
	e, err := NewEngine(m, EngineOptions{})
	if err != nil || e.Supports() != nil || e.Random() {
		t.Fatalf("%v", err)
	}
	x := map[string]*Tensor{"x": {DType: onnxio.Float32, Shape: []int{2}, F32: []float32{-1, 2}}}
	if out, err := e.Eval(t.Context(), x, []string{"h"}); err != nil || !slices.Equal(out["h"].F32, []float32{0, 2}) {
		t.Errorf("%v, %v", out, err)
	}
	lacking := network(t, onnxio.Float32, []int64{2}, []*onnxio.Node{node("Frobnicate", "y", "x")})
	if e, err = NewEngine(lacking, EngineOptions{}); err != nil || e.Supports() == nil {
		t.Errorf("an operator that there is not is supported: %v", err)
	}
}

// Progress is told as nodes run, up to all of them.
func TestProgress(t *testing.T) {
	var nodes []*onnxio.Node
	name := func(i int) string { return "v" + strings.Repeat("i", i) }
	for i := range 40 {
		in, out := name(i), name(i+1)
		if i == 0 {
			in = "x"
		}
		if i == 39 {
			out = "y"
		}
		nodes = append(nodes, node("Neg", out, in))
	}
	m := network(t, onnxio.Float32, []int64{2}, nodes)
	var last, total, calls int
	c, err := Compare(t.Context(), m, m, CompareOptions{Samples: 2, Progress: func(done, of int) { last, total, calls = done, of, calls+1 }})
	if err != nil || !c.Passed || total != 240 || last != 240 || calls < 9 {
		t.Errorf("%d of %d in %d calls, %+v, %v", last, total, calls, c, err)
	}
}

// Without a float64 run and with inputs that cannot be moved the limit is fixed.
func TestForeignTolerance(t *testing.T) {
	for _, c := range []struct{ u, want float64 }{{0x1p-53, 1e-9}, {0x1p-24, 1e-4}, {0x1p-11, 2e-2}, {0x1p-8, 1e-1}} {
		if got := foreignTolerance(c.u); got != c.want {
			t.Errorf("u %g: %g, want %g", c.u, got, c.want)
		}
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("i", onnxio.Int64, onnxio.Known(3))}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{f32("w", []int64{4}, 1, 2, 3, 4)}, Nodes: []*onnxio.Node{node("Gather", "y", "w", "i")}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine(m, EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	foreign := struct{ Runner }{e} // an engine of another kind
	c, err := Compare(t.Context(), m, m, CompareOptions{Ref: foreign, Cand: foreign})
	if err != nil || !c.Passed || !math.IsNaN(c.NoiseFloor) || !strings.Contains(c.Rule, "fixed") {
		t.Errorf("%+v, %v", c, err)
	}
}

// The shape of an output follows from what is fed, where that decides it.
func TestOutputShape(t *testing.T) {
	m := linear(t, 1, 2, 3, 4)
	x := func(n int) map[string]*Tensor {
		return map[string]*Tensor{"x": {DType: onnxio.Float32, Shape: []int{n, 2}, F32: make([]float32, 2*n)}}
	}
	if shape, ok := OutputShape(m, x(5), "y"); !ok || !slices.Equal(shape, []int{5, 2}) {
		t.Errorf("%v, %t", shape, ok)
	}
	if shape, ok := OutputShape(m, x(5), "none"); ok {
		t.Errorf("an output that there is not: %v", shape)
	}
	if shape, ok := OutputShape(m, nil, "y"); ok {
		t.Errorf("nothing is fed: %v", shape)
	}
}

// Samples of a file are run in the model's batches, each with its part of the outputs
// that came with them.
func TestPiecesOfAFile(t *testing.T) {
	fixed := network(t, onnxio.Float32, []int64{2, 2}, []*onnxio.Node{node("Neg", "y", "x")})
	dir := t.TempDir()
	set := filepath.Join(dir, "set")
	if err := os.Mkdir(set, 0o755); err != nil {
		t.Fatal(err)
	}
	pb := func(name string, rows int, sign float32) {
		v := make([]float32, 2*rows)
		for i := range v {
			v[i] = sign * float32(i+1)
		}
		raw, err := (&Tensor{DType: onnxio.Float32, Shape: []int{rows, 2}, F32: v}).Raw()
		if err != nil {
			t.Fatal(err)
		}
		b := []byte{1 << 3, byte(rows), 1 << 3, 2, 2 << 3, byte(onnxio.Float32), 9<<3 | 2, byte(len(raw))} // dims, data_type, raw_data
		writeFile(t, filepath.Join(set, name), append(b, raw...))
	}
	pb("input_0.pb", 6, 1)
	pb("output_0.pb", 6, -1)
	c, err := Compare(t.Context(), fixed, fixed, CompareOptions{Inputs: []string{set}})
	if err != nil || !c.Passed || c.Runs != 3 || len(c.Expected) != 2 || c.Expected[0].Elements != 12 {
		t.Errorf("%+v, %v", c, err)
	}
	feeds, err := Inputs(fixed, []string{set})
	if err != nil || len(feeds) != 3 || !slices.Equal(feeds[1]["x"].F32, []float32{5, 6, 7, 8}) {
		t.Errorf("%v, %v", feeds, err)
	}
	pb("output_0.pb", 6, 1)
	if c, err = Compare(t.Context(), fixed, fixed, CompareOptions{Inputs: []string{set}}); err != nil || c.Passed {
		t.Errorf("outputs of the other sign: %+v, %v", c, err)
	}
	for what, rows := range map[string][2]int{"cannot be cut": {6, 3}, "batches of 2": {5, 5}} {
		pb("input_0.pb", rows[0], 1)
		pb("output_0.pb", rows[1], -1)
		if _, err := Compare(t.Context(), fixed, fixed, CompareOptions{Inputs: []string{set}}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%d inputs and %d outputs: %v", rows[0], rows[1], err)
		}
	}
	writeFile(t, filepath.Join(dir, "text.npy"), []byte("this is no array"))
	for what, path := range map[string]string{"no such file": filepath.Join(dir, "none.npy"), "not a numpy array": filepath.Join(dir, "text.npy")} {
		if _, err := Inputs(fixed, []string{path}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// One engine as reference and candidate does one thing at a time.
func TestOneEngineForBoth(t *testing.T) {
	m := linear(t, 1, 2, 3, 4)
	e, err := NewEngine(m, EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewEngine(m, EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !oneEngine([3]Runner{e, nil, e}) || oneEngine([3]Runner{e, nil, other}) || oneEngine([3]Runner{struct{ Runner }{e}, nil, e}) {
		t.Error("engines are told apart by something else than what they are")
	}
}
