package verify

import (
	"fmt"
	"runtime"
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify/internal/kernel"
)

func convolutions() map[string]operator {
	return map[string]operator{"Conv": conv, "ConvTranspose": convTranspose}
}

func dims(shape []int) []graph.Dim {
	out := make([]graph.Dim, len(shape))
	for i, d := range shape {
		out[i] = graph.Size(int64(d))
	}
	return out
}

func ints64(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// spatial is a window with the sizes of the map it slides over.
type spatial struct {
	graph.Window
	in, out []int
}

// largestWindow bounds kernels and dilations, so that their products are numbers, and
// largestPad strides and pads, so that sums of them are. No map is as large.
const (
	largestWindow = 1 << 31
	largestPad    = 1 << 60
)

func window(c *call, x *Tensor, kernel []int64) (spatial, error) {
	w, err := graph.ConvWindow(c.n, dims(x.Shape), kernel)
	if err != nil {
		return spatial{}, err
	}
	s := spatial{Window: w, in: x.Shape[2:]}
	for i := range w.Kernel {
		if w.Kernel[i] > largestWindow || w.Dilation[i] > largestWindow || max(w.Stride[i], w.Begin[i], w.End[i]) > largestPad {
			return s, fmt.Errorf("its window of %d positions, %d apart, with pads of %d and %d cannot be meant", w.Kernel[i], w.Dilation[i], w.Begin[i], w.End[i])
		}
		n, ok := w.Out(i, graph.Size(int64(x.Shape[i+2]))).Int()
		if !ok || n < 0 {
			return s, fmt.Errorf("its window does not fit a map of %v", s.in)
		}
		s.out = append(s.out, int(n))
	}
	return s, c.fits(append([]int{x.Shape[0]}, s.out...))
}

// conv is a matrix product over the unfolded map, or a direct sum where every
// channel is its own group.
func conv(c *call) ([]*Tensor, error) {
	x, w := c.in[0], c.in[1]
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) {
		return nil, fmt.Errorf("a weight of shape %v does not fit a map of %v", w.Shape, x.Shape)
	}
	if !x.DType.IsFloat() {
		return nil, unsupported("the Go engine lacks Conv for type %s", x.DType)
	}
	s, err := window(c, x, ints64(w.Shape[2:]))
	if err != nil {
		return nil, err
	}
	g := int(c.n.Int("group", 1))
	if g < 1 || w.Shape[0]%g != 0 || x.Shape[1] != w.Shape[1]*g {
		return nil, fmt.Errorf("a weight of shape %v in %d groups does not fit %d channels", w.Shape, g, x.Shape[1])
	}
	shape := slices.Concat([]int{x.Shape[0], w.Shape[0]}, s.out)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := like(x, x.DType, shape)
	var b *Tensor
	if c.has(2) {
		b = c.in[2]
	}
	switch {
	case out.F32 != nil:
		convolve[float32](out, x, w, b, s, g, false)
	case w.file != nil && streamConv(out, x, w, s, g):
		addBias(out.F64, b, out.Shape)
	default:
		convolve[float64](out, x, w, b, s, g, c.e.probe)
	}
	return []*Tensor{out}, nil
}

// streamConv convolves with a weight that stays in its file; it reports false
// where that would be slow.
func streamConv(out, x, w *Tensor, s spatial, g int) bool {
	n, ci, co := x.Shape[0], w.Shape[1], w.Shape[0]/g
	in, outs, taps := count(s.in), count(s.out), count(w.Shape[2:])
	if out.Len() == 0 {
		return true
	}
	ps := make([]product, g)
	if in == 1 && s.direct() {
		for j := range ps {
			ps[j] = product{x: x.F64[j*ci:], ldx: g * ci, y: out.F64[j*co:], ldy: g * co, at: j * co * ci}
		}
		return w.file.streamRows(ps, n, co, ci)
	}
	k := ci * taps
	if n*outs > w.file.most() || k < 64 {
		return false
	}
	st := w.file.storage
	line, rows, y := make([]float64, outs), st.take(g*k*outs), st.take(g*co*outs)
	defer st.put(rows)
	defer st.put(y)
	for j := range ps {
		ps[j] = product{x: rows[j*k*outs:], ldx: k, y: y[j*co*outs:], ldy: co, at: j * co * k}
	}
	for i := range n {
		for j := range g {
			u := unfold(x.F64[(i*g+j)*ci*in:][:ci*in], s)
			for d := range k {
				u.line(d, 0, line)
				for p, v := range line {
					ps[j].x[p*k+d] = v
				}
			}
		}
		clear(y)
		w.file.streamRows(ps, outs, co, k)
		for j := range g {
			to := out.F64[(i*g+j)*co*outs:]
			for p := range outs {
				for o := range co {
					to[o*outs+p] = ps[j].y[p*co+o]
				}
			}
		}
	}
	return true
}

// direct reports whether every output reads its own position alone.
func (s spatial) direct() bool {
	for i := range s.Kernel {
		if !s.Pointwise(i) {
			return false
		}
	}
	return true
}

func convolve[T float](out, x, w, b *Tensor, s spatial, g int, probe bool) {
	if out.Len() == 0 {
		return // a batch of no samples
	}
	n, ci, co := x.Shape[0], w.Shape[1], w.Shape[0]/g
	in, outs, taps := count(s.in), count(s.out), count(w.Shape[2:])
	src, dst := data[T](x), data[T](out)
	direct := s.direct()
	switch {
	case ci == 1 && !direct:
		depthwise(dst, src, data[T](w.dense()), s, n, g, co, probe)
	case direct && in == 1: // an FC of rows: one product for each group
		for j := range g {
			rows := kernel.Matrix[T]{Data: src[j*ci:], Ld: g * ci}
			kernel.Product(n, co, ci, rows, matrix[T](w, ci).At(j*co*ci), true, dst[j*co:], g*co)
		}
	default:
		k := ci * taps
		if co == 1 && k == 1 {
			scale(dst, src, data[T](w.dense()), n, g, in)
			break
		}
		one := func(j, processors int) { // a group of all images
			var maps []kernel.Matrix[T]
			var to [][]T
			for i := range n {
				from := src[(i*g+j)*ci*in:][:ci*in]
				if probe && zeros(from) {
					continue
				}
				m := kernel.Matrix[T]{Data: from, Ld: outs}
				if !direct {
					m = kernel.Matrix[T]{Lines: unfold(from, s).line, Ld: outs}
				}
				maps, to = append(maps, m), append(to, dst[(i*g+j)*co*outs:][:co*outs])
			}
			kernel.Products(processors, co, outs, k, matrix[T](w, k).At(j*co*k), maps, to, outs)
		}
		processors := runtime.GOMAXPROCS(0)
		if g >= 2*processors { // a group for each processor, instead of all for each group
			kernel.Split(g, 1, func(from, to int) {
				for j := from; j < to; j++ {
					one(j, 1)
				}
			})
			break
		}
		for j := range g {
			one(j, processors)
		}
	}
	addBias(dst, b, out.Shape)
}

// scale multiplies every channel of n images by one number.
func scale[T float](dst, src, w []T, n, channels, size int) {
	for i := range n * channels {
		v, to := w[i%channels], dst[i*size:][:size]
		for p, x := range src[i*size:][:size] {
			to[p] = v * x
		}
	}
}

// addBias adds one number to every channel.
func addBias[T float](dst []T, b *Tensor, shape []int) {
	if b == nil {
		return
	}
	bias, outs := data[T](b), count(shape[2:])
	kernel.Split(shape[0]*shape[1], 1+(1<<15)/max(outs, 1), func(from, to int) {
		for i := from; i < to; i++ {
			row, add := dst[i*outs:][:outs], bias[i%shape[1]]
			for p := range row {
				row[p] += add
			}
		}
	})
}

// taps lists, for every kernel index, the displacement along each axis.
func (s spatial) taps() [][]int {
	kernel := toInts(s.Kernel)
	var out [][]int
	idx := make([]int, len(kernel))
	for range count(kernel) {
		t := make([]int, len(kernel))
		for i := range t {
			t[i] = idx[i]*int(s.Dilation[i]) - int(s.Begin[i])
		}
		out = append(out, t)
		for a := len(idx) - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < kernel[a] {
				break
			}
			idx[a] = 0
		}
	}
	return out
}

// eachRow calls f for every row (last axis) of the output map whose input row
// exists for tap t: dst offset, src offset of the row's start.
func (s spatial) eachRow(t []int, f func(dst, src int)) {
	r := len(s.out)
	rows := count(s.out[:r-1])
	st := strides(s.in)
	idx := make([]int, r-1)
	for row := range rows {
		off, inside := 0, true
		for a := range idx {
			p := idx[a]*int(s.Stride[a]) + t[a]
			inside = inside && p >= 0 && p < s.in[a]
			off += p * st[a]
		}
		if inside {
			f(row*s.out[r-1], off)
		}
		for a := r - 2; a >= 0; a-- {
			if idx[a]++; idx[a] < s.out[a] {
				break
			}
			idx[a] = 0
		}
	}
}

// span is the range of positions along the last axis that read inside the map.
func (s spatial) span(t int) (from, to int) {
	r := len(s.out) - 1
	stride := int(s.Stride[r])
	if t < 0 {
		from = (-t + stride - 1) / stride
	}
	to = 0
	if last := s.in[r] - 1 - t; last >= 0 {
		to = min(s.out[r], last/stride+1)
	}
	return min(from, to), to
}

// depthwise sums directly: one input channel for every co outputs.
func depthwise[T float](dst, src, weight []T, s spatial, n, g, co int, probe bool) {
	in, outs := count(s.in), count(s.out)
	r := len(s.out) - 1
	stride := int(s.Stride[r])
	taps := s.taps()
	kernel.Split(n*g*co, 1, func(from, to int) {
		for i := from; i < to; i++ {
			x := src[i/co*in:][:in]
			if probe && zeros(x) {
				continue
			}
			y := dst[i*outs:][:outs]
			w := weight[i%(g*co)*len(taps):]
			for k, t := range taps {
				v := w[k]
				a, b := s.span(t[r])
				s.eachRow(t, func(d, off int) {
					if stride == 1 {
						if b <= a {
							return
						}
						line := x[off+a+t[r] : off+b+t[r]]
						row := y[d+a : d+b]
						for p, u := range line {
							row[p] += v * u
						}
						return
					}
					for p := a; p < b; p++ {
						y[d+p] += v * x[off+p*stride+t[r]]
					}
				})
			}
		}
	})
}

// convTranspose spreads every input position over its window.
func convTranspose(c *call) ([]*Tensor, error) {
	x, w := c.in[0], c.in[1]
	r := len(x.Shape) - 2
	if r < 1 || len(w.Shape) != len(x.Shape) || !x.DType.IsFloat() {
		return nil, unsupported("the Go engine lacks this form of ConvTranspose")
	}
	g := int(c.n.Int("group", 1))
	if g < 1 || x.Shape[1] != w.Shape[0] || w.Shape[0]%g != 0 {
		return nil, fmt.Errorf("a weight of shape %v in %d groups does not fit %d channels", w.Shape, g, x.Shape[1])
	}
	list := func(name string, def int64, n int) []int64 {
		if v := c.n.Ints(name); len(v) > 0 {
			return v
		}
		return slices.Repeat([]int64{def}, n)
	}
	stride, dil, extra, pads := list("strides", 1, r), list("dilations", 1, r), list("output_padding", 0, r), list("pads", 0, 2*r)
	shape := slices.Concat([]int{x.Shape[0], w.Shape[1] * g}, make([]int, r))
	want := c.n.Ints("output_shape")
	if len(want) > r {
		want = want[len(want)-r:]
	}
	begin := make([]int, r)
	for i := range r {
		full := int(stride[i])*(x.Shape[i+2]-1) + int(extra[i]) + (w.Shape[i+2]-1)*int(dil[i]) + 1
		auto := c.n.Str("auto_pad", "NOTSET")
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
	out := like(x, x.DType, shape)
	acc := make([]float64, out.Len())
	ci, co := w.Shape[0]/g, w.Shape[1]
	// The product of the turned weights and the map holds what every position puts
	// under every tap.
	sp := spreading{in: x.Shape[2:], out: shape[2:], kernel: w.Shape[2:], stride: toInts(stride), dilation: toInts(dil), begin: begin}
	in, outs, taps := count(sp.in), count(sp.out), count(sp.kernel)
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
			acc[i] += c.in[2].Float(i / outs % shape[1])
		}
	}
	fill(out, acc)
	return []*Tensor{out}, nil
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
	width, ost := s.in[last], strides(s.out)
	in := count(s.in)
	eachIndex(s.kernel, func(k int, tap []int) {
		t := tap[last]*s.dilation[last] - s.begin[last]
		step := s.stride[last]
		from, to := min(max((-t+step-1)/step, 0), width), 0
		if t < s.out[last] {
			to = min((s.out[last]-1-t)/step+1, width)
		}
		if from >= to {
			return
		}
		eachIndex(s.in[:last], func(row int, at []int) {
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

// eachIndex calls f for every index of shape in row-major order.
func eachIndex(shape []int, f func(i int, idx []int)) {
	idx := make([]int, len(shape))
	for i := range count(shape) {
		f(i, idx)
		for a := len(idx) - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
	}
}
