package onnxio

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// An Edit is a change of a model's main graph, checked as a whole before any
// part of it is applied. The zero Edit changes nothing.
type Edit struct {
	DropNodes  []*Node
	AddNodes   []Placed
	DropInits  []*Tensor
	AddInits   []*Tensor
	DropInputs []*ValueInfo
	DropInfo   []*ValueInfo
	Declare    []*ValueInfo // what inputs and outputs of these names are declared as from now on
	Metadata   []Property   // replaces entries with the same key
}

// A Placed node goes in front of Before, or to the end where Before is nil.
// Before may be a node that the edit drops. Nodes with the same place keep
// their order.
type Placed struct {
	Node   *Node
	Before *Node
}

// Apply returns the edited model, which shares every untouched byte with m.
// Where the node order does not respect the data flow afterwards, the nodes
// are sorted. m itself does not change.
func (m *Model) Apply(e Edit) (*Model, error) {
	g, err := m.graph.apply(e, m.listed(e.AddInits))
	if err != nil {
		return nil, fmt.Errorf("editing graph %q: %w", m.graph.name, err)
	}
	out := *m
	out.graph = g
	out.fields = slices.Clone(m.fields)
	for i := range out.fields {
		if out.fields[i].num == 7 {
			out.fields[i] = field{num: 7, typ: protowire.BytesType, ref: g}
		}
	}
	out.setMetadata(e.Metadata)
	if err := checkGraph(g, nil); err != nil {
		return nil, fmt.Errorf("editing graph %q: %w", g.name, err)
	}
	return &out, nil
}

// listed declares new initializers as inputs, which IR versions below 4 ask for.
func (m *Model) listed(inits []*Tensor) []*ValueInfo {
	if m.irVersion >= 4 {
		return nil
	}
	var out []*ValueInfo
	for _, t := range inits {
		dims := make([]Dim, len(t.dims))
		for i, d := range t.dims {
			dims[i] = Known(d)
		}
		out = append(out, NewValue(t.name, t.dtype, dims...))
	}
	return out
}

func (m *Model) setMetadata(props []Property) {
	m.metadata = slices.Clone(m.metadata)
	for _, p := range props {
		body := text(text(nil, 1, p.Key), 2, p.Value)
		f := field{num: 14, typ: protowire.BytesType, raw: message(nil, 14, body), ref: p}
		at := slices.IndexFunc(m.fields, func(f field) bool {
			old, ok := f.ref.(Property)
			return ok && old.Key == p.Key
		})
		if at >= 0 {
			m.fields[at] = f
			i := slices.IndexFunc(m.metadata, func(o Property) bool { return o.Key == p.Key })
			m.metadata[i] = p
			continue
		}
		m.fields = append(m.fields, f)
		m.metadata = append(m.metadata, p)
	}
}

func (g *Graph) apply(e Edit, inputs []*ValueInfo) (*Graph, error) {
	drop := map[any]bool{}
	for _, n := range e.DropNodes {
		drop[n] = true
	}
	for _, t := range e.DropInits {
		drop[t] = true
	}
	for _, v := range e.DropInputs {
		drop[v] = true
	}
	for _, v := range e.DropInfo {
		drop[v] = true
	}
	known := map[any]bool{}
	for _, f := range g.fields {
		known[f.ref] = true
	}
	for ref := range drop {
		if !known[ref] {
			return nil, fmt.Errorf("dropping a message that the graph does not hold")
		}
	}
	before := map[*Node][]*Node{}
	for _, p := range e.AddNodes {
		if p.Before != nil && !known[p.Before] {
			return nil, fmt.Errorf("placing node %q before a node that the graph does not hold", p.Node.Title())
		}
		before[p.Before] = append(before[p.Before], p.Node)
	}

	declared := map[string]*ValueInfo{}
	for _, v := range e.Declare {
		declared[v.name] = v
	}

	out := &Graph{name: g.name, sparseInit: g.sparseInit}
	lastNode, lastInit := -1, -1
	addNode := func(n *Node) {
		out.nodes = append(out.nodes, n)
		out.fields = append(out.fields, field{num: 1, typ: protowire.BytesType, raw: message(nil, 1, n.raw), ref: n})
		lastNode = len(out.fields)
	}
	for _, f := range g.fields {
		if n, ok := f.ref.(*Node); ok {
			for _, a := range before[n] {
				addNode(a)
			}
		}
		if f.ref != nil && drop[f.ref] {
			continue
		}
		if v, ok := f.ref.(*ValueInfo); ok && f.num != 13 && declared[v.name] != nil {
			v = declared[v.name]
			f = field{num: f.num, typ: protowire.BytesType, raw: message(nil, f.num, v.raw), ref: v}
		}
		out.fields = append(out.fields, f)
		switch r := f.ref.(type) {
		case *Node:
			out.nodes = append(out.nodes, r)
			lastNode = len(out.fields)
		case *Tensor:
			out.inits = append(out.inits, r)
			lastInit = len(out.fields)
		case *ValueInfo:
			switch f.num {
			case 11:
				out.inputs = append(out.inputs, r)
			case 12:
				out.outputs = append(out.outputs, r)
			case 13:
				out.valueInfo = append(out.valueInfo, r)
			}
		}
	}
	// The end of the node list, wherever in the message that is.
	var tail []field
	for _, n := range before[nil] {
		out.nodes = append(out.nodes, n)
		tail = append(tail, field{num: 1, typ: protowire.BytesType, raw: message(nil, 1, n.raw), ref: n})
	}
	if lastNode < 0 {
		lastNode = 0
	}
	out.fields = slices.Insert(out.fields, lastNode, tail...)
	if lastInit >= lastNode {
		lastInit += len(tail)
	}
	if lastInit < 0 {
		lastInit = max(lastNode+len(tail), 0)
	}
	var inits []field
	for _, t := range e.AddInits {
		out.inits = append(out.inits, t)
		inits = append(inits, field{num: 5, typ: protowire.BytesType, ref: t})
	}
	out.fields = slices.Insert(out.fields, lastInit, inits...)
	for _, v := range inputs {
		out.inputs = append(out.inputs, v)
		out.fields = append(out.fields, field{num: 11, typ: protowire.BytesType, raw: message(nil, 11, v.raw), ref: v})
	}
	if err := out.sortNodes(); err != nil {
		return nil, err
	}
	out.dropAnnotations()
	return out, nil
}

// sortNodes puts the node fields into an order that respects the data flow.
func (g *Graph) sortNodes() error {
	sorted, err := SortNodes(g.nodes)
	if err != nil || slices.Equal(sorted, g.nodes) {
		return err
	}
	byNode := map[*Node]field{}
	for _, f := range g.fields {
		if n, ok := f.ref.(*Node); ok {
			byNode[n] = f
		}
	}
	next := 0
	for i, f := range g.fields {
		if _, ok := f.ref.(*Node); ok {
			g.fields[i] = byNode[sorted[next]]
			next++
		}
	}
	g.nodes = sorted
	return nil
}
