package onnxio

import (
	"bytes"
	"path/filepath"
	"testing"
)

// A node that was made here is one like those that were read: copies keep its
// attributes, and a large constant in it moves to the external data.
func TestMadeNodesAreWhole(t *testing.T) {
	big, err := NewTensor("", Float32, []int64{100}, bytes.Repeat([]byte{7}, 400))
	if err != nil {
		t.Fatal(err)
	}
	made := NewNode("n", "Op", []string{"a"}, []string{"b", "c"}, IntAttr("i", 1), FloatAttr("f", 2), TensorAttr("t", big), StringAttr("s", "x"))
	kept := made.Keep(1, "f")
	if len(kept.attrs) != 3 || kept.Int("i", 0) != 1 || kept.Attr("f") != nil || kept.Str("s", "") != "x" || len(kept.outputs) != 1 {
		t.Errorf("Keep left %d attributes of a new node", len(kept.attrs))
	}
	if moved := made.WithInputs("m", []string{"q"}, made.outputs); len(moved.attrs) != 4 || moved.AttrKey() != made.AttrKey() || made.AttrKey() == kept.AttrKey() {
		t.Error("WithInputs changed the attributes of a new node")
	}

	m, err := NewModel(Parts{Inputs: []*ValueInfo{NewValue("x", Float32, Known(100))}, Outputs: []*ValueInfo{NewValue("y", Float32, Known(100))},
		Nodes: []*Node{NewNode("r", "Relu", []string{"x"}, []string{"y"})}})
	if err != nil {
		t.Fatal(err)
	}
	n := m.graph.nodes[0]
	if m, err = m.Apply(Edit{DropNodes: []*Node{n}, AddNodes: []Placed{
		{NewNode("c", "Constant", nil, []string{"w"}, TensorAttr("value", big)), n}, {NewNode("add", "Add", []string{"x", "w"}, []string{"y"}), n}}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	p, err := m.write(t.Context(), path, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Discard()
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	back, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	v := back.graph.nodes[0].Attr("value")
	if v == nil || v.t.external == nil {
		t.Fatalf("the constant was written as %+v", back.graph.nodes[0])
	}
	if b, err := v.t.Bytes(); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{7}, 400)) {
		t.Errorf("the constant holds %v, %v", b, err)
	}
}
