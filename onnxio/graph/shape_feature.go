package graph

import "slices"

// Operators whose parameters say how many features their input has.

func shapeBatchNorm(s *shaper) {
	if s.n.AttrInt("spatial") == 0 { // every element has parameters of its own
		same(s)
		return
	}
	shapeInstanceNorm(s)
}

func shapeInstanceNorm(s *shaper) {
	same(s)
	d, ok := s.in(0)
	c, ok2 := s.in(1)
	if ok && ok2 && len(d) > 1 && len(c) == 1 {
		s.demand(Equals, 0, d[1], c[0])
	}
}

// shapeLayerNorm follows LayerNormalization (opset 17) and RMSNormalization (23): the scale
// has the shape of the normalised axes, or broadcasts to it.
func shapeLayerNorm(s *shaper) {
	same(s)
	d, ok := s.in(0)
	scale, ok2 := s.in(1)
	if ok && ok2 && len(scale) <= len(d) {
		s.broadcasts(0, scale, d)
	}
}

// shapeGroupNorm follows GroupNormalization (opsets 18 and 21), whose scale has a
// number for each group or for each channel.
func shapeGroupNorm(s *shaper) {
	same(s)
	d, ok := s.in(0)
	scale, ok2 := s.in(1)
	groups := s.n.AttrInt("num_groups")
	if !ok || !ok2 || len(d) < 2 || len(scale) != 1 {
		return
	}
	if s.g.Opset >= 21 {
		s.demand(Equals, 0, d[1], scale[0])
	} else if _, even := d[1].Over(Size(groups)); !even {
		s.demand(Multiple, 0, d[1], Size(groups))
	}
}

// shapeRecurrent follows LSTM, GRU and RNN (opset 14) with so many gates: the weight is
// [directions, gates·hidden, input].
func shapeRecurrent(gates int64) shapeRule {
	return func(s *shaper) {
		x, ok := s.in(0)
		w, ok2 := s.in(1)
		if !ok || !ok2 || len(x) != 3 || len(w) != 3 {
			return
		}
		s.demand(Equals, 0, x[2], w[2])
		hidden, ok := w[1].Over(Size(gates))
		if !ok {
			return
		}
		steps, batch, directions := x[0], x[1], w[0]
		last := []Dim{directions, batch, hidden}
		all := []Dim{steps, directions, batch, hidden}
		if s.n.AttrInt("layout") != 0 {
			batch, steps = x[0], x[1]
			last, all = []Dim{batch, directions, hidden}, []Dim{batch, steps, directions, hidden}
		}
		for _, i := range []int{5, 6} { // initial states
			if d, ok := s.in(i); ok && len(d) == 3 {
				for k := range d {
					s.demand(Equals, i, d[k], last[k])
				}
			}
		}
		s.set(0, all)
		s.set(1, slices.Clone(last))
		s.set(2, last)
	}
}
