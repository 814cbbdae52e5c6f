package move

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/internal/elementary"
)

// Every number of a field is scaled by σ and shifted by h: x' = σ·x + h. What the nodes
// between have it mean is linear in both:
//
//	a scale and shift y = s·x + t that goes    σx = s·σy            hx = t·σy + hy
//	one that stays                             σy = σx              hy = s·hx + t·(1 − σx)
//	a node that numbers pass                   σ equal              h equal, or zero
//	a sum y = Σ cᵢxᵢ                           σ equal              hy = Σ cᵢhᵢ
//	a product y = x₁·x₂                        σy = σ₁σ₂            h = 0
//	a value that stays                         σ = 1                h = 0
//
// A layer takes any σ and h of what it makes, and of what it reads, but h where it pads
// with zeros. Where maxima are taken σ is above zero, unless nobody reads that number.

// solve finds scales and shifts of all numbers, as few shifts as show themselves; ok is
// false where there are none.
func (f *field) solve() (scale, shift []float64, ok bool) {
	n := f.numbers()
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

// measured reports whether all numbers of a tie are known; where its values stay there
// are none.
func (t *tie) measured() bool {
	return len(t.out) > 0 && !slices.ContainsFunc(slices.Concat(t.in, t.out), func(q *spot) bool { return q != nil && q.sizes == nil })
}

// near is how far numbers that are equal may be from each other, by rounding of float64.
const near = 1e-13

// needed says which numbers somebody reads: layers, or what is not in the field.
func (f *field) needed(n int) []bool {
	need := make([]bool, n)
	for _, q := range f.order {
		if q.fixed || len(q.readers) > 0 {
			for i := q.base; i < q.base+affine.Size(q.sizes); i++ {
				need[i] = true
			}
		}
	}
	ties := slices.Clone(f.ties)
	slices.SortFunc(ties, func(a, b *tie) int { return b.n.Index - a.n.Index })
	for _, t := range ties {
		switch {
		case !t.measured():
		case t.piece != nil:
			x, y := t.in[0], t.out[0]
			for i := range affine.Size(x.sizes) {
				need[x.base+i] = need[x.base+i] || need[y.base+i]
			}
		case t.pass.law.joins:
			t.pairs(func(_, i, k int) { need[i] = need[i] || need[k] })
		default:
			t.pairs(func(_, i, k int) { need[k] = need[k] || need[i] })
		}
	}
	return need
}

// scales finds the scales; where some are free, the first one is 1.
func (f *field) scales(n int) ([]float64, bool) {
	u := newUnion(n + 1)
	one, positive, need := n, make([]bool, n+1), f.needed(n)
	var products [][]int // the result first
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
		if t.pass.law.product {
			y := t.out[0]
			list := make([][]int, affine.Size(y.sizes))
			for i := range list {
				list[i] = []int{y.base + i}
			}
			t.pairs(func(_, i, k int) { list[k-y.base] = append(list[k-y.base], i) })
			products = append(products, list...)
			continue
		}
		fits := true
		t.pairs(func(_, i, k int) {
			fits = u.join(i, k, 1) && fits
			above := t.pass.law.positive && need[i] && need[k]
			positive[i], positive[k] = positive[i] || above, positive[k] || above
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
	onto, by := u.find(one)
	of[onto] = 1 / by
	for i := range n {
		if root, by := u.find(i); of[root] == 0 {
			of[root] = 1 / by
		}
	}
	signs := map[int]bool{onto: false} // of those that are known: whether they change
	for i := range n {
		if !positive[i] {
			continue
		}
		root, by := u.find(i)
		turn := !(by*of[root] > 0)
		if have, known := signs[root]; known && have != turn {
			return nil, false
		}
		signs[root] = turn
	}
	if len(products) > 0 && !f.factors(u, onto, products, of, signs) {
		return nil, false
	}
	scale := make([]float64, n)
	for i := range scale {
		root, by := u.find(i)
		scale[i] = by * of[root]
		if signs[root] {
			scale[i] = -scale[i]
		}
		if math.Abs(scale[i]-1) <= near {
			scale[i] = 1
		}
	}
	return scale, true
}

// factors solves the products among the scales: of magnitudes by their logarithms, of
// signs by their number.
func (f *field) factors(u *union, onto int, products [][]int, of []float64, signs map[int]bool) bool {
	rows, odd := make([]row, len(products)), make([]parity, len(products))
	each := newUnion(len(of))
	for i, list := range products {
		odd[i] = parity{of: map[int]bool{}}
		for j, k := range list {
			root, by := u.find(k)
			c := -1.0
			if j == 0 {
				c = 1
			}
			rows[i].is -= float64(c * elementary.Log(math.Abs(by*of[root])))
			if root != onto {
				rows[i].at, rows[i].by = append(rows[i].at, root), append(rows[i].by, c)
			}
			odd[i].odd = odd[i].odd != (by*of[root] < 0)
			odd[i].toggle(root)
		}
		rows[i] = rows[i].over(each, -1)
	}
	logs, ok := solveRows(rows, len(of), f.ranks(u, len(of)), near)
	if !ok || !solveSigns(odd, signs) {
		return false
	}
	for i, l := range logs {
		if l != 0 {
			of[i] *= elementary.Exp(l)
		}
	}
	return true
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
	for _, q := range f.order {
		for i := q.base; i < q.base+affine.Size(q.sizes); i++ {
			if q.fixed || q.still {
				u.join(i, zero, 1)
			}
		}
	}
	rank := f.ranks(u, n+1)
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

// ranks says of those that others are told by how good a place the best of these is.
func (f *field) ranks(u *union, n int) []int {
	rank := slices.Repeat([]int{least}, n)
	for _, q := range f.order {
		for i := q.base; i < q.base+affine.Size(q.sizes); i++ {
			root, _ := u.find(i)
			rank[root] = min(rank[root], q.rank())
		}
	}
	return rank
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
