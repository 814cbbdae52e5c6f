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
	list := func(name string, def int64, n int) []int64 {
		if v := c.Node.Ints(name); len(v) > 0 {
			return v
		}
		return slices.Repeat([]int64{def}, n)
	}
	stride, dil, extra, pads := list("strides", 1, r), list("dilations", 1, r), list("output_padding", 0, r), list("pads", 0, 2*r)
	shape := slices.Concat([]int{x.Shape[0], w.Shape[1] * g}, make([]int, r))
	want := c.Node.Ints("output_shape")
	if len(want) > r {
		want = want[len(want)-r:]
	}
	begin := make([]int, r)
	for i := range r {
		full := int(stride[i])*(x.Shape[i+2]-1) + int(extra[i]) + (w.Shape[i+2]-1)*int(dil[i]) + 1
		auto := c.Node.AttrString("auto_pad")
		switch {
		case want != nil || auto == "SAME_UPPER" || auto == "SAME_LOWER":
			shape[i+2] = x.Shape[i+2] * int(stride[i])
			if want != nil {
				shape[i+2] = int(want[i])
			}
			total := max(full-shape[i+2], 0)
			begin[i] = total / 2
			if auto != "SAME_UPPER" {
				begin[i] = total - total/2
			}
		default:
			begin[i] = int(pads[i])
			shape[i+2] = full - int(pads[i]+pads[r+i])
		}
	}
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := Like(x, x.DType, shape)
	acc := make([]float64, out.Len())
	ci, co := w.Shape[0]/g, w.Shape[1]
	// The product of the turned weights and the map holds what every position puts
	// under every tap.
	sp := spreading{in: x.Shape[2:], out: shape[2:], kernel: w.Shape[2:], stride: tensor.ToInts(stride), dilation: tensor.ToInts(dil), begin: begin}
	in, outs, taps := tensor.Count(sp.in), tensor.Count(sp.out), tensor.Count(sp.kernel)
	turned := make([]float64, w.Len())
	for ch := range w.Shape[0] {
		for k := range co * taps {
			turned[(ch/ci*co*taps+k)*ci+ch%ci] = w.Float(ch*co*taps + k)
		}
	}
	at := min(max(1, spreadAtOnce/max(taps*in, 1)), co)
	from, under := make([]float64, ci*in), make([]float64, at*taps*in)
	for n := range x.Shape[0] {
		for j := range g {
			x.readDouble(from, (n*g+j)*ci*in)
			for o := 0; o < co; o += at {
				channels := min(at, co-o)
				rows := channels * taps
				kernel.Product(rows, in, ci, kernel.Matrix[float64]{Data: turned[(j*co+o)*taps*ci:], Ld: ci}, kernel.Matrix[float64]{Data: from, Ld: in}, false, under, in)
				kernel.Split(channels, 1, func(first, end int) {
					for i := first; i < end; i++ {
						sp.add(acc[((n*g+j)*co+o+i)*outs:][:outs], under[i*taps*in:][:taps*in])
					}
				})
			}
		}
	}
	if c.has(2) {
		for i := range acc {
			acc[i] += c.In[2].Float(i / outs % shape[1])
		}
	}
	fill(out, acc)
	return []*Value{out}, nil
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
