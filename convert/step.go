package convert

import (
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A step explains one value: an affine function of other values.
type step struct {
	rule    string
	node    *graph.Node    // the node that makes the value
	covers  []*graph.Node  // further nodes that the step stands for
	args    []*graph.Value // the data that the value depends on
	coef    []float64      // of a sum, for each argument
	weights []*graph.Value // constants that the nodes read, matrices first
	parts   int            // how many of the weights are matrices, one if zero

	kind  stepKind
	trace func(t *tracer, in []traced) (traced, *refusal)
	// embed puts the arguments of a sum into the place where they are added.
	embed func(t *tracer, in []traced) ([]traced, *refusal)
	// window and kernel give the step as a convolution of a map; nil where it is none.
	window func(in []mapState) (mapState, *refusal)
	kernel func(in []*fuse.Kernel) (*fuse.Kernel, error)
	// perChannel: the step scales or shifts along axis 1 alone, or not at all.
	perChannel bool
	// needsMap: the node takes its axes as [N, C, spatial...].
	needsMap bool
	// widens: the step repeats axes of size one, as a constant of more channels does.
	widens bool
}

type stepKind uint8

const (
	viewStep  stepKind = iota // moves no element, or permutes them
	diagStep                  // scale and shift
	biasStep                  // shift alone
	layerStep                 // weights: conv, FC
	mapStep                   // linear without weights: pool, pad, slice
	sumStep
)

// An explainer is what rules see: the graph, the explanations so far, and where to
// put near misses.
type explainer struct {
	g      *graph.Graph
	steps  map[*graph.Value]*step
	chains map[*graph.Value][]*graph.Value
	alive  map[*graph.Node]bool  // nodes that the graph's outputs depend on
	pinned map[*graph.Value]bool // values that stay whatever is merged

	same     map[*graph.Value]*graph.Value // repeated nodes: the value that stands for both
	declines []Decline
	made     map[*graph.Value]*invented

	reading sync.Mutex // regions are folded concurrently
}

// An invented value is not in the file: a region that reads or makes it brings
// its node along.
type invented struct {
	node  *graph.Node  // the node to repeat, with its first input replaced
	input *graph.Value // by this value

	// Or a partial sum: node makes the whole sum, to which these are still added.
	sum    []*graph.Value
	coef   []float64
	covers []*graph.Node
}

// A rule explains the output of one node. It returns nil, nil where the node
// is not its business, a refusal for a near miss, or the explanation.
type rule struct {
	Doc
	ops     []string
	explain func(c *explainer, n *graph.Node) (*step, *refusal)
}

// Doc is the documentation of a rule, printed by "repmlp rules".
type Doc struct {
	Name    string
	Title   string
	Formula string // before and after
	When    string // when it is exact
	Example string
}

// explain walks the graph once and explains what the rules know.
func (c *explainer) explain(rules []rule) {
	table := map[string][]rule{}
	for _, r := range rules {
		for _, op := range r.ops {
			table[op] = append(table[op], r)
		}
	}
	c.findRepeats()
	for _, n := range c.g.Nodes {
		if n.Domain != "" || len(n.Out) == 0 || n.Out[0] == nil || c.g.IsConst(n.Out[0]) {
			continue
		}
		for _, r := range table[n.OpType] {
			s, why := r.explain(c, n)
			if why != nil && why.Code != "" {
				c.decline(n, why)
			}
			if s == nil {
				continue
			}
			s.rule, s.node = r.Name, n
			c.steps[n.Out[0]] = s
			break
		}
	}
}

func (c *explainer) decline(n *graph.Node, why *refusal) {
	c.declines = append(c.declines, Decline{Code: why.Code, Node: n.Title(), Nodes: []string{n.Title()}, Message: why.Message})
}

// single reports whether the node has no other output that is used.
func single(n *graph.Node) bool {
	for _, v := range n.Out[1:] {
		if v != nil && v.ReadCount() > 0 {
			return false
		}
	}
	return true
}

// largeConst is the size above which an evaluated constant is not kept.
const largeConst = 1 << 16

// weight reads a constant in float64.
func (c *explainer) weight(v *graph.Value) load {
	return func() ([]float64, error) {
		c.reading.Lock()
		defer c.reading.Unlock()
		k, err := c.g.Const(v)
		if err != nil {
			return nil, err
		}
		if k.Len() > largeConst {
			c.g.Forget()
		}
		return k.Float(), nil
	}
}

// open gives access to a constant that is stored as it is used; nil for one
// that has to be computed.
func (c *explainer) open(v *graph.Value) func() (fuse.Values, error) {
	return func() (fuse.Values, error) {
		for v.Init == nil {
			n := v.Producer
			if n == nil || n.Domain != "" || len(n.In) == 0 {
				return nil, nil
			}
			switch n.OpType {
			case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten":
				v = n.In[0]
			default:
				return nil, nil
			}
		}
		if !v.Init.DType.IsFloat() {
			return nil, nil
		}
		f, err := v.Init.Floats()
		if err != nil {
			return nil, err
		}
		return floats{f}, nil
	}
}

// floats are the numbers of a stored tensor, as folding reads them.
type floats struct{ *onnxio.Floats }

func (f floats) Near(at, n int) (fuse.Values, func()) {
	near, release := f.Floats.Near(at, n)
	return floats{near}, release
}

// stored is a weight over atoms.
func (c *explainer) stored(atoms []graph.Atom, v *graph.Value) *array {
	return &array{atoms, c.weight(v), c.open(v)}
}

// constShape returns the static shape of a constant.
func constShape(v *graph.Value) ([]int, bool) {
	dims, ok := v.Shape()
	if !ok {
		return nil, false
	}
	out := make([]int, len(dims))
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}

// weightProblem says why v cannot be a weight; nil if it can.
func (c *explainer) weightProblem(n *graph.Node, v *graph.Value) *refusal {
	if c.g.IsConst(v) {
		return nil
	}
	switch {
	case v.Sparse:
		return refuse("sparse_initializer", "the weight %q of %q is stored sparse; store it dense to have it merged", v.Name, n.Title())
	case v.Init != nil && v.IsInput:
		return refuse("weights_are_graph_inputs", "the weight %q of %q has a default but is a graph input, which callers may override; --freeze-inputs treats it as constant", v.Name, n.Title())
	case v.Producer != nil && v.Producer.OpType == "DequantizeLinear":
		return refuse("quantized_weight", "the weight %q of %q is dequantised by %q; --fold-dequantize merges its float value", v.Name, n.Title(), v.Producer.Title())
	}
	return refuse("weights_not_constant", "the weight %q of %q is computed from data or has no value in the file; export the model with its parameters", v.Name, n.Title())
}

// sameFloat reports whether all values have one float type.
func sameFloat(vs ...*graph.Value) bool {
	t := onnxio.Undefined
	for _, v := range vs {
		if v == nil {
			continue
		}
		if t == onnxio.Undefined {
			t = v.Elem
		}
		if v.Elem != t || !v.Elem.IsFloat() {
			return false
		}
	}
	return true
}
