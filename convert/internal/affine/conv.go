package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Conv is a convolution of a map: a sparse FC that shares weights.
//
//	W(F,p)[o,y,x; c,y',x'] = F[o,c,t] where y' = y·stride + t·dilation − pad
type Conv struct {
	Win    graph.Window
	Shape  []int // of the weight: outputs, inputs of a group, taps
	Groups int
	W, B   *graph.Value // B may be nil

	constants *Constants
}

// NewConv is a Conv with weight w and bias b, which may be nil.
func NewConv(c *Constants, win graph.Window, shape []int, groups int, w, b *graph.Value) *Conv {
	return &Conv{win, shape, groups, w, b, c}
}

// Pointwise reports whether no axis has more than one tap.
func (c *Conv) Pointwise() bool { return slices.Max(c.Shape[2:]) == 1 }

// Stored gives access to the weight where it is stored as it is used, nil elsewhere,
// and to the bias, nil without one.
func (c *Conv) Stored() (weight fuse.Values, bias []float64, err error) {
	if weight, err = c.constants.Open(c.W)(); err != nil || weight == nil || c.B == nil {
		return weight, nil, err
	}
	bias, err = c.constants.Load(c.B)()
	return weight, bias, err
}

// Trace implements Op.
func (c *Conv) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	x := in[0]
	ch, ok := t.atoms.Regroup(x.layout[1], []graph.Dim{graph.Size(int64(c.Groups)), graph.Size(int64(c.Shape[1]))})
	if !ok {
		return x, reason.Refuse(reason.UnsupportedForm, "the %d groups of %q do not fit the order of its channels", c.Groups, n.Title())
	}
	made := t.atoms.Axis(graph.Size(int64(c.Shape[0] / c.Groups)))
	layout := slices.Clone(x.layout)
	layout[1] = slices.Concat(ch[0], made)
	weight := c.constants.stored(slices.Concat(ch[0], made, ch[1]), c.W)
	var axes []fuse.Axis
	gone := slices.Clone(ch[1])
	for i := range c.Win.Kernel {
		if c.Win.Pointwise(i) {
			continue
		}
		if rows, inside := t.tiles(x.layout[i+2], c.Win, i); inside != nil {
			// Windows that do not overlap: tiles are rows, their inside is summed.
			weight.atoms = append(weight.atoms, inside...)
			gone = append(gone, inside...)
			layout[i+2] = rows
			continue
		}
		axis, out, why := t.windowAxis(x.layout[i+2], n, c.Win, i)
		if why != nil {
			return x, why
		}
		if c.Win.Kernel[i] > 1 {
			tap := t.atoms.New(graph.Size(c.Win.Kernel[i]))
			weight.atoms = append(weight.atoms, tap)
			axis.Tap = labels([]graph.Atom{tap})
		}
		axes = append(axes, axis)
		layout[i+2] = out
	}
	y := t.link(x, weight, gone, made, axes, layout)
	if c.B != nil {
		y = t.diagonal(y, nil, &array{layout[1], c.constants.Load(c.B), nil})
	}
	return y, nil
}

// tiles cuts an axis into windows that neither overlap nor leave anything out,
// as patch embeddings have them; inside is nil for other windows.
func (t *Tracer) tiles(axis []graph.Atom, win graph.Window, i int) (rows, inside []graph.Atom) {
	k := win.Kernel[i]
	if k == 1 || win.Stride[i] != k || win.Dilation[i] != 1 || win.Begin[i] != 0 || win.End[i] != 0 || win.Dynamic || win.Ceil {
		return nil, nil
	}
	count, ok := t.sizes(graph.Layout{axis})[0].Over(graph.Size(k))
	if !ok {
		return nil, nil
	}
	cut, ok := t.atoms.Regroup(axis, []graph.Dim{count, graph.Size(k)})
	if !ok {
		return nil, nil
	}
	return cut[0], cut[1]
}

// windowAxis is one axis of a sliding window over a map of known size.
func (t *Tracer) windowAxis(in []graph.Atom, n *graph.Node, win graph.Window, i int) (fuse.Axis, []graph.Atom, *reason.Refusal) {
	size, ok := t.fixed(in)
	if !ok {
		return fuse.Axis{}, nil, reason.Refuse("", "%q slides over an axis of unknown size", n.Title())
	}
	outSize, ok := win.Out(i, graph.Size(int64(size))).Int()
	if !ok || outSize < 1 || win.Dynamic {
		return fuse.Axis{}, nil, reason.Refuse("", "%q makes an axis of unknown size", n.Title())
	}
	out := t.atoms.Axis(graph.Size(outSize))
	return fuse.Axis{In: labels(in), Out: labels(out),
		Entries: fuse.ConvEntries(size, int(outSize), int(win.Kernel[i]), int(win.Stride[i]), int(win.Dilation[i]), int(win.Begin[i]))}, out, nil
}

// Window implements Op.
func (c *Conv) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	out, why := in[0].then(n, c.Win, c.Shape[0], c.Shape[1], c.Groups)
	if why != nil || c.B == nil {
		return out, why
	}
	return out.withBias(n, c.constants.Load(c.B)), nil
}

// Kernel implements Op.
func (c *Conv) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k := &fuse.Kernel{Window: convWindow(c.Win, c.Shape[0], c.Shape[1]*c.Groups, c.Groups), B: make([]float64, c.Shape[0])}
	var err error
	if k.W, err = c.constants.Load(c.W)(); err != nil {
		return nil, err
	}
	if c.B != nil {
		if k.B, err = c.constants.Load(c.B)(); err != nil {
			return nil, err
		}
	}
	return in[0].Then(k), nil
}

// convWindow is the structure of a node's own convolution.
func convWindow(w graph.Window, out, in, groups int) fuse.Window {
	f := fuse.Window{Out: out, In: in, Groups: groups}
	for i := range w.Kernel {
		f.Lo = append(f.Lo, int(-w.Begin[i]))
		f.Taps = append(f.Taps, int(w.Kernel[i]))
		f.Step = append(f.Step, int(w.Dilation[i]))
		f.Stride = append(f.Stride, int(w.Stride[i]))
	}
	return f
}

// weightAndBias lists what a node reads; b may be nil.
func weightAndBias(w, b *graph.Value) []*graph.Value {
	if b == nil {
		return []*graph.Value{w}
	}
	return []*graph.Value{w, b}
}

// Weights implements Op.
func (c *Conv) Weights() []*graph.Value { return weightAndBias(c.W, c.B) }

// Cost implements Op.
func (c *Conv) Cost() Cost { return Cost{Weights: Size(c.Shape), Work: 1} }

func (c *Conv) String() string {
	s := fmt.Sprintf("Conv %s %d -> %d", Cross(c.Shape[2:]), c.Shape[1]*c.Groups, c.Shape[0])
	if c.Groups > 1 {
		s += fmt.Sprintf(" in %d groups", c.Groups)
	}
	return s
}
