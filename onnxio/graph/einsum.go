package graph

import (
	"slices"
	"strings"
)

// An EinsumSpec is a parsed Einsum equation without ellipsis.
type EinsumSpec struct {
	In  []string
	Out string
}

// ParseEinsum reads an equation; ok is false for forms with an ellipsis or a
// repeated index within one operand.
func ParseEinsum(eq string) (EinsumSpec, bool) {
	eq = strings.ReplaceAll(eq, " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	spec := EinsumSpec{In: strings.Split(left, ","), Out: right}
	if strings.Contains(eq, ".") {
		return spec, false
	}
	count := map[rune]int{}
	for _, in := range spec.In {
		seen := map[rune]bool{}
		for _, r := range in {
			if seen[r] {
				return spec, false
			}
			seen[r] = true
			count[r]++
		}
	}
	if !explicit {
		var once []rune
		for r, n := range count {
			if n == 1 {
				once = append(once, r)
			}
		}
		slices.Sort(once)
		spec.Out = string(once)
	}
	return spec, true
}

func shapeEinsum(s *shaper) {
	spec, ok := ParseEinsum(s.n.AttrString("equation"))
	if !ok || len(spec.In) != len(s.n.In) {
		return
	}
	size := map[byte]Dim{}
	for i, idx := range spec.In {
		d, ok := s.in(i)
		if !ok || len(d) != len(idx) {
			return
		}
		for k := range idx {
			if old, seen := size[idx[k]]; seen {
				s.demand(Broadcasts, i, d[k], old)
			}
			if old, seen := size[idx[k]]; !seen || !old.Known() || old.Is(1) {
				size[idx[k]] = d[k]
			} else if _, num := old.Int(); !num {
				size[idx[k]] = d[k]
			}
		}
	}
	out := make([]Dim, len(spec.Out))
	for k := range spec.Out {
		out[k] = size[spec.Out[k]]
	}
	s.set(0, out)
}
