package onnxio

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

// A reader gives the bytes of tensors in memory, in a mapped file and in external
// data, whole and in parts, and as numbers.
func TestReader(t *testing.T) {
	data := make([]byte, 4*1000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	w, err := NewTensor("w", Float32, []int64{1000}, data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(Parts{Inputs: []*ValueInfo{NewValue("x", Float32, Known(1000))}, Outputs: []*ValueInfo{NewValue("y", Float32, Known(1000))},
		Nodes: []*Node{NewNode("add", "Add", []string{"x", "w"}, []string{"y"})}, Inits: []*Tensor{w}})
	if err != nil {
		t.Fatal(err)
	}
	models := []*Model{m}
	for name, limit := range map[string]int64{"inline.onnx": inlineLimit, "external.onnx": 0} {
		path := filepath.Join(t.TempDir(), name)
		edited, err := m.Apply(Edit{Metadata: []Property{{Key: "k", Value: "v"}}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := edited.write(t.Context(), path, limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Commit(); err != nil {
			t.Fatal(err)
		}
		back, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		models = append(models, back)
	}
	for i, m := range models {
		r, err := m.graph.inits[0].Reader()
		if err != nil {
			t.Fatal(err)
		}
		if fromFile := r.file != nil; fromFile != (i > 0) {
			t.Errorf("model %d: read from a file: %v", i, fromFile)
		}
		var space []byte
		if !bytes.Equal(r.Mapped(), data) || !bytes.Equal(r.Read(&space, 0, len(data)), data) || !bytes.Equal(r.Read(&space, 40, 8), data[40:48]) {
			t.Errorf("model %d: other bytes than were written", i)
		}
		want, err := m.graph.inits[0].Float64s()
		if err != nil {
			t.Fatal(err)
		}
		f, err := m.graph.inits[0].Floats()
		if err != nil {
			t.Fatal(err)
		}
		near, release := f.Near(100, 50)
		got := make([]float64, 20)
		near.Read(got, 30)
		if near.Len() != 50 || !slices.Equal(got, want[130:150]) {
			t.Errorf("model %d: numbers 130 to 150 are %v, want %v", i, got, want[130:150])
		}
		release()
	}
}
