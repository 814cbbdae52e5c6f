package graph

import "slices"

func shapeGather(s *shaper) {
	d, ok := s.in(0)
	idx, ok2 := s.in(1)
	if !ok || !ok2 {
		return
	}
	axis, ok := Axis(s.n.AttrInt("axis"), len(d))
	if !ok {
		return
	}
	s.picks(d[axis])
	out := append(slices.Clone(d[:axis]), idx...)
	s.set(0, append(out, d[axis+1:]...))
}

func shapeSlice(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	out := slices.Clone(d)
	steps, ok := s.g.SliceSteps(s.n, len(d))
	if !ok {
		for i := range out {
			out[i] = Unknown
		}
		s.set(0, out)
		return
	}
	for _, st := range steps {
		size, least := st.Size(d[st.Axis])
		out[st.Axis] = size
		if least > 0 {
			s.demand(AtLeast, 0, d[st.Axis], Size(least))
		}
	}
	s.set(0, out)
}

func shapeSplit(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	axis, sizes, ok := s.g.SplitSizes(s.n)
	s.splits(d)
	for i := range s.n.Out {
		out := slices.Clone(d)
		if ok {
			out[axis] = Size(sizes[i])
		} else if axis < len(out) {
			out[axis] = Unknown
		}
		s.set(i, out)
	}
}

// Shapes of operators that pick elements by their values.

func shapeTopK(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	axis, ok := Axis(s.n.AttrInt("axis"), len(d))
	if !ok {
		return
	}
	out := slices.Clone(d)
	out[axis] = Unknown
	if len(s.n.In) < 2 && s.n.Attr("k") != nil { // before opset 10
		out[axis] = Size(s.n.AttrInt("k"))
	} else if k := s.ints(1); len(k) == 1 {
		out[axis] = k[0]
	}
	s.set(0, out)
	s.set(1, slices.Clone(out))
}

func shapeArg(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	axis, ok := Axis(s.n.AttrInt("axis"), len(d))
	if !ok {
		return
	}
	out := slices.Clone(d)
	out[axis] = Size(1)
	if s.n.AttrInt("keepdims") != 1 {
		out = slices.Delete(out, axis, axis+1)
	}
	s.set(0, out)
}

func shapeGatherElements(s *shaper) {
	if d, ok := s.in(1); ok {
		s.set(0, slices.Clone(d))
	}
}

func shapeNonZero(s *shaper) {
	if d, ok := s.in(0); ok {
		s.set(0, []Dim{Size(int64(len(d))), Unknown})
	}
}

// splits asks for an axis that the parts of a Split make up.
func (s *shaper) splits(d []Dim) {
	axis, ok := Axis(s.n.AttrInt("axis"), len(d))
	if !ok {
		return
	}
	parts := s.ints(1)
	if a := s.n.Attr("split"); a != nil {
		parts = nil
		for _, v := range a.Ints() {
			parts = append(parts, Size(v))
		}
	}
	if parts != nil {
		sum := Size(0)
		for _, p := range parts {
			sum = sum.Plus(p)
		}
		s.demand(Equals, 0, d[axis], sum)
		return
	}
	if n := Size(int64(len(s.n.Out))); len(s.n.In) < 2 {
		if _, ok := d[axis].Over(n); !ok {
			s.demand(Even, 0, d[axis], n)
		}
	}
}

// picks asks for an axis that has all positions that a Gather names.
func (s *shaper) picks(axis Dim) {
	at, ok := s.numbers(1)
	if !ok {
		return
	}
	most := int64(0)
	for _, i := range at {
		most = max(most, i+1, -i)
	}
	s.demand(AtLeast, 0, axis, Size(most))
}
