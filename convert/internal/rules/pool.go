package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Averaging is a convolution with equal weights.
var poolRule = rule{
	Doc: Doc{Name: "pool", Title: "Average pooling",
		Formula: "y = mean of x over a window; BN before pooling moves behind it: pool(s·x+t) = s·pool(x)+t",
		When:    "as part of an FC always; as part of a conv where the padding is counted; BN passes where it is not",
		Example: "the global perceptron of the 2021 block: BN, AveragePool, Flatten, FC1"},
	ops:     []string{"AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"},
	explain: explainPool,
}

func explainPool(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x := n.In[0]
	dims, ok := x.Shape()
	if !ok || !x.Elem.IsFloat() || n.Int("count_include_pad", 0) != 0 && n.Int("ceil_mode", 0) != 0 {
		return nil, nil // unknown rank, or windows that hang over the padding
	}
	if n.OpType() == "AveragePool" {
		win, err := graph.ConvWindow(n, dims, nil)
		if err != nil || len(dims) < 3 {
			return nil, reason.Refuse(reason.UnsupportedForm, "%v", err)
		}
		channels, _ := dims[1].Int()
		return c.behind(n, &affine.Pool{Win: win, Channels: int(channels), Include: n.Int("count_include_pad", 0) != 0}), nil
	}
	axes, keep, ok := reducedAxes(n, len(dims))
	if !ok {
		return nil, nil // axes that are not known
	}
	return c.behind(n, &affine.Reduce{Axes: axes, Keep: keep, Mean: n.OpType() != "ReduceSum"}), nil
}

// behind explains an average of a scaled map as a scaled average, so that the scale
// meets what follows: the scales before the average come after it.
func (c *context) behind(n *graph.Node, average affine.Op) []*affine.Affine {
	x, out := n.In[0], n.Out[0]
	var scales []*affine.Affine // from the last one back
	for affine.AveragesConstants(average) {
		a := c.sofar.Of(c.sofar.First(x))
		if a == nil || x.ReadCount() != 1 {
			break
		}
		d, ok := a.Op.(*affine.Diagonal)
		if !ok || !d.PerChannel() {
			break
		}
		scales = append(scales, a)
		x = a.Args[0]
	}
	if len(scales) == 0 {
		return is(n, average, x)
	}
	name := out.Name
	var moved []*graph.Value // what n would make of each scale's argument
	for _, a := range scales {
		name += ".pooled"
		moved = append(moved, c.sofar.Move(n, a.Args[0], name, out))
	}
	last := len(moved) - 1
	explained := []*affine.Affine{{Out: moved[last], Args: []*graph.Value{x}, Nodes: []*graph.Node{n}, Op: average}}
	for i := last; i >= 0; i-- {
		to := out
		if i > 0 {
			to = moved[i-1]
		}
		b := scales[i].On(to, []*graph.Value{moved[i]})
		b.Nodes = append(slices.Clone(b.Nodes), n)
		explained = append(explained, b)
	}
	return explained
}

// reducedAxes returns the axes that a global pool or reduction sums over.
func reducedAxes(n *graph.Node, rank int) (axes []int, keep, ok bool) {
	if n.OpType() == "GlobalAveragePool" {
		for i := 2; i < rank; i++ {
			axes = append(axes, i)
		}
		return axes, true, rank > 2
	}
	list := n.Ints("axes")
	if len(n.In) > 1 && n.In[1] != nil {
		for _, d := range n.In[1].Ints() {
			v, known := d.Int()
			if !known {
				return nil, false, false
			}
			list = append(list, v)
		}
		if n.In[1].Ints() == nil {
			return nil, false, false
		}
	}
	if len(list) == 0 {
		return nil, false, false // all axes, or none: not a pooling
	}
	for _, a := range list {
		k, ok := graph.Axis(a, rank)
		if !ok {
			return nil, false, false
		}
		axes = append(axes, k)
	}
	return axes, n.Int("keepdims", 1) == 1, true
}
