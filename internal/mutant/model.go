// Package mutant changes real models in ways that mostly stay loadable: other
// operators, attributes, sizes, types, constants and wiring. Tests and
// internal/cmd/mutants convert the results to find what no hand-written case has.
package mutant

import (
	"bytes"
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Seed is a model that mutants are made of. It does not change.
type Seed struct {
	m     *model
	facts map[string]fact
}

// A fact is what is known about a value before anything is changed.
type fact struct {
	elem  onnxio.DType
	dims  []int64 // -1: free
	known bool    // the rank is
}

type model struct {
	ir        int64
	opsets    []onnxio.Opset
	functions []*function
	g         *body
}

type body struct {
	name                   string
	nodes                  []*node
	inits                  []*tensor
	inputs, outputs, infos []*value
}

type node struct {
	name, op, domain, overload string
	in, out                    []string
	attrs                      []*attr
}

type attr struct {
	name, ref string
	typ       onnxio.AttrType
	i         int64
	f         float32
	s         []byte
	ints      []int64
	floats    []float32
	strings   [][]byte
	t         *tensor
	g         *body
}

type tensor struct {
	name  string
	dtype onnxio.DType
	dims  []int64
	data  []byte // raw, shared with the seed; nobody writes into it
}

type value struct {
	name  string
	elem  onnxio.DType
	shape bool
	dims  []onnxio.Dim
}

type function struct {
	name, domain, overload string
	in, out, attrs         []string
	defaults               []*attr
	nodes                  []*node
	opsets                 []onnxio.Opset
}

// NewSeed reads what it needs of m, which may be closed afterwards. A model with
// parts that mutants cannot carry over (sparse tensors, sequences as inputs) is
// an error.
func NewSeed(m *onnxio.Model) (*Seed, error) {
	out := &model{ir: m.IRVersion(), opsets: slices.Clone(m.Opsets())}
	var err error
	if out.g, err = readBody(m.Graph()); err != nil {
		return nil, err
	}
	for _, f := range m.Functions() {
		fn := &function{name: f.Name(), domain: f.Domain(), overload: f.Overload(), in: f.Inputs(), out: f.Outputs(), attrs: f.AttrNames(), opsets: f.Opsets()}
		if fn.nodes, err = readNodes(f.Nodes()); err != nil {
			return nil, err
		}
		if fn.defaults, err = readAttrs(f.AttrDefaults()); err != nil {
			return nil, err
		}
		out.functions = append(out.functions, fn)
	}
	s := &Seed{m: out, facts: map[string]fact{}}
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		return s, nil // broken models are seeds too
	}
	names := func(list []string) {
		for _, name := range list {
			v := g.Value(name)
			if v == nil {
				continue
			}
			f := fact{elem: v.Elem}
			var shape []graph.Dim
			if shape, f.known = v.Shape(); f.known {
				for _, d := range shape {
					n, ok := d.Int()
					if !ok {
						n = -1
					}
					f.dims = append(f.dims, n)
				}
			}
			s.facts[name] = f
		}
	}
	for _, n := range m.Graph().Nodes() {
		names(n.Inputs())
		names(n.Outputs())
	}
	return s, nil
}

func readBody(g *onnxio.Graph) (*body, error) {
	if len(g.SparseInit()) > 0 {
		return nil, fmt.Errorf("graph %q has sparse initializers", g.Name())
	}
	out := &body{name: g.Name()}
	var err error
	if out.nodes, err = readNodes(g.Nodes()); err != nil {
		return nil, err
	}
	for _, t := range g.Inits() {
		c, err := readTensor(t)
		if err != nil {
			return nil, err
		}
		out.inits = append(out.inits, c)
	}
	for to, list := range map[*[]*value][]*onnxio.ValueInfo{&out.inputs: g.Inputs(), &out.outputs: g.Outputs(), &out.infos: g.ValueInfo()} {
		for _, v := range list {
			if v.Kind() != "tensor" && v.Kind() != "" {
				if to == &out.infos {
					continue
				}
				return nil, fmt.Errorf("value %q is a %s", v.Name(), v.Kind())
			}
			*to = append(*to, &value{v.Name(), v.Elem(), v.Shape(), slices.Clone(v.Dims())})
		}
	}
	return out, nil
}

func readNodes(list []*onnxio.Node) ([]*node, error) {
	var out []*node
	for _, n := range list {
		c := &node{n.Name(), n.OpType(), n.Domain(), n.Calls().Overload, slices.Clone(n.Inputs()), slices.Clone(n.Outputs()), nil}
		var err error
		if c.attrs, err = readAttrs(n.Attrs()); err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Title(), err)
		}
		out = append(out, c)
	}
	return out, nil
}

func readAttrs(list []*onnxio.Attr) ([]*attr, error) {
	var out []*attr
	for _, a := range list {
		c := &attr{name: a.Name(), ref: a.Ref(), typ: a.Type(), i: a.I(), f: a.F(), s: bytes.Clone(a.S()), ints: a.Ints(), floats: a.Floats()}
		for _, v := range a.Strings() {
			c.strings = append(c.strings, bytes.Clone(v))
		}
		var err error
		switch {
		case a.T() != nil:
			c.t, err = readTensor(a.T())
		case a.G() != nil:
			c.g, err = readBody(a.G())
		case a.Type() > onnxio.AttrStrings:
			err = fmt.Errorf("attribute %q has type %d", a.Name(), a.Type())
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func readTensor(t *onnxio.Tensor) (*tensor, error) {
	if t.DType() == onnxio.String {
		return nil, fmt.Errorf("tensor %q holds strings", t.Name())
	}
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	return &tensor{t.Name(), t.DType(), slices.Clone(t.Dims()), slices.Clone(b)}, nil
}

// clone copies everything but the data of tensors.
func (m *model) clone() *model {
	c := *m
	c.opsets = slices.Clone(m.opsets)
	c.g = m.g.clone()
	c.functions = nil
	for _, f := range m.functions {
		d := *f
		d.nodes = cloneNodes(f.nodes)
		c.functions = append(c.functions, &d)
	}
	return &c
}

func (b *body) clone() *body {
	c := &body{name: b.name, nodes: cloneNodes(b.nodes)}
	for _, t := range b.inits {
		c.inits = append(c.inits, t.clone())
	}
	for to, list := range map[*[]*value][]*value{&c.inputs: b.inputs, &c.outputs: b.outputs, &c.infos: b.infos} {
		for _, v := range list {
			w := *v
			w.dims = slices.Clone(v.dims)
			*to = append(*to, &w)
		}
	}
	return c
}

func (t *tensor) clone() *tensor {
	c := *t
	c.dims = slices.Clone(t.dims)
	return &c
}

func cloneNodes(list []*node) []*node {
	var out []*node
	for _, n := range list {
		out = append(out, n.clone())
	}
	return out
}

func (n *node) clone() *node {
	c := *n
	c.in, c.out = slices.Clone(n.in), slices.Clone(n.out)
	c.attrs = nil
	for _, a := range n.attrs {
		b := *a
		b.ints = slices.Clone(a.ints)
		if a.t != nil {
			b.t = a.t.clone()
		}
		if a.g != nil {
			b.g = a.g.clone()
		}
		c.attrs = append(c.attrs, &b)
	}
	return &c
}

func (n *node) attr(name string) *attr {
	for _, a := range n.attrs {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (n *node) drop(name string) {
	n.attrs = slices.DeleteFunc(n.attrs, func(a *attr) bool { return a.name == name })
}

func (n *node) set(a *attr) {
	n.drop(a.name)
	n.attrs = append(n.attrs, a)
}

func intAttr(name string, v int64) *attr { return &attr{name: name, typ: onnxio.AttrInt, i: v} }
func intsAttr(name string, v ...int64) *attr {
	return &attr{name: name, typ: onnxio.AttrInts, ints: v}
}
func floatAttr(name string, v float32) *attr { return &attr{name: name, typ: onnxio.AttrFloat, f: v} }
func stringAttr(name, v string) *attr {
	return &attr{name: name, typ: onnxio.AttrString, s: []byte(v)}
}

// names are those of all values of the main graph.
func (m *model) names() map[string]bool {
	names := map[string]bool{}
	for _, n := range m.g.nodes {
		for _, o := range n.out {
			names[o] = true
		}
	}
	for _, t := range m.g.inits {
		names[t.name] = true
	}
	for _, v := range m.g.inputs {
		names[v.name] = true
	}
	return names
}
