package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// Regions are chosen one by one, from the end of the graph. One may start at a value
// that another, chosen later, makes inside and does not hand out: in front of a
// view that both need. Then the layer before that value would stay beside the merged
// one, and the model would grow. Such a plan is made anew: either no region starts
// there, or none has the value inside, whichever is cheaper for the graph as a whole.

// maxSettle bounds the plans that are made each way; what is in conflict after that
// is not merged.
const maxSettle = 8

func settle(try func(banned, pinned map[*graph.Value]bool) *planner) *planner {
	p := try(nil, nil)
	if len(p.starved()) == 0 {
		return p
	}
	until := func(try func(set map[*graph.Value]bool) *planner) *planner {
		set, p := map[*graph.Value]bool{}, p
		for range maxSettle {
			starved := p.starved()
			if len(starved) == 0 {
				break
			}
			for _, v := range starved {
				set[v] = true
			}
			p = try(set)
		}
		for starved := p.starved(); len(starved) > 0; starved = p.starved() {
			p.regions = slices.DeleteFunc(p.regions, func(r *Region) bool { return slices.Contains(starved, r.Segment.From) })
		}
		return p
	}
	later := until(func(set map[*graph.Value]bool) *planner { return try(set, nil) })
	earlier := until(func(set map[*graph.Value]bool) *planner { return try(nil, set) })
	if earlier.total().Less(later.total()) {
		return earlier
	}
	return later
}

// starved lists the starts of regions that other regions have inside and do not
// keep.
func (p *planner) starved() []*graph.Value {
	inside := map[*graph.Value]bool{}
	for _, r := range p.regions {
		kept := map[*graph.Value]bool{}
		for _, x := range r.Kept {
			kept[x] = true
		}
		for _, a := range r.Segment.Steps {
			if a.Out != r.Segment.To && !kept[a.Out] {
				inside[a.Out] = true
			}
		}
	}
	var out []*graph.Value
	for _, r := range p.regions {
		if u := r.Segment.From; inside[u] {
			out = append(out, u)
		}
	}
	return out
}

// total is what the graph costs with the regions merged.
func (p *planner) total() affine.Cost {
	var sum affine.Cost
	merged := map[*graph.Value]bool{}
	for _, r := range p.regions {
		sum = sum.Plus(r.cost)
		for _, a := range r.Segment.Steps {
			merged[a.Out] = true
		}
	}
	for _, n := range p.t.e.Graph.Nodes {
		if !p.t.e.Alive[n] || merged[n.First()] {
			continue
		}
		if a := p.t.e.Of(n.First()); a != nil {
			sum = sum.Plus(p.t.e.Cost(a))
		}
	}
	return sum
}
