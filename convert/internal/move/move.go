// Package move takes scales and shifts that a plan left standing to where layers
// absorb them: back to all that makes what they scale, or on to all that reads it,
// through whatever commutes with them. A move is exact whatever comes of it; whether it
// pays shows once the graph that it makes is planned.
package move

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio/graph"
)

// A Move is a change of the graph: some scales and shifts go, pieces of them stand
// elsewhere, and the nodes between read and make other values. Values that keep their
// name keep their numbers.
type Move struct {
	Roots   []*graph.Node // scales and shifts that go
	Through []*graph.Node // that are passed
	Way     Way

	// Elsewhere are values that keep their numbers, and from which alone what is behind them
	// does not follow: others read them than before, or it holds of their numbers only.
	Elsewhere []string

	placed []placed
	redone []*redone
}

// A Way is where a scale and shift moves.
type Way int

// Where a scale and shift moves: towards what reads the value, what makes it, or to layers
// on all sides.
const (
	On Way = iota
	Back
	Across
)

// placed is a piece that stands behind the value in and makes out.
type placed struct {
	value   *graph.Value // of the graph, for its type
	in, out string
	piece   *piece
	before  *graph.Node // where it goes in the file
	stays   bool        // it is no part of a layer
}

// redone is a node that reads and makes other values.
type redone struct {
	node            *graph.Node
	inputs, outputs []string
	scaled          []int // inputs that are scaled values
}

// redo is what becomes of a node that reads or makes other values.
func (m *Move) redo(n *graph.Node) *redone {
	i := slices.IndexFunc(m.redone, func(r *redone) bool { return r.node == n })
	if i < 0 {
		i = len(m.redone)
		m.redone = append(m.redone, &redone{node: n, inputs: slices.Clone(n.Inputs()), outputs: slices.Clone(n.Outputs())})
	}
	return m.redone[i]
}

// A search looks for moves in one planned graph.
type search struct {
	e      *affine.Explained
	g      *graph.Graph
	fresh  func(string) string
	ends   map[*graph.Value]bool // what layers of the plan make
	starts map[*graph.Value]bool // and read
	terms  map[*graph.Value]bool // operands of sums that are in such layers
	inside map[*graph.Node]bool  // nodes of such layers
	region map[*graph.Node]*plan.Region
	taken  map[*graph.Node]bool // by moves that were found
	hope   hope
	steps  int // nodes that may still be looked at

	numbers int // of fields that may still be solved

	spots map[*graph.Value]*spot // of the field that was looked at last
	ties  map[*graph.Node]*tie
}

// Tried says which moves did not pay, for each way.
type Tried [Across + 1]bool

// Find looks for moves of what the plan left: back and on, or those across alone. Nodes in
// tried are not moved in the ways that were tried. fresh makes names that the model has not. Moves that are found
// together do not touch each other; what is left of the rest is found once they are
// made. The refusals say of each scale and shift that did not move what is in its way.
func Find(p *plan.Plan, tried map[string]Tried, across bool, fresh func(string) string) ([]*Move, []Refusal) {
	s := &search{e: p.Explained, g: p.Explained.Graph, fresh: fresh, ends: map[*graph.Value]bool{}, starts: map[*graph.Value]bool{}, terms: map[*graph.Value]bool{}, inside: map[*graph.Node]bool{}, region: map[*graph.Node]*plan.Region{}, taken: map[*graph.Node]bool{}}
	for _, r := range p.Regions {
		if !Takes(r.Layer) {
			continue
		}
		s.starts[r.Segment.From] = true
		if r.Part == nil {
			s.ends[r.Segment.To] = true
		} else {
			for _, v := range r.Part.Merged() {
				s.terms[v] = true
			}
		}
		for _, n := range r.Segment.Nodes() {
			s.inside[n], s.region[n] = true, r
		}
	}
	if !slices.ContainsFunc(s.g.Nodes, func(n *graph.Node) bool { return s.leftover(n) != nil }) {
		return nil, nil
	}
	s.hope, s.steps, s.numbers = s.hopes(), stepsForEach*len(s.g.Nodes)+leastSteps, numbersForAll
	run := longRuns(p.Regions)
	var moves []*Move
	var refusals []Refusal
	for i := len(s.g.Nodes) - 1; i >= 0; i-- {
		n := s.g.Nodes[i]
		if across {
			if m := s.aside(n); m != nil && !tried[m.Value()][Across] {
				moves = s.take(moves, m)
			}
			continue
		}
		if s.leftover(n) == nil || s.taken[n] || run[n] {
			continue
		}
		m, why := s.either(n, tried[n.Out[0].Name])
		if m == nil {
			if why != nil {
				refusals = append(refusals, Refusal{n, why.code, why.why})
			}
			continue
		}
		moves = s.take(moves, m)
	}
	return moves, refusals
}

// aside looks for a move of n where neither way alone is one.
func (s *search) aside(n *graph.Node) *Move {
	if !s.e.Alive[n] || s.taken[n] || n.First() == nil || len(n.In) == 0 {
		return nil
	}
	if s.leftover(n) != nil {
		return s.across(n)
	}
	if m := s.pastClip(n); m != nil {
		return m
	}
	return s.unclipped(n)
}

// take adds a move; no other one touches its nodes.
func (s *search) take(moves []*Move, m *Move) []*Move {
	for _, t := range m.touched() {
		s.taken[t] = true
	}
	return append(moves, m)
}

// Takes reports whether a layer has weights that take in scales and shifts.
func Takes(l layer.Layer) bool {
	switch l.Kind() {
	case "conv", "fc", "norm":
		return true
	}
	return false
}

// runEnds is how many nodes at each end of a run of scales and shifts are tried: a move
// takes all of a run along, or stops near an end of it.
const runEnds = 8

// longRuns are the nodes in the middle of long runs of scales and shifts.
func longRuns(regions []*plan.Region) map[*graph.Node]bool {
	run := map[*graph.Node]bool{}
	for _, r := range regions {
		if r.Layer.Kind() != "scale" || len(r.Segment.Steps) <= 2*runEnds {
			continue
		}
		for _, a := range r.Segment.Steps[runEnds : len(r.Segment.Steps)-runEnds] {
			run[a.Node()] = true
		}
	}
	return run
}

// either looks for a move of n, back before on. Without one it says why there is none.
func (s *search) either(n *graph.Node, tried Tried) (*Move, *stop) {
	var first *stop
	for _, way := range []struct {
		tried bool
		look  func() (*Move, *stop)
	}{
		{tried[Back], func() (*Move, *stop) { return s.back(n) }},
		{tried[On], func() (*Move, *stop) { return s.on(n, false) }},
		{tried[On], func() (*Move, *stop) { return s.on(n, true) }},
	} {
		if way.tried {
			continue
		}
		m, why := way.look()
		if m != nil {
			return m, nil
		}
		if why != nil && (first == nil || why.says() > first.says()) {
			first = why
		}
	}
	return nil, first
}

// touched lists the nodes that a move changes.
func (m *Move) touched() []*graph.Node {
	list := append([]*graph.Node{}, m.Roots...)
	for _, r := range m.redone {
		list = append(list, r.node)
	}
	return list
}

// leftover is what a node scales or shifts that no layer has taken; nil for others.
func (s *search) leftover(n *graph.Node) *affine.Diagonal {
	if !s.e.Alive[n] || s.inside[n] || n.First() == nil {
		return nil
	}
	a := s.e.Of(n.Out[0])
	if a == nil || a.Node() != n || slices.ContainsFunc(a.Nodes, func(n *graph.Node) bool { return s.inside[n] }) {
		return nil
	}
	d, _ := a.Op.(*affine.Diagonal)
	return d
}

// scaling is the piece that a scale or shift that was left is, of the value x, and the
// nodes that go where it moves; nil where its numbers forbid that, or x is not what its
// nodes read.
func (s *search) scaling(n *graph.Node) (p *piece, x *graph.Value, nodes []*graph.Node) {
	if p = pieceOf(s.leftover(n)); p == nil || !s.opsetTakes(p) {
		return nil, nil, nil
	}
	a := s.e.Of(n.Out[0])
	for _, m := range a.Nodes {
		for _, v := range m.In {
			if v != nil && s.same(v, a.Args[0]) {
				return p, v, a.Nodes
			}
		}
	}
	return nil, nil, nil
}

// same reports whether a value is another one, or made by an equal node.
func (s *search) same(v, first *graph.Value) bool {
	return v == first || slices.Contains(s.e.Twins(first), v) || slices.Contains(s.e.Twins(v), first)
}

// crossing is a node that a piece meets.
func (s *search) crossing(n *graph.Node) *crossing { return &crossing{s.g, s.e, n, s.hope.back} }

// maxNodes bounds the nodes that one search looks at, and what each of them reads.
const maxNodes = 128

// How many nodes all searches in a graph look at together, so that their time is in
// proportion to the graph.
const (
	stepsForEach = 8
	leastSteps   = 1 << 12
)

// step counts a node that is looked at; false where there were too many.
func (s *search) step() bool {
	s.steps--
	return s.steps >= 0
}

// Value is the name of the value that the move scales and shifts.
func (m *Move) Value() string { return m.Roots[0].Out[0].Name }

// toldNodes is how many nodes that are passed a move names.
const toldNodes = 3

// String says what moves through what.
func (m *Move) String() string {
	list := func(nodes []*graph.Node) string {
		var parts []string
		for i, n := range nodes {
			if i == toldNodes && len(nodes) > toldNodes+1 {
				parts = append(parts, fmt.Sprintf("%d more", len(nodes)-i))
				break
			}
			parts = append(parts, fmt.Sprintf("%s %q", n.OpType(), n.Title()))
		}
		return strings.Join(parts, " and ")
	}
	if len(m.Through) == 0 {
		return fmt.Sprintf("%s moved to each reader", list(m.Roots))
	}
	return fmt.Sprintf("%s moved %s %s", list(m.Roots), [...]string{"on through", "back through", "across"}[m.Way], list(m.Through))
}
