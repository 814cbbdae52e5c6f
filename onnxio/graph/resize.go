package graph

import "math"

// shapeResize follows Resize (opset 10, 11, 18) and Upsample (7, 9): sizes, or
// the input's times the scales, rounded down.
func shapeResize(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	out := make([]Dim, len(d))
	defer func() { s.set(0, out) }()
	if s.n.Str("keep_aspect_ratio_policy", "stretch") != "stretch" {
		return
	}
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
		out := make([]float64, len(a.Floats))
		for i, f := range a.Floats {
			out[i] = float64(f)
		}
		return out
	}
	slot := 2
	if s.n.OpType == "Upsample" || s.g.Opset < 11 {
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

// shapeConvTranspose follows ConvTranspose (opset 11).
func shapeConvTranspose(s *shaper) {
	d, ok := s.in(0)
	w, known := s.in(1)
	if !ok || !known || len(w) != len(d) || len(d) < 3 {
		return
	}
	r := len(d) - 2
	out := make([]Dim, len(d))
	out[0], out[1] = d[0], w[1].Times(Size(s.n.Int("group", 1)))
	s.demand(Equals, 0, d[1], w[0])
	defer func() { s.set(0, out) }()
	list := func(name string, def int64, i, n int) int64 {
		if v := s.n.Ints(name); len(v) == n {
			return v[i]
		}
		return def
	}
	want := s.n.Ints("output_shape")
	auto := s.n.Str("auto_pad", "NOTSET")
	for i := range r {
		stride := list("strides", 1, i, r)
		switch {
		case len(want) >= r:
			out[i+2] = Size(want[len(want)-r+i])
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			out[i+2] = d[i+2].Times(Size(stride))
		default:
			reach := w[i+2].Minus(Size(1)).Times(Size(list("dilations", 1, i, r)))
			rest := list("output_padding", 0, i, r) + 1 - list("pads", 0, i, 2*r) - list("pads", 0, r+i, 2*r)
			out[i+2] = d[i+2].Minus(Size(1)).Times(Size(stride)).Plus(reach).Plus(Size(rest))
		}
	}
}
