package convert

import (
	"slices"

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
	if len(p.starvedStarts()) == 0 {
		return p
	}
	until := func(try func(set map[*graph.Value]bool) *planner) *planner {
		set, p := map[*graph.Value]bool{}, p
		for range maxSettle {
			starved := p.starvedStarts()
			if len(starved) == 0 {
				break
			}
			for _, v := range starved {
				set[v] = true
			}
			p = try(set)
		}
		for starved := p.starvedStarts(); len(starved) > 0; starved = p.starvedStarts() {
			p.plan.Regions = slices.DeleteFunc(p.plan.Regions, func(r *Region) bool { return slices.Contains(starved, p.source(r.seg.from)) })
		}
		return p
	}
	later := until(func(set map[*graph.Value]bool) *planner { return try(set, nil) })
	earlier := until(func(set map[*graph.Value]bool) *planner { return try(nil, set) })
	if earlier.total().less(later.total()) {
		return earlier
	}
	return later
}

// source is the value of the file that a region starting at v reads.
func (c *explainer) source(v *graph.Value) *graph.Value {
	for c.made[v] != nil && c.made[v].input != nil {
		v = c.made[v].input
	}
	return v
}

// starvedStarts lists the starts of regions that other regions have inside and do
// not keep.
func (p *planner) starvedStarts() []*graph.Value {
	inside := map[*graph.Value]bool{}
	for _, r := range p.plan.Regions {
		for _, x := range r.seg.values {
			if x != r.seg.to && !slices.Contains(r.seg.leaks, x) {
				inside[x] = true
			}
		}
	}
	var out []*graph.Value
	for _, r := range p.plan.Regions {
		if u := p.source(r.seg.from); inside[u] && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// total is what the graph costs with the regions merged.
func (p *planner) total() cost {
	var sum cost
	merged := map[*graph.Value]bool{}
	for _, r := range p.plan.Regions {
		sum = sum.plus(r.work)
		for _, x := range r.seg.values {
			merged[x] = true
		}
	}
	for _, n := range p.g.Nodes {
		if len(n.Out) > 0 && n.Out[0] != nil && p.alive[n] && !merged[n.Out[0]] && p.steps[n.Out[0]] != nil {
			sum = sum.plus(p.plain(p.steps[n.Out[0]]))
		}
	}
	return sum
}
