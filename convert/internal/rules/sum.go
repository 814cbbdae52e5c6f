package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Parallel branches add.
var sumRule = rule{
	Doc: Doc{Name: "sum", Title: "Add parallel branches",
		Formula: "y = Σ ±(W_i·x + b_i) = (Σ ±W_i)·x + Σ ±b_i",
		When:    "all branches read the same tensor in the same order and come back in the same order",
		Example: "FC3 plus the local convs; identity and BN branches; 3×3 + 1×1"},
	ops:     []string{"Add", "Sub", "Sum", "Mean"},
	explain: explainSum,
}

func explainSum(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	out, known := n.Out[0].Shape()
	if !known {
		return nil, nil // its shape is unknown
	}
	var coef []float64
	for i, x := range n.In {
		dims, ok := x.Shape()
		if !ok || !x.Elem.IsFloat() || x.Elem != n.In[0].Elem || affine.ConstantLike(c.g, x) {
			return nil, nil // the scale rule's business, or no data
		}
		if !affine.EqualDims(dims, out) {
			return nil, nil // a broadcast: each branch keeps its own shape
		}
		f := 1.0
		switch {
		case n.OpType() == "Sub" && i == 1:
			f = -1
		case n.OpType() == "Mean":
			f = 1 / float64(len(n.In))
		}
		coef = append(coef, f)
	}
	return is(n, &affine.Sum{Coef: coef}, n.In...), nil
}
