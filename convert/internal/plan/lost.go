package plan

import (
	"slices"

	"repmlp/onnxio/graph"
)

// A merge may take in what a node makes and leave the node to others that read it. They
// were planned as if the node had to stay for both: where the others alone read it then, it
// may go into their merge.

// A reading is a value that a node reads.
type reading struct {
	v  *graph.Value
	by *graph.Node
}

// again plans once more without the readers that merges took away from values that are still
// needed. The plan is taken where those readers are gone in it too, and it costs less.
func (p *planner) again(try func(lost map[reading]bool) *planner) *planner {
	lost := p.lost()
	if len(lost) == 0 {
		return p
	}
	q := try(lost)
	if !q.total().Less(p.total()) {
		return p
	}
	left, read := q.remains(), q.readings()
	for r := range lost {
		if left.alive[r.by] || read[r] {
			return p
		}
	}
	return q
}

// lost lists readings of values that somebody needs by nodes that are gone, where no region
// reads them instead.
func (p *planner) lost() map[reading]bool {
	lost := map[reading]bool{}
	left, read := p.remains(), p.readings()
	for _, n := range p.t.e.Graph.Nodes {
		if !p.t.e.Alive[n] || left.alive[n] {
			continue
		}
		for _, v := range n.In {
			if r := (reading{v, n}); v != nil && left.need[v] && v.Producer != nil && !p.t.e.Graph.IsConst(v) && !read[r] {
				lost[r] = true
			}
		}
	}
	return lost
}

// readings are those of nodes in regions that read what the region reads.
func (p *planner) readings() map[reading]bool {
	read := map[reading]bool{}
	for _, r := range p.regions {
		from := append(r.reads(), r.Fed)
		for _, n := range r.Segment.Nodes() {
			for _, v := range n.In {
				if v != nil && slices.Contains(from, v) {
					read[reading{v, n}] = true
				}
			}
		}
	}
	return read
}
