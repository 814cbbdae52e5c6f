package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A view never moves an element: Reshape changes the cut, Identity nothing.
var viewRule = rule{
	Doc: Doc{Name: "view", Title: "See through views",
		Formula: "y = Reshape(x)   element i of y is element i of x",
		When:    "always; the target shape is evaluated, symbols included",
		Example: "FC3 reads Reshape(T, [-1, P, 1, 1]), the local convs read Reshape(T, [-1, C, h, w]): two cuts of the same rows"},
	ops:     []string{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "Expand"},
	explain: explainView,
}

func explainView(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	in, out := n.In[0], n.Out[0]
	if in == nil || !single(n) || !in.Elem.IsFloat() {
		return nil, nil // sizes and masks are no data
	}
	dims, known := out.Shape()
	switch n.OpType() {
	case "Dropout":
		if !c.g.InferenceDropout(n) {
			return nil, reason.Refuse(reason.DropoutTraining, "Dropout %q is live (training_mode), so its output is random; export with model.eval() or use --batch-stats-as-inference", n.Title())
		}
	case "Cast":
		if out.Elem != in.Elem {
			return nil, nil // another precision: a boundary
		}
	case "Expand":
		from, knownIn := in.Shape()
		if !known || !knownIn || !affine.EqualDims(dims, from) {
			return nil, nil // it may repeat its data
		}
	}
	if !known || in.Elem == onnxio.Undefined {
		return nil, nil // its cut is unknown
	}
	v := affine.NewView(in, dims)
	v.Idle = n.OpType() == "Dropout"
	return is(n, v, in), nil
}

// A transpose permutes atoms; DepthToSpace and SpaceToDepth are a transpose
// between two views.
var transposeRule = rule{
	Doc: Doc{Name: "transpose", Title: "See through transposes",
		Formula: "y = Transpose(x)   the flat order changes, the elements do not",
		When:    "always; branches may be added only where their flat orders agree",
		Example: "pixel_unshuffle, NHWC blocks, the partition and its inverse"},
	ops:     []string{"Transpose", "DepthToSpace", "SpaceToDepth"},
	explain: explainTranspose,
}

func explainTranspose(_ *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	in := n.In[0]
	rank := in.Rank()
	if rank < 0 || !in.Elem.IsFloat() {
		return nil, nil // its axes are unknown, or it is no data
	}
	if n.OpType() == "Transpose" {
		return is(n, &affine.Permute{Perm: graph.Perm(n, rank)}, in), nil
	}
	dims, _ := in.Shape()
	out, ok := n.Out[0].Shape()
	b := n.Int("blocksize", 0)
	if rank != 4 || !ok || b < 1 {
		return nil, nil // not a form of the specification
	}
	return is(n, &affine.Blocks{B: int(b), IntoDepth: n.OpType() == "SpaceToDepth", CRD: n.Str("mode", "DCR") == "CRD", In: dims, Out: out}, in), nil
}
