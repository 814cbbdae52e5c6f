package onnxio

import (
	"fmt"
	"slices"

	"repmlp/internal/budget"
)

// Inline returns the model with the calls of its local functions replaced by their
// bodies, in the main graph and in the bodies of If, Loop and Scan. Values inside a
// body get names of their own. A model without such calls is returned as it is. A
// function written for another version of an operator set than the model stays a
// call.
func (m *Model) Inline() (*Model, error) {
	if len(m.functions) == 0 {
		return m, nil
	}
	in := newInliner(m)
	if err := in.measure(); err != nil {
		return nil, err
	}
	var e Edit
	for _, n := range m.graph.nodes {
		if in.target(n) == nil && !in.callsInside(n) {
			continue
		}
		now, err := (&expansion{in: in}).node(n, nil)
		if err != nil {
			return nil, err
		}
		e.DropNodes = append(e.DropNodes, n)
		for _, b := range now {
			e.AddNodes = append(e.AddNodes, Placed{b, n})
		}
	}
	if len(e.DropNodes) == 0 {
		return m, nil
	}
	out, err := m.Apply(e)
	if err != nil {
		return nil, err
	}
	if !out.callsAny() {
		out.functions = nil
		out.fields = slices.DeleteFunc(out.fields, func(f field) bool { return f.num == 25 })
	}
	return out, nil
}

// callsAny reports whether a call of a local function is left in the graph.
func (m *Model) callsAny() bool {
	byID := m.functionsByID()
	var calls func(g *Graph) bool
	calls = func(g *Graph) bool {
		return slices.ContainsFunc(g.nodes, func(n *Node) bool { return byID[n.Calls()] != nil || slices.ContainsFunc(n.Subgraphs(), calls) })
	}
	return calls(m.graph)
}

type inliner struct {
	m      *Model
	names  Names // of all values, those of the bodies of nodes included
	titles Names // of all nodes
	byID   map[FunctionID]*Function
	usable map[*Function]bool
	sorted map[*Function][]*Node
	inside map[*Graph]bool // graphs that were looked at, and whether they call functions
	copied int64           // bytes of the bodies and attributes that were copied
}

func newInliner(m *Model) *inliner {
	in := &inliner{m: m, names: Names{}, titles: Names{}, byID: m.functionsByID(), usable: map[*Function]bool{}, sorted: map[*Function][]*Node{}, inside: map[*Graph]bool{}}
	m.eachGraph(func(g *Graph) {
		g.addNames(in.names)
		for _, n := range g.nodes {
			in.titles[n.name] = true
		}
	})
	for _, fn := range m.functions {
		in.usable[fn] = true
		for _, o := range fn.opsets {
			if v := m.Opset(o.Domain); o.Domain == "" && v != 0 && v != o.Version {
				in.usable[fn] = false
			}
		}
	}
	return in
}

// target is the function that n calls and that can be inlined.
func (in *inliner) target(n *Node) *Function {
	fn := in.byID[n.Calls()]
	if !in.usable[fn] {
		return nil
	}
	return fn
}

// callsInside reports whether a body of n has a call that can be inlined.
func (in *inliner) callsInside(n *Node) bool {
	return slices.ContainsFunc(n.Subgraphs(), in.callsIn)
}

func (in *inliner) callsIn(g *Graph) bool {
	calls, known := in.inside[g]
	if !known {
		calls = slices.ContainsFunc(g.nodes, func(n *Node) bool { return in.target(n) != nil || in.callsInside(n) })
		in.inside[g] = calls
	}
	return calls
}

// A bulk is what a function expands to. Load made sure that no function calls
// itself and how deep the calls go.
type bulk struct{ nodes, bytes, depth int64 }

// enough is where counting stops: far beyond any budget, far from an overflow.
const enough = 1 << 40

func (b bulk) plus(o bulk) bulk {
	return bulk{min(b.nodes+o.nodes, enough), min(b.bytes+o.bytes, enough), max(b.depth, o.depth)}
}

// measure asks the budget for what all calls expand to.
func (in *inliner) measure() error {
	known := map[*Function]bulk{}
	var of func(n *Node) bulk
	call := func(fn *Function) bulk {
		b, ok := known[fn]
		if !ok {
			for _, n := range fn.nodes {
				b = b.plus(of(n))
			}
			known[fn] = b
		}
		return b
	}
	inner := func(n *Node, total bulk) bulk {
		for _, g := range n.Subgraphs() {
			var body bulk
			for _, n := range g.nodes {
				body = body.plus(of(n))
			}
			body.depth++
			total = total.plus(body)
		}
		return total
	}
	of = func(n *Node) bulk {
		if fn := in.target(n); fn != nil {
			return inner(n, call(fn))
		}
		return inner(n, bulk{nodes: 1, bytes: int64(len(n.raw))})
	}
	var total bulk
	for _, n := range in.m.graph.nodes {
		fn := in.target(n)
		switch {
		case fn != nil:
			total = total.plus(inner(n, call(fn)))
		case in.callsInside(n):
			total = inner(n, total)
		default:
			continue
		}
		err := in.m.limits.Ask(budget.Nodes, total.nodes, n.Title())
		if err == nil {
			err = in.m.limits.Ask(budget.Copies, total.bytes, n.Title())
		}
		if err == nil {
			err = in.m.limits.Ask(budget.Depth, total.depth, n.Title())
		}
		if err != nil && fn != nil {
			return fmt.Errorf("inlining function %q: %w", fn.name, err)
		}
		if err != nil {
			return fmt.Errorf("inlining functions: %w", err)
		}
	}
	return nil
}
