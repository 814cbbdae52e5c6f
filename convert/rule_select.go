package convert

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Slice, Gather, Split and Concat pick positions along one axis.
var selectRule = rule{
	Doc: Doc{Name: "select", Title: "Pick and join positions",
		Formula: "y[o] = x[i(o)]; Concat is the sum of its operands, each at its place",
		When:    "the axis has a known size and the indices are constant",
		Example: "circular padding as Slice and Concat; a grouped FC as Split, g MatMuls and Concat"},
	ops:     []string{"Slice", "Gather", "Split", "Concat"},
	explain: explainSelect,
}

func explainSelect(c *explainer, n *graph.Node) (*step, *refusal) {
	x := n.In[0]
	dims, ok := x.Shape()
	if !ok || !x.Elem.IsFloat() {
		return nil, nil // unknown rank, or no data
	}
	if n.OpType == "Concat" {
		return explainConcat(c, n)
	}
	if n.OpType == "Split" {
		axis, sizes, ok := c.g.SplitSizes(n)
		if !ok {
			return nil, nil // sizes that are not known
		}
		from := 0
		for i, out := range n.Out {
			if out != nil {
				s := pick(n, axis, countUp(from, 1), graph.Size(sizes[i]))
				s.rule, s.node = "select", n
				c.steps[out] = s
			}
			from += int(sizes[i])
		}
		return nil, nil // every output has its step
	}
	if n.OpType == "Gather" {
		axis, ok := graph.Axis(n.Int("axis", 0), len(dims))
		if !ok || !c.g.IsConst(n.In[1]) {
			return nil, nil // indices that are not known
		}
		idx, err := c.g.Const(n.In[1])
		size, known := dims[axis].Int()
		if err != nil || len(idx.Shape) > 1 || !known {
			return nil, nil // indices of higher rank
		}
		var at []int
		for _, i := range idx.I {
			k, ok := graph.Axis(i, int(size))
			if !ok {
				return nil, nil // out of range: an error at run time
			}
			at = append(at, k)
		}
		s := pick(n, axis, func(i int) int { return at[i] }, graph.Size(int64(len(at))))
		if len(idx.Shape) == 0 {
			inner := s.trace
			s.trace = func(t *tracer, in []traced) (traced, *refusal) {
				y, why := inner(t, in)
				if why == nil {
					y.layout = slices.Delete(slices.Clone(y.layout), axis, axis+1)
				}
				return y, why
			}
		}
		return s, nil
	}
	steps, ok := c.g.SliceSteps(n, len(dims))
	if !ok {
		return nil, nil // bounds that are not known
	}
	s := &step{args: []*graph.Value{x}, kind: mapStep}
	var parts []*step
	for _, st := range steps {
		size, known := dims[st.Axis].Int()
		if !known {
			if st.Start == 0 && st.Step == 1 && st.End >= 1<<31-1 {
				continue
			}
			return nil, nil // bounds of an axis of unknown size
		}
		start, count := st.Range(size)
		if start == 0 && st.Step == 1 && count == size {
			continue
		}
		parts = append(parts, pick(n, int(st.Axis), countUp(int(start), int(st.Step)), graph.Size(count)))
	}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		y := in[0]
		for _, p := range parts {
			var why *refusal
			if y, why = p.trace(t, []traced{y}); why != nil {
				return y, why
			}
		}
		return y, nil
	}
	return s, nil
}

func countUp(from, step int) func(i int) int { return func(i int) int { return from + i*step } }

// pick reads of one axis the positions that at gives.
func pick(n *graph.Node, axis int, at func(i int) int, size graph.Dim) *step {
	s := &step{args: n.In[:1], kind: mapStep}
	count, known := size.Int()
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		if _, ok := t.fixed(in[0].layout[axis]); !ok || !known || count < 1 {
			return in[0], refuse("", "%q picks from an axis of unknown size", n.Title())
		}
		out := t.atoms.Axis(size)
		a := fuse.Axis{In: labels(in[0].layout[axis]), Out: labels(out),
			Entries: fuse.Listed(int(count), func(o int) fuse.Entry { return fuse.Entry{Out: o, In: at(o), Weight: 1} })}
		layout := slices.Clone(in[0].layout)
		layout[axis] = out
		return t.link(in[0], nil, nil, nil, []fuse.Axis{a}, layout), nil
	}
	return s
}

func explainConcat(c *explainer, n *graph.Node) (*step, *refusal) {
	rank := n.In[0].Rank()
	axis, ok := graph.Axis(n.Int("axis", 1), rank)
	if !ok {
		return nil, nil // out of range
	}
	var sizes []int
	total := 0
	for _, x := range n.In {
		dims, ok := x.Shape()
		if !ok || len(dims) != rank || c.constantLike(x) {
			return nil, nil // a constant part
		}
		k, ok := dims[axis].Int()
		if !ok {
			return nil, nil // an axis of unknown size
		}
		sizes = append(sizes, int(k))
		total += int(k)
	}
	s := &step{args: n.In, kind: mapStep, coef: slices.Repeat([]float64{1}, len(n.In))}
	s.embed = func(t *tracer, in []traced) ([]traced, *refusal) {
		from := 0
		out := make([]traced, len(in))
		for k, x := range in {
			if size, ok := t.fixed(x.layout[axis]); !ok || size != sizes[k] {
				return nil, refuse("", "%q joins an axis of unknown size", n.Title())
			}
			made := t.atoms.Axis(graph.Size(int64(total)))
			first := from
			a := fuse.Axis{In: labels(x.layout[axis]), Out: labels(made),
				Entries: fuse.Listed(sizes[k], func(i int) fuse.Entry { return fuse.Entry{Out: first + i, In: i, Weight: 1} })}
			layout := slices.Clone(x.layout)
			layout[axis] = made
			out[k] = t.link(x, nil, nil, nil, []fuse.Axis{a}, layout)
			from += sizes[k]
		}
		return out, nil
	}
	return s, nil
}
