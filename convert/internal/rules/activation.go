package rules

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// An activation may be the identity: by its slope, its bounds, its exponent.
var activationRule = rule{
	Doc: Doc{Name: "activation", Title: "Activations that are the identity",
		Formula: "y = x   LeakyRelu and PRelu of slope 1, Clip to all numbers of the type, the power of 1",
		When:    "slope, bounds and exponent are constants",
		Example: "VanillaNet, whose activations were trained until they were linear"},
	ops:     []string{"LeakyRelu", "PRelu", "Clip", "Pow"},
	explain: explainActivation,
}

func explainActivation(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x := n.In[0]
	dims, known := x.Shape()
	out, same := n.Out[0].Shape()
	if !known || !same || !affine.EqualDims(dims, out) || !affine.SameFloat(x, n.Out[0]) || affine.ConstantLike(c.g, x) {
		return nil, nil // no data, or the constant repeats it
	}
	idle := false
	switch n.OpType() {
	case "LeakyRelu":
		idle = n.AttrFloat("alpha") == 1
	case "PRelu", "Pow":
		idle = c.filled(n.In[1], 1)
	case "Clip":
		idle = c.bound(n, "min", 1, -1) <= -largest(x.Elem) && c.bound(n, "max", 2, 1) >= largest(x.Elem)
	}
	if !idle {
		return nil, nil // it is not linear
	}
	v := affine.NewView(x, dims)
	v.Idle = true
	return is(n, v, x), nil
}

// largest is the largest finite number of a float type.
func largest(d onnxio.DType) float64 {
	switch d {
	case onnxio.Float16:
		return 65504
	case onnxio.BFloat16:
		return 0x1.FEp127
	case onnxio.Float32:
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// bound is a bound of a Clip, an attribute before opset 11: infinite without one, zero
// where it is not known.
func (c *context) bound(n *graph.Node, attr string, input int, sign int) float64 {
	switch {
	case n.Attr(attr) != nil:
		return float64(n.AttrFloat(attr))
	case len(n.In) <= input || n.In[input] == nil:
		return math.Inf(sign)
	}
	v, _ := c.g.Splat(n.In[input])
	return v
}

// maxFilled is up to how many elements of a constant are read to see whether they
// are equal.
const maxFilled = 1 << 20

// filled reports whether all elements of a constant are f.
func (c *context) filled(v *graph.Value, f float64) bool {
	if k, ok := c.g.Splat(v); ok {
		return k == f
	}
	if shape, ok := affine.ConstShape(v); !ok || !c.g.IsConst(v) || affine.Size(shape) > maxFilled {
		return false
	}
	numbers, err := c.constants.Load(v)()
	return err == nil && len(numbers) > 0 && !slices.ContainsFunc(numbers, func(x float64) bool { return x != f })
}
