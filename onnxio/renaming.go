package onnxio

import "google.golang.org/protobuf/encoding/protowire"

// renamedMessage is a message whose text in field num is another one.
func renamedMessage(body []byte, num protowire.Number, name string) ([]byte, error) {
	fields, err := splitFields(body)
	if err != nil {
		return nil, err
	}
	out := text(nil, num, name)
	for _, f := range fields {
		if f.num != num {
			out = append(out, f.raw...)
		}
	}
	return out, nil
}

// named is the tensor under another name.
func (t *Tensor) named(name string) (*Tensor, error) {
	raw, err := renamedMessage(t.raw, 8, name)
	if err != nil {
		return nil, err
	}
	return (&parser{files: t.files}).tensor(raw)
}

// named is the sparse tensor under another name, which is that of its values.
func (s *SparseTensor) named(name string) (*SparseTensor, error) {
	values, err := s.values.named(name)
	if err != nil {
		return nil, err
	}
	fields, err := splitFields(s.raw)
	if err != nil {
		return nil, err
	}
	raw := message(nil, 1, values.raw)
	for _, f := range fields {
		if f.num != 1 {
			raw = append(raw, f.raw...)
		}
	}
	return (&parser{files: s.values.files}).sparse(raw)
}

// named is the declaration of a value of another name.
func (v *ValueInfo) named(name string) (*ValueInfo, error) {
	raw, err := renamedMessage(v.raw, 1, name)
	if err != nil {
		return nil, err
	}
	c := *v
	c.name, c.raw = name, raw
	return &c, nil
}

// renamedAnnotation is a quantization annotation of tensors under other names; ok
// is false where one has none.
func renamedAnnotation(f field, find func(string) (string, bool)) (_ field, ok bool) {
	parts, err := splitFields(f.body())
	if err != nil {
		return f, false
	}
	var body []byte
	for _, p := range parts {
		switch p.num {
		case 1:
			to, ok := find(string(p.body()))
			if !ok {
				return f, false
			}
			body = text(body, 1, to)
		case 2:
			entry, err := splitFields(p.body())
			if err != nil {
				return f, false
			}
			var pair []byte
			for _, e := range entry {
				if e.num != 2 {
					pair = append(pair, e.raw...)
					continue
				}
				to, ok := find(string(e.body()))
				if !ok {
					return f, false
				}
				pair = text(pair, 2, to)
			}
			body = message(body, 2, pair)
		default:
			body = append(body, p.raw...)
		}
	}
	return field{num: f.num, typ: f.typ, raw: message(nil, f.num, body)}, true
}

// hold adds a message to a graph that is being made.
func (g *Graph) hold(num protowire.Number, raw []byte, ref any) {
	g.fields = append(g.fields, field{num: num, typ: protowire.BytesType, raw: message(nil, num, raw), ref: ref})
	switch r := ref.(type) {
	case *Node:
		g.nodes = append(g.nodes, r)
	case *Tensor:
		g.inits = append(g.inits, r)
	case *SparseTensor:
		g.sparseInit = append(g.sparseInit, r)
	case *ValueInfo:
		switch num {
		case 11:
			g.inputs = append(g.inputs, r)
		case 12:
			g.outputs = append(g.outputs, r)
		case 13:
			g.valueInfo = append(g.valueInfo, r)
		}
	}
}
