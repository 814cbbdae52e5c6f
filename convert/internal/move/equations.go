package move

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
)

// Every number of a field is scaled by σ and shifted by h: x' = σ·x + h. What the nodes
// between have it mean is linear in both:
//
//	a scale and shift y = s·x + t that goes    σx = s·σy            hx = t·σy + hy
//	one that stays                             σy = σx              hy = s·hx + t·(1 − σx)
//	a node that numbers pass                   σ equal              h equal, or zero
//	a sum y = Σ cᵢxᵢ                           σ equal              hy = Σ cᵢhᵢ
//	a value that stays                         σ = 1                h = 0
//
// A layer takes any σ and h of what it makes, and of what it reads, but h where it pads
// with zeros. Where maxima are taken σ is above zero.

// solve finds scales and shifts of all numbers, as few shifts as show themselves; ok is
// false where there are none.
func (f *field) solve() (scale, shift []float64, ok bool) {
	n := 0
	for _, q := range f.order {
		n = max(n, q.base+affine.Size(q.sizes))
	}
	if scale, ok = f.scales(n); !ok {
		return nil, nil, false
	}
	shift, ok = f.shifts(n, scale)
	return scale, shift, ok
}

// pairs lists what stands for each other on both sides of a tie that is passed: whole and
// part are numbers of the field.
func (t *tie) pairs(yield func(part, i, whole int)) {
	total, parts := t.in[0], t.out
	if t.pass.law.joins {
		total, parts = t.out[0], t.in
	}
	each, _ := t.parted(total.sizes)
	for k, q := range parts {
		if q == nil || each[k] == nil {
			continue
		}
		for i, label := range each[k].over(q.sizes).scale {
			if label >= firstLabel {
				yield(k, q.base+i, total.base+int(label)-firstLabel)
			}
		}
	}
}

// measured reports whether a tie says something of numbers.
func (t *tie) measured() bool {
	return len(t.out) > 0 && !slices.ContainsFunc(slices.Concat(t.in, t.out), func(q *spot) bool { return q != nil && q.sizes == nil })
}

// near is how far numbers that are equal may be from each other, by rounding of float64.
const near = 1e-13

// scales finds the scales; where some are free, the first one is 1.
func (f *field) scales(n int) ([]float64, bool) {
	u := newUnion(n + 1)
	one, positive := n, make([]bool, n+1)
	for _, t := range f.ties {
		if !t.measured() {
			continue
		}
		if t.piece != nil {
			x, y := t.in[0], t.out[0]
			p := t.piece.over(x.sizes)
			for i := range affine.Size(x.sizes) {
				by := 1.0
				if t.n == f.root && p.scale != nil {
					by = p.scale[i]
				}
				if !u.join(x.base+i, y.base+i, by) {
					return nil, false
				}
			}
			continue
		}
		fits := true
		t.pairs(func(_, i, k int) {
			fits = u.join(i, k, 1) && fits
			positive[i], positive[k] = positive[i] || t.pass.law.positive, positive[k] || t.pass.law.positive
		})
		if !fits {
			return nil, false
		}
	}
	for _, q := range f.order {
		for i := range affine.Size(q.sizes) {
			if q.fixed && !u.join(q.base+i, one, 1) {
				return nil, false
			}
		}
	}
	of := make([]float64, n+1) // of those that others are told by; 0: not yet
	if root, by := u.find(one); true {
		of[root] = 1 / by
	}
	for i := range n {
		if root, by := u.find(i); of[root] == 0 {
			of[root] = 1 / by
		}
	}
	flip := make([]int, n+1)
	onto, _ := u.find(one)
	for i := range n {
		if !positive[i] {
			continue
		}
		root, by := u.find(i)
		sign := 1
		if !(by*of[root] > 0) {
			sign = -1
		}
		if flip[root] == -sign || root == onto && sign < 0 {
			return nil, false
		}
		flip[root] = sign
	}
	scale := make([]float64, n)
	for i := range scale {
		root, by := u.find(i)
		scale[i] = by * of[root]
		if flip[root] < 0 {
			scale[i] = -scale[i]
		}
		if math.Abs(scale[i]-1) <= near {
			scale[i] = 1
		}
	}
	return scale, true
}

// shifts finds the shifts that go with some scales.
func (f *field) shifts(n int, scale []float64) ([]float64, bool) {
	u := newUnion(n + 1)
	zero := n
	var rows []row
	size := 0.0 // of what is shifted by
	for _, t := range f.ties {
		if !t.measured() {
			continue
		}
		switch {
		case t.piece != nil:
			rows = append(rows, f.scaleRows(t, scale)...)
			for _, v := range t.piece.shift {
				size = max(size, math.Abs(v))
			}
		case t.pass.law.coef != nil:
			y := t.out[0]
			sums := make([]row, affine.Size(y.sizes))
			for i := range sums {
				sums[i] = row{at: []int{y.base + i}, by: []float64{-1}}
			}
			t.pairs(func(part, i, k int) {
				r := &sums[k-y.base]
				r.at, r.by = append(r.at, i), append(r.by, t.pass.law.coef[part])
			})
			rows = append(rows, sums...)
		case t.pass.law.shifts:
			t.pairs(func(_, i, k int) { u.join(i, k, 1) })
		default:
			t.pairs(func(_, i, k int) { u.join(i, zero, 1); u.join(k, zero, 1) })
		}
	}
	rank := slices.Repeat([]int{least}, n+1)
	for _, q := range f.order {
		for i := q.base; i < q.base+affine.Size(q.sizes); i++ {
			if q.fixed || q.still {
				u.join(i, zero, 1)
			}
		}
	}
	for _, q := range f.order {
		for i := q.base; i < q.base+affine.Size(q.sizes); i++ {
			root, _ := u.find(i)
			rank[root] = min(rank[root], q.rank())
		}
	}
	none, _ := u.find(zero)
	for i := range rows {
		rows[i] = rows[i].over(u, none)
	}
	of, ok := solveRows(rows, n+1, rank, near*max(size, 1e-30))
	if !ok {
		return nil, false
	}
	shift := make([]float64, n)
	for i := range shift {
		if root, _ := u.find(i); root != none && math.Abs(of[root]) > near*size {
			shift[i] = of[root]
		}
	}
	return shift, true
}

// How good a place a value is for a shift: least where it ends in no layer.
const least = 3

func (q *spot) rank() int {
	switch {
	case q.made && !q.biased:
		return 0
	case q.made:
		return 1
	case len(q.readers) > 0:
		return 2
	}
	return least
}

// scaleRows are the equations of shifts on both sides of a scale and shift.
func (f *field) scaleRows(t *tie, scale []float64) []row {
	x, y := t.in[0], t.out[0]
	p := t.piece.over(x.sizes)
	rows := make([]row, affine.Size(x.sizes))
	for i := range rows {
		s, v := 1.0, 0.0
		if p.scale != nil {
			s = p.scale[i]
		}
		if p.shift != nil {
			v = p.shift[i]
		}
		r := row{at: []int{x.base + i, y.base + i}}
		if t.n == f.root {
			r.by, r.is = []float64{1, -1}, v*scale[y.base+i]
		} else {
			r.by, r.is = []float64{-s, 1}, v*(1-scale[x.base+i])
		}
		rows[i] = r
	}
	return rows
}
