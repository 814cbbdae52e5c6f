package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Averaging is a convolution with equal weights.
var poolRule = rule{
	Doc: Doc{Name: "pool", Title: "Average pooling",
		Formula: "y = mean of x over a window",
		When:    "as part of an FC always; as part of a conv where the padding is counted; BN that no layer took moves through where it is not",
		Example: "the global perceptron of the 2021 block: BN, AveragePool, Flatten, FC1"},
	ops:     []string{"AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"},
	explain: explainPool,
}

func explainPool(_ *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
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
		return is(n, &affine.Pool{Win: win, Channels: int(channels), Include: n.Int("count_include_pad", 0) != 0}, x), nil
	}
	axes, keep, ok := reducedAxes(n, len(dims))
	if !ok {
		return nil, nil // axes that are not known
	}
	return is(n, &affine.Reduce{Axes: axes, Keep: keep, Mean: n.OpType() != "ReduceSum"}, x), nil
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
