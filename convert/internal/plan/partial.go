package plan

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// Terms are the operands of a sum, seen through the sums among them that nobody
// else reads.
type terms struct {
	of     *affine.Affine
	values []*graph.Value
	coef   []float64
	covers []*graph.Node // of the sums, the outermost first
}

// terms flattens a sum. Operands that occur more than once, as repeated nodes do,
// are joined: one of them must not be inside a merge and another outside.
func (p *planner) terms(sum *affine.Affine) *terms {
	t := &terms{of: sum}
	at := map[*graph.Value]int{}
	type operand struct {
		v    *graph.Value
		coef float64
	}
	todo := []operand{{sum.Out, 1}}
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		a := p.t.e.Of(o.v)
		if a == nil || !affine.IsSum(a.Op) || o.v != sum.Out && o.v.ReadCount() != 1 {
			if k, ok := at[o.v]; ok {
				t.coef[k] += o.coef
				continue
			}
			at[o.v] = len(t.values)
			t.values, t.coef = append(t.values, o.v), append(t.coef, o.coef)
			continue
		}
		t.covers = append(t.covers, a.Node())
		coef := a.Op.(*affine.Sum).Coef
		for i := len(a.Args) - 1; i >= 0; i-- {
			todo = append(todo, operand{a.Args[i], o.coef * coef[i]})
		}
	}
	return t
}

// pick is the sum of some terms, as an explanation of out.
func (t *terms) pick(out *graph.Value, which []int) *affine.Affine {
	sum := &affine.Sum{}
	a := &affine.Affine{Out: out, Nodes: t.covers, Op: sum, Rule: "sum"}
	for _, k := range which {
		a.Args, sum.Coef = append(a.Args, t.values[k]), append(sum.Coef, t.coef[k])
	}
	return a
}

// maxPartners bounds the operands that are tried beside one other, and the sums
// inside a larger one that are planned by themselves too.
const maxPartners = 64

// partialSum merges those operands of a sum that have a common source, where
// the sum as a whole was not merged: a part for each source. The rest of the operands
// stay.
func (p *planner) partialSum(v *graph.Value) {
	p.visited[v] = true
	a := p.t.e.Of(v)
	if a == nil || !affine.IsSum(a.Op) {
		return
	}
	t := p.terms(a)
	if len(t.covers) > maxPartners { // their operands are tried here
		for _, n := range t.covers {
			p.visited[n.Out[0]] = true
		}
	}
	if r := p.paddedSum(t); r != nil {
		p.take(r)
		return
	}
	if len(t.values) < 2 || !layer.Factors(p.t.e.Graph.Opset) && hasFactor(t.coef) {
		return
	}
	byRoot := map[*graph.Value][]int{} // only what has a common source is tried together
	for i, x := range t.values {
		root := p.t.e.Root(x)
		byRoot[root] = append(byRoot[root], i)
	}
	for i, x := range t.values {
		root := p.t.e.Root(x)
		if len(byRoot[root]) < 2 {
			continue // no partner, or a part of the sum is merged
		}
		peers := byRoot[root][1:] // those behind it: it is the first that was not tried
		byRoot[root] = peers
		if r := p.grow(t, i, peers[:min(len(peers), maxPartners)]); r != nil {
			p.take(r)
			byRoot[root] = nil
		}
	}
}

// hasFactor reports whether a term has another coefficient than 1 and -1, which
// would be a Mul.
func hasFactor(coef []float64) bool {
	for _, f := range coef {
		if math.Abs(f) != 1 {
			return true
		}
	}
	return false
}

// grow merges term i with as many of its peers as go together; nil where none does.
func (p *planner) grow(t *terms, i int, peers []int) *Region {
	group := []int{i}
	var found *Region
	for grown := true; grown; { // what did not go with some may go with more
		var others []int
		for _, j := range peers {
			var r *Region
			try := append(group[:len(group):len(group)], j)
			if len(try) < len(t.values) {
				r = p.partRegion(t, try)
			}
			if r != nil {
				group, found = try, r
			} else {
				others = append(others, j)
			}
		}
		grown = len(others) < len(peers)
		peers = others
	}
	if found == nil {
		return nil
	}
	found.Part.own = group
	found.Part.Values, found.Part.Coef = t.without(group)
	return found
}

// without are the terms but for some.
func (t *terms) without(some []int) (values []*graph.Value, coef []float64) {
	merged := map[int]bool{}
	for _, k := range some {
		merged[k] = true
	}
	for k := range t.values {
		if !merged[k] {
			values, coef = append(values, t.values[k]), append(coef, t.coef[k])
		}
	}
	return values, coef
}

// Merged lists the terms of the sum that the part is made of.
func (p *Part) Merged() []*graph.Value {
	out := make([]*graph.Value, len(p.own))
	for i, k := range p.own {
		out[i] = p.terms.values[k]
	}
	return out
}

// tied are regions of which those that are parts of one sum agree on what is still added.
func tied(regions []*Region) []*Region {
	merged := map[*terms][]int{}
	for _, r := range regions {
		if r.Part != nil {
			merged[r.Part.terms] = append(merged[r.Part.terms], r.Part.own...)
		}
	}
	out := slices.Clone(regions)
	for i, r := range out {
		if r.Part == nil || len(merged[r.Part.terms])+len(r.Part.Values) == len(r.Part.terms.values) {
			continue
		}
		region, part := *r, *r.Part
		part.Values, part.Coef = part.terms.without(merged[part.terms])
		region.Part, out[i] = &part, &region
	}
	return out
}

// partRegion plans the sum of some terms as a region that makes a value which is in
// no file.
func (p *planner) partRegion(t *terms, which []int) *Region {
	if !slices.ContainsFunc(which, func(k int) bool { return p.t.e.Layered(t.values[k]) }) {
		return nil // nothing that a sum could be merged into
	}
	v := t.of.Out
	shape, _ := v.Shape()
	a := t.pick(graph.Invent(v.Name+".part", v.Elem, shape), which)
	source := p.t.e.Common(a.Args)
	if source == nil || affine.TakesFromItself(a) {
		return nil
	}
	r := p.overlaid(source, a.Out, map[*graph.Value]*affine.Affine{a.Out: a}, t.covers)
	if r != nil {
		r.Part = &Part{Whole: t.of, terms: t}
	}
	return r
}

// overlaid plans the piece from u to v where some values are explained otherwise
// than the graph is.
func (p *planner) overlaid(u, v *graph.Value, other map[*graph.Value]*affine.Affine, sum []*graph.Node) *Region {
	if !p.mayStart(u) {
		return nil
	}
	steps := affine.Between(p.t.e.With(other), u, v)
	if len(steps) == 0 {
		return nil
	}
	s := affine.NewSegment(u, v, steps)
	walk := s.Walk()
	if walk.Refused() {
		return nil
	}
	return p.region(&piece{u: u, v: v, walk: walk, tally: p.t.tallyOf(steps), steps: func() []*affine.Affine { return steps }, sum: sum})
}
