package convert

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A convolution is a sparse FC that shares weights.
var convRule = rule{
	Doc: Doc{Name: "conv", Title: "Convolution as an affine map",
		Formula: "y = conv(F, x) + b   as FC over a C×h×w tile: W(F,p)[o,y,x; c,y',x'] = F[o,c,t] where y' = y·stride + t·dilation - pad",
		When:    "always over rows; as part of one conv where no bias stands before zero padding",
		Example: "the local perceptron: 1×1, 3×3, 5×5 beside FC3"},
	ops:     []string{"Conv"},
	explain: explainConv,
}

func explainConv(c *explainer, n *graph.Node) (*step, *refusal) {
	x, w := n.In[0], n.In[1]
	var b *graph.Value
	if len(n.In) > 2 {
		b = n.In[2]
	}
	if !sameFloat(x, w, b) {
		return nil, nil // mixed types: not one linear map
	}
	for _, v := range n.In[1:] {
		if v == nil {
			continue
		}
		if why := c.weightProblem(n, v); why != nil {
			return nil, why
		}
	}
	dims, ok := x.Shape()
	shape, ok2 := constShape(w)
	if !ok || !ok2 || len(dims) != len(shape) {
		return nil, nil // the map's rank is unknown
	}
	if b != nil {
		if k, ok := constShape(b); !ok || len(k) != 1 || k[0] != shape[0] {
			return nil, refuse("unsupported_form", "the bias of %q has shape %v for %d channels", n.Title(), k, shape[0])
		}
	}
	kernel := make([]int64, len(shape)-2)
	for i := range kernel {
		kernel[i] = int64(shape[i+2])
	}
	win, err := graph.ConvWindow(n, dims, kernel)
	if err != nil {
		return nil, refuse("unsupported_form", "%v", err)
	}
	groups := int(n.Int("group", 1))
	s := &step{args: []*graph.Value{x}, weights: []*graph.Value{w}, kind: layerStep, needsMap: true}
	if b != nil {
		s.weights = append(s.weights, b)
	}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		return traceConv(t, in[0], n, win, shape, groups, c.stored(nil, w), optional(c, b))
	}
	s.window = func(in []mapState) (mapState, *refusal) {
		out, why := in[0].then(n, win, shape[0], shape[1], groups)
		if why != nil || b == nil {
			return out, why
		}
		return out.scaledBy(func() (scale, shift, sizes []float64, err error) {
			shift, err = c.weight(b)()
			return nil, shift, nil, err
		}).shifted(n), nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		k := &fuse.Kernel{Window: convWindow(win, shape[0], shape[1]*groups, groups), B: make([]float64, shape[0])}
		var err error
		if k.W, err = c.weight(w)(); err != nil {
			return nil, err
		}
		if b != nil {
			if k.B, err = c.weight(b)(); err != nil {
				return nil, err
			}
		}
		return in[0].Then(k), nil
	}
	return s, nil
}

func optional(c *explainer, v *graph.Value) load {
	if v == nil {
		return nil
	}
	return c.weight(v)
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

func traceConv(t *tracer, x traced, n *graph.Node, win graph.Window, shape []int, groups int, weight *array, b load) (traced, *refusal) {
	ch, ok := t.atoms.Regroup(x.layout[1], []graph.Dim{graph.Size(int64(groups)), graph.Size(int64(shape[1]))})
	if !ok {
		return x, refuse("unsupported_form", "the %d groups of %q do not fit the order of its channels", groups, n.Title())
	}
	made := t.atoms.Axis(graph.Size(int64(shape[0] / groups)))
	layout := append(graph.Layout{}, x.layout...)
	layout[1] = append(append([]graph.Atom{}, ch[0]...), made...)
	weight.atoms = append(append(append([]graph.Atom{}, ch[0]...), made...), ch[1]...)
	var axes []fuse.Axis
	gone := slices.Clone(ch[1])
	for i := range win.Kernel {
		if win.Pointwise(i) {
			continue
		}
		if rows, inside := t.tiles(x.layout[i+2], win, i); inside != nil {
			// Windows that do not overlap: tiles are rows, their inside is summed.
			weight.atoms = append(weight.atoms, inside...)
			gone = append(gone, inside...)
			layout[i+2] = rows
			continue
		}
		axis, out, why := t.windowAxis(x.layout[i+2], n, win, i)
		if why != nil {
			return x, why
		}
		if win.Kernel[i] > 1 {
			tap := t.atoms.New(graph.Size(win.Kernel[i]))
			weight.atoms = append(weight.atoms, tap)
			axis.Tap = labels([]graph.Atom{tap})
		}
		axes = append(axes, axis)
		layout[i+2] = out
	}
	y := t.link(x, weight, gone, made, axes, layout)
	if b != nil {
		y = t.diagonal(y, nil, &array{layout[1], b, nil})
	}
	return y, nil
}

// tiles cuts an axis into windows that neither overlap nor leave anything out,
// as patch embeddings have them; inside is nil for other windows.
func (t *tracer) tiles(axis []graph.Atom, win graph.Window, i int) (rows, inside []graph.Atom) {
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
func (t *tracer) windowAxis(in []graph.Atom, n *graph.Node, win graph.Window, i int) (fuse.Axis, []graph.Atom, *refusal) {
	size, ok := t.fixed(in)
	if !ok {
		return fuse.Axis{}, nil, refuse("", "%q slides over an axis of unknown size", n.Title())
	}
	outSize, ok := win.Out(i, graph.Size(int64(size))).Int()
	if !ok || outSize < 1 || win.Dynamic {
		return fuse.Axis{}, nil, refuse("", "%q makes an axis of unknown size", n.Title())
	}
	out := t.atoms.Axis(graph.Size(outSize))
	return fuse.Axis{In: labels(in), Out: labels(out),
		Entries: fuse.ConvEntries(size, int(outSize), int(win.Kernel[i]), int(win.Stride[i]), int(win.Dilation[i]), int(win.Begin[i]))}, out, nil
}
