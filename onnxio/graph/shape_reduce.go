package graph

import "slices"

func shapeReduce(s *shaper) {
	d, ok := s.in(0)
	axes, given, known := s.axes()
	if !ok || !known {
		return
	}
	if !given && s.n.AttrInt("noop_with_empty_axes") != 0 || given && len(axes) == 0 && s.n.AttrInt("noop_with_empty_axes") != 0 {
		same(s)
		return
	}
	keep := s.n.AttrInt("keepdims") == 1
	var out []Dim
	for i, x := range d {
		hit := len(axes) == 0
		for _, a := range axes {
			k, _ := Axis(a, len(d))
			hit = hit || k == i
		}
		switch {
		case !hit:
			out = append(out, x)
		case keep:
			out = append(out, Size(1))
		}
	}
	s.set(0, out)
}

func shapeGlobalPool(s *shaper) {
	d, ok := s.in(0)
	if !ok || len(d) < 2 {
		return
	}
	out := slices.Clone(d)
	for i := 2; i < len(out); i++ {
		out[i] = Size(1)
	}
	s.set(0, out)
}
