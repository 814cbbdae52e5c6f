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
		behind := p.scalesBehind(first.Out, left, starts)
		r, taken := p.norm(first, behind.steps)
		if r == nil {
			continue
		}
		p.regions = append(p.regions, r)
		for _, part := range behind.merged {
			if part.at >= taken {
				break
			}
			gone[part.region] = true
			if end := part.at + len(part.region.Segment.Steps); end > taken {
				p.rest(r, behind.steps[taken:end])
			}
		}
	}
	p.regions = slices.DeleteFunc(p.regions, func(r *Region) bool { return gone[r] })
}

// rest plans what a norm left of scales that were to be one; they stay where that is no
// less work.
func (p *planner) rest(norm *Region, steps []*affine.Affine) {
	s := affine.NewSegment(norm.Segment.To, steps[len(steps)-1].Out, slices.Clone(steps))
	if l, ok := layer.PlanScale(s, s.Walk(), p.t.e.Graph.Opset); ok && l.Cost().Work < len(steps) {
		p.regions = append(p.regions, &Region{Segment: s, Layer: l, Before: s.Parameters(), cost: l.Cost()})
	}
}

// normalised explains what a norm with constant parameters makes; nil for other nodes.
func (p *planner) normalised(n *graph.Node) *affine.Affine {
	if !affine.IsNormalisation(n) || len(n.In) < 2 || n.In[0] == nil || n.In[1] == nil || n.First() == nil {
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
	if !affine.SameFloat(n.In[0], n.In[1], bias, n.Out[0]) || n.In[0].Rank() < 0 {
		return nil
	}
	return &affine.Affine{Out: n.Out[0], Args: []*graph.Value{n.In[0]}, Nodes: []*graph.Node{n}, Op: affine.NewNormalised(p.t.e.Constants, n.OpType(), n.In[1], bias), Rule: "norm"}
}

// maxBehind bounds the scales behind a norm that are looked at.
const maxBehind = 64

// A behind is what scales and shifts a value, step by step; some of the steps were to be one
// scale.
type behind struct {
	steps  []*affine.Affine
	merged []mergedScale
}

// A mergedScale is a region that stands for steps from at on.
type mergedScale struct {
	region *Region
	at     int
}

// scalesBehind lists what stays and scales, shifts or only looks on behind v, each value read
// by the next step alone, or by the merge of several.
func (p *planner) scalesBehind(v *graph.Value, left *remainder, starts map[*graph.Value]int) (b behind) {
	for len(b.steps) < maxBehind {
		if i, ok := starts[v]; ok && left.mergedOnce(v) {
			r := p.regions[i]
			b.merged = append(b.merged, mergedScale{r, len(b.steps)})
			b.steps = append(b.steps, r.Segment.Steps...)
			v = r.Segment.To
			continue
		}
		if !onlyReader(v) || left.input[v] > 0 || v.Readers[0].Node.First() == nil { // a region may read it in place of an equal one
			break
		}
		n := v.Readers[0].Node
		a := p.t.e.Of(n.Out[0])
		if a == nil || len(a.Args) != 1 || a.Args[0] != p.t.e.First(v) || !affine.InPlace(a.Op) {
			break
		}
		if a = a.On(a.Out, []*graph.Value{v}); !left.stays(a) {
			break
		}
		b.steps = append(b.steps, a)
		v = a.Out
	}
	return b
}

// norm is a norm with as many of the steps behind it as it can take; nil for none.
func (p *planner) norm(first *affine.Affine, steps []*affine.Affine) (r *Region, taken int) {
	for taken = len(steps); taken > 0; taken-- {
		if last := steps[taken-1].Op; affine.IsView(last) && !affine.IsIdle(last) {
			continue // which costs nothing
		}
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
