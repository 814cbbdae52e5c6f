package plan

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A part is some nodes of the graph.
type part struct {
	nodes map[*graph.Node]bool
	last  int           // the largest index of a node
	sum   []*graph.Node // those that still add what comes from outside
}

func (p *part) add(nodes ...*graph.Node) {
	if p.nodes == nil {
		p.nodes = map[*graph.Node]bool{}
	}
	for _, n := range nodes {
		if n != nil {
			p.nodes[n] = true
			p.last = max(p.last, n.Index)
		}
	}
}

// add adds to a part what steps stand for. A node whose value is seen through, as the first of a
// Reshape, Transpose and Reshape that are one step, is inside if nothing else reads it.
func (t *terrain) add(p *part, steps []*affine.Affine) {
	for _, a := range steps {
		p.add(a.Node(), a.Out.Producer)
	}
	for _, a := range steps {
		for _, n := range a.Nodes[1:] {
			if n != nil && !slices.ContainsFunc(n.Out, func(x *graph.Value) bool { return x != nil && t.escapes(x, p.nodes) }) {
				p.add(n)
			}
		}
	}
}

// escapes reports whether anything but the nodes inside reads x.
func (t *terrain) escapes(x *graph.Value, inside map[*graph.Node]bool) bool {
	return x.IsOutput || len(x.Captured) > 0 || slices.ContainsFunc(x.Readers, func(r graph.Use) bool { return !inside[r.Node] && !t.lost[reading{x, r.Node}] })
}

// needs reports whether x is needed by anything but the nodes inside. A node
// outside whose results only come back, such as the Shape of a Reshape inside,
// needs nothing once the inside is replaced.
func (t *terrain) needs(x *graph.Value, inside *part) bool {
	seen := map[*graph.Node]bool{}
	todo := []*graph.Value{x}
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if x.IsOutput || len(x.Captured) > 0 {
			return true
		}
		for _, r := range x.Readers {
			if inside.nodes[r.Node] || seen[r.Node] || t.lost[reading{x, r.Node}] {
				continue
			}
			seen[r.Node] = true
			if len(r.Node.Subgraphs()) > 0 || r.Node.Index > inside.last { // nothing comes back from there
				return true
			}
			for _, out := range r.Node.Out {
				if out == nil {
					continue
				}
				if slices.ContainsFunc(out.Readers, func(r graph.Use) bool { return slices.Contains(inside.sum, r.Node) }) {
					return true
				}
				todo = append(todo, out)
			}
		}
	}
	return false
}

// leaks lists the values made by steps before the last one that somebody outside
// needs, and what the nodes that make those read: a node that stays needs it. sum
// are nodes that still add what comes from outside.
func (p *planner) leaks(u *graph.Value, steps []*affine.Affine, sum []*graph.Node) []*graph.Value {
	v := steps[len(steps)-1].Out
	inside := part{sum: sum}
	made := map[*graph.Value]bool{u: true}
	p.t.add(&inside, steps)
	for _, a := range steps {
		made[a.Out] = true
	}
	var out []*graph.Value
	leaks := map[*graph.Value]bool{}
	for _, a := range steps {
		if x := a.Out; x != v && (p.pinned[x] || p.t.needs(x, &inside)) || p.t.otherOutput(a.Out, made) {
			out = append(out, x)
			leaks[x] = true
		}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if x := steps[i].Out; x == v || !leaks[x] {
			continue
		}
		for _, a := range steps[i].Args {
			if a != u && !leaks[a] {
				out = append(out, a)
				leaks[a] = true
			}
		}
	}
	return out
}
