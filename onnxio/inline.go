package onnxio

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/internal/budget"
)

// Inline returns the model with the calls of its local functions in the main
// graph replaced by their bodies. Values inside a body get names of their own.
// A model without such calls is returned as it is. A function written for
// another version of an operator set than the model stays a call.
func (m *Model) Inline() (*Model, error) {
	if len(m.Functions) == 0 {
		return m, nil
	}
	in := newInliner(m)
	if err := in.measure(); err != nil {
		return nil, err
	}
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
	found, byID := false, m.functionsByID()
	m.eachGraph(func(g *Graph) {
		for _, n := range g.Nodes {
			found = found || byID[n.Calls()] != nil
		}
	})
	return found
}

type inliner struct {
	m      *Model
	names  Names
	byID   map[FunctionID]*Function
	usable map[*Function]bool
	sorted map[*Function][]*Node
}

func newInliner(m *Model) *inliner {
	in := &inliner{m: m, names: m.Graph.names(), byID: m.functionsByID(), usable: map[*Function]bool{}, sorted: map[*Function][]*Node{}}
	for _, fn := range m.Functions {
		in.usable[fn] = true
		for _, o := range fn.Opsets {
			if v := m.Opset(o.Domain); o.Domain == "" && v != 0 && v != o.Version {
				in.usable[fn] = false
			}
		}
	}
	return in
}

// target is the function that n calls and that can be inlined.
func (in *inliner) target(n *Node) *Function {
	fn := in.byID[n.Calls()]
	if !in.usable[fn] {
		return nil
	}
	return fn
}

// A bulk is what a function expands to. Load made sure that no function calls
// itself and how deep the calls go.
type bulk struct{ nodes, bytes int64 }

// enough is where counting stops: far beyond any budget, far from an overflow.
const enough = 1 << 40

func (b bulk) plus(o bulk) bulk {
	return bulk{min(b.nodes+o.nodes, enough), min(b.bytes+o.bytes, enough)}
}

// measure asks the budget for what all calls expand to.
func (in *inliner) measure() error {
	known := map[*Function]bulk{}
	var of func(list []*Node) bulk
	call := func(fn *Function) bulk {
		b, ok := known[fn]
		if !ok {
			b = of(fn.Nodes)
			known[fn] = b
		}
		return b
	}
	of = func(list []*Node) (total bulk) {
		for _, n := range list {
			if fn := in.target(n); fn != nil {
				total = total.plus(call(fn))
			} else {
				total = total.plus(bulk{1, int64(len(n.raw))})
			}
		}
		return total
	}
	var total bulk
	for _, n := range in.m.Graph.Nodes {
		fn := in.target(n)
		if fn == nil {
			continue
		}
		total = total.plus(call(fn))
		err := in.m.limits.Ask(budget.Nodes, total.nodes, n.Title())
		if err == nil {
			err = in.m.limits.Ask(budget.Copies, total.bytes, n.Title())
		}
		if err != nil {
			return fmt.Errorf("inlining function %q: %w", fn.Name, err)
		}
	}
	return nil
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
	nodes := in.sorted[fn]
	if nodes == nil {
		var err error
		if nodes, err = SortNodes(fn.Nodes); err != nil {
			return nil, err
		}
		in.sorted[fn] = nodes
	}
	rename := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			to, ok := names[s]
			if !ok {
				to = in.names.Fresh(nameInside(prefix, s))
				names[s] = to
			}
			out[i] = to
		}
		return out
	}
	var out []*Node
	for _, b := range nodes {
		if len(b.Subgraphs()) > 0 {
			return nil, fmt.Errorf("its body has a subgraph at node %q, which cannot be inlined", b.Title())
		}
		c := b.WithInputs(nameInside(prefix, b.Name), rename(b.Inputs), rename(b.Outputs))
		c, err := c.withAttributes(n, fn)
		if err != nil {
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
