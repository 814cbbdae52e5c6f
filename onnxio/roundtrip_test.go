package onnxio

import (
	"bytes"
	"os"
	"path/filepath"
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
		if !bytes.Equal(want, got) {
			t.Errorf("%s: saving the untouched model changed its bytes", file)
		}
		for _, loc := range m.ExternalFiles() {
			want, _ := os.ReadFile(filepath.Join(filepath.Dir(file), loc))
			got, _ := os.ReadFile(filepath.Join(filepath.Dir(out), loc))
			if len(want) == 0 || !bytes.Equal(want, got) {
				t.Errorf("%s: external data %q was not copied along", file, loc)
			}
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
		last := m.Graph.Nodes[len(m.Graph.Nodes)-1]
		same := last.WithInputs(last.Name, last.Inputs, last.Outputs)
		e, err := m.Apply(Edit{DropNodes: []*Node{last}, AddNodes: []Placed{{same, last}}, AddInits: []*Tensor{NewInts("an.unused.shape", []int64{2}, []int64{1, -1})}})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		r, err := parse(b, m.files)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		byName := map[string][]byte{}
		for _, x := range r.Graph.Inits {
			byName[x.Name] = x.raw
		}
		for _, x := range m.Graph.Inits {
			if !bytes.Equal(byName[x.Name], x.raw) {
				t.Errorf("%s: initializer %q changed", file, x.Name)
			}
		}
		seen := map[string]bool{}
		for _, n := range r.Graph.Nodes {
			seen[string(n.raw)] = true
		}
		for _, n := range m.Graph.Nodes {
			if n != last && !seen[string(n.raw)] {
				t.Errorf("%s: node %q changed", file, n.Title())
			}
		}
		if len(r.Graph.ValueInfo) != len(m.Graph.ValueInfo) || len(r.Metadata) != len(m.Metadata) {
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
	second := m.Graph.Nodes[1]
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
	if got := r.ExternalFiles(); len(got) != 1 || got[0] != "a.onnx.data" {
		t.Errorf("external files %q, want a.onnx.data alone", got)
	}
	for i, x := range m.Graph.Inits {
		a, _ := x.Bytes()
		b, err := r.Graph.Inits[i].Bytes()
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("values of %q changed (%v)", x.Name, err)
		}
	}
	if r.Graph.Inits[len(r.Graph.Inits)-1].External == nil {
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
	n := m.Graph.Nodes[0]
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
	if len(m.Graph.Nodes) != 1 {
		t.Error("a refused edit changed the model")
	}
}
