package convert

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/move"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/convert/internal/rules"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A planned graph: the plan is one of model, in which scales and shifts may have moved.
type planned struct {
	explained *affine.Explained
	plan      *plan.Plan
	model     *onnxio.Model
	refused   []move.Refusal
	pieces    map[*onnxio.Node]*move.Move   // what stands for a scale or shift that moved
	origin    map[*onnxio.Node]*onnxio.Node // of nodes that moves made, the node of the graph before that they stand for
	elsewhere map[string]bool               // values that others read than before
}

// from is the node of the graph before any move that n stands for.
func (p *planned) from(n *onnxio.Node) *onnxio.Node {
	if p == nil {
		return n
	}
	if o := p.origin[n]; o != nil {
		return o
	}
	return n
}

// replaced lists the nodes of the graph before any move that a region's layer stands for.
func (p *planned) replaced(r *plan.Region) []*onnxio.Node {
	var nodes []*onnxio.Node
	seen := map[*onnxio.Node]bool{}
	add := func(n *onnxio.Node) {
		if n = p.from(n); !seen[n] {
			seen[n] = true
			nodes = append(nodes, n)
		}
	}
	for _, n := range r.Segment.Nodes() {
		m := p.pieces[n.Node]
		if m == nil {
			add(n.Node)
			continue
		}
		for _, root := range m.Roots {
			add(root.Node)
		}
	}
	return nodes
}

// merged lists the names of these nodes.
func (p *planned) merged(r *plan.Region) []string {
	var names []string
	seen := map[string]bool{}
	for _, n := range p.replaced(r) {
		if name := n.Title(); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// story says of a node that stands for a scale or shift that moved, what moved; "" of
// others.
func (p *planned) story(n *graph.Node) string {
	if m := p.pieces[n.Node]; m != nil {
		return m.String()
	}
	return ""
}

// planGraph explains and plans a graph.
func (o Options) planGraph(ctx context.Context, g *graph.Graph, cut map[*onnxio.Node]*reason.Refusal) (*planned, error) {
	ended := func() bool { return ctx.Err() != nil }
	explained := rules.Explain(g, cut, ended)
	p := plan.New(explained, plan.Options{Form: o.FC.choice(), AllowGrowth: o.AllowGrowth, Ended: ended})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.checks {
		if err := errors.Join(explained.Check(), p.Check()); err != nil {
			return nil, err
		}
	}
	return &planned{explained: explained, plan: p, model: g.Model}, nil
}

// moveRounds bounds how often scales and shifts move, each time over what was found
// before, and how often moves that do not pay are left out.
const moveRounds = 16

// planMoved plans a graph, and again with the scales and shifts that are left moved to
// layers that take them, but for those that stand for the values in stay.
func (o Options) planMoved(ctx context.Context, g *graph.Graph, cut map[*onnxio.Node]*reason.Refusal, stay map[string]bool) (*planned, error) {
	best, err := o.planGraph(ctx, g, cut)
	if err != nil {
		return nil, err
	}
	names := layer.NewWriter(g, o.reserved)
	tried := map[string]move.Tried{}
	for value := range stay {
		tried[value] = move.Tried{true, true, true}
	}
	across := false
	for range moveRounds {
		moves, refused := move.Find(best.plan, tried, across, names.Fresh)
		if !across {
			best.refused = refused
		}
		if len(moves) == 0 {
			if across {
				break
			}
			across = true
			continue
		}
		next, unpaid, err := o.moved(ctx, best, moves, cut, names.Fresh)
		if err != nil {
			return nil, err
		}
		if len(unpaid) == 0 {
			next.refused = best.refused
			best, across = next, false
			continue
		}
		for _, m := range moves {
			if unpaid[m] {
				t := tried[m.Value()]
				t[m.Way] = true
				tried[m.Value()] = t
			}
		}
	}
	return best, nil
}

// moved makes some moves, and tells which of them do not pay: then the plan is of no
// use.
func (o Options) moved(ctx context.Context, before *planned, moves []*move.Move, cut map[*onnxio.Node]*reason.Refusal, fresh func(string) string) (*planned, map[*move.Move]bool, error) {
	w, err := move.Write(before.explained.Graph, moves, fresh)
	if err != nil {
		return nil, nil, err
	}
	m, err := before.model.Apply(w.Edit)
	if err != nil {
		return nil, nil, fmt.Errorf("moving scales and shifts: %w", err)
	}
	g, err := before.explained.Graph.Of(m)
	if err != nil {
		return nil, nil, fmt.Errorf("moving scales and shifts: %w", err)
	}
	next, err := o.planGraph(ctx, g, cut)
	if err != nil {
		return nil, nil, err
	}
	merged := map[*onnxio.Node]bool{}
	for _, r := range next.plan.Regions {
		if !move.Takes(r.Layer) {
			continue
		}
		for _, n := range r.Segment.Nodes() {
			merged[n.Node] = true
		}
	}
	unpaid := w.Unpaid(func(n *onnxio.Node) bool { return merged[n] })
	if a, b := before.plan.Cost(), next.plan.Cost(); len(unpaid) == 0 && (b.Work >= a.Work || b.Weights > a.Weights) {
		for _, m := range moves {
			unpaid[m] = true
		}
	}
	next.origin, next.pieces = maps.Clone(before.origin), maps.Clone(before.pieces)
	if next.origin == nil {
		next.origin, next.pieces = map[*onnxio.Node]*onnxio.Node{}, map[*onnxio.Node]*move.Move{}
	}
	for n, o := range w.Origin {
		next.origin[n] = before.from(o.Node)
	}
	maps.Copy(next.pieces, w.Move)
	next.elsewhere = maps.Clone(before.elsewhere)
	for _, m := range moves {
		for _, v := range m.Elsewhere {
			if next.elsewhere == nil {
				next.elsewhere = map[string]bool{}
			}
			next.elsewhere[v] = true
		}
	}
	return next, unpaid, nil
}
