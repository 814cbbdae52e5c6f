package onnxio

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of NodeProto that carry remarks.
const (
	docField      = 6
	metadataField = 9
)

// DocString is the remark that the file has on the node, "" for none.
func (n *Node) DocString() string {
	s := ""
	for _, f := range n.fields {
		if f.num == docField && f.typ == protowire.BytesType {
			s = string(f.body())
		}
	}
	return s
}

// Metadata lists metadata_props of the node in file order; what cannot be read is left
// out.
func (n *Node) Metadata() (list []Property) {
	for _, f := range n.fields {
		if f.num != metadataField {
			continue
		}
		if e, err := (&parser{}).property(f); err == nil {
			list = append(list, e)
		}
	}
	return list
}

// WithNote returns a copy of n that also carries a property: in metadata_props, or, in a
// file of an IR version that does not have these for nodes (below 10), as "KEY: VALUE" at
// the end of its doc string.
func (n *Node) WithNote(irVersion int64, p Property) *Node {
	c := *n
	fields := n.fields
	var b []byte
	if irVersion >= 10 {
		b = message(nil, metadataField, text(text(nil, 1, p.Key), 2, p.Value))
	} else {
		note := p.Key + ": " + p.Value
		if doc := n.DocString(); doc != "" {
			note = doc + "\n" + note
		}
		fields = slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return f.num == docField })
		b = text(nil, docField, note)
	}
	added, _ := splitFields(b) // it was made here
	c.fields = slices.Concat(fields, added)
	size := 0
	for _, f := range c.fields {
		size += len(f.raw)
	}
	c.raw = make([]byte, 0, size)
	for _, f := range c.fields {
		c.raw = append(c.raw, f.raw...)
	}
	return &c
}

// WithMetadata returns m with entries of metadata_props, which replace those with the
// same key.
func (m *Model) WithMetadata(props []Property) *Model {
	out := *m
	out.fields = slices.Clone(m.fields)
	out.setMetadata(props)
	return &out
}
