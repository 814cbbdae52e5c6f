package convert

import (
	"slices"
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Padding repeats positions or adds constant ones.
var padRule = rule{
	Doc: Doc{Name: "pad", Title: "Padding of any mode",
		Formula: "y[o] = x[i(o)] inside, v outside",
		When:    "as part of an FC always; as part of a conv with zeros alone",
		Example: "reflect padding before a local conv; the no-op Pad before AveragePool"},
	ops:     []string{"Pad"},
	explain: explainPad,
}

func explainPad(c *explainer, n *graph.Node) (*step, *refusal) {
	x := n.In[0]
	rank := x.Rank()
	pads, ok := c.g.Pads(n, max(rank, 0))
	if rank < 0 || !ok || !x.Elem.IsFloat() || len(n.In) > 1 && n.In[1] != nil && !c.g.IsConst(n.In[1]) {
		return nil, nil // pads that are not known
	}
	value := float64(n.Float("value", 0))
	if len(n.In) > 2 && n.In[2] != nil {
		if value, ok = c.g.Splat(n.In[2]); !ok {
			return nil, nil // a value that is not known
		}
	}
	mode := n.Str("mode", "constant")
	s := &step{args: []*graph.Value{x}, kind: mapStep}
	noop := !slices.ContainsFunc(pads, func(p int64) bool { return p != 0 })
	if noop {
		s.kind = viewStep
	}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		y := in[0]
		for i := range rank {
			begin, end := int(pads[i]), int(pads[rank+i])
			if begin == 0 && end == 0 {
				continue
			}
			var why *refusal
			if y, why = tracePad(t, y, n, i, begin, end, mode, value); why != nil {
				return y, why
			}
		}
		return y, nil
	}
	flat := rank >= 3 && pads[0] == 0 && pads[1] == 0 && pads[rank] == 0 && pads[rank+1] == 0
	if noop || flat && mode == "constant" && value == 0 {
		s.window = func(in []mapState) (mapState, *refusal) {
			if noop {
				return in[0], nil
			}
			return in[0].then(n, padWindow(pads, rank), in[0].win.Out, 1, in[0].win.Out)
		}
		s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
			if noop {
				return in[0], nil
			}
			k := fuse.Identity(in[0].Out, rank-2)
			k.Window = convWindow(padWindow(pads, rank), k.Out, k.Out, k.Out)
			return in[0].Then(k), nil
		}
	}
	return s, nil
}

// padWindow is zero padding as a 1×1 window.
func padWindow(pads []int64, rank int) graph.Window {
	ones := slices.Repeat([]int64{1}, rank-2)
	return graph.Window{Kernel: ones, Stride: ones, Dilation: ones, Begin: pads[2:rank], End: pads[rank+2:]}
}

func tracePad(t *tracer, x traced, n *graph.Node, axis, begin, end int, mode string, value float64) (traced, *refusal) {
	size, ok := t.fixed(x.layout[axis])
	total := size + begin + end
	if !ok || total < 1 {
		return x, refuse("", "%q pads an axis of unknown size", n.Title())
	}
	out := t.atoms.Axis(graph.Size(int64(total)))
	a := fuse.Axis{In: labels(x.layout[axis]), Out: labels(out), Entries: sync.OnceValue(func() []fuse.Entry {
		var entries []fuse.Entry
		for o := range total {
			if i, inside := padSource(o-begin, size, mode); inside {
				entries = append(entries, fuse.Entry{Out: o, In: i, Weight: 1})
			}
		}
		return entries
	})}
	outside := func() ([]float64, error) {
		v := make([]float64, total)
		for o := range v {
			if _, inside := padSource(o-begin, size, mode); !inside {
				v[o] = value
			}
		}
		return v, nil
	}
	layout := slices.Clone(x.layout)
	layout[axis] = out
	y := t.link(x, nil, nil, nil, []fuse.Axis{a}, layout)
	if mode == "constant" && value != 0 {
		y = t.diagonal(y, nil, &array{out, outside, nil})
	}
	return y, nil
}

// padSource is the input position that position i of a padded axis shows;
// false where it shows the constant.
func padSource(i, size int, mode string) (int, bool) {
	if i >= 0 && i < size {
		return i, true
	}
	switch mode {
	case "edge":
		return min(max(i, 0), size-1), true
	case "reflect":
		if size == 1 {
			return 0, true
		}
		period := 2 * (size - 1)
		i = (i%period + period) % period
		return min(i, period-i), true
	case "wrap":
		return (i%size + size) % size, true
	}
	return 0, false
}
