package onnxio

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Piece is the part of the main graph that makes some values of others, as a model of
// its own: the nodes between them and the constants that these read, with the opset
// imports, functions and metadata of m. What is declared says of which type the values
// are; inputs need not be read. Every untouched byte is shared with m.
func (m *Model) Piece(inputs, outputs []*ValueInfo) (*Model, error) {
	g, err := m.graph.piece(inputs, outputs)
	if err != nil {
		return nil, fmt.Errorf("cutting a piece out of graph %q: %w", m.graph.name, err)
	}
	for _, v := range m.listed(g.inits) { // IR version 3
		g.inputs = append(g.inputs, v)
		g.fields = append(g.fields, declaring(11, v))
	}
	if err := checkGraph(g, nil); err != nil {
		return nil, fmt.Errorf("cutting a piece out of graph %q: %w", m.graph.name, err)
	}
	return m.withMain(g), nil
}

// withMain is m with another main graph, and without how it was trained.
func (m *Model) withMain(g *Graph) *Model {
	out := *m
	out.graph, out.fields = g, nil
	for _, f := range m.fields {
		switch f.num {
		case 7:
			f = field{num: 7, typ: protowire.BytesType, ref: g}
		case 20: // how the model was trained
			continue
		}
		out.fields = append(out.fields, f)
	}
	return &out
}

// declaring is a field that declares a value.
func declaring(num protowire.Number, v *ValueInfo) field {
	return field{num: num, typ: protowire.BytesType, raw: message(nil, num, v.raw), ref: v}
}

func (g *Graph) piece(inputs, outputs []*ValueInfo) (*Graph, error) {
	maker := map[string]*Node{}
	for _, n := range g.nodes {
		for _, name := range n.outputs {
			maker[name] = n
		}
	}
	needed, nodes := map[string]bool{}, map[*Node]bool{}
	var todo []string
	need := func(name string) {
		if name != "" && !needed[name] {
			needed[name] = true
			todo = append(todo, name)
		}
	}
	fed := map[string]bool{}
	for _, v := range inputs {
		fed[v.name] = true
	}
	for _, v := range outputs {
		if fed[v.name] {
			return nil, fmt.Errorf("value %q is an input and an output", v.name)
		}
		need(v.name)
	}
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := maker[name]
		if n == nil || fed[name] || nodes[n] {
			continue
		}
		nodes[n] = true
		for _, in := range n.Reads() {
			need(in)
		}
		for _, other := range n.outputs {
			if fed[other] {
				return nil, fmt.Errorf("node %q makes %q, which is an input, and what is needed", n.Title(), other)
			}
		}
	}
	out := &Graph{name: g.name}
	for _, f := range g.fields {
		keep := false
		switch r := f.ref.(type) {
		case *Node:
			if keep = nodes[r]; keep {
				out.nodes = append(out.nodes, r)
			}
		case *Tensor:
			if keep = needed[r.name] && !fed[r.name]; keep {
				out.inits = append(out.inits, r)
			}
		case *SparseTensor:
			if keep = needed[r.values.name] && !fed[r.values.name]; keep {
				out.sparseInit = append(out.sparseInit, r)
			}
		case *ValueInfo:
		default:
			keep = f.num == 2 || f.num == quantizationField
		}
		if keep {
			out.fields = append(out.fields, f)
		}
	}
	for _, v := range inputs {
		out.inputs = append(out.inputs, v)
		out.fields = append(out.fields, declaring(11, v))
	}
	for _, v := range outputs {
		out.outputs = append(out.outputs, v)
		out.fields = append(out.fields, declaring(12, v))
	}
	out.dropAnnotations()
	return out, nil
}

// WithGraph is a model with the opset imports, functions and metadata of m and another main
// graph. Its nodes and constants share their bytes with where they come from; p says nothing of
// versions.
func (m *Model) WithGraph(p Parts) (*Model, error) {
	g := &Graph{name: m.graph.name, nodes: p.Nodes, inits: p.Inits, outputs: p.Outputs}
	for _, n := range p.Nodes {
		g.fields = append(g.fields, field{num: 1, typ: protowire.BytesType, raw: message(nil, 1, n.raw), ref: n})
	}
	for _, t := range p.Inits {
		g.fields = append(g.fields, field{num: 5, typ: protowire.BytesType, ref: t})
	}
	g.inputs = append(append(g.inputs, p.Inputs...), m.listed(p.Inits)...) // the latter in IR version 3
	for _, v := range g.inputs {
		g.fields = append(g.fields, declaring(11, v))
	}
	for _, v := range p.Outputs {
		g.fields = append(g.fields, declaring(12, v))
	}
	if err := checkGraph(g, nil); err != nil {
		return nil, fmt.Errorf("making a graph: %w", err)
	}
	return m.withMain(g), nil
}
