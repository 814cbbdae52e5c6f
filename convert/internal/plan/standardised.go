package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// standardised has layers that nothing else was merged with take in the
// BatchNormalizations that make their weights of constants: exporters write so the
// convolutions that standardise their weights.
func (p *planner) standardised() {
	norms := p.weightNorms()
	if len(norms) == 0 {
		return
	}
	left := p.remains()
	for _, a := range p.t.e.All() {
		if p.opts.ended() {
			return
		}
		if !affine.IsLayer(a.Op) || len(a.Args) != 1 || !left.stays(a) {
			continue
		}
		step := *a
		step.Nodes = slices.Clone(a.Nodes)
		for _, v := range a.Op.Weights() {
			step.Nodes = append(step.Nodes, norms[v]...)
		}
		if len(step.Nodes) == len(a.Nodes) {
			continue
		}
		step.Rule = batchNorm + ", " + a.Rule
		s := affine.NewSegment(a.Args[0], a.Out, []*affine.Affine{&step})
		q := &piece{u: s.From, v: s.To, walk: s.Walk(), tally: p.t.tallyOf(s.Steps), sealed: true, steps: func() []*affine.Affine { return s.Steps }}
		before := q.tally.cost
		l, s := p.layer(q, before.Weights)
		if l == nil || before.Less(l.Cost()) {
			continue
		}
		p.regions = append(p.regions, &Region{Segment: s, Layer: l, Before: s.Parameters(), cost: l.Cost()})
	}
}

// batchNorm is what the rule of a BatchNormalization is called.
const batchNorm = "batchnorm"

// weightNorms gives for constants the nearest BatchNormalizations that they are made by.
func (p *planner) weightNorms() map[*graph.Value][]*graph.Node {
	norms := map[*graph.Value][]*graph.Node{}
	for _, n := range p.t.e.Graph.Nodes {
		if !p.t.e.Graph.IsConst(n.First()) {
			continue
		}
		if n.Domain() == "" && n.OpType() == "BatchNormalization" {
			norms[n.Out[0]] = []*graph.Node{n}
			continue
		}
		for _, in := range n.In {
			if found := norms[in]; found != nil {
				norms[n.Out[0]] = found
				break
			}
		}
	}
	return norms
}
