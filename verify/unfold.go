package verify

// An unfolding is the matrix that turns a convolution into a product: row
// c·taps + k holds, for every output position, what tap k of channel c reads.
// Its rows are made when they are needed.
type unfolding[T float] struct {
	src   []T // the channels one after the other
	s     spatial
	taps  [][]int
	steps []int // between neighbours along each axis of a channel
	in    int   // size of a channel
}

func unfold[T float](src []T, s spatial) *unfolding[T] {
	return &unfolding[T]{src, s, s.taps(), strides(s.in), count(s.in)}
}

// line fills to with row r from output position at on.
func (u *unfolding[T]) line(r, at int, to []T) {
	src, t := u.src[r/len(u.taps)*u.in:], u.taps[r%len(u.taps)]
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
