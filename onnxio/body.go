package onnxio

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Body is a subgraph as a model that can be edited: values it captures are
// inputs, captured constants are initializers.
func (m *Model) Body(g *Graph, inputs []*ValueInfo, inits []*Tensor) (*Model, error) {
	body := *g
	body.inputs, body.inits = slices.Concat(g.inputs, inputs), slices.Concat(g.inits, inits)
	body.fields = slices.Clone(g.fields)
	for _, v := range inputs {
		body.fields = append(body.fields, field{num: 11, typ: protowire.BytesType, raw: message(nil, 11, v.raw), ref: v})
	}
	for _, t := range inits {
		body.fields = append(body.fields, field{num: 5, typ: protowire.BytesType, ref: t})
	}
	out := *m
	out.graph, out.functions = &body, nil
	out.fields = slices.Clone(m.fields)
	for i := range out.fields {
		if out.fields[i].num == 7 {
			out.fields[i] = field{num: 7, typ: protowire.BytesType, ref: &body}
		}
	}
	return &out, checkGraph(&body, nil)
}

// WithBody returns n with the subgraph old replaced by the edited body of a
// model that Body made, without the inputs and constants that Body added.
func (n *Node) WithBody(old *Graph, edited *Model, inputs []*ValueInfo, inits []*Tensor) (*Node, error) {
	added := map[any]bool{}
	for _, v := range inputs {
		added[v] = true
	}
	for _, t := range inits {
		added[t] = true
	}
	g := *edited.graph
	g.fields = slices.DeleteFunc(slices.Clone(g.fields), func(f field) bool { return f.ref != nil && added[f.ref] })
	g.inputs = slices.DeleteFunc(slices.Clone(g.inputs), func(v *ValueInfo) bool { return added[v] })
	g.inits = slices.DeleteFunc(slices.Clone(g.inits), func(t *Tensor) bool { return added[t] })
	if edited.irVersion < 4 {
		g.constants(old)
	}
	inner, err := (&encoder{}).graph(&g)
	if err != nil {
		return nil, err
	}
	c := *n
	c.attrs, c.raw, c.fields = nil, nil, nil
	for _, f := range n.fields {
		a, ok := f.ref.(*Attr)
		if ok && a.g == old {
			var body []byte
			parts, err := splitFields(f.body())
			if err != nil {
				return nil, err
			}
			for _, p := range parts {
				if p.num != 6 {
					body = append(body, p.raw...)
				}
			}
			joined, err := inner.join()
			if err != nil {
				return nil, err
			}
			body = message(body, 6, joined)
			b := *a
			b.g, b.encoded = &g, body
			raw := message(nil, 5, body)
			f = field{num: 5, typ: protowire.BytesType, raw: raw, ref: &b}
			a = &b
		}
		if ok {
			c.attrs = append(c.attrs, a)
		}
		c.raw = append(c.raw, f.raw...)
		c.fields = append(c.fields, f)
	}
	return &c, nil
}

// constants makes Constant nodes of the initializers that old lacks: below IR
// version 4 initializers are inputs, which a body may not have more of.
func (g *Graph) constants(old *Graph) {
	had := map[string]bool{}
	for _, t := range old.inits {
		had[t.name] = true
	}
	made := map[string]bool{}
	var nodes []*Node
	g.inits = slices.DeleteFunc(slices.Clone(g.inits), func(t *Tensor) bool {
		if had[t.name] {
			return false
		}
		made[t.name] = true
		nodes = append(nodes, NewNode(t.name+".constant", "Constant", nil, []string{t.name}, TensorAttr("value", t)))
		return true
	})
	g.inputs = slices.DeleteFunc(slices.Clone(g.inputs), func(v *ValueInfo) bool { return made[v.name] })
	var fields []field
	for _, n := range nodes {
		fields = append(fields, field{num: 1, typ: protowire.BytesType, raw: message(nil, 1, n.raw), ref: n})
	}
	for _, f := range g.fields {
		switch r := f.ref.(type) {
		case *Tensor:
			if made[r.name] {
				continue
			}
		case *ValueInfo:
			if f.num == 11 && made[r.name] {
				continue
			}
		}
		fields = append(fields, f)
	}
	g.fields, g.nodes = fields, slices.Concat(nodes, g.nodes)
}
