package graph

import "math"

func shapeDepthToSpace(s *shaper) {
	d, ok := s.in(0)
	if !ok || len(d) != 4 {
		return
	}
	b := Size(s.n.AttrInt("blocksize"))
	c, ok := d[1].Over(b.Times(b))
	if !ok {
		c = Unknown
		s.demand(Multiple, 0, d[1], b.Times(b))
	}
	s.set(0, []Dim{d[0], c, d[2].Times(b), d[3].Times(b)})
}

func shapeSpaceToDepth(s *shaper) {
	d, ok := s.in(0)
	if !ok || len(d) != 4 {
		return
	}
	b := Size(s.n.AttrInt("blocksize"))
	for _, size := range d[2:] {
		if _, ok := size.Over(b); !ok {
			s.demand(Multiple, 0, size, b)
		}
	}
	s.set(0, []Dim{d[0], d[1].Times(b).Times(b), d[2].FloorDiv(b), d[3].FloorDiv(b)})
}

// shapeResize follows Resize (opset 10, 11, 18), as far as its sizes do not depend on each
// other.
func shapeResize(s *shaper) {
	if d, ok := s.in(0); ok && s.n.AttrString("keep_aspect_ratio_policy") != "stretch" {
		s.set(0, make([]Dim, len(d)))
		return
	}
	shapeUpsample(s)
}

// shapeUpsample follows Upsample (7, 9) and Resize: sizes, or the input's times the
// scales, rounded down.
func shapeUpsample(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	out := make([]Dim, len(d))
	defer func() { s.set(0, out) }()
	axes := s.n.Ints("axes")
	if axes == nil {
		axes = make([]int64, len(d))
		for i := range axes {
			axes[i] = int64(i)
		}
	} else {
		copy(out, d)
	}
	sizes, scales := s.ints(3), s.scales()
	for i, a := range axes {
		k, ok := Axis(a, len(d))
		switch {
		case !ok:
		case len(sizes) == len(axes):
			out[k] = sizes[i]
		case len(scales) == len(axes):
			out[k] = scaled(d[k], scales[i])
		default:
			out[k] = Unknown
		}
	}
}

// scales are the factors of a Resize or Upsample, nil where unknown.
func (s *shaper) scales() []float64 {
	if a := s.n.Attr("scales"); a != nil {
		out := make([]float64, len(a.Floats()))
		for i, f := range a.Floats() {
			out[i] = float64(f)
		}
		return out
	}
	slot := 2
	if s.n.OpType() == "Upsample" || s.g.Opset < 11 {
		slot = 1
	}
	if slot >= len(s.n.In) || !s.g.IsConst(s.n.In[slot]) {
		return nil
	}
	c, err := s.g.Const(s.n.In[slot])
	if err != nil {
		return nil
	}
	return c.Float()
}

// scaled is floor(d · f).
func scaled(d Dim, f float64) Dim {
	if n, ok := d.Int(); ok {
		return Size(int64(math.Floor(float64(n) * f)))
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<31 {
		return d.Times(Size(int64(f)))
	}
	return Unknown
}
