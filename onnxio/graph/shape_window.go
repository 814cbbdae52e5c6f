package graph

import "slices"

// shapeConv is the rule of a convolution whose weight is input at.
func shapeConv(at int) shapeRule {
	return func(s *shaper) { s.conv(at) }
}

func (s *shaper) conv(at int) {
	in, ok := s.in(0)
	weight, ok2 := s.in(at)
	if x := s.n.In[0]; ok2 && len(weight) >= 3 && x != nil { // a map that the weight fits
		channels := weight[1].Times(Size(s.n.AttrInt("group")))
		if len(in) == len(weight) {
			s.demand(Equals, 0, in[1], channels)
		}
		switch {
		case !ok:
			in = make([]Dim, len(weight))
			in[1] = channels
			x.setShape(in)
			s.g.nameUnknown(x)
		case len(in) == len(weight) && x.Init == nil:
			if _, number := in[1].Int(); !number {
				in = slices.Clone(in)
				in[1] = channels
				x.setShape(in)
			}
		}
		in, ok = s.in(0)
	}
	if !ok || !ok2 || len(in) < 3 || len(weight) != len(in) {
		return
	}
	kernel, known := numbers(weight[2:])
	if !known {
		kernel = nil
	}
	s.window(in, weight[0], kernel)
}

func shapePool(s *shaper) {
	if in, ok := s.in(0); ok && len(in) >= 3 {
		s.window(in, in[1], nil)
	}
}

func (s *shaper) window(in []Dim, channels Dim, kernel []int64) {
	out := make([]Dim, len(in))
	out[0], out[1] = in[0], channels
	if w, err := ConvWindow(s.n, in, kernel); err == nil {
		for i := 2; i < len(in); i++ {
			out[i] = w.Out(i-2, in[i])
			if k := i - 2; !w.Dynamic && !w.Ceil {
				s.demand(AtLeast, 0, in[i].Plus(Size(w.Begin[k]+w.End[k])), Size((w.Kernel[k]-1)*w.Dilation[k]+1))
			}
		}
	}
	for i := range s.n.Out {
		s.set(i, slices.Clone(out))
	}
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
	out[0], out[1] = d[0], w[1].Times(Size(s.n.AttrInt("group")))
	s.demand(Equals, 0, d[1], w[0])
	defer func() { s.set(0, out) }()
	list := func(name string, def int64, i, n int) int64 {
		if v := s.n.Ints(name); len(v) == n {
			return v[i]
		}
		return def
	}
	want := s.n.Ints("output_shape")
	auto := s.n.AttrString("auto_pad")
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
