package graph

import (
	"math"

	"repmlp/onnxio"
)

// QuantizeLinear and DequantizeLinear of constants (opset 10 to 25): one scale for the
// tensor, one for each index of an axis (13), or one for each block of it (21).

// quantization returns, for the elements of x in order, which scale each has.
func (e *evaluation) quantization(n *Node, x *Const, in []*Const) (of []int, err error) {
	scale, block := in[1], n.AttrInt("block_size")
	if len(in) > 2 && in[2] != nil && in[2].Len() != scale.Len() {
		return nil, errShape
	}
	of = make([]int, x.Len())
	if scale.Len() == 1 && len(scale.Shape) <= 1 && block == 0 {
		return of, nil
	}
	if e.g.Opset < 13 {
		return nil, errShape
	}
	axis, ok := Axis(n.AttrInt("axis"), len(x.Shape))
	if !ok {
		return nil, errAxis
	}
	if block == 0 {
		if len(scale.Shape) != 1 || scale.Len() != x.Shape[axis] {
			return nil, errShape
		}
		lines(x.Shape, axis, func(at, step int) {
			for i := range x.Shape[axis] {
				of[at+i*step] = i
			}
		})
		return of, nil
	}
	if block < 1 || len(scale.Shape) != len(x.Shape) {
		return nil, errShape
	}
	for i, d := range scale.Shape {
		if i != axis && d != x.Shape[i] || i == axis && int64(d) != (int64(x.Shape[axis])-1)/block+1 {
			return nil, errShape
		}
	}
	st := strides(scale.Shape)
	walk(x.Shape, func(i int, idx []int) {
		of[i] = dot(idx, st) + (idx[axis]/int(block)-idx[axis])*st[axis]
	})
	return of, nil
}

// constDequantize is DequantizeLinear: (x - zero)·scale.
func constDequantize(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, scale := in[0], in[1]
	if to := n.Out[0].Elem; to != scale.DType {
		return nil, errShape
	}
	of, err := e.quantization(n, x, in)
	if err != nil {
		return nil, err
	}
	out, err := e.make(scale.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	for i, k := range of {
		q := x.at(i)
		if len(in) > 2 && in[2] != nil {
			q -= in[2].at(k)
		}
		out.F[i] = q * scale.F[k]
	}
	return out.settle(scale.inexact)
}

// quantized has the range of the integers that floats are quantised to.
var quantized = map[onnxio.DType][2]float64{
	onnxio.Uint8: {0, 255}, onnxio.Int8: {-128, 127}, onnxio.Uint16: {0, 65535}, onnxio.Int16: {-32768, 32767},
	onnxio.Uint4: {0, 15}, onnxio.Int4: {-8, 7},
}

// constQuantize is QuantizeLinear: the quotient by the scale, rounded to the nearest
// whole number, halves to even ones, plus zero, cut off at the ends of the type. The
// quotient is a float32 in runtimes, which decides between halves.
func constQuantize(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, scale, to := in[0], in[1], n.Out[0].Elem
	ends, ok := quantized[to]
	if !ok || x.F == nil || scale.F == nil || x.DType == onnxio.Float64 || scale.DType == onnxio.Float64 {
		return nil, errUndefined
	}
	if p := n.Attr("precision"); p != nil && p.I() != int64(onnxio.Float32) && p.I() != 0 {
		return nil, errUndefined
	}
	of, err := e.quantization(n, x, in)
	if err != nil {
		return nil, err
	}
	out, err := e.make(to, x.Shape)
	if err != nil {
		return nil, err
	}
	sure := Const{DType: x.DType, inexact: x.inexact || scale.inexact}
	for i, k := range of {
		q := x.F[i] / scale.F[k]
		if math.IsNaN(q) || !sure.decided(q, math.Floor(q)+0.5) {
			return nil, errRounding
		}
		v := math.RoundToEven(float64(float32(q)))
		if len(in) > 2 && in[2] != nil {
			v += in[2].at(k)
		}
		out.I[i] = int64(min(max(v, ends[0]), ends[1]))
	}
	return out, nil
}
