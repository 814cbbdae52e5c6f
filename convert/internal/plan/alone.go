package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// Some merges are no choice: they take a node away that costs something, and change
// nothing around it. They are looked for where everything else is planned.

// A remainder is the graph that regions leave.
type remainder struct {
	e     *affine.Explained
	alive map[*graph.Node]bool       // nodes that stay
	made  map[*graph.Value][]*Region // values that regions make, several where they are parts of a sum
	need  map[*graph.Value]bool      // values that somebody needs
	input map[*graph.Value]int       // how many regions that are needed read a value
}

// remains follows the graph's outputs back, through regions and nodes that stay.
func (p *planner) remains() *remainder {
	r := &remainder{p.t.e, map[*graph.Node]bool{}, map[*graph.Value][]*Region{}, map[*graph.Value]bool{}, map[*graph.Value]int{}}
	for _, region := range p.regions {
		if v := region.made(); v != nil {
			r.made[v] = append(r.made[v], region)
		}
	}
	var todo []*graph.Value
	need := func(vs ...*graph.Value) {
		for _, v := range vs {
			if v != nil && !r.need[v] {
				r.need[v] = true
				todo = append(todo, v)
			}
		}
	}
	need(p.t.e.Graph.Outputs...)
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if len(r.made[v]) > 0 {
			for _, region := range r.made[v] {
				for _, x := range region.reads() {
					r.input[x]++
					need(x)
				}
			}
			continue
		}
		if n := v.Producer; n != nil && !r.alive[n] {
			r.alive[n] = true
			need(n.In...)
			need(n.Captures...)
		}
	}
	return r
}

// reads are the values that a region reads.
func (r *Region) reads() []*graph.Value {
	from := []*graph.Value{r.Segment.From}
	if r.Part != nil {
		from = append(from, r.Part.Values...)
	}
	return from
}

// made is the value of the file that a region makes.
func (r *Region) made() *graph.Value {
	if r.Part != nil {
		return r.Part.Whole.Out
	}
	return r.Segment.To
}

// stays reports whether the node of an explanation stays as it was, for its first output
// alone, and reads what is in the file.
func (r *remainder) stays(a *affine.Affine) bool {
	n := a.Node()
	if a.Out.Producer != n || !r.alive[n] || r.made[a.Out] != nil {
		return false
	}
	for _, v := range a.Args {
		if !slices.Contains(n.In, v) && !r.standsIn(v, n) { // it is moved
			return false
		}
	}
	for _, v := range n.Out {
		if v != nil && v != a.Out && (v.IsOutput || len(v.Captured) > 0 || r.read(v)) {
			return false
		}
	}
	return true
}

// standsIn reports whether v is in the file, and a node reads what an equal one made.
func (r *remainder) standsIn(v *graph.Value, n *graph.Node) bool {
	there := v.Producer == nil || r.alive[v.Producer] || len(r.made[v]) > 0
	return there && slices.ContainsFunc(n.In, func(in *graph.Value) bool { return r.e.First(in) == v })
}

// read reports whether a node that stays reads v.
func (r *remainder) read(v *graph.Value) bool {
	return slices.ContainsFunc(v.Readers, func(u graph.Use) bool { return r.alive[u.Node] })
}

// mergedOnce reports whether one region reads v, and nobody else does.
func (r *remainder) mergedOnce(v *graph.Value) bool {
	return !v.IsOutput && len(v.Captured) == 0 && r.input[v] == 1 && !r.read(v)
}

// onlyReader reports whether nobody but one node reads a value.
func onlyReader(v *graph.Value) bool {
	return v.ReadCount() == 1 && len(v.Readers) == 1
}

// passedBy leaves out the regions that make what nobody needs any more: a sum of scales
// reads the value that they begin with.
func (p *planner) passedBy() {
	left := p.remains()
	p.regions = slices.DeleteFunc(p.regions, func(r *Region) bool { return r.made() != nil && !left.need[r.made()] })
}
