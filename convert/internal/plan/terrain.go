package plan

import (
	"maps"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A terrain is what all attempts at a plan share: the explanations, and the links
// between values and their parents, each looked at once.
type terrain struct {
	e     *affine.Explained
	links map[*graph.Value]*link
	lost  map[reading]bool // readers that do not count
}

// A link is the piece of the graph from a value's parent to the value.
type link struct {
	steps  []*affine.Affine
	tally  tally
	nodes  []*graph.Node // inside, in order
	sealed bool          // nobody outside needs what is inside
	parent bool          // nor, beside the link's nodes, the parent
}

// A tally counts what decides about a piece of the graph, so that pieces of a chain
// are compared by differences.
type tally struct {
	cost   affine.Cost
	layers int
	others int // steps that do more than scale or shift
	picks  int // steps that pick or join what they read
	open   int // links or points that somebody outside needs
}

func (a tally) plus(b tally) tally {
	return tally{a.cost.Plus(b.cost), a.layers + b.layers, a.others + b.others, a.picks + b.picks, a.open + b.open}
}

func (a tally) minus(b tally) tally {
	return tally{a.cost.Minus(b.cost), a.layers - b.layers, a.others - b.others, a.picks - b.picks, a.open - b.open}
}

// tallyOf counts steps.
func (t *terrain) tallyOf(steps []*affine.Affine) tally {
	var sum tally
	for _, a := range steps {
		sum.cost = sum.cost.Plus(t.e.Cost(a))
		if affine.IsLayer(a.Op) {
			sum.layers++
		}
		if !affine.InPlace(a.Op) {
			sum.others++
		}
		if affine.IsSelection(a.Op) {
			sum.picks++
		}
	}
	return sum
}

// link is the piece from v's parent, which it has, to v.
func (t *terrain) link(v *graph.Value) *link {
	if l := t.links[v]; l != nil {
		return l
	}
	u := t.e.Parent(v)
	l := &link{sealed: true}
	if a := t.e.Of(v); len(a.Args) == 1 {
		l.steps = []*affine.Affine{a}
	} else {
		l.steps = affine.Between(t.e.Of, u, v)
	}
	l.tally = t.tallyOf(l.steps)
	var in part
	t.add(&in, l.steps)
	l.nodes = slices.SortedFunc(maps.Keys(in.nodes), func(a, b *graph.Node) int { return a.Index - b.Index })
	made := map[*graph.Value]bool{u: true}
	for _, a := range l.steps {
		made[a.Out] = true
	}
	for _, a := range l.steps {
		if a.Out != v && !t.within(a.Out, in.nodes, made) {
			l.sealed = false
		}
	}
	l.parent = t.within(u, in.nodes, made)
	t.links[v] = l
	return l
}

// within reports whether x, and all else that its node makes, is needed by the
// nodes inside alone.
func (t *terrain) within(x *graph.Value, inside map[*graph.Node]bool, made map[*graph.Value]bool) bool {
	return !t.escapes(x, inside) && !t.otherOutput(x, made)
}

// otherOutput reports whether the node that makes x makes something else that
// is needed, as a Split does.
func (t *terrain) otherOutput(x *graph.Value, made map[*graph.Value]bool) bool {
	if x.Producer == nil {
		return false
	}
	for _, o := range x.Producer.Out {
		if o != nil && !made[o] && t.escapes(o, nil) {
			return true
		}
	}
	return false
}
