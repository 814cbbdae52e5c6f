package operator

import (
	"math"
	"slices"

	"repmlp/verify/internal/tensor"
)

// A slide is one axis of a pooling window: output o reads the positions
// o·stride + k·dilation - begin that lie inside, for k below kernel. A window as
// large as the map costs no more than the map.
type slide struct {
	in, out                         int
	kernel, stride, dilation, begin int
}

func (s spatial) slide(i int) slide {
	return slide{s.in[i], s.out[i], int(s.Kernel[i]), int(s.Stride[i]), int(s.Dilation[i]), int(s.Begin[i])}
}

// positions are the first and the last position that output o reads; none where
// last < first.
func (s slide) positions(o int) (first, last int) {
	from := o*s.stride - s.begin
	k := 0
	if from < 0 {
		k = (-from + s.dilation - 1) / s.dilation
	}
	if from+k*s.dilation >= s.in || k >= s.kernel {
		return 0, -1
	}
	end := min(s.kernel-1, (s.in-1-from)/s.dilation)
	return from + k*s.dilation, from + end*s.dilation
}

// fewTaps is the size of windows up to which all positions are looked at one by one.
const fewTaps = 8

// A pooled array is numbers and, where anybody asks, where they come from.
type pooled struct {
	v  []float64
	at []int
}

func newPooled(n int, places bool) pooled {
	p := pooled{v: make([]float64, n)}
	if places {
		p.at = make([]int, n)
	}
	return p
}

// A reduction joins a later number, or a run of them, to earlier ones.
type reduction struct {
	zero float64
	join func(dst pooled, to int, src pooled, from, n int)
	// every joins every step-th number of src to dst; it knows no places.
	every func(dst, src []float64, step int)
}

var sumOf = reduction{0, func(dst pooled, to int, src pooled, from, n int) {
	y := dst.v[to:][:n]
	for i, x := range src.v[from:][:n] {
		y[i] += x
	}
}, func(dst, src []float64, step int) {
	for i := range dst {
		dst[i] += src[i*step]
	}
}}

// highestOf keeps the first of equal numbers, and NaN.
var highestOf = reduction{math.Inf(-1), func(dst pooled, to int, src pooled, from, n int) {
	y, xs := dst.v[to:][:n], src.v[from:][:n]
	if dst.at == nil {
		for i, x := range xs {
			y[i] = max(y[i], x)
		}
		return
	}
	for i, x := range xs {
		if x > y[i] || math.IsNaN(x) {
			y[i], dst.at[to+i] = x, src.at[from+i]
		}
	}
}, func(dst, src []float64, step int) {
	for i := range dst {
		dst[i] = max(dst[i], src[i*step])
	}
}}

func (p pooled) copy(to int, src pooled, from, n int) {
	copy(p.v[to:to+n], src.v[from:])
	if p.at != nil {
		copy(p.at[to:to+n], src.at[from:])
	}
}

// along reduces the middle axis of src [outer, in, inner] to dst [outer, out, inner].
func (s slide) along(r reduction, dst, src pooled, outer, inner int) {
	for i := range dst.v {
		dst.v[i] = r.zero
	}
	clear(dst.at)
	switch {
	case s.kernel <= fewTaps && inner == 1 && src.at == nil:
		s.byTap(r, dst, src, outer)
	case s.kernel <= fewTaps:
		s.byPosition(r, dst, src, outer, inner)
	default:
		s.byBlock(r, dst, src, outer, inner)
	}
}

// byTap joins what one tap reads for all outputs at once.
func (s slide) byTap(r reduction, dst, src pooled, outer int) {
	for k := range s.kernel {
		at := k*s.dilation - s.begin // where output 0 reads
		from := min(max((-at+s.stride-1)/s.stride, 0), s.out)
		to := 0
		if at < s.in {
			to = min((s.in-1-at)/s.stride+1, s.out)
		}
		for b := 0; b < outer && from < to; b++ {
			r.every(dst.v[b*s.out+from:][:to-from], src.v[b*s.in+at+from*s.stride:], s.stride)
		}
	}
}

// byPosition joins what every output reads, one after the other.
func (s slide) byPosition(r reduction, dst, src pooled, outer, inner int) {
	for b := range outer {
		for o := range s.out {
			first, last := s.positions(o)
			for p := first; p <= last; p += s.dilation {
				r.join(dst, (b*s.out+o)*inner, src, (b*s.in+p)*inner, inner)
			}
		}
	}
}

// byBlock costs the same for a window of any size: the positions of one rest after
// division by the dilation are cut into blocks as long as the window, so that every
// window is the end of one block and the start of the next (van Herk, Pattern
// Recognition Letters 13, 1992; Gil and Werman, IEEE PAMI 15, 1993). Nothing is taken
// away from a sum again.
func (s slide) byBlock(r reduction, dst, src pooled, outer, inner int) {
	ends, starts := newPooled(s.in*inner, src.at != nil), newPooled(s.in*inner, src.at != nil)
	for b := range outer {
		s.blocks(r, ends, starts, src, b*s.in*inner, inner)
		for o := range s.out {
			first, last := s.positions(o)
			if last < first {
				continue
			}
			to := (b*s.out + o) * inner
			switch sameBlock := first/s.dilation/s.kernel == last/s.dilation/s.kernel; {
			case sameBlock && first/s.dilation%s.kernel == 0:
				dst.copy(to, starts, last*inner, inner)
			case sameBlock:
				dst.copy(to, ends, first*inner, inner)
			default:
				dst.copy(to, ends, first*inner, inner)
				r.join(dst, to, starts, last*inner, inner)
			}
		}
	}
}

// blocks joins every position of the line at src with those before it in its block,
// and with those behind it.
func (s slide) blocks(r reduction, ends, starts, src pooled, line, inner int) {
	for p := range s.in {
		starts.copy(p*inner, src, line+p*inner, inner)
		if p/s.dilation%s.kernel > 0 {
			starts.copy(p*inner, starts, (p-s.dilation)*inner, inner)
			r.join(starts, p*inner, src, line+p*inner, inner)
		}
	}
	for p := s.in - 1; p >= 0; p-- {
		ends.copy(p*inner, src, line+p*inner, inner)
		if next := p + s.dilation; p/s.dilation%s.kernel < s.kernel-1 && next < s.in {
			r.join(ends, p*inner, ends, next*inner, inner)
		}
	}
}

// windows reduces all axes of one channel. Of equal numbers the first counts, so
// where places are asked for the last axis is the first.
func (s spatial) windows(r reduction, x pooled, space *pooledSpace) pooled {
	shape := slices.Clone(s.in)
	for k := range shape {
		i := k
		if x.at != nil {
			i = len(shape) - 1 - k
		}
		outer, inner := tensor.Count(shape[:i]), tensor.Count(shape[i+1:])
		shape[i] = s.out[i]
		y := space.take(k, tensor.Count(shape), x.at != nil)
		s.slide(i).along(r, y, x, outer, inner)
		x = y
	}
	return x
}

// A pooledSpace is used again for the next channel.
type pooledSpace struct{ steps []pooled }

func (p *pooledSpace) take(k, n int, places bool) pooled {
	if k == len(p.steps) {
		p.steps = append(p.steps, newPooled(n, places))
	}
	return p.steps[k]
}
