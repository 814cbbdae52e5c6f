package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
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

func explainScale(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	if n.OpType() == "Neg" {
		x := n.In[0]
		if !x.Elem.IsFloat() {
			return nil, nil // not data
		}
		return is(n, affine.NewDiagonal(affine.Everywhere(max(x.Rank(), 0)), affine.Number(-1), nil, false), x), nil
	}
	if len(n.In) != 2 || n.In[0] == nil || n.In[1] == nil {
		return nil, nil // the sum rule's business
	}
	x, k, swapped := n.In[0], n.In[1], false
	if affine.ConstantLike(c.g, x) {
		x, k, swapped = k, x, true
	}
	if !affine.ConstantLike(c.g, k) || affine.ConstantLike(c.g, x) || !affine.SameFloat(x, k) || x.Rank() < 0 {
		return nil, nil // two data operands
	}
	if swapped && n.OpType() == "Div" {
		return nil, nil // the reciprocal of data is not affine
	}
	value, weights, p, ok := c.operand(n, x, k)
	if !ok {
		return nil, nil // the constant may repeat the data, or its shape is not known
	}
	scale, shift := arithmetic(n.OpType(), swapped, value)
	return is(n, affine.NewDiagonal(p, scale, shift, c.zero(n.In...), weights...), x), nil
}

// arithmetic is what an operator with a constant does to its data.
func arithmetic(op string, swapped bool, value affine.Load) (scale, shift affine.Load) {
	switch op {
	case "Mul":
		return value, nil
	case "Div":
		return affine.Each(value, func(v float64) float64 { return 1 / v }), nil
	case "Add", "Sum":
		return nil, value
	}
	if swapped { // k - x
		return affine.Each(value, func(float64) float64 { return -1 }), value
	}
	return nil, affine.Each(value, func(v float64) float64 { return -v })
}

// operand reads constant k beside data x: as one number where it is the same
// everywhere, else in the order in which it is placed.
func (c *context) operand(n *graph.Node, x, k *graph.Value) (value affine.Load, weights []*graph.Value, p affine.Placement, ok bool) {
	p, placed := affine.Place(c.g, n, x, k)
	splat, one := c.g.Splat(k)
	if one && n.OpType() == "Mul" && splat == 0.5 && partOfGelu(n, x) {
		return nil, nil, p, false // runtimes recognise the whole
	}
	if one && !placed {
		out, known := n.Out[0].Shape()
		dims, _ := x.Shape()
		if !known || !affine.EqualDims(out, dims) {
			return nil, nil, p, false
		}
		p = affine.Everywhere(len(dims))
	}
	if one && !p.Widens() {
		return affine.Number(splat), nil, p.Everywhere(), true
	}
	return c.constants.Load(k), []*graph.Value{k}, p, placed && c.g.IsConst(k)
}

// partOfGelu recognises the half of a written-out GELU, x·½·(1 + erf(x/√2)) or
// its tanh form, with the half on either side of the product. Taken into a layer
// it would save a node and cost a fused one.
func partOfGelu(n *graph.Node, x *graph.Value) bool {
	onePlus := func(v *graph.Value) bool {
		if v == nil || v.Producer == nil || v.Producer.OpType() != "Add" {
			return false
		}
		return slices.ContainsFunc(v.Producer.In, func(a *graph.Value) bool {
			return a != nil && a.Producer != nil && (a.Producer.OpType() == "Erf" || a.Producer.OpType() == "Tanh")
		})
	}
	gate := func(n *graph.Node) bool { return n != nil && n.OpType() == "Mul" && slices.ContainsFunc(n.In, onePlus) }
	return gate(x.Producer) || onePlus(x) || slices.ContainsFunc(n.Out[0].Readers, func(r graph.Use) bool { return gate(r.Node) })
}

// zero reports whether one of the values is zero everywhere.
func (c *context) zero(vs ...*graph.Value) bool {
	return slices.ContainsFunc(vs, func(v *graph.Value) bool {
		k, ok := c.g.Splat(v)
		return ok && k == 0
	})
}
