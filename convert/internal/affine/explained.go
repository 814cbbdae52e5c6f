package affine

import (
	"fmt"
	"strings"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Explained says of the values of a graph what they are affine functions of. It
// does not change once it is built.
type Explained struct {
	Graph     *graph.Graph
	Constants *Constants
	Alive     map[*graph.Node]bool // nodes that the graph's outputs depend on
	Refused   []Refused            // near misses, in graph order

	all   []*Affine // each after those that it depends on
	steps map[*graph.Value]*Affine
	same  map[*graph.Value]*graph.Value   // what stands for a value
	twins map[*graph.Value][]*graph.Value // the other way round
	place map[*graph.Value]*place
}

// Refused is a node that a rule knows and cannot explain.
type Refused struct {
	Node *graph.Node
	Why  *reason.Refusal
}

// A place is where a value stands in the tree of values: its parent is the nearest
// other value that it is an affine function of.
type place struct {
	parent, jump *graph.Value // jump skips ancestors, so that a search takes logarithmic time
	depth        int
	cancels      bool
	layers       bool
	pad          *graph.Value
}

// A Builder makes an Explained, value by value.
type Builder struct{ e *Explained }

// NewBuilder starts with a graph of which nothing is explained.
func NewBuilder(g *graph.Graph) *Builder {
	return &Builder{&Explained{Graph: g, Constants: NewConstants(g), Alive: g.Alive(), steps: map[*graph.Value]*Affine{},
		same: map[*graph.Value]*graph.Value{}, twins: map[*graph.Value][]*graph.Value{}, place: map[*graph.Value]*place{}}}
}

// Graph is what is explained.
func (b *Builder) Graph() *graph.Graph { return b.e.Graph }

// Constants reads the graph's weights.
func (b *Builder) Constants() *Constants { return b.e.Constants }

// Of is the explanation of v so far, nil without one.
func (b *Builder) Of(v *graph.Value) *Affine { return b.e.steps[v] }

// Same notes that v is what an equal node made before as first.
func (b *Builder) Same(v, first *graph.Value) {
	b.e.same[v] = first
	b.e.twins[first] = append(b.e.twins[first], v)
}

// First is the value that stands for v so far where equal nodes make both.
func (b *Builder) First(v *graph.Value) *graph.Value { return b.e.First(v) }

// Refuse notes a near miss.
func (b *Builder) Refuse(n *graph.Node, why *reason.Refusal) {
	b.e.Refused = append(b.e.Refused, Refused{n, why})
}

// Add takes in an explanation; those of its arguments come first.
func (b *Builder) Add(a *Affine) {
	args := make([]*graph.Value, len(a.Args))
	for i, v := range a.Args {
		args[i] = b.First(v)
	}
	a = a.On(a.Out, args)
	b.e.steps[a.Out] = a
	b.e.all = append(b.e.all, a)
	b.e.settle(a)
}

// Done is what was explained; the builder is not used afterwards.
func (b *Builder) Done() *Explained { return b.e }

// settle finds the place of a value below those of its arguments.
func (e *Explained) settle(a *Affine) {
	p := &place{parent: e.Common(a.Args), layers: IsLayer(a.Op)}
	for _, v := range a.Args {
		p.layers = p.layers || e.placeOf(v).layers
	}
	switch {
	case len(a.Args) == 1:
		p.cancels = e.placeOf(a.Args[0]).cancels
	case IsSum(a.Op):
		p.cancels = TakesFromItself(a)
	}
	p.jump = p.parent
	if p.parent != nil {
		up := e.placeOf(p.parent)
		p.depth, p.pad = up.depth+1, up.pad
		if up.jump != nil {
			if over := e.placeOf(up.jump); over.jump != nil && up.depth-over.depth == over.depth-e.placeOf(over.jump).depth {
				p.jump = over.jump
			}
		}
	}
	if pad, ok := a.Op.(*Pad); ok && !pad.Zeros() && a.Out.Producer != nil {
		p.pad = a.Out
	}
	e.place[a.Out] = p
}

// TakesFromItself reports whether a sum takes a value from itself: zeros, of which a
// merge would leave what rounding leaves of the weights that cancel. As a term of a
// larger sum it does no harm.
func TakesFromItself(a *Affine) bool {
	coef := a.Op.(*Sum).Coef
	total := make(map[*graph.Value]float64, len(a.Args))
	for i, v := range a.Args {
		total[v] += coef[i]
	}
	for i, v := range a.Args {
		if total[v] == 0 && coef[i] != 0 {
			return true
		}
	}
	return false
}

func (e *Explained) placeOf(v *graph.Value) place {
	if p := e.place[v]; p != nil {
		return *p
	}
	return place{}
}

// Of is the explanation of v, nil without one.
func (e *Explained) Of(v *graph.Value) *Affine { return e.steps[v] }

// With gives the explanation of a value where some are explained otherwise, which
// changes nothing here.
func (e *Explained) With(other map[*graph.Value]*Affine) func(*graph.Value) *Affine {
	return func(v *graph.Value) *Affine {
		if a := other[v]; a != nil {
			return a
		}
		return e.Of(v)
	}
}

// All lists the explanations, each after those that it depends on.
func (e *Explained) All() []*Affine { return e.all }

// Parent is the nearest other value that v is an affine function of, nil without one.
func (e *Explained) Parent(v *graph.Value) *graph.Value { return e.placeOf(v).parent }

// Cancels reports whether v is zero because a sum takes a value from itself.
func (e *Explained) Cancels(v *graph.Value) bool { return e.placeOf(v).cancels }

// Layered reports whether a layer stands anywhere before v in what is explained.
func (e *Explained) Layered(v *graph.Value) bool { return e.placeOf(v).layers }

// PaddedAt is the nearest value on the way back from v that was padded with other
// values than zeros; nil without one.
func (e *Explained) PaddedAt(v *graph.Value) *graph.Value { return e.placeOf(v).pad }

// ancestor is what stands at a depth above v.
func (e *Explained) ancestor(v *graph.Value, depth int) *graph.Value {
	for v != nil {
		p := e.placeOf(v)
		switch {
		case p.depth <= depth:
			return v
		case p.jump != nil && e.placeOf(p.jump).depth >= depth:
			v = p.jump
		default:
			v = p.parent
		}
	}
	return nil
}

// Above reports whether v is u or an affine function of it.
func (e *Explained) Above(u, v *graph.Value) bool {
	return e.ancestor(v, e.placeOf(u).depth) == u
}

// Root is the last value on the way back from v.
func (e *Explained) Root(v *graph.Value) *graph.Value { return e.ancestor(v, 0) }

// Common is the nearest value that all of vs are affine functions of; nil if there
// is none.
func (e *Explained) Common(vs []*graph.Value) *graph.Value {
	u := vs[0]
	for _, v := range vs[1:] {
		if u = e.common(u, v); u == nil {
			return nil
		}
	}
	return u
}

func (e *Explained) common(u, v *graph.Value) *graph.Value {
	depth := min(e.placeOf(u).depth, e.placeOf(v).depth)
	u, v = e.ancestor(u, depth), e.ancestor(v, depth)
	for u != v {
		p, q := e.placeOf(u), e.placeOf(v)
		if p.parent == nil {
			return nil
		}
		if p.jump != q.jump {
			u, v = p.jump, q.jump
		} else {
			u, v = p.parent, q.parent
		}
	}
	return u
}

// Chain lists v and the values that it is an affine function of, nearest first.
func (e *Explained) Chain(v *graph.Value) func(yield func(*graph.Value) bool) {
	return func(yield func(*graph.Value) bool) {
		for ; v != nil; v = e.Parent(v) {
			if !yield(v) {
				return
			}
		}
	}
}

// First is the value that stands for v where equal nodes make both, else v.
func (e *Explained) First(v *graph.Value) *graph.Value {
	if to := e.same[v]; to != nil {
		return to
	}
	return v
}

// Twins lists the values for which v stands because equal nodes make them.
func (e *Explained) Twins(v *graph.Value) []*graph.Value { return e.twins[v] }

// Cost is what a step costs as it stands. The bias of an ordinary Linear counts as
// no work.
func (e *Explained) Cost(a *Affine) Cost {
	if d, ok := a.Op.(*Diagonal); ok && !d.Scales() && e.steps[a.Args[0]] != nil {
		if _, ok := e.steps[a.Args[0]].Op.(*FC); ok {
			return costMove
		}
	}
	return a.Op.Cost()
}

// Check reports what must not be: an explanation of what another explains, or one
// that comes before those of its arguments.
func (e *Explained) Check() error {
	at := map[*graph.Value]int{}
	for i, a := range e.all {
		if _, twice := at[a.Out]; twice {
			return fmt.Errorf("checking explanations: %q is explained twice", a.Out.Name)
		}
		at[a.Out] = i
		if len(a.Args) == 0 || len(a.Nodes) == 0 || a.Op == nil {
			return fmt.Errorf("checking explanations: %q depends on nothing, or names no node", a.Out.Name)
		}
		for _, v := range a.Args {
			if k, ok := at[v]; !ok && e.steps[v] != nil || ok && k >= i {
				return fmt.Errorf("checking explanations: %q is explained before %q, which it depends on", a.Out.Name, v.Name)
			}
			if e.same[v] != nil {
				return fmt.Errorf("checking explanations: %q depends on %q, for which %q stands", a.Out.Name, v.Name, e.same[v].Name)
			}
		}
		if s, ok := a.Op.(*Sum); ok && len(s.Coef) != len(a.Args) {
			return fmt.Errorf("checking explanations: the sum %q has %d coefficients for %d arguments", a.Out.Name, len(s.Coef), len(a.Args))
		}
		if p := e.Parent(a.Out); p != nil && !e.Above(p, a.Args[0]) {
			return fmt.Errorf("checking explanations: %q stands below %q, of which its argument is no function", a.Out.Name, p.Name)
		}
	}
	return nil
}

// String prints every explanation on a line of its own, with the value that it is
// an affine function of.
func (e *Explained) String() string {
	var b strings.Builder
	for _, a := range e.all {
		fmt.Fprintf(&b, "%v", a)
		if p := e.Parent(a.Out); p != nil && len(a.Args) > 1 {
			fmt.Fprintf(&b, ", all of %s", p.Name)
		}
		b.WriteByte('\n')
	}
	for _, r := range e.Refused {
		fmt.Fprintf(&b, "%s: %s %s\n", r.Node.Title(), r.Why.Code, r.Why.Message)
	}
	return b.String()
}

// Between collects the steps from u to v; nil where v depends on more than u, or is
// u. of gives the explanation of a value.
func Between(of func(*graph.Value) *Affine, u, v *graph.Value) []*Affine {
	type frame struct {
		a    *Affine
		next int // argument to look at
	}
	var steps []*Affine
	seen := map[*graph.Value]bool{u: true}
	var stack []frame
	enter := func(x *graph.Value) bool {
		if seen[x] {
			return true
		}
		seen[x] = true
		a := of(x)
		if a == nil {
			return false
		}
		stack = append(stack, frame{a: a})
		return true
	}
	if !enter(v) {
		return nil
	}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next == len(f.a.Args) {
			steps = append(steps, f.a)
			stack = stack[:len(stack)-1]
			continue
		}
		f.next++
		if !enter(f.a.Args[f.next-1]) {
			return nil
		}
	}
	return steps
}
