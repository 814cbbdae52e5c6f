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
		return c.scaleStep(n, x, nil, func() ([]float64, error) { return []float64{-1}, nil }, nil), nil
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
	if splat, ok := c.g.Splat(k); ok {
		if n.OpType == "Mul" && splat == 0.5 && partOfGelu(n, x) {
			return nil, nil // runtimes recognise the whole
		}
		value = func() ([]float64, error) { return []float64{splat}, nil }
		out, known := n.Out[0].Shape()
		dims, _ := x.Shape()
		if !known || !equalDims(out, dims) {
			return nil, nil // the constant may repeat the data
		}
		k = nil
	} else if !c.g.IsConst(k) {
		return nil, nil // a shape that is not known
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
	negate := func() ([]float64, error) { return []float64{-1}, nil }
	switch n.OpType {
	case "Mul":
		return c.scaleStep(n, x, k, value, nil), nil
	case "Div":
		return c.scaleStep(n, x, k, apply(func(v float64) float64 { return 1 / v }), nil), nil
	case "Add", "Sum":
		return c.scaleStep(n, x, k, nil, value), nil
	}
	if swapped { // k - x
		s := c.scaleStep(n, x, k, nil, value)
		return c.negated(s, n, x, k, negate, value), nil
	}
	return c.scaleStep(n, x, k, nil, apply(func(v float64) float64 { return -v })), nil
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

// negated turns a shift by k into k - x.
func (c *explainer) negated(s *step, n *graph.Node, x, k *graph.Value, minus, shift load) *step {
	trace := c.broadcastArray(n, k)
	s.kind = diagStep
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		y, over, why := trace(t, in[0])
		if why != nil {
			return y, why
		}
		return t.diagonal(y, &array{nil, minus, nil}, &array{over, shift, nil}), nil
	}
	kernel := s.kernel
	if kernel != nil {
		s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
			return kernel([]*fuse.Kernel{in[0].Scaled(slices.Repeat([]float64{-1}, in[0].Out), nil)})
		}
	}
	return s
}

// broadcastArray places the axes of constant k (nil: a scalar) on the axes of
// the data.
func (c *explainer) broadcastArray(n *graph.Node, k *graph.Value) func(t *tracer, x traced) (traced, []graph.Atom, *refusal) {
	var shape []int
	if k != nil {
		shape, _ = constShape(k)
	}
	return func(t *tracer, x traced) (traced, []graph.Atom, *refusal) {
		l := x.layout
		for i, d := range shape {
			if len(shape)-i > len(l) && d != 1 {
				return x, nil, refuse("", "the constant of %q repeats its data", n.Title())
			}
		}
		if extra := len(shape) - len(l); extra > 0 {
			l = append(make(graph.Layout, extra), l...)
		}
		var over []graph.Atom
		off := len(l) - len(shape)
		for i, d := range shape {
			if d == 1 {
				continue
			}
			axis := l[off+i]
			if size, ok := t.fixed(axis); !ok || size != d {
				return x, nil, refuse("", "the constant of %q repeats its data or varies over an axis of unknown size", n.Title())
			}
			over = append(over, axis...)
		}
		return traced{x.op, l}, over, nil
	}
}

// scaleStep multiplies x by the numbers of scale and adds those of shift, both
// laid out like constant k (nil: one number).
func (c *explainer) scaleStep(n *graph.Node, x, k *graph.Value, scale, shift load) *step {
	s := &step{args: []*graph.Value{x}, kind: diagStep}
	if scale == nil {
		s.kind = biasStep
	}
	if k != nil {
		s.weights = []*graph.Value{k}
	}
	place := c.broadcastArray(n, k)
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		y, over, why := place(t, in[0])
		if why != nil {
			return y, why
		}
		var a, b *array
		if scale != nil {
			a = &array{over, scale, nil}
		}
		if shift != nil {
			b = &array{over, shift, nil}
		}
		return t.diagonal(y, a, b), nil
	}
	axis, ok := oneAxis(x, k)
	if !ok {
		return s
	}
	s.perChannel = axis == 1 || axis == -1
	s.window = func(in []mapState) (mapState, *refusal) {
		if axis >= 0 && (axis >= len(in[0].order) || in[0].order[axis] != 1) {
			return in[0], refuse("", "%q scales another axis than the channels", n.Title())
		}
		if shift != nil {
			if zero, ok := c.g.Splat(n.In[1]); ok && zero == 0 {
				return in[0], nil // a sum that starts at zero
			}
			if zero, ok := c.g.Splat(n.In[0]); ok && zero == 0 {
				return in[0], nil
			}
		}
		out := in[0].scaledBy(func() (a, b, sizes []float64, err error) {
			if scale != nil {
				if a, err = scale(); err != nil {
					return nil, nil, nil, err
				}
			}
			if shift != nil {
				b, err = shift()
			}
			return a, b, nil, err
		})
		if shift != nil {
			return out.shifted(n), nil
		}
		return out, nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		spread := func(l load) ([]float64, error) {
			if l == nil {
				return nil, nil
			}
			v, err := l()
			if err == nil && len(v) == 1 {
				v = slices.Repeat(v, in[0].Out)
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
		return in[0].Scaled(a, b), nil
	}
	return s
}

// oneAxis is the axis of x that constant k varies along, -1 for none; ok is
// false where it varies along several.
func oneAxis(x, k *graph.Value) (axis int, ok bool) {
	if k == nil {
		return -1, true
	}
	shape, ok := constShape(k)
	rank := x.Rank()
	if !ok || rank < 3 || len(shape) > rank {
		return 0, false
	}
	axis = -1
	for i, d := range shape {
		if d == 1 {
			continue
		}
		if axis >= 0 {
			return 0, false
		}
		axis = rank - len(shape) + i
	}
	return axis, true
}
