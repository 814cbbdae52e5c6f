package graph

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"repmlp/onnxio"
)

// Declared are the sizes that the file declares for an input, as symbols where
// they have names or nothing.
func Declared(v *onnxio.ValueInfo) []Dim { return declared(v) }

// NoValue stands for the value of a symbol that has none.
const NoValue = math.MinInt64

// A Valuation works out dimensions for values of some symbols, quotients of these
// included.
type Valuation struct {
	symbols   int
	at        map[string]int // symbols and quotients by name
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
		for _, s := range t.syms {
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

func (v *Valuation) place(symbol string) (int, bool) {
	if i, ok := v.at[symbol]; ok {
		return i, true
	}
	num, den, ok := Symbol(symbol).parts()
	if !ok {
		return 0, false
	}
	a, ok := v.Formula(num)
	b, ok2 := v.Formula(den)
	if !ok || !ok2 {
		return 0, false
	}
	i := len(v.depends)
	v.at[symbol] = i
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

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// Names are the symbols of a declared size, each once in order.
func (d Dim) Names() []string {
	var out []string
	for _, t := range d.terms {
		for _, s := range t.syms {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// parts are numerator and denominator of a symbol made by FloorDiv.
func (d Dim) parts() (num, den Dim, ok bool) {
	a, b, ok := d.quotient()
	if !ok {
		return Unknown, Unknown, false
	}
	num, ok = parseDim(a)
	den, ok2 := parseDim(b)
	return num, den, ok && ok2
}

// parseDim reads what String writes: products of numbers and symbols, joined by +.
func parseDim(s string) (Dim, bool) {
	sum := Size(0)
	for _, part := range cut(s, '+') {
		product := Size(1)
		for _, f := range cut(part, '*') {
			switch n, err := strconv.ParseInt(f, 10, 64); {
			case f == "":
				return Unknown, false
			case err == nil:
				product = product.Times(Size(n))
			default:
				product = product.Times(Symbol(f))
			}
		}
		sum = sum.Plus(product)
	}
	return sum, sum.Known()
}

// cut splits s at a character outside of parentheses.
func cut(s string, at byte) []string {
	var out []string
	depth, from := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case s[i] == at && depth == 0:
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}
