package convert

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

const locating = `x : N 4
a = Mul(x, =2:4)
b = Add(a, =1_1_1_1:4)
y = Relu(b)
`

// Where two models differ the first value that does is named, with the nodes that make it
// and the constant that differs, and the piece is written where that is asked for.
func TestLocate(t *testing.T) {
	ref, cand := drawn(t, locating), drawn(t, strings.Replace(locating, "=1_1_1_1:4", "=1_1_1.5_1:4", 1))
	folder := filepath.Join(t.TempDir(), "piece")
	for _, o := range []Options{{Locate: true}, {SaveCase: folder + "/"}} {
		r, err := CompareFiles(t.Context(), ref, cand, o)
		l := r.Located
		if !errors.Is(err, ErrNotEquivalent) || r.Verdict != NotEquivalent || l == nil {
			t.Fatalf("%+v: %v, %+v", o, err, r)
		}
		if l.Value != "b" || told(t, l.Reference) != "[{'name':'Add_b','op':'Add'}]" || told(t, l.Candidate) != told(t, l.Reference) || len(l.Weights) != 1 || !l.Alone {
			t.Errorf("%s", told(t, l))
		}
		if w := l.Weights; len(w) == 1 && told(t, w[0]) != "{'name':'k2','max_abs':0.5,'worst_index':[2],'worst':[1,1.5]}" {
			t.Errorf("%s", told(t, w))
		}
		if len(l.WorstIndex) != 2 || l.WorstIndex[1] != 2 || len(l.Worst) != 2 || l.Worst[1]-l.Worst[0] < 0.49 || l.Worst[1]-l.Worst[0] > 0.51 || l.MaxAbs < 0.49 || l.MaxAbs > 0.51 || !(l.Allowed < 0.1) {
			t.Errorf("%s", told(t, l))
		}
		if l.Saved != o.SaveCase {
			t.Errorf("saved in %q, asked %q", l.Saved, o.SaveCase)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) == 0 {
		t.Errorf("the piece: %v, %v", left, err)
	}
	if left, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(left) != 1 {
		t.Errorf("beside the piece: %v, %v", left, err)
	}
	if r, err := CompareFiles(t.Context(), ref, cand, Options{}); !errors.Is(err, ErrNotEquivalent) || r.Located != nil {
		t.Errorf("nobody asked: %v, %+v", err, r.Located)
	}
	if r, err := CompareFiles(t.Context(), ref, ref, Options{Locate: true}); err != nil || r.Located != nil || r.Verdict != Equivalent {
		t.Errorf("nothing differs: %v, %+v", err, r.Located)
	}
}

// Paired by place, a value that both models have under two names is named as in the
// reference, and the saved piece shows it without more words.
func TestLocateByPlace(t *testing.T) {
	ref := drawn(t, locating)
	cand := drawn(t, "u : N 4\nv = Mul(u, =2:4)\nw = Add(v, =1_1_1.5_1:4)\nb = Relu(w)\n")
	folder := filepath.Join(t.TempDir(), "piece")
	r, err := CompareFiles(t.Context(), ref, cand, Options{ByPosition: true, SaveCase: folder})
	l := r.Located
	if !errors.Is(err, ErrNotEquivalent) || l == nil {
		t.Fatalf("%v, %+v", err, r)
	}
	if l.Value != "b" || !l.Paired || !l.Alone || l.Reshaped != 0 || l.Compared != 3 || told(t, l.Candidate) != "[{'name':'Add_w','op':'Add'}]" || len(l.Weights) != 1 || l.Weights[0].Name != "k2" {
		t.Errorf("%s", told(t, l))
	}
	r, err = CompareFiles(t.Context(), filepath.Join(folder, verify.CaseReference), filepath.Join(folder, verify.CaseCandidate), Options{Inputs: []string{filepath.Join(folder, verify.CaseInputs)}})
	if !errors.Is(err, ErrNotEquivalent) || r.Check.Outputs[0].Name != "b" {
		t.Errorf("the piece: %v, %+v", err, r.Check)
	}
}

// A value of two shapes has no worst element; of a single number it is that.
func TestLocationWithoutPlace(t *testing.T) {
	for _, c := range []struct {
		worst []int
		want  string
	}{{[]int{1, 0}, "[2,3]"}, {[]int{}, "[2,3]"}, {nil, "null"}} {
		if have := told(t, describeLocation(&verify.Location{Difference: verify.OutputDifference{Name: "y", Worst: c.worst, Values: [2]float64{2, 3}}}).Worst); have != c.want {
			t.Errorf("at %v: %s", c.worst, have)
		}
	}
}

// What keeps a piece from being found is told beside the difference; a folder that cannot be
// written, and the end of a context, are errors.
func TestLocateThatFails(t *testing.T) {
	ref, cand := drawn(t, locating), drawn(t, strings.Replace(locating, "=1_1_1_1:4", "=2:4", 1))
	j := newJob("verify", Options{})
	a, b := loadedModel(t, ref), loadedModel(t, cand)
	if err := j.locate(t.Context(), a, a); err != nil || j.report.Located != nil || len(j.report.Warnings) != 1 || j.report.Warnings[0].Code != "not_located" || !strings.Contains(j.report.Warnings[0].Message, "the outputs of both models agree") {
		t.Errorf("nothing differs: %v, %+v", err, j.report.Warnings)
	}
	unknown := savedModel(t, "u.onnx", onnxio.NewNode("a", "NoOperator", []string{"x"}, []string{"y"}))
	j = newJob("verify", Options{})
	if err := j.locate(t.Context(), loadedModel(t, unknown), loadedModel(t, unknown)); err != nil || j.report.Located != nil || len(j.report.Warnings) != 1 || !strings.Contains(j.report.Warnings[0].Message, "NoOperator") {
		t.Errorf("an operator that is none: %v, %+v", err, j.report.Warnings)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{file, filepath.Join(file, "inside")} {
		j = newJob("verify", Options{SaveCase: place})
		if err := j.locate(t.Context(), a, b); err == nil || !strings.Contains(err.Error(), "writing the piece that differs to") || j.report.Located.Saved != "" {
			t.Errorf("%s: %v, %+v", place, err, j.report.Located)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != "mine" {
		t.Errorf("the file that was there: %q, %v", have, err)
	}
	r, err := CompareFiles(t.Context(), ref, cand, Options{SaveCase: file})
	if err == nil || errors.Is(err, ErrNotEquivalent) || r.Check != nil {
		t.Errorf("no folder: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newJob("verify", Options{}).locate(ctx, a, b); !errors.Is(err, context.Canceled) {
		t.Errorf("ended before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	began := ""
	j = newJob("verify", Options{Began: func(step string) { began = step; cancel() }})
	if err := j.locate(ctx, a, b); !errors.Is(err, context.Canceled) || began != "locating" || len(j.report.Warnings) > 0 {
		t.Errorf("ended meanwhile, at %q: %v, %v", began, err, j.report.Warnings)
	}
}

func loadedModel(t *testing.T, path string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}
