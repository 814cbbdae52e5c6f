package graph

import (
	"slices"

	"repmlp/onnxio"
)

// Shapes of operators that pick elements by their values.

func shapeTopK(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	axis, ok := Axis(s.n.Int("axis", -1), len(d))
	if !ok {
		return
	}
	out := slices.Clone(d)
	out[axis] = Unknown
	if k := s.ints(1); len(k) == 1 {
		out[axis] = k[0]
	}
	s.set(0, out)
	s.set(1, slices.Clone(out))
	if len(s.n.Out) > 1 && s.n.Out[1] != nil {
		s.n.Out[1].Elem = onnxio.Int64
	}
}

func shapeArg(s *shaper) {
	s.elem(onnxio.Int64)
	d, ok := s.in(0)
	if !ok {
		return
	}
	axis, ok := Axis(s.n.Int("axis", 0), len(d))
	if !ok {
		return
	}
	out := slices.Clone(d)
	out[axis] = Size(1)
	if s.n.Int("keepdims", 1) != 1 {
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
	s.elem(onnxio.Int64)
	if d, ok := s.in(0); ok {
		s.set(0, []Dim{Size(int64(len(d))), Unknown})
	}
}
