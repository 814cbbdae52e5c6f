package edit

import (
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Farther claims what is due of values farther back, where one that its claim feeds follows
// from another: the merges may rest on that. It reports false where none does.
func (r *Result) Farther(due Due, base *graph.Graph) (claim verify.Claim, ok bool) {
	if r.Alone(due, base) {
		return claim, false
	}
	d := r.against(base)
	fed := make([]*graph.Value, len(due.Claim.Inputs))
	for i, name := range due.Claim.Inputs {
		fed[i] = d.g.Value(name)
	}
	claim = due.Claim
	claim.Inputs, claim.Reach, claim.Same = d.farther(fed), nil, nil
	r.alias(&claim)
	return claim, claim.Inputs != nil
}

// farther lists what some values are computed from where one of them follows from another,
// so that none does: in place of it stands what else it is computed from. It is nil where
// none does, or where regions stand between, whose roundings add up.
func (d *dues) farther(fed []*graph.Value) (names []string) {
	follows := map[*graph.Value]bool{} // from a fed value
	for _, n := range d.g.Nodes {
		if slices.ContainsFunc(n.In, func(v *graph.Value) bool { return v != nil && (follows[v] || slices.Contains(fed, v)) }) {
			for _, v := range n.Out {
				if v != nil {
					follows[v] = true
				}
			}
		}
	}
	seen := map[*graph.Value]bool{}
	var todo []*graph.Value
	take := func(v *graph.Value) {
		switch {
		case v == nil || seen[v] || d.g.IsConst(v):
		case follows[v]:
			todo = append(todo, v)
		case v.Elem.IsFloat():
			names = append(names, v.Name)
		}
		seen[v] = true
	}
	for _, v := range fed {
		take(v)
	}
	if len(todo) == 0 {
		return nil
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := v.Producer
		if made := d.makes[v]; len(made) == 1 && made[0].Part == nil && made[0].Layer.Kind() == "identity" { // which rounds nothing
			take(start(made[0]))
			continue
		}
		if d.inside[n] != nil || d.makes[v] != nil || len(n.Captures) > 0 {
			return nil
		}
		for _, x := range n.In {
			if x != nil && !follows[x] && !d.g.IsConst(x) && !d.fed(x) || x != nil && x.Init != nil && x.Init.Unrounded() != nil {
				return nil
			}
			take(x)
		}
	}
	return names
}
