package operator

import (
	"errors"

	"repmlp/verify/internal/tensor"
)

func scatterElements(c *Call) ([]*Value, error) {
	x, idx, up := c.In[0], c.In[1], c.In[2]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	mode := c.Node.AttrString("reduction")
	st := tensor.Strides(x.Shape)
	out := pick(x, x.Shape, st, 0)
	tensor.EachIndex(idx.Shape, func(i int, at []int) {
		off, e := replaced(at, axis, idx.I[i], x.Shape[axis], st)
		if e != nil {
			err = e
			return
		}
		if mode == "none" {
			copyElement(out, off, up, i)
		} else if e := reduceElement(out, off, up, i, mode); e != nil {
			err = e
		}
	})
	return []*Value{out}, err
}

func scatterND(c *Call) ([]*Value, error) {
	x, idx, up := c.In[0], c.In[1], c.In[2]
	mode := c.Node.AttrString("reduction")
	if len(idx.Shape) == 0 {
		return nil, errors.New("its indices are a scalar")
	}
	k := idx.Shape[len(idx.Shape)-1]
	if k > len(x.Shape) {
		return nil, errors.New("its indices are longer than the rank")
	}
	inner := tensor.Count(x.Shape[k:])
	st := tensor.Strides(x.Shape)
	out := pick(x, x.Shape, st, 0)
	for i := range tensor.Count(idx.Shape[:len(idx.Shape)-1]) {
		base := 0
		for j := range k {
			a, err := tensor.AxisOf(idx.I[i*k+j], x.Shape[j])
			if err != nil {
				return nil, err
			}
			base += a * st[j]
		}
		for j := range inner {
			if mode == "none" {
				copyElement(out, base+j, up, i*inner+j)
				continue
			}
			if err := reduceElement(out, base+j, up, i*inner+j, mode); err != nil {
				return nil, err
			}
		}
	}
	return []*Value{out}, nil
}

func reduceElement(dst *Value, i int, src *Value, j int, mode string) error {
	f := func(a, b float64) float64 { return a + b }
	switch mode {
	case "add":
	case "mul":
		f = func(a, b float64) float64 { return a * b }
	case "max":
		f = func(a, b float64) float64 { return max(a, b) }
	case "min":
		f = func(a, b float64) float64 { return min(a, b) }
	default:
		return Unsupportedf("the Go engine lacks the reduction %q", mode)
	}
	v := f(dst.Float(i), src.Float(j))
	switch {
	case dst.F32 != nil:
		dst.F32[i] = float32(v)
	case dst.F64 != nil:
		dst.F64[i] = v
	default:
		dst.I[i] = int64(v)
	}
	return nil
}
