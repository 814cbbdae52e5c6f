package convert

import (
	"context"
	"maps"
	"slices"

	"repmlp/convert/internal/explain"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A ground is what a conversion starts from and what it learns on the way: conversions of
// one model with several selections share it, unless bodies have to be converted anew.
type ground struct {
	plain    *onnxio.Model // with functions inlined, and training switched off where asked
	base     *onnxio.Model // that, with shapes asked for where no merge is
	bodies   *bodyResult
	g        *graph.Graph
	notes    []Warning
	switched bool                             // the caller asked for other semantics
	cut      map[*onnxio.Node]*reason.Refusal // what numbers forbid
	ids      map[string]string                // of merges, by their values: see plan.Number
	planned  *planned                         // all merges; nil where they are to be planned
}

// ground prepares a model.
func (o Options) ground(ctx context.Context, m *onnxio.Model) (*ground, error) {
	if o.once != nil && o.once.g != nil && o.once.bodies.planned == 0 {
		return o.once, nil
	}
	f := &ground{cut: map[*onnxio.Node]*reason.Refusal{}, ids: map[string]string{}}
	if o.once != nil {
		f = o.once
		f.cut, f.ids, f.planned = map[*onnxio.Node]*reason.Refusal{}, map[string]string{}, nil
	}
	var err error
	if f.plain, f.notes, err = baseline(m, o); err != nil {
		return nil, err
	}
	if f.base, err = measured(f.plain, o.graph()); err != nil {
		return nil, err
	}
	f.switched = len(f.notes) > 0
	if f.bodies, err = convertBodies(ctx, f.base, o); err != nil {
		return nil, err
	}
	if f.g, err = graph.New(f.bodies.model, o.graph()); err != nil {
		return nil, err
	}
	if err := o.dumpSource(m, f.bodies.model, f.g); err != nil {
		return nil, err
	}
	f.notes = slices.Concat(f.notes, versionNotes(m), trainingNotes(f.g))
	return f, nil
}

// choose plans the graph without the nodes in cut and keeps the merges that are asked for.
// A scale or shift that moved to a layer which is not made stays where it was.
func (c *conversion) choose(ctx context.Context, g *graph.Graph, cut map[*onnxio.Node]*reason.Refusal) (left []explain.Decline, err error) {
	stay := map[string]bool{}
	var before []skip
	for {
		if len(stay) == 0 && c.from.planned != nil {
			c.planned = c.from.planned
		} else {
			if c.planned, err = c.opts.planMoved(ctx, g, cut, stay); err != nil {
				return nil, err
			}
			c.planned.plan.Number(c.from.ids)
		}
		if len(stay) == 0 {
			c.from.planned = c.planned
		}
		var skipped []skip
		c.plan, skipped = c.opts.selection.choose(c.planned, c.opts.prefix)
		for _, s := range before { // merges that were only there with what moved to them
			if !slices.ContainsFunc(c.planned.plan.Regions, func(r *plan.Region) bool { return r.ID == s.id }) {
				skipped = append(skipped, s)
			}
		}
		moves := len(stay)
		maps.Copy(stay, c.planned.torn(c.plan))
		if len(stay) == moves {
			for _, s := range skipped {
				left = append(left, s.Decline)
			}
			return left, nil
		}
		before = skipped
	}
}

// torn lists the values of moves with a piece in a merge that a plan does not make.
func (p *planned) torn(kept *plan.Plan) map[string]bool {
	values := map[string]bool{}
	made := map[*plan.Region]bool{}
	for _, r := range kept.Regions {
		made[r] = true
	}
	for _, r := range p.plan.Regions {
		if made[r] {
			continue
		}
		for _, n := range r.Segment.Nodes() {
			if m := p.pieces[n.Node]; m != nil {
				values[m.Value()] = true
			}
		}
	}
	return values
}

// matched is an error where a pattern of the selection is for nothing. Before the end an ID
// may still come to be one.
func (o Options) matched(end bool) error {
	if o.prefix != "" || o.selection == nil {
		return nil
	}
	return o.selection.unmatched(end)
}
