package graph

import (
	"slices"
	"strings"
)

// An EinsumSpec is a parsed Einsum equation with an index, one byte, for every axis.
type EinsumSpec struct {
	In  []string
	Out string
}

// maxDots is how many axes an ellipsis stands for at most: their indices are the bytes
// 1, 2, ..., which no equation has.
const maxDots = 26

// ParseEinsum reads an equation for operands of such ranks; ok is false where it does not fit
// them, where an operand has an index twice, and where the result lacks the axes of an
// ellipsis.
func ParseEinsum(eq string, ranks ...int) (EinsumSpec, bool) {
	eq = strings.ReplaceAll(eq, " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	spec := EinsumSpec{In: strings.Split(left, ","), Out: right}
	if len(spec.In) != len(ranks) {
		return spec, false
	}
	widest := 0
	for i, in := range spec.In {
		n := ranks[i] - len(in)
		if strings.Contains(in, ellipsis) {
			n += len(ellipsis)
			widest = max(widest, n)
		} else if n != 0 {
			return spec, false
		}
		if n < 0 || n > maxDots {
			return spec, false
		}
	}
	// The axes of several ellipses meet at the last one.
	dots := func(term string, n int) string {
		var axes []byte
		for i := widest - n; i < widest; i++ {
			axes = append(axes, byte(1+i))
		}
		return strings.Replace(term, ellipsis, string(axes), 1)
	}
	count := map[byte]int{}
	for i, in := range spec.In {
		if spec.In[i] = dots(in, ranks[i]-len(in)+len(ellipsis)); strings.Contains(spec.In[i], ".") {
			return spec, false
		}
		seen := map[byte]bool{}
		for _, r := range []byte(spec.In[i]) {
			if seen[r] {
				return spec, false
			}
			seen[r] = true
			count[r]++
		}
	}
	if !explicit {
		var once []byte
		for r, n := range count {
			if n == 1 && r > maxDots {
				once = append(once, r)
			}
		}
		slices.Sort(once)
		spec.Out = ellipsis + string(once)
	}
	if widest > 0 && !strings.Contains(spec.Out, ellipsis) {
		return spec, false
	}
	spec.Out = dots(spec.Out, widest)
	return spec, !strings.Contains(spec.Out, ".")
}

const ellipsis = "..."

func shapeEinsum(s *shaper) {
	var shapes [][]Dim
	var ranks []int
	for i := range s.n.In {
		d, ok := s.in(i)
		if !ok {
			return
		}
		shapes, ranks = append(shapes, d), append(ranks, len(d))
	}
	spec, ok := ParseEinsum(s.n.AttrString("equation"), ranks...)
	if !ok {
		return
	}
	size := map[byte]Dim{}
	for i, idx := range spec.In {
		d := shapes[i]
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
