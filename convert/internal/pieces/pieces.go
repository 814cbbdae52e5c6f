// Package pieces finds the smallest pieces in which two models differ, whoever made them:
// from values that both have to a value that both should have. Names only say what to try.
package pieces

import (
	"cmp"
	"context"
	"slices"

	"repmlp/convert/internal/differ"
	"repmlp/convert/internal/identical"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Piece is where two models compute one value in two ways.
type Piece struct {
	Before, After *onnxio.Model // of inputs and an output that have the same names in both
	Inputs        []string      // their names
	Output        string
	From          []string // what the first model calls its inputs
	Value         string   // what the first model calls the output
	New           string   // and the second
	Elem          onnxio.DType
	Nodes         []*graph.Node
	Into          []*graph.Node
	key           string
}

// Goes reports whether a piece computes a value of the first model, and one of the second, on
// its way.
func (p *Piece) Goes(value, new string) bool {
	makes := func(nodes []*graph.Node, name string) bool {
		return slices.ContainsFunc(nodes, func(n *graph.Node) bool { return slices.Contains(n.Outputs(), name) })
	}
	return makes(p.Nodes, value) && makes(p.Into, new)
}

// A Search looks for the pieces of two models. It learns which pieces do not hold, and then
// proposes others.
type Search struct {
	Before, After *graph.Graph // of any sizes
	First, Second *identical.Side

	sized     []*graph.Graph // the same with numbers
	candidate map[*graph.Value][]*graph.Value
	wrong     map[string]bool
	pieces    map[string]*Piece
	taken     map[*graph.Value]*Piece
}

// NewSearch starts. before and after are indexed with graph.Options.Sure; sizes are the shapes
// of the inputs that pieces are written with.
func NewSearch(ctx context.Context, before, after *graph.Graph, sizes map[string][]int64) (*Search, error) {
	s := &Search{Before: before, After: after, candidate: map[*graph.Value][]*graph.Value{}, wrong: map[string]bool{}, pieces: map[string]*Piece{}}
	for _, g := range []*graph.Graph{before, after} {
		sized, err := g.Sized(sizes)
		if err != nil {
			return nil, err
		}
		s.sized = append(s.sized, sized)
	}
	pairs, err := differ.Of(ctx, before.Model, after.Model)
	if err != nil {
		return nil, err
	}
	s.candidates(pairs)
	return s, nil
}

// candidates lists for values of the second model which ones of the first they may be: those
// of the same name, those that the same node reads in the same place, those that it makes.
func (s *Search) candidates(pairs *differ.Result) {
	add := func(v, a *graph.Value) {
		if v != nil && a != nil && v.Producer != nil && a.Producer != nil && v.Elem == a.Elem && v.Elem.IsFloat() && !slices.Contains(s.candidate[v], a) && s.shaped(v, a) {
			s.candidate[v] = append(s.candidate[v], a)
		}
	}
	for _, n := range s.After.Nodes {
		for _, v := range n.Out {
			if v != nil {
				add(v, s.Before.Value(v.Name))
			}
		}
	}
	for _, p := range pairs.Pairs {
		x, y := s.Before.Node(p.First), s.After.Node(p.Second)
		for i := range min(len(x.In), len(y.In)) {
			add(y.In[i], x.In[i])
		}
		for i := range min(len(x.Out), len(y.Out)) {
			add(y.Out[i], x.Out[i])
		}
	}
}

// shaped reports whether two values may have one shape.
func (s *Search) shaped(v, a *graph.Value) bool {
	x, ok := s.sized[1].Value(v.Name).Shape()
	y, known := s.sized[0].Value(a.Name).Shape()
	return !ok || !known || slices.EqualFunc(x, y, func(d, e graph.Dim) bool { return d.Equal(e) || !d.Known() || !e.Known() })
}

// Next numbers both models as if all that was not found wrong so far held, and lists the
// pieces that this takes, in the order of the second model.
func (s *Search) Next() ([]*Piece, error) {
	t := identical.NewTable()
	var err error
	if s.First, err = t.Number(s.Before, nil); err != nil {
		return nil, err
	}
	var claim identical.Claim = func(second *identical.Side, v *graph.Value, c identical.Class) identical.Class {
		if s.First.Has(c) || s.After.IsConst(v) {
			return 0
		}
		for _, a := range s.candidate[v] {
			if p := s.piece(second, a, v); p != nil {
				s.taken[v] = p
				return s.First.Class(a)
			}
		}
		return 0
	}
	s.taken = map[*graph.Value]*Piece{}
	if s.Second, err = t.Number(s.After, claim); err != nil {
		return nil, err
	}
	var list []*Piece
	alive := s.After.Alive()
	for _, n := range s.After.Nodes {
		for _, v := range n.Out {
			if p := s.taken[v]; p != nil && alive[n] {
				list = append(list, p)
			}
		}
	}
	return list, nil
}

// Wrong notes that a piece does not hold.
func (s *Search) Wrong(p *Piece) { s.wrong[p.key] = true }

// byIndex sorts nodes.
func byIndex(a, b *graph.Node) int { return cmp.Compare(a.Index, b.Index) }
