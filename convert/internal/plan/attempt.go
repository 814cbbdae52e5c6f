package plan

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// An Attempt is what became of a piece of the graph that could be one layer: how it
// would be written in each way, or why it cannot.
type Attempt struct {
	Segment   *affine.Segment
	Before    affine.Cost
	Kernel    int             // weights of one kernel
	KernelWhy *reason.Refusal // why there is none
	Rows      *affine.Rows    // as a layer of rows
	RowsWhy   *reason.Refusal // why it is none
	Leaks     []*graph.Value  // values inside that somebody outside needs
}

// Exact reports whether the piece is one layer that reads no more weights.
func (a *Attempt) Exact() bool {
	return a.KernelWhy == nil && a.Kernel <= a.Before.Weights || a.RowsWhy == nil && a.Rows.Weights() <= a.Before.Weights
}

// Attempt looks at the piece from u to v; nil where v is no affine function of u
// alone.
func (p *Plan) Attempt(u, v *graph.Value) *Attempt {
	return p.attempt(u, v, p.Explained.Of)
}

// AttemptSum looks at the sum of values as if it were made in place of v.
func (p *Plan) AttemptSum(u *graph.Value, v *graph.Value, values []*graph.Value) *Attempt {
	shape, _ := v.Shape()
	sum := &affine.Sum{}
	a := &affine.Affine{Out: graph.Invent(v.Name+".part", v.Elem, shape), Args: values, Nodes: p.Explained.Of(v).Nodes[:1], Op: sum, Rule: "sum"}
	for range values {
		sum.Coef = append(sum.Coef, 1)
	}
	return p.attempt(u, a.Out, p.Explained.With(map[*graph.Value]*affine.Affine{a.Out: a}))
}

func (p *Plan) attempt(u, v *graph.Value, of func(*graph.Value) *affine.Affine) *Attempt {
	steps := affine.Between(of, u, v)
	if len(steps) == 0 {
		return nil
	}
	s := affine.NewSegment(u, v, steps)
	a := &Attempt{Segment: s, Before: p.planner.t.tallyOf(steps).cost, Leaks: p.planner.leaks(u, steps, nil)}
	walk := s.Walk()
	var m affine.Map
	if m, a.KernelWhy = walk.Map(v); a.KernelWhy == nil {
		a.Kernel = m.Win.Size()
	}
	a.Rows, a.RowsWhy = walk.Rows(v)
	return a
}
