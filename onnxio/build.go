package onnxio

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Parts are what NewModel makes a model of.
type Parts struct {
	IRVersion int64 // 8 if zero
	Opset     int64 // of ai.onnx, 17 if zero
	Inputs    []*ValueInfo
	Outputs   []*ValueInfo
	Nodes     []*Node
	Inits     []*Tensor
}

// NewValue declares a tensor value. A dimension is a number, or a name where
// its value is unknown.
func NewValue(name string, elem DType, dims ...Dim) *ValueInfo {
	var shape []byte
	for _, d := range dims {
		var b []byte
		if d.Known {
			b = varint(b, 1, uint64(d.Value))
		} else if d.Param != "" {
			b = text(b, 2, d.Param)
		}
		shape = message(shape, 1, b)
	}
	tensor := message(varint(nil, 1, uint64(elem)), 2, shape)
	raw := message(text(nil, 1, name), 2, message(nil, 1, tensor))
	return &ValueInfo{name: name, elem: elem, dims: slices.Clone(dims), shape: true, kind: "tensor", raw: raw}
}

// WithDims declares the tensor with another shape; all else that is said of it stays.
func (v *ValueInfo) WithDims(dims ...Dim) *ValueInfo {
	out := NewValue(v.name, v.elem, dims...)
	said, _ := splitFields(v.raw) // it was read or made here
	typed, _ := splitFields(out.raw)
	var raw []byte
	for _, f := range said {
		if f.num != 2 {
			raw = append(raw, f.raw...)
		}
	}
	for _, f := range typed {
		if f.num == 2 {
			raw = append(raw, f.raw...)
		}
	}
	out.raw = raw
	return out
}

// Untyped declares a value of unknown rank.
func Untyped(name string, elem DType) *ValueInfo {
	raw := message(text(nil, 1, name), 2, message(nil, 1, varint(nil, 1, uint64(elem))))
	return &ValueInfo{name: name, elem: elem, kind: "tensor", raw: raw}
}

// NewSparse makes a sparse tensor of a shape: values, whose name is that of the whole,
// and where each belongs, as int64 numbers of elements or, in a matrix, one of each axis.
func NewSparse(values, indices *Tensor, dims []int64) (*SparseTensor, error) {
	var b blob
	for i, t := range []*Tensor{values, indices} {
		inner, err := (&encoder{}).tensor(t)
		if err != nil {
			return nil, err
		}
		b.wrap(protowire.Number(i+1), inner)
	}
	raw, err := b.join()
	if err != nil {
		return nil, err
	}
	for _, d := range dims {
		raw = varint(raw, 3, uint64(d))
	}
	return (&parser{}).sparse(raw)
}

// Known is a dimension with a value, Named one with a name.
func Known(n int64) Dim { return Dim{Value: n, Known: true} }

// Named is a dimension that is known by its name only.
func Named(s string) Dim { return Dim{Param: s} }

// NewModel makes a model and checks it as Load does.
func NewModel(p Parts) (*Model, error) {
	b, err := encodeParts(p)
	if err != nil {
		return nil, err
	}
	return Parse(b, "")
}

func encodeParts(p Parts) ([]byte, error) {
	if p.IRVersion == 0 {
		p.IRVersion = 8
	}
	if p.Opset == 0 {
		p.Opset = 17
	}
	g, err := encodeGraph(p)
	if err != nil {
		return nil, err
	}
	var m blob
	m.add(varint(nil, 1, uint64(p.IRVersion)))
	m.wrap(7, g)
	m.add(message(nil, 8, varint(text(nil, 1, ""), 2, uint64(p.Opset))))
	return m.join()
}

// encodeGraph is the graph of p; its version and opset are the model's.
func encodeGraph(p Parts) (blob, error) {
	var g blob
	for _, n := range p.Nodes {
		g.add(message(nil, 1, n.raw))
	}
	g.add(text(nil, 2, "graph"))
	for _, t := range p.Inits {
		inner, err := (&encoder{}).tensor(t)
		if err != nil {
			return blob{}, err
		}
		g.wrap(5, inner)
	}
	for _, v := range p.Inputs {
		g.add(message(nil, 11, v.raw))
	}
	for _, v := range p.Outputs {
		g.add(message(nil, 12, v.raw))
	}
	return g, nil
}

// GraphAttr makes the body of an If, Loop or Scan node, which reads from outside
// what it does not make. The version and opset of body are those of the model.
func GraphAttr(name string, body Parts) (*Attr, error) {
	g, err := encodeGraph(body)
	if err != nil {
		return nil, err
	}
	raw, err := g.join()
	if err != nil {
		return nil, err
	}
	a, err := (&parser{}).attr(varint(message(text(nil, 1, name), 6, raw), 20, uint64(AttrGraph)), 0)
	if err != nil {
		return nil, fmt.Errorf("making the body %q: %w", name, err)
	}
	return a, nil
}

// Subgraph is the body of an If, Loop or Scan node as a model of its own: what
// it captures from outside becomes inputs behind its own.
func (m *Model) Subgraph(g *Graph) *Model {
	body := *g
	body.inputs = append([]*ValueInfo{}, g.inputs...)
	for _, name := range g.Captures() {
		body.inputs = append(body.inputs, &ValueInfo{name: name, raw: text(nil, 1, name)})
	}
	out := *m
	out.graph = &body
	out.fields = nil // it is run, not written
	return &out
}
