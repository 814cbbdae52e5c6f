package rules

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A transposed convolution is a convolution of a map with zeros between its positions.
var convTransposeRule = rule{
	Doc: Doc{Name: "convtranspose", Title: "Transposed convolution as an affine map",
		Formula: "y = convT(F, x) + b = conv(turned F, x with stride-1 zeros between its positions) + b   (ONNX ConvTranspose)",
		When:    "scale and shift behind it and scale before it always; a shift before it does not fit the zeros",
		Example: "the upsampling of a decoder with BatchNorm behind it; parallel upsamplings that are added"},
	ops:     []string{"ConvTranspose"},
	explain: explainConvTranspose,
}

func explainConvTranspose(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	x, w, b, why := c.layerOperands(n)
	if x == nil || why != nil {
		return nil, why
	}
	dims, ok := x.Shape()
	shape, ok2 := affine.ConstShape(w)
	if !ok || !ok2 || len(dims) != len(shape) || len(shape) < 3 {
		return nil, nil // the map's rank is unknown
	}
	groups := int(n.Int("group", 1))
	if groups < 1 || shape[0]%groups != 0 || affine.Size(shape) == 0 {
		return nil, reason.Refuse(reason.UnsupportedForm, "the weight of %q has shape %v for %d groups", n.Title(), shape, groups)
	}
	if b != nil {
		if k, ok := affine.ConstShape(b); !ok || len(k) != 1 || k[0] != shape[1]*groups {
			return nil, reason.Refuse(reason.UnsupportedForm, "the bias of %q has shape %v for %d channels", n.Title(), k, shape[1]*groups)
		}
	}
	kernel := make([]int64, len(shape)-2)
	for i := range kernel {
		kernel[i] = int64(shape[i+2])
	}
	spread, err := graph.ConvTransposeSpread(n, dims, kernel)
	if err != nil {
		return nil, reason.Refuse(reason.UnsupportedForm, "%v", err)
	}
	return is(n, affine.NewConvTranspose(c.constants, spread, shape, groups, w, b), x), nil
}
