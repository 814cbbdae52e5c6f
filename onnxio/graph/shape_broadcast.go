package graph

import "slices"

func same(s *shaper) {
	if d, ok := s.in(0); ok {
		s.set(0, slices.Clone(d))
	}
}

func broadcastAll(s *shaper) {
	if s.g.Opset < 7 { // the second input fits into the first, from axis on or at its end
		s.fitsInto()
		return
	}
	var out []Dim
	for i := range s.n.In {
		d, ok := s.in(i)
		if !ok {
			return
		}
		s.broadcasts(i, out, d)
		out = Broadcast(out, d)
	}
	s.set(0, out)
}

// broadcasts asks that input i of shape b fits beside a shape.
func (s *shaper) broadcasts(i int, a, b []Dim) {
	for k := 1; k <= min(len(a), len(b)); k++ {
		s.demand(Broadcasts, i, b[len(b)-k], a[len(a)-k])
	}
}

// fitsInto follows the operators that broadcast by attributes, which opset 7 took away.
func (s *shaper) fitsInto() {
	same(s)
	d, ok := s.in(0)
	part, ok2 := s.in(1)
	if !ok || !ok2 || len(part) > len(d) {
		return
	}
	if axis, ok := s.g.Beside(s.n, len(d), len(part)); ok {
		s.broadcasts(1, d[axis:axis+len(part)], part)
	}
}

func shapePRelu(s *shaper) {
	same(s)
	d, ok := s.in(0)
	slope, ok2 := s.in(1)
	if ok && ok2 {
		s.broadcasts(0, slope, d)
	}
}
