package operator

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify/internal/tensor"
)

func trilu(c *Call) ([]*Value, error) {
	x := c.In[0]
	r := len(x.Shape)
	if r < 2 {
		return nil, fmt.Errorf("shape %v has no matrices", x.Shape)
	}
	k := 0
	if c.has(1) {
		k = int(c.In[1].I[0])
	}
	upper := c.Node.AttrInt("upper") != 0
	h, w := x.Shape[r-2], x.Shape[r-1]
	out := Like(x, x.DType, x.Shape)
	for i := range x.Len() {
		row, col := i/w%h, i%w
		if upper && col-row >= k || !upper && col-row <= k {
			copyElement(out, i, x, i)
		}
	}
	return []*Value{out}, nil
}

func depthToSpace(c *Call) ([]*Value, error) {
	x := c.In[0]
	b := int(c.Node.AttrInt("blocksize"))
	if len(x.Shape) != 4 || b < 1 || x.Shape[1]%(b*b) != 0 {
		return nil, fmt.Errorf("shape %v does not fit blocks of %d", x.Shape, b)
	}
	n, d, h, w := x.Shape[0], x.Shape[1]/(b*b), x.Shape[2], x.Shape[3]
	cut, perm := []int{n, b, b, d, h, w}, []int{0, 3, 4, 1, 5, 2}
	if c.Node.AttrString("mode") == "CRD" {
		cut, perm = []int{n, d, b, b, h, w}, []int{0, 1, 4, 2, 5, 3}
	}
	return reshaped(permuted(x.view(cut), perm), []int{n, d, h * b, w * b})
}

func spaceToDepth(c *Call) ([]*Value, error) {
	x := c.In[0]
	b := int(c.Node.AttrInt("blocksize"))
	if len(x.Shape) != 4 || b < 1 || x.Shape[2]%b != 0 || x.Shape[3]%b != 0 {
		return nil, fmt.Errorf("shape %v does not fit blocks of %d", x.Shape, b)
	}
	n, d, h, w := x.Shape[0], x.Shape[1], x.Shape[2]/b, x.Shape[3]/b
	return reshaped(permuted(x.view([]int{n, d, h, b, w, b}), []int{0, 3, 5, 1, 2, 4}), []int{n, d * b * b, h, w})
}

// pick makes a tensor of the given shape from elements of x at base plus the
// strides.
func pick(x *Value, shape, stride []int, base int) *Value {
	out := Like(x, x.DType, shape)
	// Trailing axes that lie dense are copied as runs.
	run, k := 1, len(shape)
	for k > 0 && stride[k-1] == run {
		run *= shape[k-1]
		k--
	}
	tensor.Walk(shape[:k], stride[:k], func(i, o int) {
		switch {
		case out.F32 != nil:
			copy(out.F32[i*run:(i+1)*run], x.F32[base+o:])
		case out.F64 != nil:
			copy(out.F64[i*run:(i+1)*run], x.F64[base+o:])
		default:
			copy(out.I[i*run:(i+1)*run], x.I[base+o:])
		}
	})
	return out
}

func permuted(x *Value, perm []int) *Value {
	st := tensor.Strides(x.Shape)
	shape, stride := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], stride[i] = x.Shape[p], st[p]
	}
	return pick(x, shape, stride, 0)
}

func transpose(c *Call) ([]*Value, error) {
	if p := c.Node.Ints("perm"); p != nil && len(p) != len(c.In[0].Shape) {
		return nil, fmt.Errorf("it permutes %d axes of a tensor of rank %d", len(p), len(c.In[0].Shape))
	}
	return []*Value{permuted(c.In[0], graph.Perm(c.Node, len(c.In[0].Shape)))}, nil
}

func concat(c *Call) ([]*Value, error) {
	axis, err := tensor.AxisOf(c.Node.Int("axis", 1), len(c.In[0].Shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(c.In[0].Shape)
	shape[axis] = 0
	for _, x := range c.In {
		if len(x.Shape) != len(shape) {
			return nil, errors.New("its inputs differ in rank")
		}
		for i, d := range x.Shape {
			if i != axis && d != shape[i] {
				return nil, fmt.Errorf("shapes %v and %v cannot be joined along axis %d", c.In[0].Shape, x.Shape, axis)
			}
		}
		shape[axis] += x.Shape[axis]
	}
	out := Like(c.In[0], c.In[0].DType, shape)
	outer, inner := tensor.Count(shape[:axis]), tensor.Count(shape[axis+1:])
	at := 0
	for o := range outer {
		for _, x := range c.In {
			n := x.Shape[axis] * inner
			switch {
			case out.F32 != nil:
				copy(out.F32[at:at+n], x.F32[o*n:])
			case out.F64 != nil:
				copy(out.F64[at:at+n], x.F64[o*n:])
			default:
				copy(out.I[at:at+n], x.I[o*n:])
			}
			at += n
		}
	}
	return []*Value{out}, nil
}

func split(c *Call) ([]*Value, error) {
	x := c.In[0]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	sizes, given := c.list("split", 1)
	if !given {
		n := c.Node.Int("num_outputs", int64(c.Outs))
		chunk := (int64(x.Shape[axis]) + n - 1) / n
		left := int64(x.Shape[axis])
		for range n {
			sizes = append(sizes, min(chunk, left))
			left -= min(chunk, left)
		}
	}
	st := tensor.Strides(x.Shape)
	var outs []*Value
	from := 0
	for _, s := range sizes {
		shape := slices.Clone(x.Shape)
		shape[axis] = int(s)
		if from+int(s) > x.Shape[axis] || s < 0 {
			return nil, fmt.Errorf("its sizes %v do not fit axis %d of %v", sizes, axis, x.Shape)
		}
		outs = append(outs, pick(x, shape, st, from*st[axis]))
		from += int(s)
	}
	return outs, nil
}

func slice(c *Call) ([]*Value, error) {
	x := c.In[0]
	starts, ok := c.list("starts", 1)
	ends, ok2 := c.list("ends", 2)
	if !ok || !ok2 || len(starts) != len(ends) {
		return nil, errors.New("its bounds do not fit")
	}
	axes, given := c.list("axes", 3)
	var steps []int64
	if c.has(4) {
		steps = c.In[4].I
	}
	shape, st := slices.Clone(x.Shape), tensor.Strides(x.Shape)
	base := 0
	for i := range starts {
		a := int64(i)
		if given {
			a = axes[i]
		}
		k, err := tensor.AxisOf(a, len(shape))
		if err != nil {
			return nil, err
		}
		s := graph.Steps{Axis: int64(k), Start: starts[i], End: ends[i], Step: 1}
		if steps != nil {
			s.Step = steps[i]
		}
		if s.Step == 0 {
			return nil, errors.New("it has step 0")
		}
		start, n := s.Range(int64(x.Shape[k]))
		base += int(start) * st[k]
		shape[k] = int(n)
		st[k] *= int(s.Step)
	}
	if tensor.Count(shape) == 0 {
		return []*Value{Like(x, x.DType, shape)}, nil
	}
	return []*Value{pick(x, shape, st, base)}, nil
}

func expand(c *Call) ([]*Value, error) {
	shape, err := tensor.Broadcast(c.In[0].Shape, tensor.ToInts(c.In[1].I))
	if err != nil {
		return nil, err
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	return []*Value{pick(c.In[0], shape, tensor.Spread(c.In[0].Shape, shape), 0)}, nil
}

func tile(c *Call) ([]*Value, error) {
	x := c.In[0]
	r := tensor.ToInts(c.In[1].I)
	if len(r) != len(x.Shape) {
		return nil, errors.New("its repeats do not fit the rank")
	}
	// Repeat axes of stride zero in front of each axis.
	var shape, stride, final []int
	st := tensor.Strides(x.Shape)
	for i, d := range x.Shape {
		shape, stride = append(shape, r[i], d), append(stride, 0, st[i])
		final = append(final, r[i]*d)
	}
	if err := c.fits(final); err != nil {
		return nil, err
	}
	return reshaped(pick(x, shape, stride, 0), final)
}
