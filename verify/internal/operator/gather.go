package operator

import (
	"fmt"
	"slices"

	"repmlp/verify/internal/tensor"
)

func gatherElements(c *Call) ([]*Value, error) {
	x, idx := c.In[0], c.In[1]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	out := Like(x, x.DType, idx.Shape)
	st := tensor.Strides(x.Shape)
	tensor.EachIndex(idx.Shape, func(i int, at []int) {
		off, e := replaced(at, axis, idx.I[i], x.Shape[axis], st)
		if e != nil {
			err = e
			return
		}
		copyElement(out, i, x, off)
	})
	return []*Value{out}, err
}

// replaced is the offset of index at with its position along axis, which has n
// of them, replaced by k.
func replaced(at []int, axis int, k int64, n int, stride []int) (int, error) {
	p, err := tensor.AxisOf(k, n)
	if err != nil {
		return 0, err
	}
	off := 0
	for a, q := range at {
		if a == axis {
			q = p
		}
		off += q * stride[a]
	}
	return off, nil
}

func gatherND(c *Call) ([]*Value, error) {
	x, idx := c.In[0], c.In[1]
	b := int(c.Node.AttrInt("batch_dims"))
	r := len(idx.Shape)
	if r == 0 || b >= r || b > len(x.Shape) {
		return nil, fmt.Errorf("indices of shape %v do not fit %v", idx.Shape, x.Shape)
	}
	k := idx.Shape[r-1]
	if b+k > len(x.Shape) {
		return nil, fmt.Errorf("indices of shape %v do not fit %v", idx.Shape, x.Shape)
	}
	st := tensor.Strides(x.Shape)
	inner := tensor.Count(x.Shape[b+k:])
	out := Like(x, x.DType, slices.Concat(idx.Shape[:r-1], x.Shape[b+k:]))
	batch := tensor.Count(idx.Shape[:b])
	per := tensor.Count(idx.Shape[b : r-1])
	for i := range batch * per {
		off := i / max(per, 1) * tensor.Count(x.Shape[b:])
		for j := range k {
			a, err := tensor.AxisOf(idx.I[i*k+j], x.Shape[b+j])
			if err != nil {
				return nil, err
			}
			off += a * st[b+j]
		}
		for j := range inner {
			copyElement(out, i*inner+j, x, off+j)
		}
	}
	return []*Value{out}, nil
}

func gather(c *Call) ([]*Value, error) {
	x, idx := c.In[0], c.In[1]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	outer, inner, n := tensor.Count(x.Shape[:axis]), tensor.Count(x.Shape[axis+1:]), x.Shape[axis]
	shape := slices.Concat(x.Shape[:axis], idx.Shape, x.Shape[axis+1:])
	out := Like(x, x.DType, shape)
	at := 0
	for o := range outer {
		for _, i := range idx.I {
			k, err := tensor.AxisOf(i, n)
			if err != nil {
				return nil, fmt.Errorf("index %d is out of range for axis %d of %v", i, axis, x.Shape)
			}
			from := (o*n + k) * inner
			for j := range inner {
				copyElement(out, at+j, x, from+j)
			}
			at += inner
		}
	}
	return []*Value{out}, nil
}
