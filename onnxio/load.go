package onnxio

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"repmlp/internal/output"
	"repmlp/internal/parallel"
)

// Load maps the file at path and reads its structure. Every tensor is checked
// for storage of the right length and every graph for names without a value,
// two producers and cycles; weights are not read. Close releases the mapping.
//
// A model that another program replaces at this moment is opened again, so that
// its external data is its own; one that is written over in place is an error.
func Load(path string) (*Model, error) { return LoadWithin(path, Limits{}) }

// LoadWithin is Load with other limits than the defaults: how deep subgraphs and
// functions may be nested and how large the model may become when its functions
// are inlined. Beyond them the error wraps an *Exceeded.
func LoadWithin(path string, limits Limits) (*Model, error) {
	const tries = 10 // of a file that is replaced all the time
	for i := 1; ; i++ {
		m, changed, err := load(path, limits)
		if !changed || i == tries {
			return m, err
		}
	}
}

// load opens a model once and reports whether it was replaced meanwhile.
func load(path string, limits Limits) (m *Model, changed bool, err error) {
	main, err := mapFile(path)
	if err != nil {
		if _, ok := errors.AsType[*output.Refusal](err); ok {
			return nil, false, err
		}
		return nil, false, fmt.Errorf("opening %q: %w", path, reason(err))
	}
	files := &store{dir: filepath.Dir(path), main: main}
	err = parallel.Guard(func() error {
		m, err = parse(main.data, files, limits)
		return err
	})
	opened := &Model{files: files}
	if e := opened.Changed(); e != nil {
		opened.Close()
		return nil, true, e
	}
	if p, ok := errors.AsType[*parallel.Panic](err); ok {
		opened.Close()
		panic(p)
	}
	if err != nil {
		opened.Close()
		return nil, false, fmt.Errorf("reading %q: %w", path, err)
	}
	return m, false, nil
}

// Parse reads a model from memory. External data is looked for in dir; with
// dir "" a model that has any is refused.
func Parse(b []byte, dir string) (*Model, error) {
	var files *store
	if dir != "" {
		files = &store{dir: dir}
	}
	return parse(b, files, Limits{})
}

func parse(b []byte, files *store, limits Limits) (*Model, error) {
	if err := foreign(b); err != nil {
		return nil, err
	}
	p := &parser{files, limits}
	m, err := p.model(b)
	files.trim()
	if _, ok := errors.AsType[*Exceeded](err); ok {
		return nil, err
	}
	if _, ok := errors.AsType[*Unsupported](err); ok {
		return nil, err
	}
	if err != nil {
		return nil, &NotONNX{fmt.Errorf("this is no valid ONNX model: %w", err), "the file may be truncated or another format; export or download it again"}
	}
	m.limits = limits
	if err := m.validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// foreign recognises files that people pass by mistake.
func foreign(b []byte) error {
	start := bytes.ToLower(bytes.TrimSpace(b[:min(len(b), 256)]))
	switch {
	case len(b) == 0:
		return &NotONNX{errors.New("the file is empty"), "export or download the model again"}
	case bytes.HasPrefix(start, []byte("version https://git-lfs")):
		return &NotONNX{errors.New("this is a Git LFS pointer, not a model"), "fetch the file's content with: git lfs pull"}
	case bytes.HasPrefix(start, []byte("<!doctype")), bytes.HasPrefix(start, []byte("<html")), bytes.HasPrefix(start, []byte("<?xml")):
		return &NotONNX{errors.New("this is a web page, not a model"), "download the raw file, not the page that shows it"}
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return &NotONNX{errors.New("this is a zip archive (a PyTorch checkpoint?), not an ONNX model"), "export the model to ONNX first"}
	case bytes.HasPrefix(b, []byte("ORTM")), len(b) > 8 && bytes.Equal(b[4:8], []byte("ORTM")):
		return &NotONNX{errors.New("this is an ORT format file, not an ONNX model"), "pass the .onnx file that it was made from"}
	}
	return nil
}

// eachGraph calls f for the main graph and every subgraph, outer first.
func (m *Model) eachGraph(f func(*Graph)) {
	var nodes func([]*Node)
	var walk func(*Graph)
	nodes = func(list []*Node) {
		for _, n := range list {
			for _, g := range n.Subgraphs() {
				walk(g)
			}
		}
	}
	walk = func(g *Graph) { f(g); nodes(g.nodes) }
	walk(m.graph)
	for _, fn := range m.functions {
		nodes(fn.nodes)
	}
}

// Subgraphs lists the graphs among the node's attributes.
func (n *Node) Subgraphs() []*Graph {
	var gs []*Graph
	for _, a := range n.attrs {
		gs = append(gs, a.subgraphs()...)
	}
	return gs
}

func (a *Attr) subgraphs() []*Graph {
	if a.g == nil {
		return a.graphs
	}
	return append([]*Graph{a.g}, a.graphs...)
}

// eachTensor calls f for every tensor of the model.
func (m *Model) eachTensor(f func(*Tensor)) {
	nodes := func(list []*Node) {
		for _, n := range list {
			for _, a := range n.attrs {
				a.eachTensor(f)
			}
		}
	}
	m.eachGraph(func(g *Graph) {
		for _, t := range g.inits {
			f(t)
		}
		for _, s := range g.sparseInit {
			f(s.values)
			f(s.indices)
		}
		nodes(g.nodes)
	})
	for _, fn := range m.functions {
		nodes(fn.nodes)
		for _, a := range fn.attrDefaults {
			a.eachTensor(f)
		}
	}
}

func (a *Attr) eachTensor(f func(*Tensor)) {
	if a.t != nil {
		f(a.t)
	}
	for _, t := range a.tensors {
		f(t)
	}
	if a.sparse != nil {
		f(a.sparse.values)
		f(a.sparse.indices)
	}
}

// ParseTensor reads a TensorProto, as the files of ONNX test data hold it.
func ParseTensor(b []byte) (*Tensor, error) {
	t, err := (&parser{}).tensor(b)
	if err != nil {
		return nil, err
	}
	return t, t.check()
}

// Encode is the tensor as a TensorProto with its numbers in it, which ParseTensor reads.
func (t *Tensor) Encode() ([]byte, error) {
	b, err := (&encoder{}).tensor(t)
	if err != nil {
		return nil, err
	}
	return b.join()
}
