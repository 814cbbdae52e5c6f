package graph

import "slices"

func shapeGemm(s *shaper) {
	a, ok := s.in(0)
	b, ok2 := s.in(1)
	if !ok || !ok2 || len(a) != 2 || len(b) != 2 {
		return
	}
	if s.n.AttrInt("transA") != 0 {
		a = []Dim{a[1], a[0]}
	}
	if s.n.AttrInt("transB") != 0 {
		b = []Dim{b[1], b[0]}
	}
	s.demand(Equals, 0, a[1], b[0])
	s.set(0, []Dim{a[0], b[1]})
}

// shapeMatMul is the rule of a product whose second factor is input at.
func shapeMatMul(at int) shapeRule {
	return func(s *shaper) { s.matMul(at) }
}

func (s *shaper) matMul(at int) {
	a, ok := s.in(0)
	b, ok2 := s.in(at)
	if !ok || !ok2 || len(a) == 0 || len(b) == 0 {
		return
	}
	var out []Dim
	la, lb := a[:max(len(a)-2, 0)], b[:max(len(b)-2, 0)]
	out = Broadcast(la, lb)
	out = slices.Clone(out)
	s.broadcasts(0, lb, la)
	s.demand(Equals, 0, a[len(a)-1], b[max(len(b)-2, 0)])
	if len(a) > 1 {
		out = append(out, a[len(a)-2])
	}
	if len(b) > 1 {
		out = append(out, b[len(b)-1])
	}
	s.set(0, out)
}
