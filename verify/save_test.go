package verify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// What is saved is what was fed and what came out: read back it gives the same.
func TestSavedRunsAreReplayed(t *testing.T) {
	dir := t.TempDir()
	feeds := filepath.Join(dir, "in.npz")
	ref, cand := linear(t, 1, 2, 3, 4), linear(t, 1, 2, 3, 5)
	o := CompareOptions{Samples: 3, Seed: 4, SaveInputs: feeds, SaveOutputs: dir}
	first, err := Compare(t.Context(), ref, cand, o)
	if err != nil || first.Passed {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := Compare(t.Context(), ref, cand, CompareOptions{Inputs: []string{feeds}})
	if err != nil || again.Samples != 6 || again.Outputs[0].MaxAbs != first.Outputs[0].MaxAbs || again.Outputs[0].Mean != first.Outputs[0].Mean {
		t.Errorf("%+v, %v", again, err)
	}
	got, err := Inputs(ref, []string{feeds})
	if err != nil || len(got) != 1 {
		t.Fatalf("%d runs, %v", len(got), err)
	}
	for i, m := range []*onnxio.Model{ref, cand} {
		e, err := NewEngine(m, EngineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.Run(t.Context(), got[0])
		if err != nil {
			t.Fatal(err)
		}
		out := []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2))}
		saved, err := readNpz(out, SavedOutputs(dir)[i])
		if err != nil || !slices.Equal(saved["y"].F32, want["y"].F32) {
			t.Errorf("%s: %v, want %v, %v", SavedOutputs(dir)[i], saved["y"], want["y"], err)
		}
	}
	bytes, err := os.ReadFile(feeds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compare(t.Context(), ref, cand, o); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(feeds); err != nil || !slices.Equal(b, bytes) {
		t.Errorf("written again it has other bytes, %v", err)
	}
}

// Runs that share no axis do not go into one array.
func TestSavingRunsApart(t *testing.T) {
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)},
		Nodes:   []*onnxio.Node{onnxio.NewNode("a", "Relu", []string{"x"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.npz")
	if _, err := Compare(t.Context(), m, m, CompareOptions{Samples: 2, SaveInputs: path}); err == nil || !strings.Contains(err.Error(), "stand behind") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file is there")
	}
	if _, err := Compare(t.Context(), m, m, CompareOptions{SaveInputs: path}); err != nil {
		t.Error(err)
	}
}
