package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Frameworks write SpaceToDepth and channel shuffles as three nodes.
var unshuffleRule = rule{
	Doc: Doc{Name: "unshuffle", Title: "Blocks and channels that views move",
		Formula: "y = Reshape(Transpose(Reshape(x)))   channel (k, i, j) of y at p is channel c(k) of x at B·p + (i, j)",
		When:    "the other axes keep their order, and of the positions the outer part",
		Example: "pixel_unshuffle and channel_shuffle before a conv"},
	ops:     []string{"Reshape"},
	explain: explainUnshuffle,
}

func explainUnshuffle(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	second := c.sofar.Of(c.sofar.First(n.In[0]))
	out, ok := n.Out[0].Shape()
	if second == nil || !ok {
		return nil, nil // nothing before it is known
	}
	perm, ok := second.Op.(*affine.Permute)
	if !ok {
		return nil, nil // no permutation
	}
	first := c.sofar.Of(second.Args[0])
	if first == nil {
		return nil, nil // of what it cannot tell
	}
	mid, ok := first.Op.(*affine.View)
	x := first.Args[0]
	dims, known := x.Shape()
	if !ok || !known {
		return nil, nil // no view
	}
	op, ok := affine.NewUnshuffle(dims, mid.Dims, perm.Perm, out)
	if !ok {
		return nil, nil // it moves something else
	}
	return []*affine.Affine{{Out: n.Out[0], Args: []*graph.Value{x}, Nodes: []*graph.Node{n, second.Node(), first.Node()}, Op: op}}, nil
}
