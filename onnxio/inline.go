package onnxio

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxInlined bounds the nodes that inlining may make: functions that call
// functions multiply.
const maxInlined = 1 << 20

// Inline returns the model with the calls of its local functions in the main
// graph replaced by their bodies. Values inside a body get names of their own.
// A model without such calls is returned as it is. A function written for
// another version of an operator set than the model stays a call.
func (m *Model) Inline() (*Model, error) {
	if len(m.Functions) == 0 {
		return m, nil
	}
	in := &inliner{m: m, names: m.Graph.names()}
	var e Edit
	for _, n := range m.Graph.Nodes {
		fn := in.target(n)
		if fn == nil {
			continue
		}
		body, err := in.expand(n, fn)
		if err != nil {
			return nil, fmt.Errorf("inlining function %q at node %q: %w", fn.Name, n.Title(), err)
		}
		e.DropNodes = append(e.DropNodes, n)
		for _, b := range body {
			e.AddNodes = append(e.AddNodes, Placed{b, n})
		}
	}
	if len(e.DropNodes) == 0 {
		return m, nil
	}
	out, err := m.Apply(e)
	if err != nil {
		return nil, err
	}
	if !out.callsAny() {
		out.Functions = nil
		out.fields = slices.DeleteFunc(out.fields, func(f field) bool { return f.num == 25 })
	}
	return out, nil
}

// callsAny reports whether a call of a local function is left anywhere.
func (m *Model) callsAny() bool {
	found := false
	m.eachGraph(func(g *Graph) {
		for _, n := range g.Nodes {
			found = found || m.Function(n.Calls()) != nil
		}
	})
	return found
}

type inliner struct {
	m     *Model
	names Names
	count int
}

// target is the function that n calls and that can be inlined.
func (in *inliner) target(n *Node) *Function {
	fn := in.m.Function(n.Calls())
	if fn == nil {
		return nil
	}
	for _, o := range fn.Opsets {
		if v := in.m.Opset(o.Domain); o.Domain == "" && v != 0 && v != o.Version {
			return nil
		}
	}
	return fn
}

// expand is the body of fn as called by n, nested calls included.
func (in *inliner) expand(n *Node, fn *Function) ([]*Node, error) {
	if len(n.Inputs) > len(fn.Inputs) || len(n.Outputs) > len(fn.Outputs) {
		return nil, fmt.Errorf("the call has %d inputs and %d outputs, the function %d and %d", len(n.Inputs), len(n.Outputs), len(fn.Inputs), len(fn.Outputs))
	}
	names := map[string]string{"": ""}
	for i, p := range fn.Inputs {
		names[p] = ""
		if i < len(n.Inputs) {
			names[p] = n.Inputs[i]
		}
	}
	prefix := n.Name
	if prefix == "" && len(n.Outputs) > 0 {
		prefix = n.Outputs[0]
	}
	// An output that is an input, or is returned twice, needs a copy.
	var copies []*Node
	for i, p := range fn.Outputs {
		if i >= len(n.Outputs) || n.Outputs[i] == "" {
			continue
		}
		if old, taken := names[p]; taken {
			copies = append(copies, NewNode("", "Identity", []string{old}, []string{n.Outputs[i]}))
			continue
		}
		names[p] = n.Outputs[i]
	}
	nodes, err := SortNodes(fn.Nodes)
	if err != nil {
		return nil, err
	}
	rename := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			to, ok := names[s]
			if !ok {
				to = in.names.Fresh(prefix + "/" + s)
				names[s] = to
			}
			out[i] = to
		}
		return out
	}
	var out []*Node
	for _, b := range nodes {
		if in.count++; in.count > maxInlined {
			return nil, fmt.Errorf("the functions expand to more than %d nodes", maxInlined)
		}
		if len(b.Subgraphs()) > 0 {
			return nil, fmt.Errorf("its body has a subgraph at node %q, which cannot be inlined", b.Title())
		}
		c := b.WithInputs(prefix+"/"+b.Name, rename(b.Inputs), rename(b.Outputs))
		if c, err = c.withAttributes(n, fn); err != nil {
			return nil, err
		}
		if inner := in.target(c); inner != nil {
			body, err := in.expand(c, inner)
			if err != nil {
				return nil, err
			}
			out = append(out, body...)
			continue
		}
		out = append(out, c)
	}
	return append(out, copies...), nil
}

// withAttributes replaces references to the attributes of a function by their
// values at the call.
func (n *Node) withAttributes(call *Node, fn *Function) (*Node, error) {
	refers := slices.ContainsFunc(n.Attrs, func(a *Attr) bool { return a.Ref != "" })
	if !refers {
		return n, nil
	}
	c := *n
	c.Attrs, c.raw, c.fields = nil, nil, nil
	for _, f := range n.fields {
		a, ok := f.ref.(*Attr)
		if !ok || a.Ref == "" {
			if ok {
				c.Attrs = append(c.Attrs, a)
			}
			c.raw = append(c.raw, f.raw...)
			c.fields = append(c.fields, f)
			continue
		}
		body, value := call.attrField(a.Ref), call.Attr(a.Ref)
		if body == nil {
			for _, d := range fn.AttrDefaults {
				if d.Name == a.Ref {
					body, value = d.encoded, d
				}
			}
		}
		if body == nil {
			continue // left out by the caller: the operator's own default
		}
		named, err := renamedAttr(body, a.Name)
		if err != nil {
			return nil, err
		}
		v := *value
		v.Name = a.Name
		c.Attrs = append(c.Attrs, &v)
		raw := message(nil, 5, named)
		c.raw = append(c.raw, raw...)
		c.fields = append(c.fields, field{num: 5, typ: protowire.BytesType, raw: raw, body: named, ref: &v})
	}
	return &c, nil
}

// attrField is the serialized attribute called name, nil if there is none.
func (n *Node) attrField(name string) []byte {
	for _, f := range n.fields {
		if a, ok := f.ref.(*Attr); ok && a.Name == name {
			return f.body
		}
	}
	return nil
}

func renamedAttr(body []byte, name string) ([]byte, error) {
	fields, err := splitFields(body)
	if err != nil {
		return nil, err
	}
	out := text(nil, 1, name)
	for _, f := range fields {
		if f.num != 1 {
			out = append(out, f.raw...)
		}
	}
	return out, nil
}

// Keep returns a copy of n with the first outs outputs and without the named
// attributes. Everything else keeps its bytes.
func (n *Node) Keep(outs int, without ...string) *Node {
	c := n.WithInputs(n.Name, n.Inputs, n.Outputs[:outs])
	kept := c.fields[:0:0]
	var raw []byte
	c.Attrs = nil
	for _, f := range c.fields {
		if a, ok := f.ref.(*Attr); ok {
			if slices.Contains(without, a.Name) {
				continue
			}
			c.Attrs = append(c.Attrs, a)
		}
		kept = append(kept, f)
		raw = append(raw, f.raw...)
	}
	c.fields, c.raw = kept, raw
	return c
}
