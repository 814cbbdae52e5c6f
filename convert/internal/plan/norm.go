package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// norms has normalisations take what scales and shifts their result, and nothing else
// took, into their own parameters. Scales that were merged into one are taken too.
func (p *planner) norms() {
	left := p.remains()
	starts := map[*graph.Value]int{} // regions that are a scale, by where they start
	for i, r := range p.regions {
		if _, ok := r.Layer.(*layer.Scale); ok && r.Part == nil && len(r.Kept) == 0 {
			starts[r.Segment.From] = i
		}
	}
	gone := map[*Region]bool{}
	for _, n := range p.t.e.Graph.Nodes {
		if p.opts.ended() {
			return
		}
		first := p.normalised(n)
		if first == nil || !left.stays(first) {
			continue
		}
		var scale *Region // which the norm takes the steps of
		var steps []*affine.Affine
		if i, ok := starts[first.Out]; ok && onlyReader(first.Out) {
			scale = p.regions[i]
			steps = scale.Segment.Steps
		} else {
			steps = p.scalesBehind(first.Out, left)
		}
		r, taken := p.norm(first, steps)
		if r == nil {
			continue
		}
		if scale != nil {
			if rest := steps[taken:]; len(rest) > 0 {
				s := affine.NewSegment(r.Segment.To, scale.Segment.To, rest)
				if l, ok := layer.PlanScale(s, s.Walk(), p.t.e.Graph.Opset); ok && l.Cost().Work < len(rest) {
					p.regions = append(p.regions, &Region{Segment: s, Layer: l, Before: s.Parameters(), cost: l.Cost()})
				}
			}
			gone[scale] = true
		}
		p.regions = append(p.regions, r)
	}
	p.regions = slices.DeleteFunc(p.regions, func(r *Region) bool { return gone[r] })
}

// normalised explains what a norm with constant parameters makes; nil for other nodes.
func (p *planner) normalised(n *graph.Node) *affine.Affine {
	switch n.OpType() {
	case "LayerNormalization", "RMSNormalization", "GroupNormalization", "InstanceNormalization":
	default:
		return nil
	}
	if n.Domain() != "" || len(n.In) < 2 || n.In[0] == nil || n.In[1] == nil || n.Out[0] == nil {
		return nil
	}
	var bias *graph.Value
	if len(n.In) > 2 {
		bias = n.In[2]
	}
	for _, v := range []*graph.Value{n.In[1], bias} {
		if v != nil && !p.t.e.Graph.IsConst(v) {
			return nil
		}
	}
	if !affine.SameFloat(n.In[0], n.In[1], bias, n.Out[0]) || n.In[0].Rank() < 0 || n.Out[0].Rank() < 0 {
		return nil
	}
	return &affine.Affine{Out: n.Out[0], Args: []*graph.Value{n.In[0]}, Nodes: []*graph.Node{n}, Op: affine.NewNormalised(p.t.e.Constants, n.OpType(), n.In[1], bias), Rule: "norm"}
}

// maxBehind bounds the scales behind a norm that are looked at.
const maxBehind = 64

// scalesBehind lists the nodes behind v that stay and scale, shift or only look on, each read
// by the next alone.
func (p *planner) scalesBehind(v *graph.Value, left *remainder) (steps []*affine.Affine) {
	for len(steps) < maxBehind && onlyReader(v) {
		n := v.Readers[0].Node
		if len(n.Out) == 0 || n.Out[0] == nil {
			break
		}
		a := p.t.e.Of(n.Out[0])
		if a == nil || len(a.Args) != 1 || a.Args[0] != v || !left.stays(a) || !affine.IsScale(a.Op) && !affine.IsIdle(a.Op) {
			break
		}
		steps = append(steps, a)
		v = a.Out
	}
	return steps
}

// norm is a norm with as many of the steps behind it as it can take; nil for none.
func (p *planner) norm(first *affine.Affine, steps []*affine.Affine) (r *Region, taken int) {
	for taken = len(steps); taken > 0; taken-- {
		to := steps[taken-1].Out
		s := affine.NewSegment(first.Args[0], to, slices.Concat([]*affine.Affine{first}, steps[:taken]))
		l, ok := layer.PlanNorm(s, p.t.e.Graph.Opset)
		if !ok {
			continue
		}
		if _, _, ok, err := l.Numbers(); err == nil && !ok {
			continue
		}
		return &Region{Segment: s, Layer: l, Before: s.Parameters(), cost: l.Cost()}, taken
	}
	return nil, 0
}
