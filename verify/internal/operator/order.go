package operator

import (
	"fmt"
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
	above := c.Node.AttrInt("largest") != 0
	order := make([]int, n)
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		for i := range order {
			order[i] = i
		}
		sort.SliceStable(order, func(a, b int) bool {
			return x.beyond(base+order[a]*inner, base+order[b]*inner, above)
		})
		to := r/inner*int(k)*inner + r%inner
		for i := range int(k) {
			copyElement(out, to+i*inner, x, base+order[i]*inner)
			at.I[to+i*inner] = int64(order[i])
		}
	}
	return []*Value{out, at}, nil
}

// beyond reports whether element i is above element j, or else below it; integers are
// compared as what they are, float64 would lose what is above 2^53.
func (t *Value) beyond(i, j int, above bool) bool {
	if !above {
		i, j = j, i
	}
	if t.I == nil {
		return t.Float(i) > t.Float(j)
	}
	return less64(t.DType, t.I[j], t.I[i])
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
			if x.beyond(base+i*inner, base+best*inner, true) {
				best = i
			}
		}
		put(out, base+best*inner, 1)
	}
	return []*Value{out}, nil
}

func argBest(above bool) Kernel {
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
			best := 0
			for i := range n {
				if x.beyond(base+i*inner, base+best*inner, above) || last && !x.beyond(base+best*inner, base+i*inner, above) {
					best = i
				}
			}
			out.I[r] = int64(best)
		}
		if c.Node.AttrInt("keepdims") != 1 {
			out.Shape = slices.Delete(slices.Clone(shape), axis, axis+1)
		}
		return []*Value{out}, nil
	}
}
