package graph

import (
	"math"
	"slices"
)

// NoValue stands for the value of a symbol that has none.
const NoValue = math.MinInt64

// A Valuation works out dimensions for values of some symbols, quotients of these
// included.
type Valuation struct {
	symbols   int
	at        map[string]int // symbols and quotients by their text
	factors   []*factor      // by place, nil for symbols
	quotients [][2]Formula   // each after those it is made of
	depends   [][]int        // symbols that each of all these depends on
}

// A Formula is a dimension of a Valuation: a sum of products.
type Formula []addend

type addend struct {
	coef    int64
	factors []int
}

// NewValuation prepares for the values of some symbols, in this order.
func NewValuation(symbols []string) *Valuation {
	v := &Valuation{symbols: len(symbols), at: map[string]int{}}
	for i, s := range symbols {
		v.at[s] = i
		v.factors = append(v.factors, nil)
		v.depends = append(v.depends, []int{i})
	}
	return v
}

// Formula takes d apart; ok is false where it depends on anything else.
func (v *Valuation) Formula(d Dim) (f Formula, ok bool) {
	if !d.Known() {
		return nil, false
	}
	for _, t := range d.terms {
		p := addend{coef: t.coef}
		for _, s := range t.factors {
			i, ok := v.place(s)
			if !ok {
				return nil, false
			}
			p.factors = append(p.factors, i)
		}
		f = append(f, p)
	}
	return f, true
}

// place returns where the value of a factor stands. A fraction has none: it is no size.
func (v *Valuation) place(f *factor) (int, bool) {
	if i, ok := v.at[f.text]; ok {
		q := v.factors[i]
		return i, q == nil && f.kind == symbol || q != nil && q.equal(f)
	}
	if f.kind != floor {
		return 0, false
	}
	a, ok := v.Formula(f.num)
	b, ok2 := v.Formula(f.den)
	if !ok || !ok2 {
		return 0, false
	}
	i := len(v.depends)
	v.at[f.text] = i
	v.factors = append(v.factors, f)
	v.quotients = append(v.quotients, [2]Formula{a, b})
	v.depends = append(v.depends, v.Symbols(a, b))
	return i, true
}

// Symbols lists the symbols that formulas depend on, by their place.
func (v *Valuation) Symbols(fs ...Formula) []int {
	var out []int
	for _, f := range fs {
		for _, p := range f {
			for _, i := range p.factors {
				out = append(out, v.depends[i]...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Work is about how many steps one Fill takes.
func (v *Valuation) Work() int { return 1 + len(v.quotients) }

// Fill works out the quotients behind the values of the symbols; at holds both, and
// is made where it is too short.
func (v *Valuation) Fill(at []int64) []int64 {
	at = append(at[:v.symbols], make([]int64, len(v.quotients))...)
	for i, q := range v.quotients {
		a, ok := q[0].Value(at)
		b, ok2 := q[1].Value(at)
		n := int64(NoValue)
		if ok && ok2 && b != 0 {
			n = floorDiv(a, b)
		}
		at[v.symbols+i] = n
	}
	return at
}

// Value is the value of the formula; ok is false where a symbol has none.
func (f Formula) Value(at []int64) (n int64, ok bool) {
	for _, p := range f {
		x := p.coef
		for _, i := range p.factors {
			y := at[i]
			if y == NoValue || y != 0 && x*y/y != x {
				return 0, false
			}
			x *= y
		}
		n += x
	}
	return n, true
}
