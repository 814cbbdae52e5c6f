package graph

import "slices"

func shapeConcat(s *shaper) {
	first, ok := s.in(0)
	if !ok {
		return
	}
	axis, ok := concatAxis(s.n, len(first))
	if !ok {
		return
	}
	out := slices.Clone(first)
	for i := 1; i < len(s.n.In); i++ {
		d, ok := s.in(i)
		if !ok || len(d) != len(out) {
			return
		}
		for k := range d {
			if k != axis {
				s.demand(Equals, i, d[k], out[k])
			}
		}
		out[axis] = out[axis].Plus(d[axis])
	}
	s.set(0, out)
}

func shapeExpand(s *shaper) {
	d, ok := s.in(0)
	t := s.ints(1)
	if ok && t != nil {
		s.set(0, Broadcast(d, t))
		return
	}
	shapeFromInts(1)(s)
}

func shapeTile(s *shaper) {
	d, ok := s.in(0)
	r := s.ints(1)
	if !ok || len(r) != len(d) {
		return
	}
	out := make([]Dim, len(d))
	for i := range d {
		out[i] = d[i].Times(r[i])
	}
	s.set(0, out)
}

func shapePad(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	out := slices.Clone(d)
	pads, ok := s.g.Pads(s.n, len(d))
	if ok && s.n.AttrString("mode") == "reflect" {
		for i := range d {
			s.demand(AtLeast, 0, d[i], Size(max(pads[i], pads[len(d)+i])+1))
		}
	}
	for i := range out {
		if !ok {
			out[i] = Unknown
			continue
		}
		out[i] = out[i].Plus(Size(pads[i] + pads[len(d)+i]))
	}
	s.set(0, out)
}
