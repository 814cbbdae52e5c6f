package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// One group with the weights as left operand: yᵀ = Gemm(W, xᵀ, b). Few rows cost
// little.
var leftGemmForm = form{
	name:   "Gemm, weights left",
	groups: oneGroup,
	when:   (*question).columns,
	around: func(m *affine.Rows, rows []graph.Atom) (ends, bool) {
		k := count(m, m.Feature)
		e := ends{x: graph.Layout{m.Feature, rows}, y: graph.Layout{m.Result, rows}, dims: []int64{k, -1}}
		if slices.Equal(m.In.Flat(), slices.Concat(rows, m.Feature)) {
			e.x, e.dims, e.trans = graph.Layout{rows, m.Feature}, []int64{-1, k}, true
		}
		return e, true
	},
	weights: weights{func(_, q, k int64) (weight, bias []int64) { return []int64{q, k}, []int64{q, 1} }, fuse.ByOutput},
	write: func(c *fcNodes, in, to string) (string, error) {
		w, b, err := c.weights()
		if err != nil {
			return "", err
		}
		var attrs []*onnxio.Attr
		if c.trans {
			attrs = append(attrs, onnxio.IntAttr("transB", 1))
		}
		return c.node("Gemm", c.base+".fc", to, []string{w, in, b}, attrs...), nil
	},
	time: timesColumns, flat: besideColumns,
}

// columns reports whether the forms with the weights as left operand are asked for.
func (q *question) columns() bool {
	return q.opset >= attributeless && (q.choice == Columns || q.choice == Auto && !q.tiny)
}
