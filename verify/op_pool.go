package verify

import (
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/kernel"
)

func pools() map[string]operator {
	return map[string]operator{"AveragePool": averagePool, "MaxPool": maxPool, "GlobalAveragePool": globalPool(false), "GlobalMaxPool": globalPool(true)}
}

func averagePool(c *call) ([]*Tensor, error) {
	x := c.in[0]
	s, err := window(c, x, nil)
	if err != nil {
		return nil, err
	}
	include := c.n.Int("count_include_pad", 0) != 0
	out := like(x, x.DType, slices.Concat(x.Shape[:2], s.out))
	acc := make([]float64, count(s.out))
	// How many positions each window averages over, the same for all channels.
	area := make([]float64, len(acc))
	size := toInts(s.Kernel)
	eachIndex(s.out, func(i int, at []int) {
		area[i] = 1
		for a := range at {
			n := 0
			for k := range size[a] {
				p := at[a]*int(s.Stride[a]) + k*int(s.Dilation[a])
				if include && p < s.in[a]+int(s.Begin[a]+s.End[a]) || !include && p >= int(s.Begin[a]) && p < s.in[a]+int(s.Begin[a]) {
					n++
				}
			}
			area[i] *= float64(n)
		}
	})
	taps := s.taps()
	r := len(s.out) - 1
	in := count(s.in)
	for p := range x.Shape[0] * x.Shape[1] {
		clear(acc)
		for _, t := range taps {
			a, b := s.span(t[r])
			s.eachRow(t, func(dst, off int) {
				for k := a; k < b; k++ {
					acc[dst+k] += x.Float(p*in + off + k*int(s.Stride[r]) + t[r])
				}
			})
		}
		for i, v := range acc {
			put(out, p*len(acc)+i, v/area[i])
		}
	}
	return []*Tensor{out}, nil
}

// put rounds v into element i of a float tensor.
func put(t *Tensor, i int, v float64) {
	switch {
	case t.F64 != nil:
		t.F64[i] = v
	case t.F32 != nil:
		t.F32[i] = float32(v)
	default:
		t.I[i] = int64(v)
	}
}

func maxPool(c *call) ([]*Tensor, error) {
	x := c.in[0]
	s, err := window(c, x, nil)
	if err != nil {
		return nil, err
	}
	shape := slices.Concat(x.Shape[:2], s.out)
	out := like(x, x.DType, shape)
	at := &Tensor{DType: onnxio.Int64, Shape: shape}
	places := c.outs > 1
	if places {
		at.I = make([]int64, count(shape))
	}
	taps := s.taps()
	r := len(s.out) - 1
	in, outs := count(s.in), count(s.out)
	columns := c.n.Int("storage_order", 0) != 0
	kernel.Split(x.Shape[0]*x.Shape[1], 1, func(first, end int) {
		best, line := make([]float64, outs), make([]float64, in)
		for p := first; p < end; p++ {
			x.readDouble(line, p*in)
			for i := range best {
				best[i] = math.Inf(-1)
			}
			for _, t := range taps {
				a, b := s.span(t[r])
				s.eachRow(t, func(dst, off int) {
					from, step := off+a*int(s.Stride[r])+t[r], int(s.Stride[r])
					row := best[dst+a : dst+max(a, b)]
					for k := range row {
						v := line[from]
						if places && (v > row[k] || math.IsNaN(v)) {
							at.I[p*outs+dst+a+k] = int64(p*in + from)
						}
						row[k] = max(row[k], v)
						from += step
					}
				})
			}
			for i, v := range best {
				put(out, p*outs+i, v)
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
		return []*Tensor{out}, nil
	}
	return []*Tensor{out, at}, nil
}

func globalPool(highest bool) operator {
	return func(c *call) ([]*Tensor, error) {
		x := c.in[0]
		n := count(x.Shape[2:])
		shape := slices.Clone(x.Shape)
		for i := 2; i < len(shape); i++ {
			shape[i] = 1
		}
		out := like(x, x.DType, shape)
		kernel.Split(out.Len(), 1+(1<<14)/max(n, 1), func(from, to int) {
			line := make([]float64, n)
			for p := from; p < to; p++ {
				x.readDouble(line, p*n)
				put(out, p, pool(line, highest))
			}
		})
		return []*Tensor{out}, nil
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
