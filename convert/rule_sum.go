package convert

import (
	"slices"

	"repmlp/fuse"
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

func explainSum(c *explainer, n *graph.Node) (*step, *refusal) {
	s := &step{kind: sumStep}
	out, known := n.Out[0].Shape()
	if !known {
		return nil, nil // its shape is unknown
	}
	for i, x := range n.In {
		dims, ok := x.Shape()
		if !ok || !x.Elem.IsFloat() || x.Elem != n.In[0].Elem || c.constantLike(x) {
			return nil, nil // the scale rule's business, or no data
		}
		if !equalDims(dims, out) {
			return nil, nil // a broadcast: each branch keeps its own shape
		}
		f := 1.0
		switch {
		case n.OpType == "Sub" && i == 1:
			f = -1
		case n.OpType == "Mean":
			f = 1 / float64(len(n.In))
		}
		s.args, s.coef = append(s.args, x), append(s.coef, f)
	}
	c.addUp(s)
	return s, nil
}

// addUp gives s the explanation of a sum of its arguments.
func (c *explainer) addUp(s *step) {
	coef := slices.Clone(s.coef)
	s.trace = nil // the tracer adds sums itself, it knows the region's input
	s.window = func(in []mapState) (mapState, *refusal) {
		out := in[0]
		for _, o := range in[1:] {
			if !slices.Equal(out.order, o.order) {
				return out, refuse("row_order_differs", "the branches come back with different axes first")
			}
			if !equalDims(out.dims, o.dims) {
				return out, refuse("", "the branches differ in size")
			}
			if !slices.Equal(out.win.Stride, o.win.Stride) {
				return out, refuse("sampling_offset_differs", "the branches sample the map with strides %v and %v", out.win.Stride, o.win.Stride)
			}
			w, ok := out.win.Plus(o.win)
			if !ok {
				return out, refuse("", "the branches do not fit")
			}
			out.win, out.outside = w, nil
			if out.undone == nil {
				out.undone = o.undone
			}
			if out.notZero == "" || o.notZero == "bias_before_zero_padding" {
				out.notZero, out.notZeroWhy = o.notZero, o.notZeroWhy
			}
		}
		return out, nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		k, ok := fuse.AddKernels(in, coef)
		if !ok {
			panic("convert: adding kernels that the plan found compatible")
		}
		return k, nil
	}
}

// common is the nearest value that all of vs are affine functions of; nil if
// there is none.
func (c *explainer) common(vs []*graph.Value) *graph.Value {
	for _, d := range c.chain(vs[0]) {
		all := true
		for _, v := range vs[1:] {
			all = all && slices.Contains(c.chain(v), d)
		}
		if all {
			return d
		}
	}
	return nil
}

// dom is the nearest other value that v is an affine function of.
func (c *explainer) dom(v *graph.Value) *graph.Value {
	s := c.steps[v]
	if s == nil {
		return nil
	}
	if len(s.args) == 1 {
		return s.args[0]
	}
	return c.common(s.args)
}

// maxChain bounds the affine steps that one merge looks back over.
const maxChain = 64

// chain lists v and the values that it is an affine function of, nearest first.
func (c *explainer) chain(v *graph.Value) []*graph.Value {
	if l, ok := c.chains[v]; ok {
		return l
	}
	l := []*graph.Value{v}
	if d := c.dom(v); d != nil {
		up := c.chain(d)
		l = append(l, up[:min(len(up), maxChain-1)]...)
	}
	c.chains[v] = l
	return l
}
