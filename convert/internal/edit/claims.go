package edit

import (
	"slices"
	"strings"

	"repmlp/convert/internal/plan"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Due is what has to be proved of regions together.
type Due struct {
	Regions []*plan.Region
	Claim   verify.Claim
}

// Due lists the claims from which some regions of the plan follow. base is the graph
// that the result must equal. Values that have one name in both are one value; a region
// that begins or ends elsewhere, where scales and shifts moved, is proved between the
// nearest such values, with all regions and nodes that stand between them.
func (r *Result) Due(regions []*plan.Region, base *graph.Graph) []Due {
	d := r.against(base)
	var list []Due
	done := map[*graph.Value]bool{}
	for _, region := range regions {
		if d.alone(region) {
			list = append(list, Due{Regions: []*plan.Region{region}, Claim: r.Claim(region)})
			continue
		}
		for _, to := range d.targets(region) {
			if !done[to] {
				done[to] = true
				list = append(list, d.between(to))
			}
		}
	}
	if len(regions) == len(r.plan.Regions) {
		for _, to := range append(d.rewired(), d.kept()...) {
			if !done[to] {
				done[to] = true
				list = append(list, d.between(to))
			}
		}
	}
	return list
}

// against looks for what is due where the result must equal base.
func (r *Result) against(base *graph.Graph) *dues {
	d := &dues{Result: r, g: r.plan.Explained.Graph, base: base, inside: map[*graph.Node]*plan.Region{}}
	for _, region := range r.plan.Regions {
		for _, n := range region.Segment.Nodes() {
			d.inside[n] = region
		}
	}
	return d
}

// Alone reports whether a claim is that of one region as base has it.
func (r *Result) Alone(due Due, base *graph.Graph) bool {
	d := &dues{Result: r, g: r.plan.Explained.Graph, base: base}
	return len(due.Regions) == 1 && d.alone(due.Regions[0])
}

// rewired lists the values of both models that a node outside of all regions makes of
// something else than it did: where a scale left and nothing came in its place, no region
// tells.
func (d *dues) rewired() (list []*graph.Value) {
	if d.g == d.base {
		return nil
	}
	for _, n := range d.g.Nodes {
		if !d.plan.Explained.Alive[n] || d.inside[n] != nil || len(n.Subgraphs()) > 0 {
			continue
		}
		for _, out := range n.Out {
			if out == nil || !out.Elem.IsFloat() || !d.common(out) || d.g.IsConst(out) {
				continue
			}
			if old := d.base.Value(out.Name).Producer; old == nil || old.OpType() != n.OpType() || old.AttrKey() != n.AttrKey() || !slices.Equal(old.Inputs(), n.Inputs()) {
				list = append(list, out)
			}
		}
	}
	return list
}

// start is the value that a region reads, or what of it is fed; end is what it makes.
func start(region *plan.Region) *graph.Value {
	if region.Fed != nil {
		return region.Fed
	}
	return region.Segment.From
}

// reads are what a region's layer reads, and what is added to it.
func reads(r *plan.Region) []*graph.Value {
	if r.Part == nil {
		return []*graph.Value{start(r)}
	}
	return append([]*graph.Value{start(r)}, r.Part.Values...)
}

func end(r *plan.Region) *graph.Value {
	if r.Part != nil {
		return r.Part.Whole.Node().Out[0]
	}
	return r.Segment.To
}

// dues finds what is to be proved together.
type dues struct {
	*Result
	g, base *graph.Graph
	inside  map[*graph.Node]*plan.Region
	far     bool // claims begin at the inputs of the model
}

// common reports whether both models have a value.
func (d *dues) common(v *graph.Value) bool { return d.g == d.base || d.base.Value(v.Name) != nil }

// fed reports whether a claim may begin at a value: both models have it, for the same that
// follows.
func (d *dues) fed(v *graph.Value) bool {
	return d.common(v) && !d.elsewhere[v.Name] && (v.Producer == nil || !d.far)
}

// follows reports whether the original computes a value from some others alone. Of a region
// that begins at an equal value it does not: what it reads there was made by other nodes.
func (d *dues) follows(to *graph.Value, from []*graph.Value) bool {
	if d.g == d.base {
		return true
	}
	seen := map[*graph.Value]bool{}
	for _, v := range from {
		seen[d.base.Value(v.Name)] = true
	}
	todo := []*graph.Value{d.base.Value(to.Name)}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v == nil || seen[v] || !v.Elem.IsFloat() || d.base.IsConst(v) {
			continue
		}
		seen[v] = true
		if v.Producer == nil {
			return false
		}
		todo = append(append(todo, v.Producer.In...), v.Producer.Captures...)
	}
	return true
}

// alone reports whether both models have all values that a region reads and makes.
func (d *dues) alone(r *plan.Region) bool {
	if !d.fed(start(r)) || !d.common(end(r)) {
		return false
	}
	if !d.follows(end(r), reads(r)) {
		return false
	}
	strange := func(v *graph.Value) bool { return !d.fed(v) }
	return r.Part == nil || !slices.ContainsFunc(r.Part.Values, strange) &&
		!slices.ContainsFunc(d.parts(r), func(other *plan.Region) bool {
			return strange(start(other)) || slices.ContainsFunc(other.Part.Merged(), func(v *graph.Value) bool { return strange(v) || r.Segment.Makes(v) })
		})
}

// targets lists the nearest values behind a region that both models have.
func (d *dues) targets(r *plan.Region) []*graph.Value {
	var found []*graph.Value
	seen := map[*graph.Value]bool{}
	todo := []*graph.Value{end(r)}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[v] {
			continue
		}
		seen[v] = true
		if d.common(v) {
			found = append(found, v)
			continue
		}
		for _, u := range v.Readers {
			if in := d.inside[u.Node]; in != nil {
				todo = append(todo, end(in))
				continue
			}
			for _, out := range u.Node.Out {
				if out != nil && out.Elem.IsFloat() { // a size is no number
					todo = append(todo, out)
				}
			}
		}
	}
	return found
}

// reach says how far regions that are proved together read, where each moves in steps of one
// along axes that all values have: a piece that is as large as the widest window shows the
// weights of all. The proof sees to it that nodes between do the same on it.
func reach(regions []*plan.Region, fed []*graph.Value, to *graph.Value) []verify.Reach {
	if len(fed) == 0 {
		return nil
	}
	var all []verify.Reach
	for i, r := range regions {
		_, own := r.Layer.Claim(r.Segment, r.Fed == nil)
		for _, a := range own {
			if a.Axis != a.Out || a.Stride != 1 || a.Up > 1 || r.Segment.From.Rank() != to.Rank() || r.Segment.To.Rank() != to.Rank() {
				return nil
			}
		}
		if i == 0 {
			all = slices.Clone(own)
			continue
		}
		kept := all[:0]
		for _, a := range all {
			if k := slices.IndexFunc(own, func(b verify.Reach) bool { return b.Axis == a.Axis }); k >= 0 {
				a.Span = max(a.Span, own[k].Span)
				kept = append(kept, a)
			}
		}
		all = kept
	}
	return slices.DeleteFunc(all, func(a verify.Reach) bool {
		first, ok := fed[0].Shape()
		return !ok || len(first) != to.Rank() || slices.ContainsFunc(fed, func(v *graph.Value) bool {
			dims, ok := v.Shape()
			at := a.Axis - to.Rank() + len(dims)
			return !ok || at >= 0 && !dims[at].Is(1) && !dims[at].Equal(first[a.Axis])
		})
	})
}

// roundings is how many layers of the plan one way to a value goes through at most, from
// the nearest values at which a claim may begin: the weights of each are rounded, and so is a
// shift that moved and stays a node. Errors of factors add up. known has what was counted.
func (d *dues) roundings(to *graph.Value, known map[*graph.Value]int) int {
	if n, ok := known[to]; ok {
		return n
	}
	known[to] = 0 // where it is met again before it is counted
	before := func(v *graph.Value) int {
		if v == nil || !v.Elem.IsFloat() || d.g.IsConst(v) || d.fed(v) {
			return 0
		}
		return d.roundings(v, known)
	}
	n := 0
	switch made := d.makes[to]; {
	case len(made) > 0:
		for _, r := range made {
			n = max(n, before(start(r))+1)
			if r.Part != nil {
				for _, v := range r.Part.Values {
					n = max(n, before(v))
				}
			}
		}
	case to.Producer != nil:
		for _, v := range to.Producer.In {
			if k := before(v); to.Producer.OpType() == "Mul" {
				n += k
			} else {
				n = max(n, k)
			}
		}
		if slices.ContainsFunc(to.Producer.In, func(v *graph.Value) bool { return v != nil && v.Init != nil && v.Init.Unrounded() != nil }) {
			n++
		}
	}
	known[to] = n
	return n
}

// between claims one value as a function of the nearest values before it that both
// models have.
func (d *dues) between(to *graph.Value) Due {
	due := Due{Claim: verify.Claim{Output: to.Name, Exact: d.Exact}}
	var from []*graph.Value
	seen := map[*graph.Value]bool{to: true}
	todo := []*graph.Value{to}
	before := func(v *graph.Value) {
		switch {
		case v == nil || seen[v] || !v.Elem.IsFloat() || d.g.IsConst(v):
		case d.fed(v):
			seen[v] = true
			from = append(from, v)
		default:
			seen[v] = true
			todo = append(todo, v)
		}
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, r := range d.makes[v] {
			due.Regions = append(due.Regions, r)
			for _, x := range reads(r) {
				before(x)
			}
		}
		if len(d.makes[v]) > 0 {
			continue
		}
		if v.Producer == nil {
			continue
		}
		for _, x := range v.Producer.In {
			before(x)
		}
	}
	var ids []string
	for _, r := range due.Regions {
		ids = append(ids, r.ID)
	}
	due.Claim.ID = strings.Join(ids, "+")
	due.Claim.Roundings = d.roundings(to, map[*graph.Value]int{})
	var fed []*graph.Value
	for _, v := range from {
		// What a region goes through is computed, not fed.
		if slices.ContainsFunc(due.Regions, func(r *plan.Region) bool { return r.Segment.Makes(v) }) {
			continue
		}
		due.Claim.Inputs = append(due.Claim.Inputs, v.Name)
		fed = append(fed, v)
	}
	if !d.far && !d.follows(to, fed) {
		far := *d
		far.far = true
		return far.between(to)
	}
	due.Claim.Reach = reach(due.Regions, fed, to)
	d.alias(&due.Claim)
	return due
}
