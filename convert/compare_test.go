package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// savedModel writes a model of one input and one output.
func savedModel(t *testing.T, name string, nodes ...*onnxio.Node) string {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(4))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(4))},
		Nodes:   nodes,
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A model that gives nothing but NaN is not equivalent to itself; who converts it is
// warned.
func TestNothingPassesVacuously(t *testing.T) {
	path := savedModel(t, "nan.onnx", onnxio.NewNode("a", "Sub", []string{"x", "x"}, []string{"zero"}), onnxio.NewNode("b", "Div", []string{"zero", "zero"}, []string{"y"}))
	r, err := CompareFiles(t.Context(), path, path, Options{})
	if err == nil || !strings.Contains(err.Error(), `output "y" of the reference holds no finite number`) || r.Verdict != Failed {
		t.Errorf("%v, %s", err, r.Verdict)
	}
	if r.Check == nil || r.Check.Outputs[0].Is != string(verify.NotCompared) || !slices.Equal(r.Check.Outputs[0].NaN, []int64{4, 4}) {
		t.Errorf("%+v", r.Check)
	}
	o := Options{SecondReader: nil}
	j := newJob("convert", o)
	m, err := onnxio.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	side := Side{m, func() (string, error) { return path, nil }}
	if err := j.compare(t.Context(), side, side, true); err != nil || !slices.ContainsFunc(j.report.Warnings, func(w Warning) bool { return w.Code == "not_finite" }) {
		t.Errorf("converted: %v, %+v", err, j.report.Warnings)
	}
}

// Outputs that are the same numbers say nothing of constants that no input reaches.
func TestUnseenDifference(t *testing.T) {
	ref := drawn(t, "x : N 4\na = Mul(x, =2:4)\nb = Clip(a, =0, =0)\ny = Add(b, =1:4)\n")
	two := "x : N 4\na = Mul(x, =2:4)\nb = Clip(a, =0, =0)\ny = Add(b, =1:4)\nz = Sub(a, %s:4)\n> y z"
	r, err := CompareFiles(t.Context(), drawn(t, fmt.Sprintf(two, "=1")), drawn(t, fmt.Sprintf(two, "=1.5")), Options{Tolerances: map[string]Tolerance{"z": {Absolute: 1}}})
	if err != nil || slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Code == "unseen_difference" }) {
		t.Errorf("the last of two outputs shows it: %v, %+v", err, r.Warnings)
	}
	for text, want := range map[string]string{
		"x : N 4\na = Mul(x, =3:4)\nb = Clip(a, =0, =0)\ny = Add(b, =1:4)\n":   `, 1 of them, such as "k1"`,
		"x : N 4\na = Mul(x, =3:4)\nb = Clip(a, =-0, =0)\ny = Add(b, =1:4)\n":  `, 2 of them, such as "k1"`,
		"x : N 4\na = Mul(x, =3:1)\nb = Clip(a, =-0, =0)\ny = Add(b, =1:4)\n":  `, 1 of them, such as "k2"`, // the first one has another shape
		"x : N 4\na = Mul(x, =2:4)\nb = Clip(a, =0, =0)\ny = Add(b, =1:4)\n":   "",
		"x : N 4\na = Mul(x, =2:4)\nb = Clip(a, =0, =0)\ny = Add(b, =1:1x4)\n": "",
	} {
		r, err := CompareFiles(t.Context(), ref, drawn(t, text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		have := ""
		for _, w := range r.Warnings {
			if w.Code == "unseen_difference" {
				have += w.Message
			}
		}
		if (have == "") != (want == "") || !strings.Contains(have, want) {
			t.Errorf("%s: %q, want %q", text, have, want)
		}
	}
}

// A candidate that quantises what the reference does not is named.
func TestQuantisedCandidate(t *testing.T) {
	ref := savedModel(t, "ref.onnx", onnxio.NewNode("a", "Relu", []string{"x"}, []string{"y"}))
	cand := savedModel(t, "cand.onnx", onnxio.NewNode("a", "Relu", []string{"x"}, []string{"r"}),
		onnxio.NewNode("s", "Constant", nil, []string{"scale"}, onnxio.FloatAttr("value_float", 0.1)),
		onnxio.NewNode("q", "QuantizeLinear", []string{"r", "scale"}, []string{"q"}), onnxio.NewNode("d", "DequantizeLinear", []string{"q", "scale"}, []string{"y"}))
	r, err := CompareFiles(t.Context(), ref, cand, Options{})
	if err == nil || r.Verdict != NotEquivalent || !slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Code == "quantised" && strings.Contains(w.Message, "2 more") }) {
		t.Errorf("%v, %s, %+v", err, r.Verdict, r.Warnings)
	}
	if r, err = CompareFiles(t.Context(), cand, cand, Options{}); err != nil || slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Code == "quantised" }) {
		t.Errorf("with itself: %v, %+v", err, r.Warnings)
	}
}

// What differs on stress inputs alone is said with their name.
func TestStressIsTold(t *testing.T) {
	c := &verify.Comparison{Outputs: []verify.OutputDifference{{Name: "y", Passed: true}},
		Stress: []verify.StressRun{{Name: "zeros", Passed: true}, {Name: "large", Says: "much", Outputs: []verify.OutputDifference{{Name: "y", MaxAbs: 3, Worst: []int{1}}}}}}
	if got := worstOutput(c); !strings.Contains(got, `on stress inputs large (much): output "y" differs by 3 at [1]`) {
		t.Error(got)
	}
}
