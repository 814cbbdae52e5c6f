package graph

import (
	"slices"

	"repmlp/onnxio"
)

func shapeShape(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		s.set(0, []Dim{Unknown})
		return
	}
	from, to := shapeRange(s.n, len(d))
	s.set(0, []Dim{Size(int64(to - from))})
}

// shapeRange applies the start and end attributes of Shape (opset 15).
func shapeRange(n *Node, rank int) (int, int) {
	clamp := func(v int64) int {
		if v < 0 {
			v += int64(rank)
		}
		return int(min(max(v, 0), int64(rank)))
	}
	from, to := clamp(n.AttrInt("start")), clamp(n.Int("end", int64(rank)))
	return from, max(from, to)
}

func shapeSize(s *shaper) { s.set(0, nil) }

func shapeConstant(s *shaper) {
	for _, a := range s.n.Attrs() {
		switch {
		case a.Name() == "value" && a.T() != nil:
			dims := make([]Dim, len(a.T().Dims()))
			for i, d := range a.T().Dims() {
				dims[i] = Size(d)
			}
			s.set(0, dims)
			s.elem(a.T().DType())
		case a.Name() == "value_ints" && a.Type() == onnxio.AttrInts:
			s.set(0, []Dim{Size(int64(len(a.Ints())))})
			s.elem(onnxio.Int64)
		case a.Name() == "value_int" && a.Type() == onnxio.AttrInt:
			s.set(0, []Dim{})
			s.elem(onnxio.Int64)
		case a.Name() == "value_float" && a.Type() == onnxio.AttrFloat:
			s.set(0, []Dim{})
			s.elem(onnxio.Float32)
		case a.Name() == "value_floats" && a.Type() == onnxio.AttrFloats:
			s.set(0, []Dim{Size(int64(len(a.Floats())))})
			s.elem(onnxio.Float32)
		}
	}
}

func shapeFromInts(slot int) shapeRule {
	return func(s *shaper) {
		if t := s.ints(slot); t != nil {
			s.set(0, slices.Clone(t))
		} else if d, ok := s.in(slot); ok && len(d) == 1 {
			if k, ok := d[0].Int(); ok && k >= 0 && k < 64 {
				s.set(0, make([]Dim, k))
			}
		}
	}
}

func shapeConstantOfShape(s *shaper) {
	shapeFromInts(0)(s)
	s.elem(onnxio.Float32)
	if a := s.n.Attr("value"); a != nil && a.T() != nil {
		s.elem(a.T().DType())
	}
}

func shapeRangeOp(s *shaper) {
	a, b, c := s.ints(0), s.ints(1), s.ints(2)
	if len(a) == 1 && len(b) == 1 && len(c) == 1 && c[0].Is(1) {
		n := b[0].Minus(a[0])
		if k, ok := n.Int(); ok {
			n = Size(max(k, 0))
		}
		s.set(0, []Dim{n})
		return
	}
	s.set(0, []Dim{Unknown})
}
