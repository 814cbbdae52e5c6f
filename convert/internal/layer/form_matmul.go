package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Several groups: y[g] = x[g]·W[g] + b[g], groups before rows.
var matMulForm = form{
	name:   "MatMul",
	groups: severalGroups,
	when:   (*question).plain,
	around: func(m *affine.Rows, rows []graph.Atom) (ends, bool) {
		return ends{x: graph.Layout{m.Group, rows, m.Feature}, y: graph.Layout{m.Group, rows, m.Result}, dims: []int64{count(m, m.Group), -1, count(m, m.Feature)}}, true
	},
	weights: weights{func(g, q, k int64) (weight, bias []int64) { return []int64{g, k, q}, []int64{g, 1, q} }, fuse.ByInput},
	write:   writeMatMul,
	time:    timesRows, flat: besideRows, plain: true,
}

func writeMatMul(c *fcNodes, in, to string) (string, error) { return c.product(in, to, false) }
