package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Several groups with the weights as left operand: y[g]ᵀ = W[g]·x[g]ᵀ + b[g].
var leftMatMulForm = form{
	name:   "MatMul, weights left",
	groups: severalGroups,
	when:   (*question).columns,
	around: func(m *affine.Rows, rows []graph.Atom) (ends, bool) {
		return ends{x: graph.Layout{m.Group, m.Feature, rows}, y: graph.Layout{m.Group, m.Result, rows}, dims: []int64{count(m, m.Group), count(m, m.Feature), -1}}, true
	},
	weights: weights{func(g, q, k int64) (weight, bias []int64) { return []int64{g, q, k}, []int64{g, q, 1} }, fuse.ByOutput},
	write:   writeLeftMatMul,
	time:    timesColumns, flat: besideColumns,
}

func writeLeftMatMul(c *fcNodes, in, to string) (string, error) { return c.product(in, to, true) }
