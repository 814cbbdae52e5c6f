package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// writeCase writes a test of one Add in the layout of ONNX's node tests.
func writeCase(t *testing.T, dir, op string, want float32) {
	t.Helper()
	value := func(name string) *onnxio.ValueInfo {
		return onnxio.NewValue(name, onnxio.Float32, onnxio.Known(1))
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x")}, Outputs: []*onnxio.ValueInfo{value("y")},
		Nodes: []*onnxio.Node{onnxio.NewNode("n", op, []string{"x", "x"}, []string{"y"})}})
	if err != nil {
		t.Fatal(err)
	}
	set := filepath.Join(dir, "test_data_set_0")
	if err := os.MkdirAll(set, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(filepath.Join(dir, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]float32{"input_0.pb": 2, "output_0.pb": want} {
		raw, err := (&verify.Tensor{DType: onnxio.Float32, Shape: []int{1}, F32: []float32{v}}).Raw()
		if err != nil {
			t.Fatal(err)
		}
		b := append([]byte{1 << 3, 1, 2 << 3, byte(onnxio.Float32), 9<<3 | 2, 4}, raw...) // dims, data_type, raw_data
		if err := os.WriteFile(filepath.Join(set, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A test passes, fails, or is of an operator that the engine lacks.
func TestConformance(t *testing.T) {
	dir := t.TempDir()
	writeCase(t, filepath.Join(dir, "test_right"), "Add", 4)
	writeCase(t, filepath.Join(dir, "test_wrong"), "Add", 5)
	writeCase(t, filepath.Join(dir, "test_lacking"), "Frobnicate", 4)
	if err := os.WriteFile(filepath.Join(dir, "README"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := conformance(t.Context(), dir)
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if o := got[0]; o.claims || !strings.Contains(o.why, "Frobnicate") {
		t.Errorf("an operator that there is not: %+v", o)
	}
	if o := got[1]; !o.claims || o.err != nil || o.constants != 1 {
		t.Errorf("a right sum: %+v", o)
	}
	if o := got[2]; !o.claims || o.err == nil || !strings.Contains(o.err.Error(), "4, want 5") {
		t.Errorf("a wrong sum: %+v", o)
	}
	if _, err := conformance(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that there is not holds tests")
	}
}
