package operator

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

func topK(c *Call) ([]*Value, error) {
	x := c.In[0]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	k := c.Node.AttrInt("k")
	if c.has(1) {
		k = c.In[1].I[0]
	}
	n, inner := x.Shape[axis], tensor.Count(x.Shape[axis+1:])
	if k < 0 || int(k) > n {
		return nil, fmt.Errorf("it takes %d of %d elements", k, n)
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = int(k)
	out := Like(x, x.DType, shape)
	at := integers(onnxio.Int64, shape)
	sign := 1.0
	if c.Node.AttrInt("largest") == 0 {
		sign = -1
	}
	order := make([]int, n)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		for i := range order {
			order[i] = i
		}
		sort.SliceStable(order, func(a, b int) bool {
			return sign*x.Float(base+order[a]*inner) > sign*x.Float(base+order[b]*inner)
		})
		to := r/inner*int(k)*inner + r%inner
		for i := range int(k) {
			copyElement(out, to+i*inner, x, base+order[i]*inner)
			at.I[to+i*inner] = int64(order[i])
		}
	}
	return []*Value{out, at}, nil
}

func nonZero(c *Call) ([]*Value, error) {
	x := c.In[0]
	r := len(x.Shape)
	var rows [][]int
	tensor.EachIndex(x.Shape, func(i int, at []int) {
		if x.Float(i) != 0 {
			rows = append(rows, slices.Clone(at))
		}
	})
	out := integers(onnxio.Int64, []int{r, len(rows)})
	for j, at := range rows {
		for a, p := range at {
			out.I[a*len(rows)+j] = int64(p)
		}
	}
	return []*Value{out}, nil
}

func hardmax(c *Call) ([]*Value, error) {
	x := c.In[0]
	axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	n, inner := x.Shape[axis], tensor.Count(x.Shape[axis+1:])
	if c.Run.Opset < 13 {
		n, inner = tensor.Count(x.Shape[axis:]), 1
	}
	out := Like(x, x.DType, x.Shape)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		best := 0
		for i := range n {
			if x.Float(base+i*inner) > x.Float(base+best*inner) {
				best = i
			}
		}
		put(out, base+best*inner, 1)
	}
	return []*Value{out}, nil
}

func argBest(sign float64) Kernel {
	return func(c *Call) ([]*Value, error) {
		x := c.In[0]
		axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
		if err != nil {
			return nil, err
		}
		n, inner := x.Shape[axis], tensor.Count(x.Shape[axis+1:])
		shape := slices.Clone(x.Shape)
		shape[axis] = 1
		out := integers(onnxio.Int64, shape)
		last := c.Node.AttrInt("select_last_index") != 0
		for r := range out.I {
			base := r/inner*n*inner + r%inner
			best := math.Inf(-1)
			for i := range n {
				v := sign * x.Float(base+i*inner)
				if v > best || i == 0 || last && v == best {
					best = v
					out.I[r] = int64(i)
				}
			}
		}
		if c.Node.AttrInt("keepdims") != 1 {
			out.Shape = slices.Delete(slices.Clone(shape), axis, axis+1)
		}
		return []*Value{out}, nil
	}
}
