package operator

import (
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

func averagePool(c *Call) ([]*Value, error) {
	x := c.In[0]
	s, err := window(c, x, nil)
	if err != nil {
		return nil, err
	}
	include := c.Node.AttrInt("count_include_pad") != 0
	out := Like(x, x.DType, slices.Concat(x.Shape[:2], s.out))
	in, outs := tensor.Count(s.in), tensor.Count(s.out)
	// How many positions each window averages over, the same for all channels.
	area := make([]float64, outs)
	tensor.EachIndex(s.out, func(i int, at []int) {
		area[i] = 1
		for a, o := range at {
			area[i] *= float64(s.area(a, o, include))
		}
	})
	kernel.Split(x.Shape[0]*x.Shape[1], 1+(1<<12)/max(in, 1), func(first, end int) {
		line, space := newPooled(in, false), &pooledSpace{}
		for p := first; p < end; p++ {
			x.readDouble(line.v, p*in)
			for i, v := range s.windows(sumOf, line, space).v {
				put(out, p*outs+i, v/area[i])
			}
		}
	})
	return []*Value{out}, nil
}

// area is how many positions output o averages over along axis i: those inside the
// map, or inside the padding too.
func (s spatial) area(i, o int, padding bool) int {
	if !padding {
		first, last := s.slide(i).positions(o)
		if last < first {
			return 0
		}
		return (last-first)/int(s.Dilation[i]) + 1
	}
	room := s.in[i] + int(s.Begin[i]+s.End[i]) - o*int(s.Stride[i])
	return min(int(s.Kernel[i]), max((room+int(s.Dilation[i])-1)/int(s.Dilation[i]), 0))
}

func maxPool(c *Call) ([]*Value, error) {
	x := c.In[0]
	s, err := window(c, x, nil)
	if err != nil {
		return nil, err
	}
	shape := slices.Concat(x.Shape[:2], s.out)
	out := Like(x, x.DType, shape)
	places := c.Outs > 1
	at := &Value{}
	if places {
		at = integers(onnxio.Int64, shape)
	}
	in, outs := tensor.Count(s.in), tensor.Count(s.out)
	columns := c.Node.AttrInt("storage_order") != 0
	kernel.Split(x.Shape[0]*x.Shape[1], 1+(1<<12)/max(in, 1), func(first, end int) {
		line, space := newPooled(in, places), &pooledSpace{}
		for i := range line.at {
			line.at[i] = i
		}
		for p := first; p < end; p++ {
			x.readDouble(line.v, p*in)
			y := s.windows(highestOf, line, space)
			for i, v := range y.v {
				put(out, p*outs+i, v)
			}
			for i, k := range y.at {
				at.I[p*outs+i] = int64(p*in + k)
			}
		}
	})
	if columns && len(s.in) == 2 {
		for i, k := range at.I {
			q := int(k) % in
			at.I[i] = int64(int(k)/in*in + q%s.in[1]*s.in[0] + q/s.in[1])
		}
	}
	if !places {
		return []*Value{out}, nil
	}
	return []*Value{out, at}, nil
}

func globalPool(highest bool) Kernel {
	return func(c *Call) ([]*Value, error) {
		x := c.In[0]
		n := tensor.Count(x.Shape[2:])
		shape := slices.Clone(x.Shape)
		for i := 2; i < len(shape); i++ {
			shape[i] = 1
		}
		out := Like(x, x.DType, shape)
		kernel.Split(out.Len(), 1+(1<<14)/max(n, 1), func(from, to int) {
			line := make([]float64, n)
			for p := from; p < to; p++ {
				x.readDouble(line, p*n)
				put(out, p, pool(line, highest))
			}
		})
		return []*Value{out}, nil
	}
}

// pool is the mean of v, or its highest number.
func pool(v []float64, highest bool) float64 {
	if highest {
		top := math.Inf(-1)
		for _, x := range v {
			top = math.Max(top, x)
		}
		return top
	}
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
