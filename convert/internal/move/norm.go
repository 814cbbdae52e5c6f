package move

import (
	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// normTakes reports whether n is a normalisation whose parameters may take a piece; p is
// nil where only its operator counts. The plan of the moved graph says whether they do.
func (s *search) normTakes(n *graph.Node, p *piece) bool {
	if !affine.IsNormalisation(n) || len(n.In) < 2 || n.In[1] == nil {
		return false
	}
	for i, v := range n.In[1:] {
		if v != nil && !s.g.IsConst(v) || i > 1 {
			return false
		}
	}
	if p == nil {
		return true
	}
	first, last := 1, 2
	if n.OpType() == "LayerNormalization" || n.OpType() == "RMSNormalization" {
		axis, ok := graph.Axis(n.AttrInt("axis"), n.Out[0].Rank())
		if !ok {
			return false
		}
		first, last = axis, len(p.sizes)
	}
	for _, axis := range p.varies() {
		if axis < first || axis >= last {
			return false
		}
	}
	return n.OpType() != "RMSNormalization" || p.shift == nil
}
