package graph

import "strings"

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
	text := "((" + d.String() + ")//(" + o.String() + "))"
	if len(text) > maxText {
		return Unknown
	}
	return factorDim(&factor{text, floor, d, o})
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
