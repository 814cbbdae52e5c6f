package differ

import (
	"context"

	"repmlp/onnxio"
)

// Names says what values of the second model are called in the first, where inputs and
// outputs belong together by their place: these first, then what nodes make that are in
// both, and initializers. Names of values that the first model has for something else
// become others, so that one name is one value in both. Neither model has functions.
func Names(ctx context.Context, a, b *onnxio.Model) (map[string]string, error) {
	m, err := best(ctx, a, b)
	if err != nil {
		return nil, err
	}
	m.pairInits()
	names, taken := map[string]string{}, map[string]bool{}
	call := func(value, as string) {
		if value != "" && as != "" && names[value] == "" && !taken[as] {
			names[value], taken[as] = as, true
		}
	}
	ins := fed(b.Graph(), m.second)
	for i, name := range fed(a.Graph(), m.first) {
		if i < len(ins) {
			call(ins[i], name)
		}
	}
	outs := b.Graph().Outputs()
	for i, v := range a.Graph().Outputs() {
		if i < len(outs) {
			call(outs[i].Name(), v.Name())
		}
	}
	for _, x := range m.first.nodes {
		if y := m.nodes[x]; y != nil {
			others := y.Outputs()
			for i, o := range x.Outputs() {
				call(at(others, i), o)
			}
		}
	}
	for _, t := range m.first.list {
		if u := m.inits[t]; u != nil && m.back[u] == t {
			call(u.Name, t.Name)
		}
	}
	all := onnxio.Names{}
	for _, g := range []*onnxio.Graph{a.Graph(), b.Graph()} {
		all.Reserve(g)
		each(g, func(name string) { all[name] = true })
	}
	have := map[string]bool{}
	each(a.Graph(), func(name string) { have[name] = true })
	each(b.Graph(), func(name string) {
		if names[name] == "" && have[name] { // whatever is called otherwise now has a name of the first
			names[name] = all.Fresh(name)
		}
	})
	for name, to := range names {
		if name == to {
			delete(names, name)
		}
	}
	return names, nil
}

// each calls f with the names of all values of a graph, without those in bodies.
func each(g *onnxio.Graph, f func(string)) {
	for _, v := range g.Inputs() {
		f(v.Name())
	}
	for _, t := range g.Inits() {
		f(t.Name())
	}
	for _, s := range g.SparseInit() {
		f(s.Values().Name())
	}
	for _, n := range g.Nodes() {
		for _, o := range n.Outputs() {
			if o != "" {
				f(o)
			}
		}
	}
}
