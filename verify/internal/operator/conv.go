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
func conv(c *Call) ([]*Value, error) { return convOf(c, c.In[0], c.In[1], c.input(2)) }

// convOf convolves x with w in the window of the node; b may be nil.
func convOf(c *Call, x, w, b *Value) ([]*Value, error) {
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
	v := convolution{spatial: s, images: x.Shape[0], groups: g, ci: w.Shape[1], co: w.Shape[0] / g,
		size: tensor.Count(s.in), outs: tensor.Count(s.out), taps: tensor.Count(w.Shape[2:]), probe: c.Run.Probe}
	switch {
	case out.Len() == 0: // a batch of no samples
	case out.F32 != nil:
		v.probe = false
		convolve[float32](v, out, x, w)
		addBias(out.F32, b, out.Shape)
	default:
		if !v.spiky(out, x, w) {
			c.Run.Work += int64(out.Len()) * int64(v.ci*v.taps)
			if w.File == nil || !v.stream(out, x, w) {
				convolve[float64](v, out, x, w)
			}
		}
		addBias(out.F64, b, out.Shape)
	}
	return []*Value{out}, nil
}

// A convolution is its window and its sizes.
type convolution struct {
	spatial
	images, groups int
	ci, co         int  // channels of a group, of the map and of the output
	size, outs     int  // positions of the map and of the output
	taps           int  // of the window
	probe          bool // few rows are not zero
}

// input is the map of a group of an image.
func (v *convolution) input(i, j int) (from, to int) {
	from = (i*v.groups + j) * v.ci * v.size
	return from, from + v.ci*v.size
}

// stream convolves with a weight that stays in its file; it reports false
// where that would be slow.
func (v *convolution) stream(out, x, w *Value) bool {
	if v.size == 1 && v.direct() {
		ps := make([]stored.Product, v.groups)
		for j := range ps {
			ps[j] = stored.Product{X: x.F64[j*v.ci:], Ldx: v.groups * v.ci, Y: out.F64[j*v.co:], Ldy: v.groups * v.co, At: j * v.co * v.ci}
		}
		return w.File.StreamRows(ps, v.images, v.co, v.ci)
	}
	const shortest = 64 // lines below are not worth it
	if v.images*v.outs > w.File.Most() || v.ci*v.taps < shortest {
		return false
	}
	v.streamUnfolded(out, x, w.File)
	return true
}

// streamUnfolded multiplies the unfolded map of one image after the other.
func (v *convolution) streamUnfolded(out, x *Value, w *stored.Weight) {
	k, st := v.ci*v.taps, w.Storage
	line, rows, y := make([]float64, v.outs), st.Take(v.groups*k*v.outs), st.Take(v.groups*v.co*v.outs)
	defer st.Put(rows)
	defer st.Put(y)
	ps := make([]stored.Product, v.groups)
	for j := range ps {
		ps[j] = stored.Product{X: rows[j*k*v.outs:], Ldx: k, Y: y[j*v.co*v.outs:], Ldy: v.co, At: j * v.co * k}
	}
	for i := range v.images {
		for j, p := range ps {
			from, to := v.input(i, j)
			turnUnfolded(p.X, unfold(x.F64[from:to], v.spatial), line, k)
		}
		clear(y)
		w.StreamRows(ps, v.outs, v.co, k)
		for j, p := range ps {
			to := out.F64[(i*v.groups+j)*v.co*v.outs:]
			for q := range v.outs {
				for o := range v.co {
					to[o*v.outs+q] = p.Y[q*v.co+o]
				}
			}
		}
	}
}

// turnUnfolded writes an unfolded map of k lines as a row for every position.
func turnUnfolded(rows []float64, u *unfolding[float64], line []float64, k int) {
	for d := range k {
		u.line(d, 0, line)
		for p, v := range line {
			rows[p*k+d] = v
		}
	}
}

// convolve chooses the way that suits the sizes.
func convolve[T kernel.Float](v convolution, out, x, w *Value) {
	src, dst := data[T](x), data[T](out)
	switch direct := v.direct(); {
	case v.ci == 1 && !direct:
		depthwise(v, dst, src, data[T](w.dense()))
	case direct && v.size == 1: // an FC of rows: one product for each group
		for j := range v.groups {
			rows := kernel.Matrix[T]{Data: src[j*v.ci:], Ld: v.groups * v.ci}
			kernel.Product(v.images, v.co, v.ci, rows, matrix[T](w, v.ci).At(j*v.co*v.ci), true, dst[j*v.co:], v.groups*v.co)
		}
	case v.co == 1 && v.ci*v.taps == 1:
		scale(dst, src, data[T](w.dense()), v.images, v.groups, v.size)
	default:
		convolveGroups(v, dst, src, w)
	}
}

// convolveGroups multiplies the unfolded maps of all images for each group, or for a
// group on each processor.
func convolveGroups[T kernel.Float](v convolution, dst, src []T, w *Value) {
	processors := runtime.GOMAXPROCS(0)
	if v.groups >= 2*processors {
		kernel.Split(v.groups, 1, func(from, to int) {
			for j := from; j < to; j++ {
				convolveGroup(v, dst, src, w, j, 1)
			}
		})
		return
	}
	for j := range v.groups {
		convolveGroup(v, dst, src, w, j, processors)
	}
}

func convolveGroup[T kernel.Float](v convolution, dst, src []T, w *Value, j, processors int) {
	k, direct := v.ci*v.taps, v.direct()
	var maps []kernel.Matrix[T]
	var to [][]T
	for i := range v.images {
		first, end := v.input(i, j)
		from := src[first:end]
		if v.probe && kernel.Zeros(from) {
			continue
		}
		m := kernel.Matrix[T]{Data: from, Ld: v.outs}
		if !direct {
			m = kernel.Matrix[T]{Lines: unfold(from, v.spatial).line, Ld: v.outs}
		}
		maps, to = append(maps, m), append(to, dst[(i*v.groups+j)*v.co*v.outs:][:v.co*v.outs])
	}
	kernel.Products(processors, v.co, v.outs, k, matrix[T](w, k).At(j*v.co*k), maps, to, v.outs)
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
func depthwise[T kernel.Float](v convolution, dst, src, weight []T) {
	taps := v.spatial.taps()
	kernel.Split(v.images*v.groups*v.co, 1, func(from, to int) {
		for i := from; i < to; i++ {
			x := src[i/v.co*v.size:][:v.size]
			if v.probe && kernel.Zeros(x) {
				continue
			}
			w := weight[i%(v.groups*v.co)*len(taps):]
			for k, t := range taps {
				addTap(dst[i*v.outs:][:v.outs], x, w[k], v.spatial, t)
			}
		}
	})
}

// addTap adds to one channel what a tap reads, times its weight.
func addTap[T kernel.Float](y, x []T, weight T, s spatial, t []int) {
	r := len(t) - 1
	stride := int(s.Stride[r])
	a, b := s.span(t[r])
	if b <= a {
		return
	}
	s.eachRow(t, func(d, off int) {
		row := y[d+a : d+b]
		if stride == 1 {
			for p, u := range x[off+a+t[r] : off+b+t[r]] {
				row[p] += weight * u
			}
			return
		}
		off += a*stride + t[r]
		for p := range row {
			row[p] += weight * x[off]
			off += stride
		}
	})
}
