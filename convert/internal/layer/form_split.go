package layer

import (
	"slices"
	"sync"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// maxSplit bounds the groups that become a Gemm each where measurements decide.
const maxSplit = 16

// Several groups as one Gemm each, between a Split and a Concat.
var splitForm = form{
	name:   "Gemm for each group",
	groups: severalGroups,
	when: func(q *question) bool {
		return q.opset >= attributeless && (q.choice == Split || q.choice == Auto && !q.tiny && q.groups <= maxSplit)
	},
	around: func(m *affine.Rows, rows []graph.Atom) (ends, bool) {
		return ends{x: graph.Layout{rows, slices.Concat(m.Group, m.Feature)}, y: graph.Layout{rows, slices.Concat(m.Group, m.Result)},
			dims: []int64{-1, count(m, m.Group) * count(m, m.Feature)}}, true
	},
	write: writeSplit,
	time:  timesSplit, flat: besideSplit,
	extra: func(groups float64) float64 { return groups + 1 },
}

func writeSplit(c *fcNodes, in, to string) (string, error) {
	g, q, k := count(c.Rows, c.Rows.Group), count(c.Rows, c.Rows.Result), count(c.Rows, c.Rows.Feature)
	bias := sync.OnceValues(c.Rows.Program.Folding(c.Rows.Form(), fuse.ByOutput).Bias)
	var parts, made []string
	for range g {
		parts = append(parts, c.Fresh(c.base+".part"))
	}
	lengths := slices.Repeat([]int64{k}, int(g))
	inputs, attrs := []string{in}, []*onnxio.Attr{onnxio.IntAttr("axis", 1)}
	if c.opset < 13 {
		attrs = append(attrs, onnxio.IntsAttr("split", lengths))
	} else {
		inputs = append(inputs, c.ints(lengths))
	}
	c.Add(onnxio.NewNode(c.Fresh(c.base+".split"), "Split", inputs, parts, attrs...))
	for i := range g {
		w, err := c.computed(c.base+".weight", c.elem, []int64{q, k}, c.Rows.Program.FoldingOf(c.Rows.Form(), fuse.ByOutput, int(i)), c.last)
		if err != nil {
			return "", err
		}
		b, err := c.computed(c.base+".bias", c.elem, []int64{q}, whole{int(q), func() ([]float64, error) {
			v, err := bias()
			if err != nil {
				return nil, err
			}
			return v[i*q:][:q], nil
		}}, c.last)
		if err != nil {
			return "", err
		}
		made = append(made, c.node("Gemm", c.base+".fc", "", []string{parts[i], w, b}, onnxio.IntAttr("transB", 1)))
	}
	return c.node("Concat", c.base+".groups", to, made, onnxio.IntAttr("axis", 1)), nil
}
