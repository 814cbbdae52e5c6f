package secondreader_test

import (
	"bytes"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify/secondreader"
)

// The second reader refuses a file whose bytes are not those that were meant.
func TestSecondReaderRefusesCorruptedBytes(t *testing.T) {
	m, err := onnxio.Load("../../testdata/cases/v1_preserve_13/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	made, _, err := convert.Model(t.Context(), m, convert.Options{Unproved: true, NoCheck: true, NoMetadata: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (secondreader.Reader{}).Read(b, made); err != nil {
		t.Fatalf("the untouched bytes are refused: %v", err)
	}
	for _, word := range []string{"Gemm", "MatMul", "perm", "transB", "Relu"} {
		i := bytes.Index(b, []byte(word))
		if i < 0 {
			t.Fatalf("%q is not in the file", word)
		}
		bad := slices.Clone(b)
		bad[i]++
		if _, err := (secondreader.Reader{}).Read(bad, made); err == nil {
			t.Errorf("a corrupted %q was not noticed", word)
		}
	}
	for i := range 50 { // anywhere in the node list
		bad := b[:len(b)-1-i*7]
		if _, err := (secondreader.Reader{}).Read(bad, made); err == nil {
			t.Errorf("a file cut at %d was not noticed", len(bad))
		}
	}
}

// What the second reader cannot read is said, each once, and what else differs is an error.
func TestSecondReaderSaysWhatItLeavesOut(t *testing.T) {
	body := func(branch, out string) *onnxio.Attr {
		a, err := onnxio.GraphAttr(branch, onnxio.Parts{
			Nodes:   []*onnxio.Node{onnxio.NewNode("", "Relu", []string{"x"}, []string{out})},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32, onnxio.Known(2))},
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	model := func(nodes ...*onnxio.Node) *onnxio.Model {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2)), onnxio.NewValue("c", onnxio.Bool)},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(2))},
			Nodes:   nodes,
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	choose := onnxio.NewNode("choose", "If", []string{"c"}, []string{"z"}, body("then_branch", "p"), body("else_branch", "q"))
	leaky := func(in string, attrs ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode("last", "Concat", []string{in, "x"}, []string{"y"}, attrs...)
	}
	axis := onnxio.IntAttr("axis", 0)
	meant := model(choose, leaky("z", axis))
	b, err := meant.Encode()
	if err != nil {
		t.Fatal(err)
	}
	left, err := (secondreader.Reader{}).Read(b, meant)
	if want := []string{"attributes that hold tensors or graphs", "the values of weights"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left out are %q, want %q, %v", left, want, err)
	}
	for what, other := range map[string]*onnxio.Model{
		"another attribute":  model(choose, leaky("z", onnxio.IntAttr("axis", -1))),
		"another input":      model(choose, leaky("x", axis)),
		"other numbers":      model(choose, leaky("z", onnxio.IntsAttr("axis", []int64{0}))),
		"one node less":      model(leaky("x", axis)),
		"another operator":   model(choose, onnxio.NewNode("last", "Max", []string{"z", "x"}, []string{"y"}, axis)),
		"one attribute more": model(choose, leaky("z", axis, onnxio.IntAttr("other", 1))),
	} {
		if _, err := (secondreader.Reader{}).Read(b, other); err == nil {
			t.Errorf("%s was not noticed", what)
		}
	}
}
