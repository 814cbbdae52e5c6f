package verify

import (
	"archive/zip"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/random"
)

// chooser is a hidden layer of hundreds of features whose scores are compared by
// an operator that turns roundings into jumps.
func chooser(t *testing.T, d onnxio.DType, width int, change func(w []float64), nodes ...*onnxio.Node) *onnxio.Model {
	t.Helper()
	rng := random.Stream(5, "weights")
	w := make([]float64, width*width)
	for i := range w {
		w[i] = rng.NormFloat64()
	}
	if change != nil {
		change(w)
	}
	raw, err := onnxio.EncodeFloat64(w, d)
	if err != nil {
		t.Fatal(err)
	}
	tensor, err := onnxio.NewTensor("w", d, []int64{int64(width), int64(width)}, raw)
	if err != nil {
		t.Fatal(err)
	}
	scores := "s"
	if len(nodes) == 0 {
		scores = "y"
	}
	fc := onnxio.NewNode("fc", "MatMul", []string{"x", "w"}, []string{scores})
	outs := []*onnxio.ValueInfo{onnxio.Untyped("y", d)}
	for _, n := range nodes {
		switch n.OpType() {
		case "ArgMax":
			outs[0] = onnxio.Untyped("y", onnxio.Int64)
		case "TopK":
			outs = append(outs, onnxio.Untyped("i", onnxio.Int64))
		}
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", d, onnxio.Named("N"), onnxio.Known(int64(width)))},
		Outputs: outs, Nodes: append([]*onnxio.Node{fc}, nodes...),
		Inits: []*onnxio.Tensor{tensor, onnxio.NewInts("k", []int64{1}, []int64{8})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tie makes the second column the first one, but for a part of each weight: which of two equal scores is larger is a matter of rounding.
func tie(width int, by float64) func(w []float64) {
	return func(w []float64) {
		for i := range width {
			w[i*width] *= 10
			w[i*width+1] = w[i*width] * (1 + by*float64(i%3-1))
		}
	}
}

func bestEight() []*onnxio.Node {
	return []*onnxio.Node{onnxio.NewNode("top", "TopK", []string{"s", "k"}, []string{"y", "i"})}
}

func argMax() []*onnxio.Node {
	return []*onnxio.Node{onnxio.NewNode("best", "ArgMax", []string{"s"}, []string{"y"}, onnxio.IntAttr("axis", 1))}
}

// What rounding decides in the original is left out and counted; what it does not
// decide has to agree.
func TestJumpsOfTheOriginal(t *testing.T) {
	const width = 48
	for name, nodes := range map[string][]*onnxio.Node{"TopK": bestEight(), "ArgMax": argMax()} {
		ref := chooser(t, onnxio.Float32, width, tie(width, 0), nodes...)
		right := chooser(t, onnxio.Float32, width, tie(width, 0x1p-23), nodes...)
		wrong := chooser(t, onnxio.Float32, width, func(w []float64) {
			tie(width, 0)(w)
			for i := range width {
				w[i*width+7] *= 12
			}
		}, nodes...)
		o := CompareOptions{Samples: 8, Dims: map[string]int64{"N": 8}}
		c, err := Compare(t.Context(), ref, right, o)
		if err != nil || !c.Passed || !c.Shown {
			t.Errorf("%s: a right model is refused: %+v, %v", name, c, err)
		}
		if c, err = Compare(t.Context(), ref, wrong, o); err != nil || c.Passed {
			t.Errorf("%s: a wrong model passes: %+v, %v", name, c, err)
		}
	}
}

// One weight that is off is found, whatever the limit follows.
func TestNudgedWeightIsFound(t *testing.T) {
	nudge := func(by float64) func([]float64) {
		return func(w []float64) { w[17] += by * 3 }
	}
	for _, tc := range []struct {
		d  onnxio.DType
		by float64
	}{{onnxio.Float32, 1e-3}, {onnxio.Float64, 1e-9}, {onnxio.Float16, 0.1}} {
		ref := chooser(t, tc.d, 12, nil)
		for _, wrong := range []bool{false, true} {
			change := nudge(0)
			if wrong {
				change = nudge(tc.by)
			}
			c, err := Compare(t.Context(), ref, chooser(t, tc.d, 12, change), CompareOptions{Samples: 4, Dims: map[string]int64{"N": 8}})
			if err != nil || c.Passed == wrong {
				t.Errorf("%s, nudged %v: %+v, %v", tc.d, wrong, c, err)
			}
		}
	}
	// The same where another engine runs, and shows its noise by itself alone.
	ref, cand := chooser(t, onnxio.Float32, 12, nil), chooser(t, onnxio.Float32, 12, nudge(1e-3))
	machines, _ := engine.NewAll(engine.Options{}, ref, cand)
	engines := []*Engine{{machines[0]}, {machines[1]}}
	c, err := Compare(t.Context(), ref, cand, CompareOptions{Ref: engines[0], Cand: engines[1], Again: []Runner{engines[0]}})
	if err != nil || c.Passed || !(c.NoiseFloor > 0) {
		t.Errorf("with another engine: %+v, %v", c, err)
	}
	if c, err = Compare(t.Context(), ref, ref, CompareOptions{Ref: engines[0], Cand: engines[0]}); err != nil || !c.Passed {
		t.Errorf("with another engine, the same: %+v, %v", c, err)
	}
}

// NaN and infinities are counted: in both models, and in one alone.
func TestNotFiniteIsCounted(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	both := linear(t, 1, 2, 3, nan)
	c, err := Compare(t.Context(), both, both, CompareOptions{Dims: map[string]int64{"N": 4}})
	if err != nil || !c.Passed || c.Outputs[0].NotFinite != 4 || c.Outputs[0].Elements != 8 {
		t.Errorf("NaN in both: %+v, %v", c, err)
	}
	for _, v := range []float32{nan, inf} {
		c, err = Compare(t.Context(), linear(t, 1, 2, 3, 4), linear(t, 1, 2, 3, v), CompareOptions{RTol: 1, Dims: map[string]int64{"N": 4}})
		if err != nil || c.Passed || c.Outputs[0].Opposed != 4 || math.IsInf(c.Outputs[0].MaxRel, 0) {
			t.Errorf("%g against a number: %+v, %v", v, c, err)
		}
	}
}

// Nothing compared is no agreement.
func TestNothingToCompare(t *testing.T) {
	m := linear(t, 1, 2, 3, 4)
	if _, err := Compare(t.Context(), m, m, CompareOptions{Dims: map[string]int64{"N": 0}}); err == nil {
		t.Error("an empty batch is equivalent")
	}
	path := filepath.Join(t.TempDir(), "empty.npy")
	writeFile(t, path, npy("<f4", "(0, 2)", nil))
	if _, err := Compare(t.Context(), m, m, CompareOptions{Inputs: []string{path}}); err == nil || !strings.Contains(err.Error(), "no samples") {
		t.Errorf("an empty file: %v", err)
	}
}

// A candidate that refuses what the reference takes is another model.
func TestDeclaredSizes(t *testing.T) {
	model := func(in, out onnxio.Dim) *onnxio.Model {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, in)},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, out)},
			Nodes:   []*onnxio.Node{onnxio.NewNode("r", "Relu", []string{"x"}, []string{"y"})},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	n := onnxio.Named("n")
	for _, tc := range []struct {
		name      string
		ref, cand *onnxio.Model
		dims      map[string]int64
		fails     bool
		notes     int
	}{
		{"two sizes", model(onnxio.Known(32), n), model(onnxio.Known(64), n), nil, true, 0},
		{"any against one", model(n, n), model(onnxio.Known(64), n), nil, true, 0},
		{"any against one, asked for", model(n, n), model(onnxio.Known(64), n), map[string]int64{"n": 64}, false, 1},
		{"one against any", model(onnxio.Known(64), n), model(n, n), nil, false, 0},
		{"outputs", model(n, onnxio.Known(8)), model(n, onnxio.Known(9)), nil, false, 1},
	} {
		c, err := Compare(t.Context(), tc.ref, tc.cand, CompareOptions{Dims: tc.dims})
		if (err != nil) != tc.fails || err == nil && len(c.Notes) != tc.notes {
			t.Errorf("%s: %+v, %v", tc.name, c, err)
		}
	}
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// npy is a numpy array of version 1.
func npy(descr, shape string, raw []byte) []byte {
	head := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
	return append(append(b, head...), raw...)
}

func TestNumpyTypes(t *testing.T) {
	dir := t.TempDir()
	for descr, raw := range map[string][]byte{
		"|b1": {1, 0}, "|i1": {1, 0}, "|u1": {1, 0}, "<i2": {1, 0, 0, 0}, "<u2": {1, 0, 0, 0}, ">i2": {0, 1, 0, 0}, "<f2": {0, 0x3c, 0, 0},
		"<u4": {1, 0, 0, 0, 0, 0, 0, 0}, ">f4": {0x3f, 0x80, 0, 0, 0, 0, 0, 0}, "<u8": {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		path := filepath.Join(dir, "a.npy")
		writeFile(t, path, npy(descr, "(2,)", raw))
		x, err := ReadNumpy(path)
		if err != nil || x.Len() != 2 || x.Float(0) != 1 || x.Float(1) != 0 {
			t.Errorf("%s: %+v, %v", descr, x, err)
		}
	}
	for name, b := range map[string][]byte{
		"no array":         []byte("hello, this is no array"),
		"too short":        npy("<f4", "(3,)", []byte{0, 0, 0, 0}),
		"too long":         npy("<f4", "()", make([]byte, 8)),
		"a shape to wrap":  npy("<f4", "(4611686018427387904, 4)", nil),
		"a negative shape": npy("<f4", "(-1, -1)", make([]byte, 4)),
		"text":             npy("<U4", "(1,)", make([]byte, 16)),
		"no header":        append([]byte("\x93NUMPY\x01\x00"), 1, 0, '\n'),
		"a header of 4 GB": []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"),
		"an empty header":  []byte("\x93NUMPY\x01\x00\x00\x00"),
	} {
		path := filepath.Join(dir, "b.npy")
		writeFile(t, path, b)
		if x, err := ReadNumpy(path); err == nil {
			t.Errorf("%s: %+v", name, x)
		}
	}
}

// An array that names no input is an error, and so is one that claims more than
// a model takes.
func TestArraysWithoutAnInput(t *testing.T) {
	m := linear(t, 1, 2, 3, 4)
	path := filepath.Join(t.TempDir(), "in.npz")
	write := func(names ...string) {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z := zip.NewWriter(f)
		for _, name := range names {
			w, err := z.Create(name + ".npy")
			if err == nil {
				_, err = w.Write(npy("<f4", "(1, 2)", make([]byte, 8)))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		names []string
		ok    bool
	}{{[]string{"x"}, true}, {[]string{"arr_0"}, true}, {[]string{"x", "typo"}, false}, {[]string{"x", "x"}, false}} {
		write(tc.names...)
		if _, err := Compare(t.Context(), m, m, CompareOptions{Inputs: []string{path}}); (err == nil) != tc.ok {
			t.Errorf("%q: %v", tc.names, err)
		}
	}
}

// Where an output holds nothing but infinities, one of the other sign is a
// difference even if the original's own vary.
func TestOppositeInfinities(t *testing.T) {
	inf := math.Inf(1)
	a, b := &Tensor{DType: onnxio.Float64, Shape: []int{2}, F64: []float64{inf, -inf}}, &Tensor{DType: onnxio.Float64, Shape: []int{2}, F64: []float64{inf, inf}}
	s := newScatter(a)
	if d := judge(a, a, s, []bool{true, true}, 0); !d.Passed {
		t.Error("the same infinities differ")
	}
	if d := judge(a, b, s, []bool{true, true}, 0); d.Passed || d.Opposed != 1 {
		t.Errorf("passed %t, %d opposed", d.Passed, d.Opposed)
	}
}

// A comparison that shows nothing of an output says so, and is an error unless the
// caller is lenient.
func TestVacuous(t *testing.T) {
	nan := float32(math.NaN())
	good, bad := linear(t, 1, 2, 3, 4), linear(t, nan, nan, nan, nan)
	c, err := Compare(t.Context(), bad, bad, CompareOptions{})
	if err != nil || len(c.Vacuous) != 1 || c.Outputs[0].Is != NotCompared || c.Outputs[0].NaN != [2]int64{4, 4} {
		t.Errorf("NaN alone: %+v, %v", c, err)
	}
	if c, err = Compare(t.Context(), good, good, CompareOptions{}); err != nil || c.Vacuous != nil {
		t.Errorf("numbers: %+v, %v", c, err)
	}
	o := CompareOptions{Dims: map[string]int64{"N": 0}, Lenient: true}
	if c, err = Compare(t.Context(), good, good, o); err != nil || len(c.Vacuous) != 1 || c.Shown {
		t.Errorf("an empty batch: %+v, %v", c, err)
	}
}

// Every output has a limit of its own where the caller says so, and the others follow
// the noise.
func TestTolerancesOfOutputs(t *testing.T) {
	two := func(w float32) *onnxio.Model {
		raw, err := onnxio.EncodeFloat64([]float64{float64(w)}, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		scale, err := onnxio.NewTensor("w", onnxio.Float32, []int64{1}, raw)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(4))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(4)), onnxio.NewValue("z", onnxio.Float32, onnxio.Known(4))},
			Nodes:   []*onnxio.Node{onnxio.NewNode("a", "Mul", []string{"x", "w"}, []string{"y"}), onnxio.NewNode("b", "Relu", []string{"x"}, []string{"z"})},
			Inits:   []*onnxio.Tensor{scale},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	ref, cand := two(1), two(1.001)
	for _, tc := range []struct {
		name   string
		limits map[string]Tolerance
		passed bool
		is     [2]Closeness
	}{
		{"noise", nil, false, [2]Closeness{Different, Identical}},
		{"wide", map[string]Tolerance{"y": {RTol: 0.01}}, true, [2]Closeness{Tolerated, Identical}},
		{"absolute", map[string]Tolerance{"y": {ATol: 0.1}}, true, [2]Closeness{Tolerated, Identical}},
		{"too narrow", map[string]Tolerance{"y": {RTol: 1e-4}}, false, [2]Closeness{Different, Identical}},
		{"of the other", map[string]Tolerance{"z": {RTol: 1}}, false, [2]Closeness{Different, Identical}},
		{"none at all", map[string]Tolerance{"y": {RTol: 1}, "z": {}}, true, [2]Closeness{Tolerated, Identical}},
	} {
		c, err := Compare(t.Context(), ref, cand, CompareOptions{Tolerances: tc.limits})
		if err != nil || c.Passed != tc.passed || c.Outputs[0].Is != tc.is[0] || c.Outputs[1].Is != tc.is[1] {
			t.Errorf("%s: %+v, %v", tc.name, c, err)
		}
		if asked, ok := tc.limits["y"]; ok && (c.Outputs[0].Rule != ruleAsked || c.Outputs[0].RTol != asked.RTol) {
			t.Errorf("%s: rule %q, %g", tc.name, c.Outputs[0].Rule, c.Outputs[0].RTol)
		}
	}
	if c, err := Compare(t.Context(), ref, cand, CompareOptions{Tolerances: map[string]Tolerance{"y": {RTol: 0.5, ATol: 2}}}); err != nil || c.RTol != 0.5 || c.ATol != 2 || c.Rule != ruleEach {
		t.Errorf("the limit of all: %+v, %v", c, err)
	}
	if _, err := Compare(t.Context(), ref, cand, CompareOptions{Tolerances: map[string]Tolerance{"logits": {}}}); err == nil || !strings.Contains(err.Error(), `"logits"`) {
		t.Errorf("a tolerance of no output: %v", err)
	}
}
