package explain

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A look goes once over what a plan left, for places where a merge would be
// expected, and says why there is none.
type look struct {
	p        *plan.Plan
	e        *affine.Explained
	absorbed map[*graph.Node]bool         // nodes that some region explains
	inside   map[*graph.Value]string      // the region that a value is part of
	parts    map[*graph.Node]bool         // sums of which a part is merged
	within   map[*graph.Value]*graph.Node // the sum in a part of which a value is
	refused  map[*graph.Node]bool         // nodes that a rule knows and cannot explain
	layers   map[*graph.Value]depth

	found []Decline
	left  []Left
}

// depth counts what stands before a value on the way to its root.
type depth struct {
	layers, weighted int // layers; layers and BatchNorms
}

func newLook(p *plan.Plan) *look {
	l := &look{p: p, e: p.Explained, absorbed: map[*graph.Node]bool{}, inside: map[*graph.Value]string{}, parts: map[*graph.Node]bool{}, within: map[*graph.Value]*graph.Node{}, refused: map[*graph.Node]bool{}, layers: map[*graph.Value]depth{}}
	for _, r := range p.Regions {
		for _, a := range r.Segment.Steps {
			l.absorbed[a.Node()] = true
			if l.inside[a.Out] = r.ID; r.Part != nil {
				l.within[a.Out] = r.Part.Whole.Node()
			}
		}
		if r.Part != nil {
			l.parts[r.Part.Whole.Node()] = true
		}
	}
	for _, a := range l.e.All() {
		d := l.layers[l.e.Parent(a.Out)]
		for _, v := range a.Args {
			d.layers, d.weighted = max(d.layers, l.layers[v].layers), max(d.weighted, l.layers[v].weighted)
		}
		if affine.IsLayer(a.Op) {
			d.layers++
		}
		if affine.IsLayer(a.Op) || affine.IsNorm(a.Op) {
			d.weighted++
		}
		l.layers[a.Out] = d
	}
	for _, r := range l.e.Refused {
		l.add(r.Why, r.Node)
		l.refused[r.Node] = true
	}
	return l
}

// add notes a place that people are told of.
func (l *look) add(why *reason.Refusal, nodes ...*graph.Node) {
	if why == nil || why.Code == "" {
		return
	}
	d := Decline{Code: string(why.Code), Node: nodes[0].Title(), Message: why.Message}
	for _, n := range nodes {
		d.Nodes = append(d.Nodes, n.Title())
	}
	l.found = append(l.found, d)
}

// once drops what was found twice.
func (l *look) once() []Decline {
	var out []Decline
	seen := map[[2]string]bool{}
	for _, d := range l.found {
		key := [2]string{d.Code, d.Node}
		if !seen[key] {
			seen[key] = true
			out = append(out, d)
		}
	}
	return out
}

// others are the sums of parallel branches that no decline names.
func (l *look) others(declined []Decline) []Left {
	named := named(declined)
	return slices.DeleteFunc(l.left, func(x Left) bool { return named[x.Node] })
}

// named are the nodes that declines name.
func named(declined []Decline) map[string]bool {
	out := map[string]bool{}
	for _, d := range declined {
		out[d.Node] = true
		for _, n := range d.Nodes {
			out[n] = true
		}
	}
	return out
}

// all looks at every node that an output depends on.
func (l *look) all() {
	for _, n := range l.e.Graph.Nodes {
		if n.First() == nil || n.Domain() != "" || !l.e.Alive[n] || l.e.Graph.IsConst(n.Out[0]) {
			continue
		}
		v := n.Out[0]
		a := l.e.Of(v)
		switch {
		case a != nil && affine.IsSum(a.Op) && l.inside[v] == "" && !l.innerSum(v):
			l.sum(a)
		case a != nil && affine.Widens(a.Op) && !l.absorbed[n]:
			l.behind(n, a)
		case n.OpType() == "Add" && a == nil:
			l.broadcast(n)
		case n.OpType() == "Mul" || n.OpType() == "Div" || n.OpType() == "Max" || n.OpType() == "Min":
			l.join(n)
		case n.OpType() == "BatchNormalization" && a != nil && !l.absorbed[n]:
			l.norm(n, a)
		case a != nil && affine.IsScale(a.Op) && a.Node() == n && !l.absorbed[n]:
			l.scale(n, a)
		case n.OpType() == "BatchNormalization" && a == nil && !l.refused[n]:
			l.unknown(n)
		}
	}
	for _, n := range l.e.Graph.Nodes {
		for _, g := range n.Subgraphs() {
			l.body(n, g)
		}
	}
}

// weighted reports whether a layer or a BatchNorm stands between u and v, of which v
// is an affine function.
func (l *look) weighted(u, v *graph.Value) bool {
	return l.e.Above(u, v) && l.layers[v].weighted > l.layers[u].weighted
}

// hasLayer reports whether a layer stands between u and v.
func (l *look) hasLayer(u, v *graph.Value) bool {
	return l.e.Above(u, v) && l.layers[v].layers > l.layers[u].layers
}
