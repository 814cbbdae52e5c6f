package onnxio

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realFiles are exports by torch, Keras, TensorFlow, JAX, Paddle, MindSpore and
// rewritten ones; see testdata/cases/README.md.
func realFiles(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, glob := range []string{"../testdata/cases/*/model.onnx", "../testdata/digits/*.onnx"} {
		f, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f...)
	}
	if len(files) < 100 {
		t.Fatalf("only %d real files", len(files))
	}
	return files
}

// broken lists the case that Load has to refuse.
const danglingCase = "dyn_v1_no_params"

func TestSaveUntouchedKeepsBytes(t *testing.T) {
	for _, file := range realFiles(t) {
		m, err := Load(file)
		if err != nil {
			if filepath.Base(filepath.Dir(file)) != danglingCase {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		out := filepath.Join(t.TempDir(), "out.onnx")
		if err := m.Save(out); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		want, _ := os.ReadFile(file)
		got, _ := os.ReadFile(out)
		if len(m.ExternalFiles()) == 0 && !bytes.Equal(want, got) {
			t.Errorf("%s: saving the untouched model changed its bytes", file)
		}
		m.Close()
	}
}

// Every message that an edit does not name keeps its bytes, unknown fields
// included.
func TestEditKeepsOtherMessages(t *testing.T) {
	for _, file := range realFiles(t) {
		if filepath.Base(filepath.Dir(file)) == danglingCase {
			continue
		}
		m, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		last := m.graph.nodes[len(m.graph.nodes)-1]
		same := last.WithInputs(last.name, last.inputs, last.outputs)
		e, err := m.Apply(Edit{DropNodes: []*Node{last}, AddNodes: []Placed{{same, last}}, AddInits: []*Tensor{NewInts("an.unused.shape", []int64{2}, []int64{1, -1})}})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		r, err := parse(b, m.files, m.limits)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		byName := map[string][]byte{}
		for _, x := range r.graph.inits {
			byName[x.name] = x.raw
		}
		for _, x := range m.graph.inits {
			if !bytes.Equal(byName[x.name], x.raw) {
				t.Errorf("%s: initializer %q changed", file, x.name)
			}
		}
		seen := map[string]bool{}
		for _, n := range r.graph.nodes {
			seen[string(n.raw)] = true
		}
		for _, n := range m.graph.nodes {
			if n != last && !seen[string(n.raw)] {
				t.Errorf("%s: node %q changed", file, n.Title())
			}
		}
		if len(r.graph.valueInfo) != len(m.graph.valueInfo) || len(r.metadata) != len(m.metadata) {
			t.Errorf("%s: declared values or metadata were lost", file)
		}
		m.Close()
	}
}

// Unknown fields at every level survive an edit elsewhere.
func TestUnknownFieldsSurvive(t *testing.T) {
	unknown := text(nil, 90, "from a later version")
	node := append(NewNode("n", "Relu", []string{"x"}, []string{"y"}).raw, unknown...)
	other := append(NewNode("m", "Relu", []string{"y"}, []string{"z"}).raw, unknown...)
	v := func(n string) []byte { return NewValue(n, Float32, Known(2)).raw }
	graph := message(message(nil, 1, node), 1, other)
	graph = message(message(append(graph, unknown...), 11, v("x")), 12, v("z"))
	model := append(message(varint(nil, 1, 8), 7, graph), unknown...)
	m, err := Parse(model, "")
	if err != nil {
		t.Fatal(err)
	}
	second := m.graph.nodes[1]
	e, err := m.Apply(Edit{DropNodes: []*Node{second}, AddNodes: []Placed{{NewNode("s", "Sigmoid", []string{"y"}, []string{"z"}), second}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(b, unknown); got != 3 { // model, graph and the first node
		t.Errorf("%d of 3 unknown fields survived", got)
	}
}

func TestExternalDataIsRewritten(t *testing.T) {
	m, err := Load("../testdata/cases/dyn_v1_dynN_ext/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	big, err := NewTensor("new.big", Float32, []int64{100}, make([]byte, 400))
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.Apply(Edit{AddInits: []*Tensor{big}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := e.Save(filepath.Join(dir, "a.onnx")); err != nil {
		t.Fatal(err)
	}
	r, err := Load(filepath.Join(dir, "a.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := r.ExternalFiles(); len(got) != 1 || dataHash("a.onnx", got[0]) == "" {
		t.Errorf("external files %q, want a name of its content alone", got)
	}
	for i, x := range m.graph.inits {
		a, _ := x.Bytes()
		b, err := r.graph.inits[i].Bytes()
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("values of %q changed (%v)", x.name, err)
		}
	}
	if r.graph.inits[len(r.graph.inits)-1].external == nil {
		t.Error("a large new tensor of a model with external data is inline")
	}
}

func TestEditIsCheckedAsAWhole(t *testing.T) {
	m, err := NewModel(Parts{
		Inputs: []*ValueInfo{NewValue("x", Float32, Known(2))}, Outputs: []*ValueInfo{NewValue("y", Float32, Known(2))},
		Nodes: []*Node{NewNode("n", "Relu", []string{"x"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := m.graph.nodes[0]
	for name, e := range map[string]Edit{
		"two producers":    {AddNodes: []Placed{{NewNode("b", "Relu", []string{"x"}, []string{"y"}), nil}}},
		"dangling":         {AddNodes: []Placed{{NewNode("b", "Relu", []string{"q"}, []string{"z"}), nil}}},
		"cycle":            {DropNodes: []*Node{n}, AddNodes: []Placed{{NewNode("b", "Add", []string{"x", "y"}, []string{"y"}), nil}}},
		"foreign node":     {DropNodes: []*Node{NewNode("n", "Relu", []string{"x"}, []string{"y"})}},
		"lost output":      {DropNodes: []*Node{n}},
		"foreign position": {AddNodes: []Placed{{NewNode("b", "Relu", []string{"x"}, []string{"z"}), NewNode("q", "Relu", nil, nil)}}},
	} {
		if _, err := m.Apply(e); err == nil {
			t.Errorf("%s: the edit was accepted", name)
		}
	}
	if len(m.graph.nodes) != 1 {
		t.Error("a refused edit changed the model")
	}
}

// Beyond the limit of protobuf readers the large tensors of an edited model
// move to an external file.
func TestLargeModelBecomesExternal(t *testing.T) {
	m, err := Load("../testdata/digits/digits_legacy.onnx")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := m.Apply(Edit{AddInits: []*Tensor{NewInts("an.unused.shape", []int64{1}, []int64{1})}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "big.onnx")
	p, err := e.write(context.Background(), file, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, x := range e.graph.inits {
		y := r.graph.inits[i]
		a, _ := x.Bytes()
		b, err := y.Bytes()
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("values of %q changed (%v)", x.name, err)
		}
		if external := y.external != nil; external != (x.stored() > smallTensor) {
			t.Errorf("%q of %d bytes: external is %v", x.name, x.stored(), external)
		}
	}
}

// A call with attributes, an absent input and a nested call becomes plain
// nodes; two calls get values of their own.
func TestInlineFunctions(t *testing.T) {
	value := func(n string) []byte { return NewValue(n, Float32, Known(2)).raw }
	ref := varint(text(text(nil, 1, "alpha"), 21, "slope"), 20, uint64(AttrFloat))
	leaky := message(NewNode("act", "LeakyRelu", []string{"a"}, []string{"t"}).raw, 5, ref)
	inner := text(text(text(text(nil, 1, "inner"), 10, "my"), 4, "a"), 5, "b")
	inner = message(message(inner, 6, []byte("slope")), 7, leaky)
	inner = message(inner, 7, NewNode("neg", "Neg", []string{"t"}, []string{"b"}).raw)
	call := func(op, name, in, out string, attrs ...[]byte) []byte {
		b := text(NewNode(name, op, []string{in}, []string{out}).raw, 7, "my")
		for _, a := range attrs {
			b = message(b, 5, a)
		}
		return b
	}
	slope := FloatAttr("slope", 0.25).encode()
	outer := text(text(text(text(nil, 1, "outer"), 10, "my"), 4, "x"), 5, "y")
	outer = message(outer, 7, call("inner", "i", "x", "y", slope))
	var g []byte
	g = message(g, 1, call("outer", "first", "x", "m"))
	g = message(g, 1, call("outer", "second", "m", "z"))
	g = message(message(g, 11, value("x")), 12, value("z"))
	model := message(message(message(varint(nil, 1, 8), 7, g), 25, inner), 25, outer)
	model = message(model, 8, varint(text(nil, 1, ""), 2, 17))
	m, err := Parse(model, "")
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.Inline()
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range in.graph.nodes {
		ops = append(ops, n.opType)
		if n.opType == "LeakyRelu" && n.Float("alpha", 0) != 0.25 {
			t.Errorf("node %q has alpha %g", n.name, n.Float("alpha", 0))
		}
	}
	if got := strings.Join(ops, " "); got != "LeakyRelu Neg LeakyRelu Neg" || len(in.functions) != 0 {
		t.Errorf("inlined to %q with %d functions left", got, len(in.functions))
	}
	b, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(b, ""); err != nil {
		t.Errorf("the inlined model is invalid: %v", err)
	}
}
