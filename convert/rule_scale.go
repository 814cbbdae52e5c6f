package convert

import (
	"math"
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Arithmetic with a constant scales and shifts: separate biases, layer scale,
// BatchNorm written out, a sum that starts at zero.
var scaleRule = rule{
	Doc: Doc{Name: "scale", Title: "Scale and shift by constants",
		Formula: "y = s∘x + t",
		When:    "the constant varies along features only; along rows it stays outside",
		Example: "Conv without bias and Add of [1, C, 1, 1]; Mul by a layer scale; Sub, Div, Mul, Add of a frozen BatchNorm; Add(conv, 0.0)"},
	ops:     []string{"Add", "Sub", "Mul", "Div", "Neg", "Sum"},
	explain: explainScale,
}

func explainScale(c *explainer, n *graph.Node) (*step, *refusal) {
	if n.OpType == "Neg" {
		x := n.In[0]
		if !x.Elem.IsFloat() {
			return nil, nil // not data
		}
		return c.scaleStep(n, x, nil, everywhere(max(x.Rank(), 0)), func() ([]float64, error) { return []float64{-1}, nil }, nil), nil
	}
	if len(n.In) != 2 || n.In[0] == nil || n.In[1] == nil {
		return nil, nil // the sum rule's business
	}
	x, k, swapped := n.In[0], n.In[1], false
	if c.constantLike(x) {
		x, k, swapped = k, x, true
	}
	if !c.constantLike(k) || c.constantLike(x) || !sameFloat(x, k) || x.Rank() < 0 {
		return nil, nil // two data operands
	}
	if swapped && n.OpType == "Div" {
		return nil, nil // the reciprocal of data is not affine
	}
	value := c.weight(k)
	p, placed := c.place(n, x, k)
	if splat, ok := c.g.Splat(k); ok {
		if n.OpType == "Mul" && splat == 0.5 && partOfGelu(n, x) {
			return nil, nil // runtimes recognise the whole
		}
		if !placed {
			out, known := n.Out[0].Shape()
			dims, _ := x.Shape()
			if !known || !equalDims(out, dims) {
				return nil, nil // the constant may repeat the data
			}
			p = everywhere(len(dims))
		}
		if len(p.widens) == 0 {
			value, k = func() ([]float64, error) { return []float64{splat}, nil }, nil
			p = placement{sizes: everywhere(len(p.sizes)).sizes, lead: p.lead}
		}
	}
	if k != nil && (!placed || !c.g.IsConst(k)) {
		return nil, nil // the constant may repeat the data, or its shape is not known
	}
	apply := func(f func(float64) float64) load {
		return func() ([]float64, error) {
			v, err := value()
			if err != nil {
				return nil, err
			}
			v = slices.Clone(v)
			for i := range v {
				v[i] = f(v[i])
			}
			return v, nil
		}
	}
	switch n.OpType {
	case "Mul":
		return c.scaleStep(n, x, k, p, value, nil), nil
	case "Div":
		return c.scaleStep(n, x, k, p, apply(func(v float64) float64 { return 1 / v }), nil), nil
	case "Add", "Sum":
		return c.scaleStep(n, x, k, p, nil, value), nil
	}
	if swapped { // k - x
		return c.scaleStep(n, x, k, p, apply(func(float64) float64 { return -1 }), value), nil
	}
	return c.scaleStep(n, x, k, p, nil, apply(func(v float64) float64 { return -v })), nil
}

// partOfGelu recognises the half of a written-out GELU, x·½·(1 + erf(x/√2)) or
// its tanh form, with the half on either side of the product. Taken into a layer
// it would save a node and cost a fused one.
func partOfGelu(n *graph.Node, x *graph.Value) bool {
	onePlus := func(v *graph.Value) bool {
		if v == nil || v.Producer == nil || v.Producer.OpType != "Add" {
			return false
		}
		return slices.ContainsFunc(v.Producer.In, func(a *graph.Value) bool {
			return a != nil && a.Producer != nil && (a.Producer.OpType == "Erf" || a.Producer.OpType == "Tanh")
		})
	}
	gate := func(n *graph.Node) bool { return n != nil && n.OpType == "Mul" && slices.ContainsFunc(n.In, onePlus) }
	return gate(x.Producer) || onePlus(x) || slices.ContainsFunc(n.Out[0].Readers, func(r graph.Use) bool { return gate(r.Node) })
}

func equalDims(a, b []graph.Dim) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

// constantLike reports whether v does not depend on data, be its shape known
// or not.
func (c *explainer) constantLike(v *graph.Value) bool {
	if c.g.IsConst(v) {
		return true
	}
	_, ok := c.g.Splat(v)
	return ok
}

// scaleStep multiplies x by the numbers of scale and adds those of shift, both
// laid out like constant k (nil: one number) and placed by p.
func (c *explainer) scaleStep(n *graph.Node, x, k *graph.Value, p placement, scale, shift load) *step {
	s := &step{args: []*graph.Value{x}, kind: diagStep, widens: len(p.widens) > 0}
	if scale == nil {
		s.kind = biasStep
	}
	if k != nil {
		s.weights = []*graph.Value{k}
	}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		y, over := p.trace(t, in[0])
		var a, b *array
		if scale != nil {
			a = &array{over, scale, nil}
		}
		if shift != nil {
			b = &array{over, shift, nil}
		}
		return t.diagonal(y, a, b), nil
	}
	axis, ok := p.channels()
	if !ok {
		return s
	}
	s.perChannel = (axis == 1 || axis == -1) && !s.widens
	shifts := shift != nil && !c.zero(n.In...) // not for a sum that starts at zero
	s.window = func(in []mapState) (mapState, *refusal) {
		m := in[0]
		if axis >= 0 {
			if axis >= len(m.order) || m.order[axis] != 1 {
				return m, refuse("", "%q scales another axis than the channels", n.Title())
			}
			if s.widens && m.win.Out == 1 {
				m = m.widened(p.sizes[axis])
			}
			if m.win.Out != p.sizes[axis] {
				return m, refuse("", "the constant of %q has %d channels, its data %d", n.Title(), p.sizes[axis], m.win.Out)
			}
		}
		if scale == nil && !shifts {
			return m, nil
		}
		m = m.scaledBy(func() (a, b, sizes []float64, err error) {
			if scale != nil {
				if a, err = scale(); err != nil {
					return nil, nil, nil, err
				}
			}
			if shifts {
				b, err = shift()
			}
			return a, b, nil, err
		})
		if shifts {
			m = m.shifted(n)
		}
		return m, nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		data := in[0]
		if s.widens {
			data = data.Then(widening(p.sizes[axis], len(data.Taps)))
		}
		spread := func(l load) ([]float64, error) {
			if l == nil {
				return nil, nil
			}
			v, err := l()
			if err == nil && len(v) == 1 {
				v = slices.Repeat(v, data.Out)
			}
			return v, err
		}
		a, err := spread(scale)
		if err != nil {
			return nil, err
		}
		b, err := spread(shift)
		if err != nil {
			return nil, err
		}
		for _, v := range a {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, &valueError{*refuse("non_finite_weight", "the constant of %q holds %g", n.Title(), v), n}
			}
		}
		return data.Scaled(a, b), nil
	}
	return s
}

// zero reports whether one of the values is zero everywhere.
func (c *explainer) zero(vs ...*graph.Value) bool {
	return slices.ContainsFunc(vs, func(v *graph.Value) bool {
		k, ok := c.g.Splat(v)
		return ok && k == 0
	})
}
