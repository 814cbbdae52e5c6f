package convert

import (
	"slices"
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Averaging is a convolution with equal weights.
var poolRule = rule{
	Doc: Doc{Name: "pool", Title: "Average pooling",
		Formula: "y = mean of x over a window; BN before pooling moves behind it: pool(s·x+t) = s·pool(x)+t",
		When:    "as part of an FC always; as part of a conv where the padding is counted; BN passes where it is not",
		Example: "the global perceptron of the 2021 block: BN, AveragePool, Flatten, FC1"},
	ops:     []string{"AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"},
	explain: explainPool,
}

func explainPool(c *explainer, n *graph.Node) (*step, *refusal) {
	x := n.In[0]
	dims, ok := x.Shape()
	if !ok || !x.Elem.IsFloat() || n.Int("count_include_pad", 0) != 0 && n.Int("ceil_mode", 0) != 0 {
		return nil, nil // unknown rank, or windows that hang over the padding
	}
	s := &step{args: []*graph.Value{x}, kind: mapStep}
	if n.OpType == "AveragePool" {
		s.needsMap = true
		win, err := graph.ConvWindow(n, dims, nil)
		if err != nil || len(dims) < 3 {
			return nil, refuse("unsupported_form", "%v", err)
		}
		include := n.Int("count_include_pad", 0) != 0
		s.trace = func(t *tracer, in []traced) (traced, *refusal) { return traceAverage(t, in[0], n, win, include) }
		if channels, ok := dims[1].Int(); ok {
			s.window = func(in []mapState) (mapState, *refusal) {
				if !include && !win.Unpadded() {
					return in[0], refuse("border_dependent_pool", "%q does not count its padding, so its weights differ at the border; export with count_include_pad", n.Title())
				}
				return in[0].then(n, win, int(channels), 1, int(channels))
			}
			s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
				k := &fuse.Kernel{Window: convWindow(win, int(channels), int(channels), int(channels)), B: make([]float64, channels)}
				area := 1
				for _, t := range win.Kernel {
					area *= int(t)
				}
				k.W = slices.Repeat([]float64{1 / float64(area)}, area*int(channels))
				return in[0].Then(k), nil
			}
		}
		return s, nil
	}
	axes, keep, ok := reducedAxes(c, n, len(dims))
	if !ok {
		return nil, nil // axes that are not known
	}
	mean := n.OpType != "ReduceSum"
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		var out graph.Layout
		var joined []fuse.Axis
		for i, axis := range in[0].layout {
			if !slices.Contains(axes, i) {
				out = append(out, axis)
				continue
			}
			if keep {
				out = append(out, nil)
			}
			size, ok := t.fixed(axis)
			if !ok {
				return in[0], refuse("", "%q averages over an axis of unknown size", n.Title())
			}
			w := 1.0
			if mean {
				w = 1 / float64(size)
			}
			joined = append(joined, fuse.Axis{In: labels(axis), Entries: fuse.Listed(size, func(k int) fuse.Entry { return fuse.Entry{In: k, Weight: w} })})
		}
		return t.link(in[0], nil, nil, nil, joined, out), nil
	}
	return s, nil
}

// reducedAxes returns the axes that a global pool or reduction sums over.
func reducedAxes(c *explainer, n *graph.Node, rank int) (axes []int, keep, ok bool) {
	if n.OpType == "GlobalAveragePool" {
		for i := 2; i < rank; i++ {
			axes = append(axes, i)
		}
		return axes, true, rank > 2
	}
	list := n.Ints("axes")
	if len(n.In) > 1 && n.In[1] != nil {
		for _, d := range n.In[1].Ints() {
			v, known := d.Int()
			if !known {
				return nil, false, false
			}
			list = append(list, v)
		}
		if n.In[1].Ints() == nil {
			return nil, false, false
		}
	}
	if len(list) == 0 {
		return nil, false, false // all axes, or none: not a pooling
	}
	for _, a := range list {
		k, ok := graph.Axis(a, rank)
		if !ok {
			return nil, false, false
		}
		axes = append(axes, k)
	}
	return axes, n.Int("keepdims", 1) == 1, true
}

func traceAverage(t *tracer, x traced, n *graph.Node, win graph.Window, include bool) (traced, *refusal) {
	layout := slices.Clone(x.layout)
	var axes []fuse.Axis
	for i := range win.Kernel {
		if win.Pointwise(i) {
			continue
		}
		axis, out, why := t.windowAxis(x.layout[i+2], n, win, i)
		if why != nil {
			return x, why
		}
		taps, kernel := axis.Entries, win.Kernel[i]
		axis.Entries = sync.OnceValue(func() []fuse.Entry {
			entries := slices.Clone(taps())
			count := map[int]int{}
			for _, e := range entries {
				count[e.Out]++
			}
			for k := range entries {
				e := &entries[k]
				e.Tap = 0
				e.Weight = 1 / float64(count[e.Out])
				if include {
					e.Weight = 1 / float64(kernel)
				}
			}
			return entries
		})
		axes = append(axes, axis)
		layout[i+2] = out
	}
	if len(axes) == 0 {
		return x, nil
	}
	return t.link(x, nil, nil, nil, axes, layout), nil
}

// averaging reports whether the node keeps a constant map constant, border
// included, so that a scale and shift per channel may move behind it.
func averaging(c *explainer, n *graph.Node) bool {
	dims, ok := n.In[0].Shape()
	if !ok {
		return false
	}
	switch n.OpType {
	case "AveragePool":
		win, err := graph.ConvWindow(n, dims, nil)
		return err == nil && n.Int("ceil_mode", 0) == 0 && (n.Int("count_include_pad", 0) == 0 || win.Unpadded())
	case "GlobalAveragePool":
		return true
	case "ReduceMean":
		axes, keep, ok := reducedAxes(c, n, len(dims))
		return ok && keep && !slices.Contains(axes, 0) && !slices.Contains(axes, 1)
	}
	return false
}
