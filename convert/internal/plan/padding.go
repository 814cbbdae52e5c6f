package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// padding has Convs and averages pad by themselves where a Pad puts zeros around their
// map: all that read what a Pad makes, or none.
func (p *planner) padding() {
	t := &takers{planner: p, left: p.remains(), from: map[*graph.Value][]int{}, added: map[*graph.Value]bool{}}
	for i, r := range p.regions {
		source := r.Segment.From
		t.from[source] = append(t.from[source], i)
		if r.Part != nil {
			for _, v := range r.Part.Values {
				t.added[v] = true
			}
		}
	}
	all := p.t.e.All()
	for i := len(all) - 1; i >= 0 && !p.opts.ended(); i-- { // of Pads in series the last one first
		if pad, ok := all[i].Op.(*affine.Pad); ok && pad.Zeros() && t.left.stays(all[i]) {
			t.take(all[i])
		}
	}
}

// takers are what reads the values that Pads make.
type takers struct {
	*planner
	left  *remainder
	from  map[*graph.Value][]int // regions that start at a value
	added map[*graph.Value]bool  // what regions still add to a part of a sum
}

// take has all readers of a Pad pad by themselves, if they can.
func (t *takers) take(pad *affine.Affine) {
	v := pad.Out
	if v.IsOutput || len(v.Captured) > 0 || t.added[v] {
		return
	}
	var alone []*Region // of nodes that no region has
	for _, u := range v.Readers {
		if !t.left.alive[u.Node] {
			continue
		}
		r := t.window(pad, u.Node)
		if r == nil {
			return
		}
		alone = append(alone, r)
	}
	wider := make([]*Region, len(t.from[v]))
	for k, i := range t.from[v] {
		if wider[k] = t.wider(pad, t.regions[i]); wider[k] == nil {
			return
		}
	}
	source := pad.Args[0]
	for k, i := range t.from[v] {
		t.regions[i] = wider[k]
		t.from[source] = append(t.from[source], i)
	}
	for _, r := range alone {
		t.from[source] = append(t.from[source], len(t.regions))
		t.regions = append(t.regions, r)
		t.left.made[r.Segment.To] = []*Region{r}
		delete(t.left.alive, r.Segment.Last().Node())
	}
	delete(t.left.alive, pad.Node())
}

// window is a Pad and the window of a node behind it as one; nil where it is none.
func (t *takers) window(pad *affine.Affine, n *graph.Node) *Region {
	if n.First() == nil {
		return nil
	}
	a := t.t.e.Of(n.Out[0])
	if a == nil || len(a.Args) != 1 || a.Args[0] != pad.Out || !t.left.stays(a) {
		return nil
	}
	s := affine.NewSegment(pad.Args[0], a.Out, []*affine.Affine{pad, a})
	l, ok := layer.PlanPadded(s, t.t.e.Graph.Opset)
	if !ok {
		return nil
	}
	return &Region{Segment: s, Layer: l, Before: s.Parameters(), cost: l.Cost()}
}

// wider is a region that starts behind a Pad with the Pad in it; nil where it is no
// convolution of the map.
func (t *takers) wider(pad *affine.Affine, r *Region) *Region {
	if r.Segment.From != pad.Out || r.Fed != nil || len(r.Kept) > 0 {
		return nil
	}
	s := affine.NewSegment(pad.Args[0], r.Segment.To, slices.Concat([]*affine.Affine{pad}, r.Segment.Steps))
	w := *r
	w.Segment = s
	switch r.Layer.(type) {
	case *layer.Padded:
		l, ok := layer.PlanPadded(s, t.t.e.Graph.Opset)
		if !ok {
			return nil
		}
		w.Layer = l
	case *layer.Conv:
		m, why := s.AsMap()
		if why != nil {
			return nil
		}
		l, ok := layer.PlanConv(s, m, r.cost.Weights, t.t.e.Graph.Opset)
		if !ok || r.cost.Less(l.Cost()) {
			return nil
		}
		w.Layer = l
	default:
		return nil
	}
	w.cost = w.Layer.Cost()
	return &w
}
