package convert

import (
	"slices"

	"repmlp/onnxio/graph"
)

// Gemm, MatMul and Einsum with one constant operand are fully connected layers.
var fcRule = rule{
	Doc: Doc{Name: "fc", Title: "Fully connected layer",
		Formula: "y = W·x + b   grouped: y[g] = W[g]·x[g] + b[g]",
		When:    "one operand is constant; a constant of rank 3 gives one matrix per group",
		Example: "FC1, FC2 and FC3 as Gemm, MatMul+Add, batched MatMul or Einsum"},
	ops:     []string{"Gemm", "MatMul", "Einsum"},
	explain: explainFC,
}

func explainFC(c *explainer, n *graph.Node) (*step, *refusal) {
	switch n.OpType {
	case "Gemm":
		return explainGemm(c, n)
	case "Einsum":
		return explainEinsum(c, n)
	}
	return explainMatMul(c, n)
}

func explainGemm(c *explainer, n *graph.Node) (*step, *refusal) {
	x, w := n.In[0], n.In[1]
	var b *graph.Value
	if len(n.In) > 2 {
		b = n.In[2]
	}
	if n.Int("transA", 0) != 0 || x.Rank() != 2 || w.Rank() != 2 || !sameFloat(x, w, b) || c.g.IsConst(x) {
		return nil, nil // not rows times weights
	}
	for _, v := range n.In[1:] {
		if v == nil {
			continue
		}
		if why := c.weightProblem(n, v); why != nil {
			return nil, why
		}
	}
	shape, ok := constShape(w)
	if !ok {
		return nil, nil // a weight of unknown size
	}
	k, m := shape[0], shape[1]
	trans := n.Int("transB", 0) != 0
	if trans {
		k, m = m, k
	}
	alpha, beta := float64(n.Float("alpha", 1)), float64(n.Float("beta", 1))
	var bias []int
	if b != nil {
		if bias, ok = constShape(b); !ok || len(bias) > 2 || len(bias) == 2 && bias[0] != 1 {
			return nil, nil // a bias that differs from row to row
		}
		if last := len(bias) - 1; last >= 0 && bias[last] != 1 && bias[last] != m {
			return nil, nil // a bias that does not fit
		}
	}
	s := &step{args: []*graph.Value{x}, weights: []*graph.Value{w}, kind: layerStep}
	if b != nil {
		s.weights = append(s.weights, b)
	}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		feature := in[0].layout[1]
		if size, ok := t.fixed(feature); !ok || size != k {
			return in[0], refuse("", "%q reads rows of unknown length", n.Title())
		}
		made := t.atoms.Axis(graph.Size(int64(m)))
		order := slices.Concat(feature, made)
		if trans {
			order = slices.Concat(made, feature)
		}
		weight := c.stored(order, w)
		if alpha != 1 {
			weight = &array{order, times(c.weight(w), alpha), nil}
		}
		y := t.link(in[0], weight, feature, made, nil, graph.Layout{in[0].layout[0], made})
		if b == nil || beta == 0 {
			return y, nil
		}
		over := made
		if len(bias) == 0 || bias[len(bias)-1] == 1 {
			over = nil
		}
		return t.diagonal(y, nil, &array{over, times(c.weight(b), beta), nil}), nil
	}
	return s, nil
}

func times(l load, f float64) load {
	if f == 1 {
		return l
	}
	return func() ([]float64, error) {
		v, err := l()
		if err != nil {
			return nil, err
		}
		v = slices.Clone(v)
		for i := range v {
			v[i] *= f
		}
		return v, nil
	}
}

func explainMatMul(c *explainer, n *graph.Node) (*step, *refusal) {
	x, w := n.In[0], n.In[1]
	left := c.g.IsConst(x) // W·x instead of x·W
	if left {
		x, w = w, x
	}
	if !sameFloat(x, w) || x.Rank() < 2 {
		return nil, nil // vectors, or mixed types
	}
	if !c.g.IsConst(w) {
		if w.Init != nil || w.Producer != nil && w.Producer.OpType == "DequantizeLinear" {
			return nil, c.weightProblem(n, w)
		}
		return nil, nil // a product of data, as in attention
	}
	shape, ok := constShape(w)
	if !ok || len(shape) < 2 {
		return nil, nil // a vector
	}
	s := &step{args: []*graph.Value{x}, weights: []*graph.Value{w}, kind: layerStep}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		l := in[0].layout
		r, q := len(l), len(shape)
		if q > r {
			for _, d := range shape[:q-r] {
				if d != 1 {
					return in[0], refuse("", "%q repeats its rows for several matrices", n.Title())
				}
			}
			l = append(make(graph.Layout, q-r), l...)
			r = q
		}
		var groups []graph.Atom
		for i, d := range shape[:q-2] {
			axis := l[r-q+i]
			if d == 1 {
				continue
			}
			if size, ok := t.fixed(axis); !ok || size != d {
				return in[0], refuse("", "%q repeats its rows for several matrices", n.Title())
			}
			groups = append(groups, axis...)
		}
		at, k, m := r-1, shape[q-2], shape[q-1]
		if left {
			at, k, m = r-2, m, k
		}
		if size, ok := t.fixed(l[at]); !ok || size != k {
			return in[0], refuse("", "%q reads rows of unknown length", n.Title())
		}
		made := t.atoms.Axis(graph.Size(int64(m)))
		order := slices.Concat(groups, l[at], made)
		if left {
			order = slices.Concat(groups, made, l[at])
		}
		out := slices.Clone(l)
		out[at] = made
		return t.link(in[0], c.stored(order, w), l[at], made, nil, out), nil
	}
	return s, nil
}

func explainEinsum(c *explainer, n *graph.Node) (*step, *refusal) {
	spec, ok := graph.ParseEinsum(n.Str("equation", ""))
	if !ok || len(n.In) != 2 || len(spec.In) != 2 {
		return nil, nil // not a product of two operands
	}
	d, k := 0, 1
	if c.g.IsConst(n.In[0]) {
		d, k = 1, 0
	}
	x, w := n.In[d], n.In[k]
	shape, known := constShape(w)
	if !c.g.IsConst(w) || !known || !sameFloat(x, w) || len(shape) != len(spec.In[k]) || x.Rank() != len(spec.In[d]) {
		return nil, nil // a product of data
	}
	s := &step{args: []*graph.Value{x}, weights: []*graph.Value{w}, kind: layerStep}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		axes := map[byte][]graph.Atom{}
		for i := range spec.In[d] {
			axes[spec.In[d][i]] = in[0].layout[i]
		}
		has := func(s string, r byte) bool { return slices.Contains([]byte(s), r) }
		var made, gone, order []graph.Atom
		for i := range spec.In[k] {
			r := spec.In[k][i]
			axis, shared := axes[r]
			switch {
			case shared:
				if size, ok := t.fixed(axis); !ok || size != shape[i] {
					return in[0], refuse("", "an index of %q is broadcast", n.Title())
				}
			case has(spec.Out, r):
				axis = t.atoms.Axis(graph.Size(int64(shape[i])))
				axes[r] = axis
				made = append(made, axis...)
			default:
				return in[0], refuse("", "%q sums its weight alone", n.Title())
			}
			order = append(order, axis...)
		}
		for i := range spec.In[d] {
			if r := spec.In[d][i]; !has(spec.Out, r) {
				if _, ok := t.fixed(axes[r]); !ok {
					return in[0], refuse("", "%q sums over an axis of unknown size", n.Title())
				}
				gone = append(gone, axes[r]...)
			}
		}
		var out graph.Layout
		for i := range spec.Out {
			out = append(out, axes[spec.Out[i]])
		}
		return t.link(in[0], c.stored(order, w), gone, made, nil, out), nil
	}
	return s, nil
}
