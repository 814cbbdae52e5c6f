package operator

import (
	"math"

	"repmlp/verify/internal/tensor"
)

func softmax(logarithm bool) Kernel {
	return func(c *Call) ([]*Value, error) {
		x := c.In[0]
		axis, err := tensor.AxisOf(c.Node.AttrInt("axis"), len(x.Shape))
		if err != nil {
			return nil, err
		}
		n, inner := x.Shape[axis], tensor.Count(x.Shape[axis+1:])
		if c.Run.Opset < 13 { // everything from the axis on is one run
			n, inner = tensor.Count(x.Shape[axis:]), 1
		}
		out := Like(x, x.DType, x.Shape)
		for r := 0; n > 0 && r < x.Len()/n; r++ {
			base := r/inner*n*inner + r%inner
			top := math.Inf(-1)
			for i := range n {
				top = math.Max(top, x.Float(base+i*inner))
			}
			sum := 0.0
			for i := range n {
				sum += math.Exp(x.Float(base+i*inner) - top)
			}
			for i := range n {
				v := x.Float(base+i*inner) - top
				if logarithm {
					v -= math.Log(sum)
				} else {
					v = math.Exp(v) / sum
				}
				put(out, base+i*inner, v)
			}
		}
		return []*Value{out}, nil
	}
}
