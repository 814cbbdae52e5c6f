package graph

import (
	"slices"
	"strconv"
	"strings"

	"repmlp/onnxio"
)

// Declared are the sizes that the file declares for an input, as symbols where
// they have names or nothing.
func Declared(v *onnxio.ValueInfo) []Dim { return declared(v) }

// Symbols are the names that the value of d depends on, quotients taken apart,
// each once in order.
func (d Dim) Symbols() []string {
	var out []string
	for _, t := range d.terms {
		for _, s := range t.syms {
			names := []string{s}
			if num, den, ok := Symbol(s).parts(); ok {
				names = append(num.Symbols(), den.Symbols()...)
			}
			for _, n := range names {
				if !slices.Contains(out, n) {
					out = append(out, n)
				}
			}
		}
	}
	return out
}

// Value is the value of d where the symbols have these values; ok is false where
// one of them is missing.
func (d Dim) Value(at map[string]int64) (v int64, ok bool) {
	if !d.Known() {
		return 0, false
	}
	for _, t := range d.terms {
		product := t.coef
		for _, s := range t.syms {
			n, ok := at[s]
			if !ok {
				if n, ok = quotientAt(s, at); !ok {
					return 0, false
				}
			}
			if n != 0 && product*n/n != product {
				return 0, false
			}
			product *= n
		}
		v += product
	}
	return v, true
}

func quotientAt(symbol string, at map[string]int64) (int64, bool) {
	num, den, ok := Symbol(symbol).parts()
	if !ok {
		return 0, false
	}
	a, ok := num.Value(at)
	b, ok2 := den.Value(at)
	if !ok || !ok2 || b == 0 {
		return 0, false
	}
	return Size(a).FloorDiv(Size(b)).Int()
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
