package onnxio

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// NewNode makes a node. Attributes are written in the given order.
func NewNode(name, op string, inputs, outputs []string, attrs ...*Attr) *Node {
	inputs, outputs, attrs = slices.Clone(inputs), slices.Clone(outputs), slices.Clone(attrs)
	var b []byte
	for _, s := range inputs {
		b = text(b, 1, s)
	}
	for _, s := range outputs {
		b = text(b, 2, s)
	}
	b = text(b, 3, name)
	b = text(b, 4, op)
	for _, a := range attrs {
		b = message(b, 5, a.encode())
	}
	fields, err := splitFields(b)
	if err != nil {
		panic(err) // it was made here
	}
	rest := attrs
	for i := range fields {
		if fields[i].num == 5 {
			fields[i].ref, rest = rest[0], rest[1:]
		}
	}
	return &Node{name: name, opType: op, inputs: inputs, outputs: outputs, attrs: attrs, raw: b, fields: fields}
}

// WithInputs returns a copy of n that reads and makes other values. Every other
// part of the message keeps its bytes.
func (n *Node) WithInputs(name string, inputs, outputs []string) *Node {
	c := *n
	c.name, c.inputs, c.outputs = name, slices.Clone(inputs), slices.Clone(outputs)
	var b []byte
	for _, s := range inputs {
		b = text(b, 1, s)
	}
	for _, s := range outputs {
		b = text(b, 2, s)
	}
	b = text(b, 3, name)
	c.fields, _ = splitFields(b) // it was made here
	for _, f := range n.fields {
		if f.num > 3 {
			b = append(b, f.raw...)
			c.fields = append(c.fields, f)
		}
	}
	c.raw = b
	return &c
}

// IntAttr, IntsAttr, FloatAttr and StringAttr make attributes for NewNode.
func IntAttr(name string, v int64) *Attr { return &Attr{name: name, typ: AttrInt, i: v} }

// IntsAttr makes an integer list attribute.
func IntsAttr(name string, v []int64) *Attr {
	return &Attr{name: name, typ: AttrInts, ints: slices.Clone(v)}
}

// FloatAttr makes a float attribute.
func FloatAttr(name string, v float32) *Attr { return &Attr{name: name, typ: AttrFloat, f: v} }

// FloatsAttr makes a float list attribute.
func FloatsAttr(name string, v []float32) *Attr {
	return &Attr{name: name, typ: AttrFloats, floats: slices.Clone(v)}
}

// StringAttr makes a string attribute.
func StringAttr(name, v string) *Attr { return &Attr{name: name, typ: AttrString, s: []byte(v)} }

// TensorAttr makes a tensor attribute, as Constant nodes have.
func TensorAttr(name string, t *Tensor) *Attr { return &Attr{name: name, typ: AttrTensor, t: t} }

// ReferenceAttr makes an attribute of a node in a function that stands for one of the
// function's own, called ref.
func ReferenceAttr(name, ref string, t AttrType) *Attr { return &Attr{name: name, typ: t, ref: ref} }

func (a *Attr) encode() []byte {
	b := text(nil, 1, a.name)
	switch {
	case a.ref != "":
		return varint(text(b, 21, a.ref), 20, uint64(a.typ))
	case a.typ == AttrGraph:
		return a.encoded
	}
	switch a.typ {
	case AttrFloat:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(a.f))
	case AttrInt:
		b = varint(b, 3, uint64(a.i))
	case AttrString:
		b = message(b, 4, a.s)
	case AttrFloats:
		for _, v := range a.floats {
			b = protowire.AppendTag(b, 7, protowire.Fixed32Type)
			b = protowire.AppendFixed32(b, math.Float32bits(v))
		}
	case AttrInts:
		for _, v := range a.ints {
			b = varint(b, 8, uint64(v))
		}
	case AttrTensor:
		t, err := (&encoder{}).tensor(a.t)
		var raw []byte
		if err == nil {
			raw, err = t.join()
		}
		if err != nil {
			panic("onnxio: the tensor of an attribute cannot be read: " + err.Error())
		}
		b = message(b, 5, raw)
	default:
		panic("onnxio: attribute type cannot be written")
	}
	return varint(b, 20, uint64(a.typ))
}

// AttrKey is equal for nodes with the same attributes in the same order.
func (n *Node) AttrKey() string {
	var b []byte
	for _, f := range n.fields {
		if f.num == 5 {
			b = append(b, f.raw...)
		}
	}
	return string(b)
}

// Keep returns a copy of n with the first outs outputs and without the named
// attributes. Everything else keeps its bytes.
func (n *Node) Keep(outs int, without ...string) *Node {
	c := n.WithInputs(n.name, n.inputs, n.outputs[:outs])
	kept := c.fields[:0:0]
	var raw []byte
	c.attrs = nil
	for _, f := range c.fields {
		if a, ok := f.ref.(*Attr); ok {
			if slices.Contains(without, a.name) {
				continue
			}
			c.attrs = append(c.attrs, a)
		}
		kept = append(kept, f)
		raw = append(raw, f.raw...)
	}
	c.fields, c.raw = kept, raw
	return c
}
