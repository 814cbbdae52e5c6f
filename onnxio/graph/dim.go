package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Dim is a size that may be symbolic: a sum of products of symbols with
// integer coefficients, in a canonical order, so that equal polynomials are
// equal strings. The zero Dim is unknown.
type Dim struct {
	terms []term // nil: unknown, or zero where zero is set
	zero  bool
}

type term struct {
	coef int64
	syms []string // sorted, repeated for powers
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
func Symbol(name string) Dim { return Dim{terms: []term{{coef: 1, syms: []string{name}}}} }

// Known reports whether anything is known about d.
func (d Dim) Known() bool { return d.zero || d.terms != nil }

// Int returns the value of d if it is a number.
func (d Dim) Int() (int64, bool) {
	switch {
	case d.zero:
		return 0, true
	case len(d.terms) == 1 && len(d.terms[0].syms) == 0:
		return d.terms[0].coef, true
	}
	return 0, false
}

// At is the value of d where every symbol has the value n.
func (d Dim) At(n int64) int64 {
	sum := int64(0)
	for _, t := range d.terms {
		product := t.coef
		for range t.syms {
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
		if t.coef != o.terms[i].coef || !slices.Equal(t.syms, o.terms[i].syms) {
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
		s := strings.Join(t.syms, "*")
		switch {
		case s == "":
			s = strconv.FormatInt(t.coef, 10)
		case t.coef != 1:
			s = fmt.Sprintf("%d*%s", t.coef, s)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "+")
}

// maxTerms bounds polynomials; larger ones become unknown.
const maxTerms = 16

func normal(terms []term) Dim {
	slices.SortFunc(terms, func(a, b term) int { return slices.Compare(a.syms, b.syms) })
	out := terms[:0:0]
	for _, t := range terms {
		if n := len(out); n > 0 && slices.Equal(out[n-1].syms, t.syms) {
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
			syms := append(slices.Clone(a.syms), b.syms...)
			slices.Sort(syms)
			terms = append(terms, term{c, syms})
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
		syms := slices.Clone(t.syms)
		for _, s := range by.syms {
			i := slices.Index(syms, s)
			if i < 0 {
				return Unknown, false
			}
			syms = slices.Delete(syms, i, i+1)
		}
		terms = append(terms, term{t.coef / by.coef, syms})
	}
	return normal(terms), true
}

// FloorDiv returns ⌊d / o⌋, a new symbol where it cannot be worked out.
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
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return Size(q)
	}
	return Symbol(fmt.Sprintf("((%s)//(%s))", d, o))
}

// quotient takes a symbol made by FloorDiv apart.
func (d Dim) quotient() (num, den string, ok bool) {
	if len(d.terms) != 1 || d.terms[0].coef != 1 || len(d.terms[0].syms) != 1 {
		return "", "", false
	}
	s := d.terms[0].syms[0]
	if !strings.HasPrefix(s, "((") || !strings.HasSuffix(s, "))") {
		return "", "", false
	}
	depth := 0
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				rest, found := strings.CutPrefix(s[i+1:], "//(")
				return s[2:i], strings.TrimSuffix(rest, "))"), found
			}
		}
	}
	return "", "", false
}

// product multiplies dims.
func product(dims []Dim) Dim {
	p := Size(1)
	for _, d := range dims {
		p = p.Times(d)
	}
	return p
}

// parseParam reads a dim_param. Products like "4*hp" are taken apart; anything
// else is one opaque symbol.
func parseParam(s string) Dim {
	d := Size(1)
	for part := range strings.SplitSeq(s, "*") {
		part = strings.TrimSpace(part)
		if n, err := strconv.ParseInt(part, 10, 32); err == nil && n > 0 {
			d = d.Times(Size(n))
			continue
		}
		for _, r := range part {
			if !(r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
				return Symbol("'" + s + "'")
			}
		}
		if part == "" {
			return Symbol("'" + s + "'")
		}
		d = d.Times(Symbol(part))
	}
	return d
}
