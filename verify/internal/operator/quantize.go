package operator

import (
	"fmt"
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// scaleIndex says which scale belongs to each element: one for all, one for each index
// of an axis, or one for each block of it.
func scaleIndex(c *Call, x, scale *Value) (func(i int) int, error) {
	block := int(c.Node.AttrInt("block_size"))
	if scale.Len() == 1 && block == 0 {
		return func(int) int { return 0 }, nil
	}
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, fmt.Errorf("%d scales do not fit shape %v", scale.Len(), x.Shape)
	}
	inner := tensor.Count(x.Shape[axis+1:])
	want := []int{x.Shape[axis]}
	if block > 0 {
		want = slices.Clone(x.Shape)
		want[axis] = (x.Shape[axis] + block - 1) / block
	}
	if block < 0 || !slices.Equal(scale.Shape, want) {
		return nil, fmt.Errorf("scales of shape %v do not fit shape %v", scale.Shape, x.Shape)
	}
	if block == 0 {
		return func(i int) int { return i / inner % want[0] }, nil
	}
	return func(i int) int {
		return (i/(inner*x.Shape[axis])*want[axis]+i/inner%x.Shape[axis]/block)*inner + i%inner
	}, nil
}

func quantize(c *Call) ([]*Value, error) {
	x, scale := c.In[0], c.In[1]
	at, err := scaleIndex(c, x, scale)
	if err != nil {
		return nil, err
	}
	d := onnxio.Uint8
	if c.has(2) {
		d = c.In[2].DType
	} else if to := onnxio.DType(c.Node.AttrInt("output_dtype")); to != onnxio.Undefined {
		d = to
	}
	lo, hi, err := whole(d)
	if err != nil {
		return nil, err
	}
	out := integers(d, x.Shape)
	for i := range out.I {
		k := at(i)
		q := x.Float(i) / scale.Float(k)
		if x.DType != onnxio.Float64 { // the quotient decides between whole numbers as runtimes round it
			q = float64(float32(q))
		}
		zero := 0.0
		if c.has(2) {
			zero = c.In[2].Float(k)
		}
		out.I[i] = toWhole(q, zero, lo, hi)
	}
	return []*Value{out}, nil
}

// toWhole rounds q to a whole number, halves to even ones, adds zero and cuts off at lo and hi.
func toWhole(q, zero, lo, hi float64) int64 {
	return int64(max(lo, min(hi, math.RoundToEven(q)+zero)))
}

// whole is the range of the numbers of a type that a float is quantised to.
func whole(d onnxio.DType) (lo, hi float64, err error) {
	switch d {
	case onnxio.Uint8:
		return 0, 255, nil
	case onnxio.Int8:
		return -128, 127, nil
	case onnxio.Uint16:
		return 0, 65535, nil
	case onnxio.Int16:
		return -32768, 32767, nil
	case onnxio.Uint4:
		return 0, 15, nil
	case onnxio.Int4:
		return -8, 7, nil
	}
	return 0, 0, Unsupportedf("the Go engine cannot quantise to %s", d)
}

func dequantize(c *Call) ([]*Value, error) {
	x, scale := c.In[0], c.In[1]
	if x.I == nil {
		return nil, Unsupportedf("the Go engine cannot dequantise %s", x.DType)
	}
	at, err := scaleIndex(c, x, scale)
	if err != nil {
		return nil, err
	}
	out := Like(scale, scale.DType, x.Shape)
	for i := range x.I {
		k := at(i)
		q := float64(x.I[i])
		if c.has(2) {
			q -= c.In[2].Float(k)
		}
		put(out, i, q*scale.Float(k))
	}
	return []*Value{out}, nil
}
