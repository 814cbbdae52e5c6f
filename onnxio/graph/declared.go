package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"repmlp/onnxio"
)

// Declared are the sizes that the file declares for an input, as symbols where
// they have names or nothing.
func Declared(v *onnxio.ValueInfo) []Dim { return declared(v) }

func declared(v *onnxio.ValueInfo) []Dim {
	dims := make([]Dim, len(v.Dims()))
	for i, d := range v.Dims() {
		switch {
		case d.Known:
			dims[i] = Size(d.Value)
		case d.Param != "":
			dims[i] = parseParam(d.Param)
		default:
			dims[i] = Symbol(fmt.Sprintf("%s.%d", v.Name(), i))
		}
	}
	return dims
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

// Names are the symbols of a declared size, each once in order.
func (d Dim) Names() []string {
	var out []string
	for _, t := range d.terms {
		for _, f := range t.factors {
			if !slices.Contains(out, f.text) {
				out = append(out, f.text)
			}
		}
	}
	return out
}
