package operator

import (
	"errors"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

func oneHot(c *Call) ([]*Value, error) {
	idx, values := c.In[0], c.In[2]
	depth := int(c.In[1].Float(0))
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(idx.Shape)+1)
	if err != nil {
		return nil, err
	}
	shape := slices.Insert(slices.Clone(idx.Shape), axis, depth)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := Like(values, values.DType, shape)
	inner := tensor.Count(idx.Shape[axis:])
	for i := range out.Len() {
		row, col := i/inner/depth*inner+i%inner, i/inner%depth
		k := int(idx.Float(row))
		if k < 0 {
			k += depth
		}
		from := 0
		if k == col {
			from = 1
		}
		copyElement(out, i, values, from)
	}
	return []*Value{out}, nil
}

func constantOfShape(c *Call) ([]*Value, error) {
	shape := tensor.ToInts(c.In[0].I)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	v := c.zeros(onnxio.Float32, []int{1})
	if a := c.Node.Attr("value"); a != nil && a.T() != nil {
		var err error
		if v, err = c.Constant(a.T()); err != nil {
			return nil, err
		}
	}
	return []*Value{pick(v, shape, make([]int, len(shape)), 0)}, nil
}

func constantOp(c *Call) ([]*Value, error) {
	float := func(shape []int, v []float32) []*Value {
		t := &tensor.Tensor{DType: onnxio.Float32, Shape: shape, F32: v}
		return []*Value{{Tensor: *tensor.Convert(t, c.Run.Mode != Single)}}
	}
	for _, a := range c.Node.Attrs() {
		switch a.Name() {
		case "value":
			return one(c.Constant(a.T()))
		case "value_int":
			return []*Value{scalar(onnxio.Int64, a.I())}, nil
		case "value_ints":
			return []*Value{list(onnxio.Int64, slices.Clone(a.Ints()))}, nil
		case "value_float":
			return float([]int{}, []float32{a.F()}), nil
		case "value_floats":
			return float([]int{len(a.Floats())}, slices.Clone(a.Floats())), nil
		}
	}
	return nil, Unsupportedf("the Go engine has no constants of this kind")
}

func rangeOp(c *Call) ([]*Value, error) {
	a, b, d := c.In[0], c.In[1], c.In[2]
	if d.Float(0) == 0 {
		return nil, errors.New("it has step 0")
	}
	n := int(max(0, ceil((b.Float(0)-a.Float(0))/d.Float(0))))
	if err := c.fits([]int{n}); err != nil {
		return nil, err
	}
	out := Like(a, a.DType, []int{n})
	for i := range n {
		switch {
		case out.I != nil:
			out.I[i] = a.I[0] + int64(i)*d.I[0]
		case out.F64 != nil:
			out.F64[i] = a.Float(0) + float64(i)*d.Float(0)
		default:
			out.F32[i] = a.F32[0] + float32(i)*d.F32[0]
		}
	}
	return []*Value{out}, nil
}

func ceil(v float64) float64 {
	t := float64(int64(v))
	if t < v {
		t++
	}
	return t
}

func eyeLike(c *Call) ([]*Value, error) {
	x := c.In[0]
	d := onnxio.DType(c.Node.Int("dtype", int64(x.DType)))
	if d == onnxio.Undefined {
		return nil, errors.New("its dtype is no type")
	}
	out := c.zeros(d, x.Shape)
	for i := range x.Shape[0] {
		j := i + int(c.Node.AttrInt("k"))
		if j < 0 || j >= x.Shape[1] {
			continue
		}
		k := i*x.Shape[1] + j
		switch {
		case out.F32 != nil:
			out.F32[k] = 1
		case out.F64 != nil:
			out.F64[k] = 1
		default:
			out.I[k] = 1
		}
	}
	return []*Value{out}, nil
}
