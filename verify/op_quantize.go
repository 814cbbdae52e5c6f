package verify

import (
	"fmt"
	"math"

	"repmlp/onnxio"
)

func quantizers() map[string]operator {
	return map[string]operator{"QuantizeLinear": quantize, "DequantizeLinear": dequantize}
}

// scaleIndex says which scale belongs to each element.
func scaleIndex(c *call, x, scale *Tensor) (func(i int) int, error) {
	if c.n.Int("block_size", 0) != 0 {
		return nil, unsupported("the Go engine lacks blocked quantisation")
	}
	if scale.Len() == 1 {
		return func(int) int { return 0 }, nil
	}
	axis, err := axisOf(c.n.Int("axis", 1), len(x.Shape))
	if err != nil || x.Shape[axis] != scale.Len() {
		return nil, fmt.Errorf("%d scales do not fit shape %v", scale.Len(), x.Shape)
	}
	inner := count(x.Shape[axis+1:])
	return func(i int) int { return i / inner % scale.Len() }, nil
}

func quantize(c *call) ([]*Tensor, error) {
	x, scale := c.in[0], c.in[1]
	at, err := scaleIndex(c, x, scale)
	if err != nil {
		return nil, err
	}
	d := onnxio.DType(c.n.Int("output_dtype", int64(onnxio.Uint8)))
	if c.has(2) {
		d = c.in[2].DType
	}
	lo, hi := 0.0, 255.0
	switch d {
	case onnxio.Uint8:
	case onnxio.Int8:
		lo, hi = -128, 127
	case onnxio.Uint16:
		hi = 65535
	case onnxio.Int16:
		lo, hi = -32768, 32767
	default:
		return nil, unsupported("the Go engine cannot quantise to %s", d)
	}
	out := &Tensor{DType: d, Shape: x.Shape, I: make([]int64, x.Len())}
	for i := range out.I {
		k := at(i)
		q := x.Float(i) / scale.Float(k)
		if x.F32 != nil {
			q = float64(float32(q))
		}
		v := math.RoundToEven(q)
		if c.has(2) {
			v += c.in[2].Float(k)
		}
		out.I[i] = int64(math.Max(lo, math.Min(hi, v)))
	}
	return []*Tensor{out}, nil
}

func dequantize(c *call) ([]*Tensor, error) {
	x, scale := c.in[0], c.in[1]
	if !x.DType.IsInt() {
		return nil, unsupported("the Go engine cannot dequantise %s", x.DType)
	}
	at, err := scaleIndex(c, x, scale)
	if err != nil {
		return nil, err
	}
	out := like(scale, scale.DType, x.Shape)
	for i := range x.I {
		k := at(i)
		q := float64(x.I[i])
		if c.has(2) {
			q -= c.in[2].Float(k)
		}
		put(out, i, q*scale.Float(k))
	}
	return []*Tensor{out}, nil
}
