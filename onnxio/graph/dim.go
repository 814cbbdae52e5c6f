package graph

import (
	"slices"
	"strconv"
	"strings"
)

// A Dim is a size that may be symbolic: a sum of products of factors with integer
// coefficients, in a canonical order. The zero Dim is unknown.
type Dim struct {
	terms []term // nil: unknown, or zero where zero is set
	zero  bool
}

type term struct {
	coef    int64
	factors []*factor // sorted, repeated for powers
}

// Unknown is a size about which nothing is known.
var Unknown = Dim{}

// Size is the known size n.
func Size(n int64) Dim {
	if n == 0 {
		return Dim{zero: true}
	}
	return Dim{terms: []term{{coef: n}}}
}

// Symbol is the size called name.
func Symbol(name string) Dim { return factorDim(&factor{text: name}) }

// Known reports whether anything is known about d.
func (d Dim) Known() bool { return d.zero || d.terms != nil }

// Int returns the value of d if it is a number.
func (d Dim) Int() (int64, bool) {
	switch {
	case d.zero:
		return 0, true
	case len(d.terms) == 1 && len(d.terms[0].factors) == 0:
		return d.terms[0].coef, true
	}
	return 0, false
}

// At is the value of d where every symbol has the value n.
func (d Dim) At(n int64) int64 {
	sum := int64(0)
	for _, t := range d.terms {
		product := t.coef
		for range t.factors {
			product *= n
		}
		sum += product
	}
	return sum
}

// Is reports whether d is the number n.
func (d Dim) Is(n int64) bool { v, ok := d.Int(); return ok && v == n }

// Equal reports whether a and b are known to be equal.
func (d Dim) Equal(o Dim) bool {
	if !d.Known() || !o.Known() || d.zero != o.zero || len(d.terms) != len(o.terms) {
		return false
	}
	for i, t := range d.terms {
		if t.coef != o.terms[i].coef || !slices.EqualFunc(t.factors, o.terms[i].factors, (*factor).equal) {
			return false
		}
	}
	return true
}

func (d Dim) String() string {
	if !d.Known() {
		return "?"
	}
	if d.zero {
		return "0"
	}
	var parts []string
	for _, t := range d.terms {
		var product []string
		if t.coef != 1 || len(t.factors) == 0 {
			product = append(product, strconv.FormatInt(t.coef, 10))
		}
		for _, f := range t.factors {
			product = append(product, f.text)
		}
		parts = append(parts, strings.Join(product, "*"))
	}
	return strings.Join(parts, "+")
}

// maxTerms bounds polynomials and maxFactors their terms; larger ones become unknown.
const (
	maxTerms   = 16
	maxFactors = 32
)

func normal(terms []term) Dim {
	slices.SortFunc(terms, func(a, b term) int { return slices.CompareFunc(a.factors, b.factors, (*factor).compare) })
	out := terms[:0:0]
	for _, t := range terms {
		if n := len(out); n > 0 && slices.EqualFunc(out[n-1].factors, t.factors, (*factor).equal) {
			out[n-1].coef += t.coef
		} else {
			out = append(out, t)
		}
	}
	out = slices.DeleteFunc(out, func(t term) bool { return t.coef == 0 })
	if len(out) == 0 {
		return Dim{zero: true}
	}
	if len(out) > maxTerms {
		return Unknown
	}
	return Dim{terms: out}
}

// Plus returns d + o.
func (d Dim) Plus(o Dim) Dim {
	if !d.Known() || !o.Known() {
		return Unknown
	}
	if a, ok := d.Int(); ok {
		if b, ok := o.Int(); ok {
			return Size(a + b)
		}
	}
	return normal(append(slices.Clone(d.terms), o.terms...))
}

// Minus returns d - o.
func (d Dim) Minus(o Dim) Dim { return d.Plus(o.Times(Size(-1))) }

// Times returns d · o.
func (d Dim) Times(o Dim) Dim {
	if !d.Known() || !o.Known() {
		return Unknown
	}
	var terms []term
	for _, a := range d.terms {
		for _, b := range o.terms {
			c := a.coef * b.coef
			if a.coef != 0 && (c/a.coef != b.coef || c > 1<<52 || c < -1<<52) {
				return Unknown
			}
			if len(a.factors)+len(b.factors) > maxFactors {
				return Unknown
			}
			factors := append(slices.Clone(a.factors), b.factors...)
			slices.SortFunc(factors, (*factor).compare)
			terms = append(terms, term{c, factors})
		}
	}
	return normal(terms)
}

// Over returns d / o where the division is exact for all values of the symbols.
func (d Dim) Over(o Dim) (Dim, bool) {
	if d.zero && !o.zero && o.Known() {
		return d, true
	}
	if !d.Known() || len(o.terms) == 0 {
		return Unknown, false
	}
	if d.Equal(o) {
		return Size(1), true
	}
	if len(o.terms) != 1 {
		return Unknown, false
	}
	by := o.terms[0]
	var terms []term
	for _, t := range d.terms {
		if t.coef%by.coef != 0 {
			return Unknown, false
		}
		factors := slices.Clone(t.factors)
		for _, f := range by.factors {
			i := slices.IndexFunc(factors, f.equal)
			if i < 0 {
				return Unknown, false
			}
			factors = slices.Delete(factors, i, i+1)
		}
		terms = append(terms, term{t.coef / by.coef, factors})
	}
	return normal(terms), true
}

// product multiplies dims.
func product(dims []Dim) Dim {
	p := Size(1)
	for _, d := range dims {
		p = p.Times(d)
	}
	return p
}
