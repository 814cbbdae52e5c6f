package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
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

func explainPad(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x := n.In[0]
	pads, ok := c.g.Pads(n, x.Rank())
	if !ok || !x.Elem.IsFloat() || len(n.In) > 1 && n.In[1] != nil && !c.g.IsConst(n.In[1]) {
		return nil, nil // pads that are not known
	}
	value := float64(n.Float("value", 0))
	if len(n.In) > 2 && n.In[2] != nil {
		if value, ok = c.g.Splat(n.In[2]); !ok {
			return nil, nil // a value that is not known
		}
	}
	if !slices.ContainsFunc(pads, func(p int64) bool { return p != 0 }) {
		dims, _ := x.Shape()
		nothing := affine.NewView(x, dims)
		// A Conv pads by itself; elsewhere a Pad of nothing is a view like others.
		nothing.Idle = slices.ContainsFunc(n.Out[0].Readers, func(r graph.Use) bool { return r.Node.OpType() == "Conv" })
		return is(n, nothing, x), nil
	}
	mode, ok := map[string]affine.PadMode{"constant": affine.PadConstant, "edge": affine.PadEdge, "reflect": affine.PadReflect, "wrap": affine.PadWrap}[n.Str("mode", "constant")]
	if !ok {
		return nil, nil // no mode of the specification
	}
	return is(n, &affine.Pad{Pads: pads, Mode: mode, Value: value}, x), nil
}
