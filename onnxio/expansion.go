package onnxio

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/internal/budget"
)

// An expansion copies nodes: those of a function for one call of it, or, where fn
// is nil, nodes of the model whose bodies have calls.
type expansion struct {
	in     *inliner
	fn     *Function
	call   *Node
	prefix string // of the names inside
}

// A naming is what the names of a function or of a graph in it become. Nil stands
// for the model itself, where names stay.
type naming struct {
	names map[string]string
	outer *naming
}

func (s *naming) find(name string) (string, bool) {
	if s == nil {
		return name, true
	}
	for ; s != nil; s = s.outer {
		if to, ok := s.names[name]; ok {
			return to, true
		}
	}
	return "", false
}

// longName is the length up to which the name of an inlined value is that of the
// call and that of the value in the function; of longer ones both ends are kept,
// since they are copied for every call.
const longName = 256

func nameInside(call, name string) string {
	s := call + "/" + name
	if len(s) <= longName {
		return s
	}
	const half = longName / 2
	return strings.ToValidUTF8(s[:half], "") + ".." + strings.ToValidUTF8(s[len(s)-half:], "")
}

// expand is the body of fn as called by n, nested calls included.
func (in *inliner) expand(n *Node, fn *Function) (_ []*Node, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("inlining function %q at node %q: %w", fn.name, n.Title(), err)
		}
	}()
	if len(n.inputs) > len(fn.inputs) || len(n.outputs) > len(fn.outputs) {
		return nil, &Invalid{fmt.Errorf("the call has %d inputs and %d outputs, the function %d and %d", len(n.inputs), len(n.outputs), len(fn.inputs), len(fn.outputs))}
	}
	names := map[string]string{"": ""}
	for i, p := range fn.inputs {
		names[p] = ""
		if i < len(n.inputs) {
			names[p] = n.inputs[i]
		}
	}
	x := &expansion{in: in, fn: fn, call: n, prefix: n.name}
	if x.prefix == "" && len(n.outputs) > 0 {
		x.prefix = n.outputs[0]
	}
	// An output that is an input, or is returned twice, needs a copy.
	var copies []*Node
	for i, p := range fn.outputs {
		if i >= len(n.outputs) || n.outputs[i] == "" {
			continue
		}
		if old, taken := names[p]; taken {
			copies = append(copies, NewNode("", "Identity", []string{old}, []string{n.outputs[i]}))
			continue
		}
		names[p] = n.outputs[i]
	}
	nodes := in.sorted[fn]
	if nodes == nil {
		if nodes, err = SortNodes(fn.nodes); err != nil {
			return nil, err
		}
		in.sorted[fn] = nodes
	}
	var out []*Node
	s := &naming{names: names}
	for _, b := range nodes {
		for _, o := range b.outputs {
			x.define(o, s)
		}
		now, err := x.node(b, s)
		if err != nil {
			return nil, err
		}
		out = append(out, now...)
	}
	return append(out, copies...), nil
}

// define gives a value of the scope a name that nothing has, unless it has one.
func (x *expansion) define(name string, s *naming) {
	if _, ok := s.names[name]; !ok && name != "" {
		s.names[name] = x.in.names.Fresh(nameInside(x.prefix, name))
	}
}

// node is what a node becomes: a copy, or the function that it calls.
func (x *expansion) node(n *Node, s *naming) ([]*Node, error) {
	if s != nil {
		inputs, err := x.renamed(n.inputs, s)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Title(), err)
		}
		outputs, err := x.renamed(n.outputs, s)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Title(), err)
		}
		title, name := n.Title(), ""
		if n.name != "" {
			name = x.in.titles.Fresh(nameInside(x.prefix, n.name))
		}
		if n, err = x.attributes(n.WithInputs(name, inputs, outputs), s); err != nil {
			return nil, fmt.Errorf("node %q: %w", title, err)
		}
	} else if x.in.callsInside(n) {
		var err error
		if n, err = x.attributes(n, nil); err != nil {
			return nil, err
		}
	}
	if fn := x.in.target(n); fn != nil {
		return x.in.expand(n, fn)
	}
	return []*Node{n}, nil
}

func (x *expansion) renamed(list []string, s *naming) ([]string, error) {
	out := make([]string, len(list))
	for i, name := range list {
		to, ok := s.find(name)
		if !ok {
			return nil, fmt.Errorf("nothing makes the value %q", name)
		}
		out[i] = to
	}
	return out, nil
}

// attributes replaces references to attributes of the function by their values at
// the call, and the node's own bodies by their copies. A body that the call passes
// on speaks of the caller's values and stays.
func (x *expansion) attributes(n *Node, s *naming) (*Node, error) {
	if !slices.ContainsFunc(n.attrs, func(a *Attr) bool { return a.ref != "" || a.g != nil || len(a.graphs) > 0 }) {
		return n, nil
	}
	c := *n
	c.attrs, c.raw, c.fields = nil, nil, nil
	for _, f := range n.fields {
		a, ok := f.ref.(*Attr)
		switch {
		case ok && a.ref != "" && x.fn != nil:
			value, body := x.passed(a.ref)
			if value == nil {
				continue // left out by the caller: the operator's own default
			}
			b, err := renamedMessage(body, 1, a.name)
			if err != nil {
				return nil, err
			}
			v := *value
			v.name, v.encoded = a.name, b
			f = attrField(&v)
		case ok && slices.ContainsFunc(a.subgraphs(), func(g *Graph) bool { return s != nil || x.in.callsIn(g) }):
			v, err := x.bodies(a, f.body(), s)
			if err != nil {
				return nil, err
			}
			f = attrField(v)
		}
		if a, ok := f.ref.(*Attr); ok {
			c.attrs = append(c.attrs, a)
			// A body that is passed on may be used many times, which measure does not see.
			x.in.copied += int64(len(f.raw))
			if err := x.in.m.limits.Ask(budget.Copies, x.in.copied, n.Title()); err != nil {
				return nil, err
			}
		}
		c.raw = append(c.raw, f.raw...)
		c.fields = append(c.fields, f)
	}
	return &c, nil
}

func attrField(a *Attr) field {
	return field{num: 5, typ: protowire.BytesType, raw: message(nil, 5, a.encoded), ref: a}
}

// passed is the value of an attribute of the function: that of the call, or its
// default, or nil.
func (x *expansion) passed(name string) (*Attr, []byte) {
	for _, f := range x.call.fields {
		if a, ok := f.ref.(*Attr); ok && a.name == name {
			return a, f.body()
		}
	}
	for _, d := range x.fn.attrDefaults {
		if d.name == name {
			return d, d.encoded
		}
	}
	return nil, nil
}

// bodies is the attribute in body with copies of its graphs.
func (x *expansion) bodies(a *Attr, body []byte, s *naming) (*Attr, error) {
	return a.withGraphs(body, func(g *Graph) (*Graph, error) { return x.graph(g, s) })
}

// withGraphs is the attribute in body with other graphs in place of its own.
func (a *Attr) withGraphs(body []byte, other func(*Graph) (*Graph, error)) (*Attr, error) {
	v := *a
	v.graphs = nil
	left := a.graphs
	fields, err := splitFields(body)
	if err != nil {
		return nil, err
	}
	v.encoded = nil
	for _, f := range fields {
		var g *Graph
		switch f.num {
		case 6:
			g, err = other(a.g)
			v.g = g
		case 11:
			g, err = other(left[0])
			v.graphs, left = append(v.graphs, g), left[1:]
		default:
			v.encoded = append(v.encoded, f.raw...)
			continue
		}
		if err != nil {
			return nil, err
		}
		b, err := (&encoder{}).graph(g)
		if err != nil {
			return nil, err
		}
		raw, err := b.join()
		if err != nil {
			return nil, err
		}
		v.encoded = message(v.encoded, f.num, raw)
	}
	return &v, nil
}

// graph is a copy of a body inside the scope s.
func (x *expansion) graph(g *Graph, s *naming) (*Graph, error) {
	if s == nil {
		return x.calls(g)
	}
	in := &naming{names: map[string]string{"": ""}, outer: s}
	g.defines(func(name string) { x.define(name, in) })
	out := &Graph{name: g.name}
	for _, f := range g.fields {
		switch r := f.ref.(type) {
		case *Node:
			nodes, err := x.node(r, in)
			if err != nil {
				return nil, err
			}
			for _, n := range nodes {
				out.hold(1, n.raw, n)
			}
		case *Tensor:
			t, err := r.named(in.names[r.name])
			if err != nil {
				return nil, err
			}
			out.hold(5, t.raw, t)
		case *SparseTensor:
			t, err := r.named(in.names[r.values.name])
			if err != nil {
				return nil, err
			}
			out.hold(15, t.raw, t)
		case *ValueInfo:
			to, ok := in.find(r.name)
			if !ok || to == "" {
				if f.num == 12 {
					return nil, &Invalid{errors.New("a body returns an input that the call leaves out")}
				}
				continue // it declares what is not there
			}
			v, err := r.named(to)
			if err != nil {
				return nil, err
			}
			out.hold(f.num, v.raw, v)
		default:
			if f.num == quantizationField {
				var ok bool
				if f, ok = renamedAnnotation(f, in.find); !ok {
					continue
				}
			}
			out.fields = append(out.fields, f)
		}
	}
	return out, nil
}

// calls is a body of the model with its calls expanded.
func (x *expansion) calls(g *Graph) (*Graph, error) {
	out := *g
	out.nodes, out.fields = nil, nil
	for _, f := range g.fields {
		n, ok := f.ref.(*Node)
		if !ok {
			out.fields = append(out.fields, f)
			continue
		}
		nodes, err := x.node(n, nil)
		if err != nil {
			return nil, err
		}
		if len(nodes) == 1 && nodes[0] == n {
			out.nodes, out.fields = append(out.nodes, n), append(out.fields, f)
			continue
		}
		for _, n := range nodes {
			out.hold(1, n.raw, n)
		}
	}
	return &out, nil
}
