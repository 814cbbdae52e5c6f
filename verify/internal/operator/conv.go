package operator

import (
	"fmt"
	"runtime"
	"slices"

	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// conv is a matrix product over the unfolded map, or a direct sum where every
// channel is its own group.
func conv(c *Call) ([]*Value, error) {
	x, w := c.In[0], c.In[1]
	if len(x.Shape) < 3 || len(w.Shape) != len(x.Shape) {
		return nil, fmt.Errorf("a weight of shape %v does not fit a map of %v", w.Shape, x.Shape)
	}
	if !x.DType.IsFloat() {
		return nil, Unsupportedf("the Go engine lacks Conv for type %s", x.DType)
	}
	s, err := window(c, x, tensor.Ints64(w.Shape[2:]))
	if err != nil {
		return nil, err
	}
	g := int(c.Node.AttrInt("group"))
	if g < 1 || w.Shape[0]%g != 0 || x.Shape[1] != w.Shape[1]*g {
		return nil, fmt.Errorf("a weight of shape %v in %d groups does not fit %d channels", w.Shape, g, x.Shape[1])
	}
	shape := slices.Concat([]int{x.Shape[0], w.Shape[0]}, s.out)
	if err := c.fits(shape); err != nil {
		return nil, err
	}
	out := Like(x, x.DType, shape)
	var b *Value
	if c.has(2) {
		b = c.In[2]
	}
	switch {
	case out.F32 != nil:
		convolve[float32](out, x, w, b, s, g, false)
	case w.File != nil && streamConv(out, x, w, s, g):
		addBias(out.F64, b, out.Shape)
	default:
		convolve[float64](out, x, w, b, s, g, c.Run.Probe)
	}
	return []*Value{out}, nil
}

// streamConv convolves with a weight that stays in its file; it reports false
// where that would be slow.
func streamConv(out, x, w *Value, s spatial, g int) bool {
	n, ci, co := x.Shape[0], w.Shape[1], w.Shape[0]/g
	in, outs, taps := tensor.Count(s.in), tensor.Count(s.out), tensor.Count(w.Shape[2:])
	if out.Len() == 0 {
		return true
	}
	ps := make([]stored.Product, g)
	if in == 1 && s.direct() {
		for j := range ps {
			ps[j] = stored.Product{X: x.F64[j*ci:], Ldx: g * ci, Y: out.F64[j*co:], Ldy: g * co, At: j * co * ci}
		}
		return w.File.StreamRows(ps, n, co, ci)
	}
	k := ci * taps
	if n*outs > w.File.Most() || k < 64 {
		return false
	}
	st := w.File.Storage
	line, rows, y := make([]float64, outs), st.Take(g*k*outs), st.Take(g*co*outs)
	defer st.Put(rows)
	defer st.Put(y)
	for j := range ps {
		ps[j] = stored.Product{X: rows[j*k*outs:], Ldx: k, Y: y[j*co*outs:], Ldy: co, At: j * co * k}
	}
	for i := range n {
		for j := range g {
			u := unfold(x.F64[(i*g+j)*ci*in:][:ci*in], s)
			for d := range k {
				u.line(d, 0, line)
				for p, v := range line {
					ps[j].X[p*k+d] = v
				}
			}
		}
		clear(y)
		w.File.StreamRows(ps, outs, co, k)
		for j := range g {
			to := out.F64[(i*g+j)*co*outs:]
			for p := range outs {
				for o := range co {
					to[o*outs+p] = ps[j].Y[p*co+o]
				}
			}
		}
	}
	return true
}

func convolve[T kernel.Float](out, x, w, b *Value, s spatial, g int, probe bool) {
	if out.Len() == 0 {
		return // a batch of no samples
	}
	n, ci, co := x.Shape[0], w.Shape[1], w.Shape[0]/g
	in, outs, taps := tensor.Count(s.in), tensor.Count(s.out), tensor.Count(w.Shape[2:])
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
				if probe && kernel.Zeros(from) {
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
func scale[T kernel.Float](dst, src, w []T, n, channels, size int) {
	for i := range n * channels {
		v, to := w[i%channels], dst[i*size:][:size]
		for p, x := range src[i*size:][:size] {
			to[p] = v * x
		}
	}
}

// addBias adds one number to every channel.
func addBias[T kernel.Float](dst []T, b *Value, shape []int) {
	if b == nil {
		return
	}
	bias, outs := data[T](b), tensor.Count(shape[2:])
	kernel.Split(shape[0]*shape[1], 1+(1<<15)/max(outs, 1), func(from, to int) {
		for i := from; i < to; i++ {
			row, add := dst[i*outs:][:outs], bias[i%shape[1]]
			for p := range row {
				row[p] += add
			}
		}
	})
}

// depthwise sums directly: one input channel for every co outputs.
func depthwise[T kernel.Float](dst, src, weight []T, s spatial, n, g, co int, probe bool) {
	in, outs := tensor.Count(s.in), tensor.Count(s.out)
	r := len(s.out) - 1
	stride := int(s.Stride[r])
	taps := s.taps()
	kernel.Split(n*g*co, 1, func(from, to int) {
		for i := from; i < to; i++ {
			x := src[i/co*in:][:in]
			if probe && kernel.Zeros(x) {
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
