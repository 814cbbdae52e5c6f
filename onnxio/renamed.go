package onnxio

import (
	"fmt"
	"maps"
)

// Renamed is the model with other names for values of the main graph, also where bodies
// read them; names of nodes stay. Every value has to keep a name of its own, and a body
// may define none of the new names. A model with functions is refused: see Plain.
func (m *Model) Renamed(names map[string]string) (*Model, error) {
	if len(m.functions) > 0 {
		return nil, fmt.Errorf("renaming values of graph %q: the model has functions", m.graph.name)
	}
	g, err := m.graph.renamed(names)
	if err == nil {
		err = checkGraph(g, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("renaming values of graph %q: %w", m.graph.name, err)
	}
	return m.withMain(g), nil
}

// renamed is a copy of the graph, or the graph itself where nothing in it has another name.
func (g *Graph) renamed(names map[string]string) (*Graph, error) {
	to := func(name string) string {
		if other, ok := names[name]; ok {
			return other
		}
		return name
	}
	find := func(name string) (string, bool) { return to(name), true }
	out := &Graph{name: g.name}
	for _, f := range g.fields {
		switch r := f.ref.(type) {
		case *Node:
			n, err := r.renamed(names)
			if err != nil {
				return nil, fmt.Errorf("node %q: %w", r.Title(), err)
			}
			out.hold(f.num, n.raw, n)
		case *Tensor:
			t := r
			if to(r.name) != r.name {
				var err error
				if t, err = r.named(to(r.name)); err != nil {
					return nil, err
				}
			}
			out.hold(f.num, t.raw, t)
		case *SparseTensor:
			t, err := r.named(to(r.values.name))
			if err != nil {
				return nil, err
			}
			out.hold(f.num, t.raw, t)
		case *ValueInfo:
			v, err := r.named(to(r.name))
			if err != nil {
				return nil, err
			}
			out.hold(f.num, v.raw, v)
		default:
			if f.num == quantizationField {
				f, _ = renamedAnnotation(f, find)
			}
			out.fields = append(out.fields, f)
		}
	}
	return out, nil
}

// renamed is the node with other names for the values that it reads and makes.
func (n *Node) renamed(names map[string]string) (*Node, error) {
	list := func(old []string) []string {
		out := make([]string, len(old))
		for i, name := range old {
			out[i] = name
			if to, ok := names[name]; ok && name != "" {
				out[i] = to
			}
		}
		return out
	}
	c := n.WithInputs(n.name, list(n.inputs), list(n.outputs))
	if len(n.Subgraphs()) == 0 {
		return c, nil
	}
	fields := c.fields
	c.raw, c.fields, c.attrs = nil, nil, nil
	for _, f := range fields {
		a, ok := f.ref.(*Attr)
		if ok && len(a.subgraphs()) > 0 {
			v, err := a.withGraphs(f.body(), func(g *Graph) (*Graph, error) { return g.renamedInside(names) })
			if err != nil {
				return nil, err
			}
			f = attrField(v)
		}
		if a, ok := f.ref.(*Attr); ok {
			c.attrs = append(c.attrs, a)
		}
		c.raw, c.fields = append(c.raw, f.raw...), append(c.fields, f)
	}
	return c, nil
}

// renamedInside is a body in which values from outside have other names.
func (g *Graph) renamedInside(names map[string]string) (*Graph, error) {
	outside := maps.Clone(names)
	defined := map[string]bool{}
	g.defines(func(name string) {
		delete(outside, name)
		defined[name] = true
	})
	for _, to := range outside {
		if defined[to] {
			return nil, fmt.Errorf("a body has a value %q of its own", to)
		}
	}
	return g.renamed(outside)
}
