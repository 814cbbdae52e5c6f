package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A convolution is a sparse FC that shares weights.
var convRule = rule{
	Doc: Doc{Name: "conv", Title: "Convolution as an affine map",
		Formula: "y = conv(F, x) + b   as FC over a C×h×w tile: W(F,p)[o,y,x; c,y',x'] = F[o,c,t] where y' = y·stride + t·dilation - pad",
		When:    "always over rows; as part of one conv where no bias stands before zero padding",
		Example: "the local perceptron: 1×1, 3×3, 5×5 beside FC3"},
	ops:     []string{"Conv"},
	explain: explainConv,
}

func explainConv(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x, w, b, why := c.layerOperands(n)
	if x == nil || why != nil {
		return nil, why
	}
	dims, ok := x.Shape()
	shape, ok2 := affine.ConstShape(w)
	if !ok || !ok2 || len(dims) != len(shape) {
		return nil, nil // the map's rank is unknown
	}
	if b != nil {
		if k, ok := affine.ConstShape(b); !ok || len(k) != 1 || k[0] != shape[0] {
			return nil, reason.Refuse(reason.UnsupportedForm, "the bias of %q has shape %v for %d channels", n.Title(), k, shape[0])
		}
	}
	kernel := make([]int64, len(shape)-2)
	for i := range kernel {
		kernel[i] = int64(shape[i+2])
	}
	win, err := graph.ConvWindow(n, dims, kernel)
	if err != nil {
		return nil, reason.Refuse(reason.UnsupportedForm, "%v", err)
	}
	return is(n, affine.NewConv(c.constants, win, shape, int(n.Int("group", 1)), w, b), x), nil
}

// layerOperands are the data, the weight and the bias of a node; nil data where it is
// no one linear map, since its types are mixed.
func (c *context) layerOperands(n *graph.Node) (x, w, b *graph.Value, why *reason.Refusal) {
	x, w = n.In[0], n.In[1]
	if len(n.In) > 2 {
		b = n.In[2]
	}
	if !affine.SameFloat(x, w, b) {
		return nil, nil, nil, nil
	}
	for _, v := range n.In[1:] {
		if v == nil {
			continue
		}
		if why := c.weightProblem(n, v); why != nil {
			return nil, nil, nil, why
		}
	}
	return x, w, b, nil
}
