package onnxio

import "slices"

// WithValues returns m with the values that its initializers have in another model:
// each that the main graph of from has too, by name, type and shape, is taken from
// there. It is a model to run, which reads what it can from the files of from.
func (m *Model) WithValues(from *Model) *Model {
	stored := map[string]*Tensor{}
	for _, t := range from.graph.inits {
		stored[t.name] = t
	}
	g := *m.graph
	g.inits = make([]*Tensor, len(m.graph.inits))
	same := map[*Tensor]*Tensor{}
	for i, t := range m.graph.inits {
		g.inits[i] = t
		if s := stored[t.name]; s != nil && s.dtype == t.dtype && slices.Equal(s.dims, t.dims) {
			g.inits[i] = s
		}
		same[t] = g.inits[i]
	}
	g.fields = slices.Clone(m.graph.fields)
	for i, f := range g.fields {
		if t, ok := f.ref.(*Tensor); ok {
			g.fields[i] = field{num: f.num, typ: f.typ, ref: same[t]}
		}
	}
	out := *m
	out.graph, out.files = &g, from.files
	out.fields = slices.Clone(m.fields)
	for i, f := range out.fields {
		if f.num == 7 {
			out.fields[i] = field{num: f.num, typ: f.typ, ref: &g}
		}
	}
	return &out
}
