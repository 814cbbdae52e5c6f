package operator

import (
	"fmt"
	"slices"

	"repmlp/verify/internal/tensor"
)

// col2Im adds the columns of an unfolded map back into the map.
func col2Im(c *Call) ([]*Value, error) {
	x := c.In[0]
	image, block := tensor.ToInts(c.In[1].I), tensor.ToInts(c.In[2].I)
	r := len(image)
	list := func(name string, def int64, n int) []int {
		if v := c.Node.Ints(name); len(v) == n {
			return tensor.ToInts(v)
		}
		return tensor.ToInts(slices.Repeat([]int64{def}, n))
	}
	dil, pads, stride := list("dilations", 1, r), list("pads", 0, 2*r), list("strides", 1, r)
	if len(x.Shape) != 3 || len(block) != r || x.Shape[1]%max(tensor.Count(block), 1) != 0 {
		return nil, fmt.Errorf("columns of shape %v do not fit blocks of %v", x.Shape, block)
	}
	channels := x.Shape[1] / tensor.Count(block)
	steps := make([]int, r)
	for i := range steps {
		steps[i] = (image[i]+pads[i]+pads[r+i]-dil[i]*(block[i]-1)-1)/stride[i] + 1
	}
	if tensor.Count(steps) != x.Shape[2] {
		return nil, fmt.Errorf("%d columns do not fit %v positions", x.Shape[2], steps)
	}
	out := Like(x, x.DType, slices.Concat([]int{x.Shape[0], channels}, image))
	acc := make([]float64, out.Len())
	st := tensor.Strides(image)
	for n := range x.Shape[0] {
		for ch := range channels {
			tensor.EachIndex(block, func(k int, tap []int) {
				tensor.EachIndex(steps, func(s int, at []int) {
					off := 0
					for a := range at {
						p := at[a]*stride[a] + tap[a]*dil[a] - pads[a]
						if p < 0 || p >= image[a] {
							return
						}
						off += p * st[a]
					}
					acc[(n*channels+ch)*tensor.Count(image)+off] += x.Float(((n*channels+ch)*tensor.Count(block)+k)*x.Shape[2] + s)
				})
			})
		}
	}
	fill(out, acc)
	return []*Value{out}, nil
}
