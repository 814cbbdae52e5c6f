package move

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
)

// maxNumbers bounds how many numbers a scale or a shift has that is moved: channels,
// and what channels are cut into.
const maxNumbers = 1 << 16

// A piece scales and shifts a value: y = scale∘x + shift. Its numbers lie beside the
// axes of the value, in row-major order over sizes. It does not change.
type piece struct {
	sizes        []int     // for each axis of the value, 1 where the numbers do not vary
	scale, shift []float64 // nil: none
}

// same is the piece that changes nothing.
func same(rank int) *piece { return &piece{sizes: slices.Repeat([]int{1}, rank)} }

// pieceOf reads a scale and shift; nil where its numbers are no matter of channels, or
// forbid every merge.
func pieceOf(d *affine.Diagonal) *piece {
	sizes, scale, shift, ok, err := d.Numbers(maxNumbers)
	if err != nil || !ok {
		return nil
	}
	p := (&piece{sizes, scale, shift}).plain()
	if !p.finite() {
		return nil
	}
	return p
}

func (p *piece) finite() bool {
	return !slices.ContainsFunc(slices.Concat(p.scale, p.shift), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// plain leaves out a scale of ones and a shift of zeros.
func (p *piece) plain() *piece {
	q := *p
	if all(q.scale, 1) {
		q.scale = nil
	}
	if all(q.shift, 0) {
		q.shift = nil
	}
	return &q
}

func all(v []float64, x float64) bool {
	return !slices.ContainsFunc(v, func(y float64) bool { return y != x })
}

// nothing reports whether the piece changes nothing.
func (p *piece) nothing() bool { return p.scale == nil && p.shift == nil }

// positive reports whether no scale is below zero: maxima of zeros are zero.
func (p *piece) positive() bool {
	return !slices.ContainsFunc(p.scale, func(v float64) bool { return !(v >= 0) })
}

// varies lists the axes along which the numbers vary.
func (p *piece) varies() []int {
	var axes []int
	for i, n := range p.sizes {
		if n != 1 {
			axes = append(axes, i)
		}
	}
	return axes
}

// equal reports whether two pieces of values of one rank do the same.
func (p *piece) equal(q *piece) bool {
	a, b, ok := together(p.plain(), q.plain())
	return ok && slices.Equal(a.scale, b.scale) && slices.Equal(a.shift, b.shift)
}

// together lays two pieces of values of one rank out over the same sizes.
func together(p, q *piece) (a, b *piece, ok bool) {
	if len(p.sizes) != len(q.sizes) {
		return nil, nil, false
	}
	sizes := slices.Clone(p.sizes)
	for i, n := range q.sizes {
		if sizes[i] == 1 {
			sizes[i] = n
		} else if n != 1 && n != sizes[i] {
			return nil, nil, false
		}
	}
	if affine.Size(sizes) > maxNumbers {
		return nil, nil, false
	}
	return p.over(sizes), q.over(sizes), true
}

// over repeats the numbers over further sizes; those that the piece has stay.
func (p *piece) over(sizes []int) *piece {
	if slices.Equal(p.sizes, sizes) {
		return p
	}
	return p.picked(sizes, func(axis, i int) int {
		if p.sizes[axis] == 1 {
			return 0
		}
		return i
	})
}

// picked has the numbers of other positions: at gives for a position of an axis that
// of p.
func (p *piece) picked(sizes []int, at func(axis, i int) int) *piece {
	n := affine.Size(sizes)
	from := make([]int, n)
	idx := make([]int, len(sizes))
	for k := range from {
		off := 0
		for axis, i := range idx {
			off = off*p.sizes[axis] + at(axis, i)
		}
		from[k] = off
		for axis := len(idx) - 1; axis >= 0; axis-- {
			if idx[axis]++; idx[axis] < sizes[axis] {
				break
			}
			idx[axis] = 0
		}
	}
	take := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		out := make([]float64, n)
		for k, off := range from {
			out[k] = v[off]
		}
		return out
	}
	return &piece{slices.Clone(sizes), take(p.scale), take(p.shift)}
}

// after is p behind first: x → p(first(x)).
func (p *piece) after(first *piece) (*piece, bool) {
	a, b, ok := together(first, p)
	if !ok {
		return nil, false
	}
	shift := a.shift
	if shift != nil {
		shift = product(shift, b.scale)
	}
	out := &piece{sizes: a.sizes, scale: product(a.scale, b.scale), shift: sum(shift, b.shift)}
	return out.plain(), out.finite()
}

// scaledBack is the piece before a shift that stands behind it now:
// s·x + t = s·(x + t/s). ok is false where some scale is zero.
func (p *piece) scaledBack() (shift *piece, ok bool) {
	if p.shift == nil {
		return same(len(p.sizes)), true
	}
	out := &piece{sizes: p.sizes, shift: slices.Clone(p.shift)}
	for i, s := range p.scale {
		out.shift[i] /= s
	}
	return out, out.finite()
}

// times multiplies the shift, as a term of a sum does.
func (p *piece) times(f float64) *piece {
	if f == 1 || p.shift == nil {
		return p
	}
	q := &piece{sizes: p.sizes, scale: p.scale, shift: make([]float64, len(p.shift))}
	for i, v := range p.shift {
		q.shift[i] = f * v
	}
	return q
}

// onlyScale and onlyShift are the two halves.
func (p *piece) onlyScale() *piece { return &piece{sizes: p.sizes, scale: p.scale} }
func (p *piece) onlyShift() *piece { return &piece{sizes: p.sizes, shift: p.shift} }

func product(a, b []float64) []float64 {
	return zip(a, b, func(x, y float64) float64 { return x * y })
}

func sum(a, b []float64) []float64 {
	return zip(a, b, func(x, y float64) float64 { return x + y })
}

// zip joins two lists, of which one that is nil leaves the other as it is.
func zip(a, b []float64, f func(x, y float64) float64) []float64 {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	out := make([]float64, len(a))
	for i := range a {
		out[i] = f(a[i], b[i])
	}
	return out
}

// part is the piece of some positions of an axis; ok is false where they are too many.
func (p *piece) part(axis int, count int, at func(i int) int) (q *piece, ok bool) {
	if p.sizes[axis] == 1 {
		return p, true
	}
	sizes := slices.Clone(p.sizes)
	if sizes[axis] = count; count < 1 || count > maxNumbers || affine.Size(sizes) > maxNumbers {
		return nil, false
	}
	return p.picked(sizes, func(a, i int) int {
		if a == axis {
			return at(i)
		}
		return i
	}).plain(), true
}

// joined puts pieces beside each other along an axis, of which each covers so many
// positions.
func joined(axis int, parts []*piece, counts []int) (*piece, bool) {
	first := parts[0]
	alike := true
	for _, p := range parts[1:] {
		alike = alike && p.sizes[axis] == 1 && first.sizes[axis] == 1 && p.equal(first)
	}
	if alike && first.sizes[axis] == 1 {
		return first, true
	}
	sizes := slices.Clone(first.sizes)
	sizes[axis] = 0
	for k, p := range parts {
		for i, n := range p.sizes {
			switch {
			case i == axis:
				if n != 1 && n != counts[k] {
					return nil, false
				}
			case sizes[i] == 1:
				sizes[i] = n
			case n != 1 && n != sizes[i]:
				return nil, false
			}
		}
		sizes[axis] += counts[k]
	}
	if affine.Size(sizes) > maxNumbers {
		return nil, false
	}
	out := &piece{sizes: sizes, scale: make([]float64, affine.Size(sizes)), shift: make([]float64, affine.Size(sizes))}
	inner := affine.Size(sizes[axis+1:])
	from := 0
	for k, p := range parts {
		each := slices.Clone(sizes)
		each[axis] = counts[k]
		q := p.over(each)
		for i := range affine.Size(each) {
			outer, rest := i/(counts[k]*inner), i%(counts[k]*inner)
			at := outer*sizes[axis]*inner + from*inner + rest
			out.scale[at] = 1
			if q.scale != nil {
				out.scale[at] = q.scale[i]
			}
			if q.shift != nil {
				out.shift[at] = q.shift[i]
			}
		}
		from += counts[k]
	}
	return out.plain(), true
}

// spread gives positions of an axis of count the numbers of the piece; the others are
// left as they are. ok is false where one position would have several.
func (p *piece) spread(axis, count, picked int, at func(i int) int) (*piece, bool) {
	if max(count, picked) > maxNumbers || picked < 1 {
		return nil, false
	}
	to := make([]int, count)
	for i := range to {
		to[i] = -1
	}
	for i := range picked {
		if k := at(i); to[k] >= 0 {
			return nil, false
		} else {
			to[k] = i
		}
	}
	sizes := slices.Clone(p.sizes)
	sizes[axis] = max(count, picked)
	if affine.Size(sizes) > maxNumbers {
		return nil, false
	}
	sizes[axis] = picked
	q := p.over(sizes)
	sizes[axis] = count
	out := q.picked(sizes, func(a, i int) int {
		if a == axis {
			return max(to[i], 0)
		}
		return i
	})
	inner := affine.Size(sizes[axis+1:])
	for k := range affine.Size(sizes) {
		if to[k/inner%count] < 0 {
			if out.scale != nil {
				out.scale[k] = 1
			}
			if out.shift != nil {
				out.shift[k] = 0
			}
		}
	}
	return out.plain(), true
}
