package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// idle finds runs of nodes that calculate and give what they take, where no layer took
// them in: each run is a region that leaves nothing.
func (p *planner) idle() {
	left := p.remains()
	runs := map[*graph.Value]*affine.Segment{} // by what they make last
	var order []*affine.Segment
	for _, a := range p.t.e.All() {
		if p.opts.ended() {
			return
		}
		if len(a.Args) != 1 || !affine.SameFloat(a.Args[0], a.Out) || !left.stays(a) || p.isBias(a) || !affine.IsIdle(a.Op) {
			continue
		}
		from := a.Args[0]
		s := runs[from]
		if s == nil || !onlyReader(from) || len(p.t.e.Twins(from)) > 0 {
			s = affine.NewSegment(from, a.Out, nil)
			order = append(order, s)
		}
		delete(runs, s.To)
		s.To, s.Steps = a.Out, append(s.Steps, a)
		runs[s.To] = s
	}
	for _, s := range order {
		if l, ok := layer.PlanIdentity(s); ok {
			p.regions = append(p.regions, &Region{Segment: s, Layer: l, Before: s.Parameters()})
		}
	}
}

// isBias reports whether a node adds a vector to what an FC makes, as layers of rows are
// written: that is part of the layer, whatever its numbers.
func (p *planner) isBias(a *affine.Affine) bool {
	return affine.IsScale(a.Op) && p.t.e.Cost(a).Work == 0 && slices.ContainsFunc(a.Node().In, func(v *graph.Value) bool { return v != a.Args[0] && v.Rank() > 0 })
}
