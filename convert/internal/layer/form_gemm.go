package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// One group: y = Gemm(x, Wᵀ, b) over rows.
var gemmForm = form{
	name:   "Gemm",
	groups: oneGroup,
	when:   (*question).plain,
	around: func(m *affine.Rows, rows []graph.Atom) (ends, bool) {
		return ends{x: graph.Layout{rows, m.Feature}, y: graph.Layout{rows, m.Result}, dims: []int64{-1, count(m, m.Feature)}}, true
	},
	weights: weights{func(_, q, k int64) (weight, bias []int64) { return []int64{q, k}, []int64{q} }, fuse.ByOutput},
	write: func(c *fcNodes, in, to string) (string, error) {
		w, b, err := c.weights()
		if err != nil {
			return "", err
		}
		return c.node("Gemm", c.base+".fc", to, []string{in, w, b}, c.broadcastRows(onnxio.IntAttr("transB", 1))...), nil
	},
	time: timesSplit, flat: besideRows, plain: true,
}
