package graph

import (
	"slices"
	"strings"
)

// A factor is what sizes are products of: a symbol, or a quotient of two sizes.
type factor struct {
	text     string // as it is printed, which orders factors
	kind     factorKind
	num, den Dim // of a quotient
}

type factorKind uint8

const (
	symbol factorKind = iota
	floor             // ⌊num/den⌋
	exact             // num/den, a number in floating point that is not rounded yet
)

// maxText bounds the text of a factor, and with it how large a quotient may be: one
// that is larger is unknown. Sizes that are halved hundreds of times fit.
const maxText = 4096

func (f *factor) equal(o *factor) bool {
	return f == o || f.kind == o.kind && f.text == o.text && (f.kind == symbol || f.num.Equal(o.num) && f.den.Equal(o.den))
}

func (f *factor) compare(o *factor) int { return strings.Compare(f.text, o.text) }

func factorDim(f *factor) Dim { return Dim{terms: []term{{coef: 1, factors: []*factor{f}}}} }

// alone returns the factor that d consists of, nil where it is anything else.
func (d Dim) alone() *factor {
	if len(d.terms) != 1 || d.terms[0].coef != 1 || len(d.terms[0].factors) != 1 {
		return nil
	}
	return d.terms[0].factors[0]
}

// quotient takes a size apart that FloorDiv could not work out.
func (d Dim) quotient() (num, den Dim, ok bool) {
	f := d.alone()
	if f == nil || f.kind != floor {
		return Unknown, Unknown, false
	}
	return f.num, f.den, true
}

// FloorDiv returns ⌊d / o⌋, a quotient of its own where it cannot be worked out.
func (d Dim) FloorDiv(o Dim) Dim {
	if !d.Known() || !o.Known() || o.zero {
		return Unknown
	}
	if q, ok := d.Over(o); ok {
		return q
	}
	a, aok := d.Int()
	b, bok := o.Int()
	if aok && bok {
		return Size(floorDiv(a, b))
	}
	if whole, rest := d.multiples(b); bok && b > 1 && whole.Known() && !whole.zero {
		return whole.Plus(rest.FloorDiv(o))
	}
	if num, den := d.nested(); bok && b > 0 && den.Times(o).Known() {
		return num.FloorDiv(den.Times(o))
	}
	text := "((" + d.String() + ")//(" + o.String() + "))"
	if len(text) > maxText {
		return Unknown
	}
	return factorDim(&factor{text, floor, d, o})
}

// multiples takes d apart into n times a whole size, and a rest whose coefficients lie
// between 0 and n: ⌊(n·a + r) / n⌋ is a + ⌊r / n⌋. So sizes that differ by whole steps of a
// window are one formula. whole is unknown where a term is no whole number.
func (d Dim) multiples(n int64) (whole, rest Dim) {
	var a, r []term
	for _, t := range d.terms {
		if n < 2 || slices.ContainsFunc(t.factors, func(f *factor) bool { return f.kind == exact }) {
			return Unknown, d
		}
		q := floorDiv(t.coef, n)
		a, r = append(a, term{q, t.factors}), append(r, term{t.coef - q*n, t.factors})
	}
	return normal(a), normal(r)
}

// nested takes a quotient and a number apart, ⌊a / n⌋ + c, as num = a + n·c and den = n:
// ⌊(⌊a / n⌋ + c) / m⌋ is ⌊(a + n·c) / (n·m)⌋. den is unknown where d is anything else.
func (d Dim) nested() (num, den Dim) {
	c := Size(0)
	for _, t := range d.terms {
		if len(t.factors) == 0 {
			c = Size(t.coef)
		}
	}
	num, den, ok := d.Minus(c).quotient()
	if n, fixed := den.Int(); !ok || !fixed || n < 1 {
		return Unknown, Unknown
	}
	return num.Plus(den.Times(c)), den
}

// fraction is d / o in floating point, whose digits behind the point count until
// something rounds it. It is unknown where floored has to be, too.
func fraction(d, o Dim) Dim {
	q := d.FloorDiv(o)
	if !q.Known() {
		return Unknown
	}
	return factorDim(&factor{"fraction " + q.String(), exact, d, o})
}

// floored rounds a fraction down; other sizes are whole.
func floored(d Dim) Dim {
	if f := d.alone(); f != nil && f.kind == exact {
		return f.num.FloorDiv(f.den)
	}
	return d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
