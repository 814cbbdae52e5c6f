package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A ConvTranspose spreads every position of a map over a window: the convolution, with
// turned taps and the channels of its weight exchanged, of the map with stride-1 zeros
// between its positions.
//
//	W(F,p)[o,y,x; c,y',x'] = F[c,o,t] where y = y'·stride + t·dilation − pad
type ConvTranspose struct {
	Spread graph.Spread
	Shape  []int // of the weight: inputs, outputs of a group, taps
	Groups int
	W, B   *graph.Value // B may be nil

	constants *Constants
}

// NewConvTranspose is a ConvTranspose with weight w and bias b, which may be nil.
func NewConvTranspose(c *Constants, s graph.Spread, shape []int, groups int, w, b *graph.Value) *ConvTranspose {
	return &ConvTranspose{s, shape, groups, w, b, c}
}

// Out is the number of output channels.
func (c *ConvTranspose) Out() int { return c.Shape[1] * c.Groups }

// perGroup is how many input channels a group has.
func (c *ConvTranspose) perGroup() int { return c.Shape[0] / c.Groups }

// Trace implements Op.
func (c *ConvTranspose) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	x := in[0]
	if c.Spread.Dynamic || c.Spread.Short {
		return x, reason.Refuse("", "%q makes a map of unknown size", n.Title())
	}
	ch, ok := t.atoms.Regroup(x.layout[1], []graph.Dim{graph.Size(int64(c.Groups)), graph.Size(int64(c.perGroup()))})
	if !ok {
		return x, reason.Refuse(reason.UnsupportedForm, "the %d groups of %q do not fit the order of its channels", c.Groups, n.Title())
	}
	made := t.atoms.Axis(graph.Size(int64(c.Shape[1])))
	layout := slices.Clone(x.layout)
	layout[1] = slices.Concat(ch[0], made)
	weight := c.constants.stored(slices.Concat(ch[0], ch[1], made), c.W)
	var axes []fuse.Axis
	for i := range c.Spread.Kernel {
		if c.Spread.Pointwise(i) {
			continue
		}
		if c.tiles(i) {
			// Windows that do not overlap: positions are rows, each makes a tile.
			tap := t.atoms.Axis(graph.Size(c.Spread.Kernel[i]))
			weight.atoms = append(weight.atoms, tap...)
			made = slices.Concat(made, tap)
			layout[i+2] = slices.Concat(x.layout[i+2], tap)
			continue
		}
		axis, out, why := t.spreadAxis(x.layout[i+2], n, c.Spread, i)
		if why != nil {
			return x, why
		}
		if c.Spread.Kernel[i] > 1 {
			tap := t.atoms.New(graph.Size(c.Spread.Kernel[i]))
			weight.atoms = append(weight.atoms, tap)
			axis.Tap = labels([]graph.Atom{tap})
		}
		axes = append(axes, axis)
		layout[i+2] = out
	}
	y := t.link(x, weight, ch[1], made, axes, layout)
	if c.B != nil {
		y = t.diagonal(y, nil, &array{layout[1], c.constants.Load(c.B), nil})
	}
	return y, nil
}

// tiles reports whether the windows along axis i neither overlap nor leave anything out.
func (c *ConvTranspose) tiles(i int) bool {
	s := c.Spread
	return s.Kernel[i] > 1 && s.Stride[i] == s.Kernel[i] && s.Dilation[i] == 1 && s.Begin[i] == 0 && s.End[i] == 0 && s.Extra[i] == 0
}

// spreadAxis is one axis of windows over a map of known size.
func (t *Tracer) spreadAxis(in []graph.Atom, n *graph.Node, s graph.Spread, i int) (fuse.Axis, []graph.Atom, *reason.Refusal) {
	size, ok := t.fixed(in)
	if !ok {
		return fuse.Axis{}, nil, reason.Refuse("", "%q spreads an axis of unknown size", n.Title())
	}
	outSize, ok := s.Out(i, graph.Size(int64(size))).Int()
	if !ok || outSize < 1 {
		return fuse.Axis{}, nil, reason.Refuse("", "%q makes an axis of unknown size", n.Title())
	}
	out := t.atoms.Axis(graph.Size(outSize))
	return fuse.Axis{In: labels(in), Out: labels(out),
		Entries: fuse.SpreadEntries(size, int(outSize), int(s.Kernel[i]), int(s.Stride[i]), int(s.Dilation[i]), int(s.Begin[i]))}, out, nil
}

// Window implements Op.
func (c *ConvTranspose) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	out, why := in[0].spread(n, c)
	if why != nil || c.B == nil {
		return out, why
	}
	return out.withBias(n, c.constants.Load(c.B)), nil
}

// window is the structure of the convolution of the spread map.
func (c *ConvTranspose) window() fuse.Window {
	s := c.Spread
	w := fuse.Window{Out: c.Out(), In: c.Shape[0], Groups: c.Groups}
	for i := range s.Kernel {
		w.Lo = append(w.Lo, int(s.Begin[i]-(s.Kernel[i]-1)*s.Dilation[i]))
		w.Taps, w.Step, w.Stride = append(w.Taps, int(s.Kernel[i])), append(w.Step, int(s.Dilation[i])), append(w.Stride, 1)
		w.Up = append(w.Up, int(s.Stride[i]))
	}
	if slices.Max(w.Up) == 1 {
		w.Up = nil
	}
	return w
}

// Kernel implements Op.
func (c *ConvTranspose) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k := &fuse.Kernel{Window: c.window(), B: make([]float64, c.Out())}
	w, err := c.constants.Load(c.W)()
	if err != nil {
		return nil, err
	}
	k.W = fuse.Turned(w, c.Groups, c.perGroup(), c.Shape[1], Size(c.Shape[2:]))
	if c.B != nil {
		if k.B, err = c.constants.Load(c.B)(); err != nil {
			return nil, err
		}
	}
	return in[0].Then(k), nil
}

// Weights implements Op.
func (c *ConvTranspose) Weights() []*graph.Value { return weightAndBias(c.W, c.B) }

// Cost implements Op.
func (c *ConvTranspose) Cost() Cost { return Cost{Weights: Size(c.Shape), Work: 1} }

func (c *ConvTranspose) String() string {
	s := fmt.Sprintf("ConvTranspose %s %d -> %d", Cross(c.Shape[2:]), c.Shape[0], c.Out())
	if c.Groups > 1 {
		s += fmt.Sprintf(" in %d groups", c.Groups)
	}
	return s
}
