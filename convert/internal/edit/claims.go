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
	d := &dues{r, r.plan.Explained.Graph, base, map[*graph.Value]*plan.Region{}, map[*graph.Node]*plan.Region{}}
	for _, region := range r.plan.Regions {
		d.makes[end(region)] = region
		for _, n := range region.Segment.Nodes() {
			d.inside[n] = region
		}
	}
	var list []Due
	done := map[*graph.Value]bool{}
	for _, region := range regions {
		if d.alone(region) {
			list = append(list, Due{[]*plan.Region{region}, r.Claim(region)})
			continue
		}
		for _, to := range d.targets(region) {
			if !done[to] {
				done[to] = true
				list = append(list, d.between(to))
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
	makes   map[*graph.Value]*plan.Region
	inside  map[*graph.Node]*plan.Region
}

// common reports whether both models have a value.
func (d *dues) common(v *graph.Value) bool { return d.g == d.base || d.base.Value(v.Name) != nil }

// fed reports whether a claim may begin at a value: both models have it, for the same that
// follows.
func (d *dues) fed(v *graph.Value) bool { return d.common(v) && !d.elsewhere[v.Name] }

// alone reports whether both models have all values that a region reads and makes.
func (d *dues) alone(r *plan.Region) bool {
	return d.fed(start(r)) && d.common(end(r)) && (r.Part == nil || !slices.ContainsFunc(r.Part.Values, func(v *graph.Value) bool { return !d.fed(v) }))
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
				if out != nil && out.Elem.IsFloat() && d.plan.Explained.Alive[u.Node] { // a size is no number
					todo = append(todo, out)
				}
			}
		}
	}
	return found
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
		if r := d.makes[v]; r != nil {
			due.Regions = append(due.Regions, r)
			before(start(r))
			if r.Part != nil {
				for _, x := range r.Part.Values {
					before(x)
				}
			}
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
	for _, v := range from {
		// What a region goes through is computed, not fed.
		if slices.ContainsFunc(due.Regions, func(r *plan.Region) bool { return r.Segment.Makes(v) }) {
			continue
		}
		due.Claim.Inputs = append(due.Claim.Inputs, v.Name)
	}
	d.alias(&due.Claim)
	return due
}
