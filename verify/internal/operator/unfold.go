package operator

import (
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

// An unfolding is the matrix that turns a convolution into a product: row
// c·taps + k holds, for every output position, what tap k of channel c reads.
// Its rows are made when they are needed.
type unfolding[T kernel.Float] struct {
	src   []T // the channels one after the other
	s     spatial
	taps  [][]int
	steps []int // between neighbours along each axis of a channel
	in    int   // size of a channel
	same  bool  // the outputs lie as the inputs do: a tap moves all of them by one distance
}

func unfold[T kernel.Float](src []T, s spatial) *unfolding[T] {
	last := len(s.in) - 1
	same := len(s.in) == 2 && s.Stride[0] == 1 && s.Stride[1] == 1 && s.in[last] == s.out[last]
	return &unfolding[T]{src, s, s.taps(), tensor.Strides(s.in), tensor.Count(s.in), same}
}

// shifted is line for outputs that lie as the inputs do: one run, and zeros where
// the tap reads outside the map.
func (u *unfolding[T]) shifted(src []T, t []int, at int, to []T) {
	width, end := u.s.in[1], at+len(to)
	from := min(max(-t[0], 0)*width, end)               // rows above
	stop := max(min((u.s.in[0]-t[0])*width, end), from) // rows below
	by := t[0]*width + t[1]
	first, last := max(from, at, -by), min(stop, u.in-by) // what the run has
	if first >= last {
		clear(to)
		return
	}
	clear(to[:first-at])
	copy(to[first-at:last-at], src[first+by:])
	clear(to[last-at:])
	a, b := u.s.span(t[1])
	for p := at / width * width; p < end; p += width { // columns beside the map
		for x := max(p, at); x < min(p+a, end); x++ {
			to[x-at] = 0
		}
		for x := max(p+b, at); x < min(p+width, end); x++ {
			to[x-at] = 0
		}
	}
}

// line fills to with row r from output position at on.
func (u *unfolding[T]) line(r, at int, to []T) {
	src, t := u.src[r/len(u.taps)*u.in:], u.taps[r%len(u.taps)]
	if u.same {
		u.shifted(src, t, at, to)
		return
	}
	last := len(t) - 1
	a, b := u.s.span(t[last])
	width, stride := u.s.out[last], int(u.s.Stride[last])
	for len(to) > 0 {
		p := at % width
		part := to[:min(width-p, len(to))]
		at, to = at+len(part), to[len(part):]
		off, inside := u.row((at-1)/width, t)
		from, end := max(a, p), min(b, p+len(part))
		if !inside || from >= end {
			clear(part)
			continue
		}
		clear(part[:from-p])
		clear(part[end-p:])
		part = part[from-p : end-p]
		off += from*stride + t[last]
		if stride == 1 {
			copy(part, src[off:])
			continue
		}
		for i := range part {
			part[i] = src[off]
			off += stride
		}
	}
}

// row is where the input row begins that tap t reads for a row of the output.
func (u *unfolding[T]) row(q int, t []int) (off int, inside bool) {
	for a := len(t) - 2; a >= 0; a-- {
		p := q%u.s.out[a]*int(u.s.Stride[a]) + t[a]
		q /= u.s.out[a]
		if p < 0 || p >= u.s.in[a] {
			return 0, false
		}
		off += p * u.steps[a]
	}
	return off, true
}
