package operator

import (
	"fmt"
	"slices"

	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

// convTranspose spreads every input position over its window.
func convTranspose(c *Call) ([]*Value, error) {
	x, w := c.In[0], c.In[1]
	r := len(x.Shape) - 2
	if r < 1 || len(w.Shape) != len(x.Shape) || !x.DType.IsFloat() {
		return nil, Unsupportedf("the Go engine lacks this form of ConvTranspose")
	}
	g := int(c.Node.AttrInt("group"))
	if g < 1 || x.Shape[1] != w.Shape[0] || w.Shape[0]%g != 0 {
		return nil, fmt.Errorf("a weight of shape %v in %d groups does not fit %d channels", w.Shape, g, x.Shape[1])
	}
	sp := spreadingOf(c, x.Shape[2:], w.Shape[2:])
	shape := slices.Concat([]int{x.Shape[0], w.Shape[1] * g}, sp.out)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := Like(x, x.DType, shape)
	var acc []float64
	if c.Run.Probe && x.F64 != nil && w.F64 != nil {
		acc = sp.spiky(x, w, g, out.Len())
	}
	if acc == nil {
		acc = sp.spread(x, w, g, shape[1])
	}
	if c.has(2) {
		outs := tensor.Count(sp.out)
		for i := range acc {
			acc[i] += c.In[2].Float(i / outs % shape[1])
		}
	}
	fill(out, acc)
	return []*Value{out}, nil
}

// spreadingOf reads the geometry of a node for a map and a kernel.
func spreadingOf(c *Call, in, kernel []int) spreading {
	r := len(in)
	list := func(name string, def int64, n int) []int {
		if v := c.Node.Ints(name); len(v) > 0 {
			return tensor.ToInts(v)
		}
		return tensor.ToInts(slices.Repeat([]int64{def}, n))
	}
	s := spreading{in: in, out: make([]int, r), kernel: kernel, stride: list("strides", 1, r), dilation: list("dilations", 1, r), begin: make([]int, r)}
	extra, pads, want := list("output_padding", 0, r), list("pads", 0, 2*r), c.Node.Ints("output_shape")
	if len(want) > r {
		want = want[len(want)-r:]
	}
	auto := c.Node.AttrString("auto_pad")
	for i := range r {
		full := s.stride[i]*(in[i]-1) + extra[i] + (kernel[i]-1)*s.dilation[i] + 1
		if want == nil && auto != "SAME_UPPER" && auto != "SAME_LOWER" {
			s.begin[i], s.out[i] = pads[i], full-pads[i]-pads[r+i]
			continue
		}
		s.out[i] = in[i] * s.stride[i]
		if want != nil {
			s.out[i] = int(want[i])
		}
		total := max(full-s.out[i], 0)
		s.begin[i] = total / 2
		if auto != "SAME_UPPER" {
			s.begin[i] = total - total/2
		}
	}
	return s
}

// spread is the result for all images, whose outputs have so many channels. The
// product of the turned weights and the map holds what every position puts under
// every tap.
func (s spreading) spread(x, w *Value, groups, channels int) []float64 {
	ci, co := w.Shape[0]/groups, w.Shape[1]
	in, outs, taps := tensor.Count(s.in), tensor.Count(s.out), tensor.Count(s.kernel)
	acc, turned := make([]float64, x.Shape[0]*channels*outs), make([]float64, w.Len())
	for ch := range w.Shape[0] {
		for k := range co * taps {
			turned[(ch/ci*co*taps+k)*ci+ch%ci] = w.Float(ch*co*taps + k)
		}
	}
	at := min(max(1, spreadAtOnce/max(taps*in, 1)), co)
	from, under := make([]float64, ci*in), make([]float64, at*taps*in)
	for i := range x.Shape[0] * groups {
		j := i % groups
		x.readDouble(from, i*ci*in)
		for o := 0; o < co; o += at {
			n := min(at, co-o)
			kernel.Product(n*taps, in, ci, kernel.Matrix[float64]{Data: turned[(j*co+o)*taps*ci:], Ld: ci}, kernel.Matrix[float64]{Data: from, Ld: in}, false, under, in)
			kernel.Split(n, 1, func(first, end int) {
				for k := first; k < end; k++ {
					s.add(acc[(i*co+o+k)*outs:][:outs], under[k*taps*in:][:taps*in])
				}
			})
		}
	}
	return acc
}

// spreadAtOnce is about how many products a transposed convolution holds at a time.
const spreadAtOnce = 1 << 20

// A spreading says where a transposed convolution puts its products: position p under
// tap k goes to p·stride + k·dilation - begin along every axis.
type spreading struct{ in, out, kernel, stride, dilation, begin []int }

// add sums the products under all taps, in the order of taps and positions, to one
// channel of the output.
func (s spreading) add(dst, under []float64) {
	last := len(s.in) - 1
	width, ost := s.in[last], tensor.Strides(s.out)
	in := tensor.Count(s.in)
	tensor.EachIndex(s.kernel, func(k int, tap []int) {
		t := tap[last]*s.dilation[last] - s.begin[last]
		step := s.stride[last]
		from, to := min(max((-t+step-1)/step, 0), width), 0
		if t < s.out[last] {
			to = min((s.out[last]-1-t)/step+1, width)
		}
		if from >= to {
			return
		}
		tensor.EachIndex(s.in[:last], func(row int, at []int) {
			off := t + from*step
			for a, p := range at {
				q := p*s.stride[a] + tap[a]*s.dilation[a] - s.begin[a]
				if q < 0 || q >= s.out[a] {
					return
				}
				off += q * ost[a]
			}
			for _, v := range under[k*in+row*width:][from:to] {
				dst[off] += v
				off += step
			}
		})
	})
}
