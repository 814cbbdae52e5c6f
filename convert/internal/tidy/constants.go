package tidy

import (
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// maxNew is how many elements a constant may have that takes more room than what it is
// made of.
const maxNew = 1 << 10

// tensor is the value of v where it is known to the bit and becomes a constant of the
// file, nil where a node goes on making it.
func (t *net) tensor(v *graph.Value) *onnxio.Tensor {
	if have, asked := t.tensors[v]; asked {
		return have
	}
	x := t.worked(v)
	t.tensors[v] = x
	return x
}

func (t *net) worked(v *graph.Value) *onnxio.Tensor {
	n := v.Producer
	if n == nil || v.IsOutput || v.Sparse || len(n.Out) != 1 || !n.Sound() {
		return nil
	}
	if n.OpType() == "Constant" {
		return t.stated(n, v)
	}
	if !v.Typed() || !small(v) || t.of(v) != sure || v.Elem.IsFloat() && !t.plain[v] {
		return nil
	}
	if !t.g.IsConst(v) || count(v) > maxNew && v.Elem.IsFloat() && count(v) > t.given(n) {
		return nil
	}
	c, err := t.g.Const(v)
	if err != nil || c.DType != v.Elem || !c.Exact() {
		return nil
	}
	return stored(v, c.F, c.I)
}

// given is how many elements of constants go when nothing reads them but n.
func (t *net) given(n *graph.Node) int64 {
	total := int64(0)
	for _, in := range n.In {
		if in != nil && in.ReadCount() == 1 {
			total += max(0, count(in))
		}
	}
	return total
}

// stored is a constant of the file, nil where numbers do not fit the value.
func stored(v *graph.Value, floats []float64, ints []int64) *onnxio.Tensor {
	var raw []byte
	var err error
	if v.Elem.IsFloat() {
		raw, err = onnxio.EncodeFloat64(floats, v.Elem)
	} else {
		raw, err = onnxio.EncodeInt64(ints, v.Elem)
	}
	if err != nil {
		return nil
	}
	x, err := onnxio.NewTensor(v.Name, v.Elem, numbersOf(v), raw)
	if err != nil {
		return nil
	}
	return x
}

func numbersOf(v *graph.Value) []int64 {
	dims := dimsOf(v)
	out := make([]int64, len(dims))
	for i, d := range dims {
		out[i], _ = d.Int()
	}
	return out
}

// stated is the value of a Constant node, which is its own where the file must have
// such nodes.
func (t *net) stated(n *graph.Node, v *graph.Value) *onnxio.Tensor {
	if t.g.Model.IRVersion() < listed {
		return nil
	}
	if a := n.Attr("value"); a != nil && a.T() != nil {
		b, err := a.T().Bytes()
		if err != nil {
			return nil // strings and the like
		}
		x, err := onnxio.NewTensor(v.Name, a.T().DType(), a.T().Dims(), b)
		if err != nil {
			return nil
		}
		return x
	}
	if !t.g.IsConst(v) {
		return nil
	}
	c, err := t.g.Const(v)
	if err != nil || c.DType != v.Elem {
		return nil
	}
	return stored(v, c.F, c.I)
}
