package affine

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Placement says where the axes of a constant lie beside data in arithmetic
// that broadcasts. All rules ask for it here, so that none has its own idea of
// which axes meet.
type Placement struct {
	sizes  []int // of the constant along each axis of the data, 1 where it does not vary
	lead   int   // axes of size one that the constant puts in front of the data's
	widens []int // axes of size one of the data that the constant repeats
}

// Everywhere places one number beside data.
func Everywhere(rank int) Placement { return Placement{sizes: slices.Repeat([]int{1}, rank)} }

// Place aligns constant k with data x, both inputs of n: at their last axes, or
// where the attributes say so before opset 7. ok is false where sizes that are
// not known decide whether they fit, or where they do not fit at all.
func Place(g *graph.Graph, n *graph.Node, x, k *graph.Value) (p Placement, ok bool) {
	dims, known := x.Shape()
	shape, fixed := ConstShape(k)
	if !known || !fixed {
		return p, false
	}
	at := len(dims) - len(shape)
	if n.In[0] == k {
		if _, ok := g.Beside(n, len(shape), len(dims)); !ok || g.Opset < 7 && at != 0 {
			return p, false
		}
	} else if at, ok = g.Beside(n, len(dims), len(shape)); !ok {
		return p, false
	}
	p = Everywhere(len(dims))
	for i, size := range shape {
		if size == 1 {
			continue
		}
		if at+i < 0 {
			return p, false // it repeats the data as a whole
		}
		have, known := dims[at+i].Int()
		switch {
		case !known || have != 1 && have != int64(size):
			return p, false
		case have == 1:
			p.widens = append(p.widens, at+i)
		}
		p.sizes[at+i] = size
	}
	p.lead = max(-at, 0)
	return p, true
}

// Widens reports whether the constant repeats axes of the data.
func (p Placement) Widens() bool { return len(p.widens) > 0 }

// Everywhere is one number in the place of the constant.
func (p Placement) Everywhere() Placement {
	return Placement{sizes: Everywhere(len(p.sizes)).sizes, lead: p.lead}
}

// AlongLast reports whether the constant varies along the last axis of the data
// alone, and adds or repeats no axis.
func (p Placement) AlongLast() bool {
	return p.lead == 0 && !p.Widens() && slices.Equal(p.varies(), []int{len(p.sizes) - 1})
}

// varies lists the axes of the data along which the constant varies.
func (p Placement) varies() []int {
	var axes []int
	for i, size := range p.sizes {
		if size != 1 {
			axes = append(axes, i)
		}
	}
	return axes
}

// trace repeats the data where the constant widens it, and names the indices
// that the constant varies over.
func (p Placement) trace(t *Tracer, x Traced) (Traced, []graph.Atom) {
	layout := slices.Clone(x.layout)
	for _, axis := range p.widens {
		made := t.atoms.Axis(graph.Size(int64(p.sizes[axis])))
		layout[axis] = made
		x = t.link(x, &array{made, ones(p.sizes[axis]), nil}, nil, made, nil, slices.Clone(layout))
	}
	var over []graph.Atom
	for _, axis := range p.varies() {
		over = append(over, layout[axis]...)
	}
	return Traced{x.op, append(make(graph.Layout, p.lead), layout...)}, over
}

func ones(n int) Load {
	return func() ([]float64, error) { return slices.Repeat([]float64{1}, n), nil }
}

// channels is the axis that the constant varies along as the only one, -1 for
// none; ok is false where it is no matter of one axis, or the rank changes.
func (p Placement) channels() (axis int, ok bool) {
	axes := p.varies()
	if p.lead > 0 || len(axes) > 1 {
		return 0, false
	}
	if len(axes) == 0 {
		return -1, true
	}
	return axes[0], true
}

// widening is the 1×1 conv that repeats one channel.
func widening(channels, axes int) *fuse.Kernel {
	w := fuse.IdentityWindow(1, axes)
	w.Out = channels
	return &fuse.Kernel{Window: w, W: slices.Repeat([]float64{1}, channels), B: make([]float64, channels)}
}

// widened gives the map of one channel several equal ones, along an axis of the value
// that has one element.
func (s Map) widened(axis, channels int) Map {
	cut := slices.Clone(s.Cut.pieces(s.Dims))
	s.Win = s.Win.Then(widening(channels, len(s.Win.Taps)).Window)
	s.Dims = slices.Clone(s.Dims)
	s.Dims[1] = graph.Size(int64(channels))
	cut[axis] = whole(1, s.Dims[1])
	s.Cut = cut.plain(s.Dims)
	if before := s.outside; before != nil {
		var repeated outside = func() (value, size []float64, err error) {
			if value, size, err = (*before)(); err != nil {
				return nil, nil, err
			}
			return slices.Repeat(value, channels), slices.Repeat(size, channels), nil
		}
		s.outside = &repeated
	}
	return s
}
