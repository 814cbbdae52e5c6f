package convert

import (
	"repmlp/fuse"
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

func explainView(c *explainer, n *graph.Node) (*step, *refusal) {
	in, out := n.In[0], n.Out[0]
	if in == nil || !single(n) || !in.Elem.IsFloat() {
		return nil, nil // sizes and masks are no data
	}
	dims, known := out.Shape()
	from, knownIn := in.Shape()
	switch n.OpType {
	case "Dropout":
		if !c.g.InferenceDropout(n) {
			return nil, refuse("dropout_training", "Dropout %q is live (training_mode), so its output is random; export with model.eval() or use --batch-stats-as-inference", n.Title())
		}
	case "Cast":
		if out.Elem != in.Elem {
			return nil, nil // another precision: a boundary
		}
	case "Expand":
		if !known || !knownIn || len(dims) != len(from) {
			return nil, nil
		}
		for i := range dims {
			if !dims[i].Equal(from[i]) {
				return nil, nil
			}
		}
	}
	if !known || in.Elem == onnxio.Undefined {
		return nil, nil // its cut is unknown
	}
	s := &step{args: []*graph.Value{in}, kind: viewStep}
	s.trace = func(t *tracer, x []traced) (traced, *refusal) { return t.regroup(x[0], dims) }
	same := knownIn && len(from) == len(dims)
	for i := 0; same && i < len(dims); i++ {
		same = dims[i].Equal(from[i])
	}
	if same {
		s.window = func(in []mapState) (mapState, *refusal) { return in[0], nil }
		s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) { return in[0], nil }
	}
	return s, nil
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

func explainTranspose(c *explainer, n *graph.Node) (*step, *refusal) {
	in := n.In[0]
	rank := in.Rank()
	if rank < 0 || !in.Elem.IsFloat() {
		return nil, nil // its axes are unknown, or it is no data
	}
	s := &step{args: []*graph.Value{in}, kind: viewStep}
	if n.OpType == "Transpose" {
		perm := graph.Perm(n, rank)
		s.trace = func(t *tracer, x []traced) (traced, *refusal) {
			if len(x[0].layout) != len(perm) {
				return x[0], refuse("", "%q permutes %d axes of a tensor of rank %d", n.Title(), len(perm), len(x[0].layout))
			}
			return permute(x[0], perm), nil
		}
		s.window = func(in []mapState) (mapState, *refusal) { return in[0].transposed(perm), nil }
		s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) { return in[0], nil }
		return s, nil
	}
	dims, _ := in.Shape()
	out, ok := n.Out[0].Shape()
	b := n.Int("blocksize", 0)
	if rank != 4 || !ok || b < 1 {
		return nil, nil // not a form of the specification
	}
	s.trace = func(t *tracer, x []traced) (traced, *refusal) {
		bs := graph.Size(b)
		var cut []graph.Dim
		var perm []int
		switch {
		case n.OpType == "SpaceToDepth":
			cut = []graph.Dim{dims[0], dims[1], out[2], bs, out[3], bs}
			perm = []int{0, 3, 5, 1, 2, 4}
		case n.Str("mode", "DCR") == "CRD":
			cut = []graph.Dim{dims[0], out[1], bs, bs, dims[2], dims[3]}
			perm = []int{0, 1, 4, 2, 5, 3}
		default:
			cut = []graph.Dim{dims[0], bs, bs, out[1], dims[2], dims[3]}
			perm = []int{0, 3, 4, 1, 5, 2}
		}
		y, why := t.regroup(x[0], cut)
		if why != nil {
			return y, why
		}
		return t.regroup(permute(y, perm), out)
	}
	if n.OpType == "SpaceToDepth" {
		asBlocks(s, n, int(b))
	}
	return s, nil
}

func permute(x traced, perm []int) traced {
	out := make(graph.Layout, len(perm))
	for i, p := range perm {
		out[i] = x.layout[p]
	}
	return traced{x.op, out}
}
