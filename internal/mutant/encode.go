package mutant

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/onnxio"
)

// wire appends protobuf fields.
type wire []byte

func (w *wire) bytes(num protowire.Number, b []byte) {
	*w = protowire.AppendBytes(protowire.AppendTag(*w, num, protowire.BytesType), b)
}

func (w *wire) text(num protowire.Number, s string) { w.bytes(num, []byte(s)) }

func (w *wire) name(num protowire.Number, s string) {
	if s != "" {
		w.text(num, s)
	}
}

func (w *wire) int(num protowire.Number, v int64) {
	*w = protowire.AppendVarint(protowire.AppendTag(*w, num, protowire.VarintType), uint64(v))
}

func (w *wire) float(num protowire.Number, v float32) {
	*w = protowire.AppendFixed32(protowire.AppendTag(*w, num, protowire.Fixed32Type), math.Float32bits(v))
}

func (m *model) encode() []byte {
	var w wire
	w.int(1, m.ir)
	w.text(2, "mutant")
	w.bytes(7, m.g.encode())
	for _, o := range m.opsets {
		w.bytes(8, opset(o))
	}
	for _, f := range m.functions {
		w.bytes(25, f.encode())
	}
	return w
}

func opset(o onnxio.Opset) (w wire) {
	w.text(1, o.Domain)
	w.int(2, o.Version)
	return w
}

func (b *body) encode() (w wire) {
	for _, n := range b.nodes {
		w.bytes(1, n.encode())
	}
	w.text(2, b.name)
	for _, t := range b.inits {
		w.bytes(5, t.encode())
	}
	for _, v := range b.inputs {
		w.bytes(11, v.encode())
	}
	for _, v := range b.outputs {
		w.bytes(12, v.encode())
	}
	for _, v := range b.infos {
		w.bytes(13, v.encode())
	}
	return w
}

func (n *node) encode() (w wire) {
	for _, s := range n.in {
		w.text(1, s)
	}
	for _, s := range n.out {
		w.text(2, s)
	}
	w.name(3, n.name)
	w.text(4, n.op)
	for _, a := range n.attrs {
		w.bytes(5, a.encode())
	}
	w.name(7, n.domain)
	w.name(8, n.overload)
	return w
}

func (a *attr) encode() (w wire) {
	w.text(1, a.name)
	if a.ref != "" {
		w.text(21, a.ref)
		w.int(20, int64(a.typ))
		return w
	}
	switch a.typ {
	case onnxio.AttrFloat:
		w.float(2, a.f)
	case onnxio.AttrInt:
		w.int(3, a.i)
	case onnxio.AttrString:
		w.bytes(4, a.s)
	case onnxio.AttrTensor:
		w.bytes(5, a.t.encode())
	case onnxio.AttrGraph:
		w.bytes(6, a.g.encode())
	case onnxio.AttrFloats:
		for _, v := range a.floats {
			w.float(7, v)
		}
	case onnxio.AttrInts:
		for _, v := range a.ints {
			w.int(8, v)
		}
	case onnxio.AttrStrings:
		for _, v := range a.strings {
			w.bytes(9, v)
		}
	}
	w.int(20, int64(a.typ))
	return w
}

func (t *tensor) encode() (w wire) {
	for _, d := range t.dims {
		w.int(1, d)
	}
	w.int(2, int64(t.dtype))
	w.name(8, t.name)
	w.bytes(9, t.data)
	return w
}

func (v *value) encode() (w wire) {
	w.text(1, v.name)
	if v.elem == onnxio.Undefined {
		return w
	}
	var shape, kind, typ wire
	for _, d := range v.dims {
		var dim wire
		if d.Known {
			dim.int(1, d.Value)
		} else if d.Param != "" {
			dim.text(2, d.Param)
		}
		shape.bytes(1, dim)
	}
	kind.int(1, int64(v.elem))
	if v.shape {
		kind.bytes(2, shape)
	}
	typ.bytes(1, kind)
	w.bytes(2, typ)
	return w
}

func (f *function) encode() (w wire) {
	w.text(1, f.name)
	for _, s := range f.in {
		w.text(4, s)
	}
	for _, s := range f.out {
		w.text(5, s)
	}
	for _, s := range f.attrs {
		w.text(6, s)
	}
	for _, n := range f.nodes {
		w.bytes(7, n.encode())
	}
	for _, o := range f.opsets {
		w.bytes(9, opset(o))
	}
	w.text(10, f.domain)
	for _, a := range f.defaults {
		w.bytes(11, a.encode())
	}
	w.name(13, f.overload)
	return w
}
