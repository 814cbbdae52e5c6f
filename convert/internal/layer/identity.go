package layer

import (
	"fmt"

	"repmlp/convert/internal/affine"
	"repmlp/verify"
)

// An Identity is a run of nodes that calculate and give what they take: x + 0, x·1, an
// activation that is the identity. The sign of a zero may differ.
type Identity struct{ Rows *affine.Rows }

// PlanIdentity plans a segment whose steps are all idle; ok is false where it is no map of
// rows to themselves.
func PlanIdentity(s *affine.Segment) (*Identity, bool) {
	walk := affine.NewRowsWalk(s.From)
	for _, a := range s.Steps {
		walk.Through(a)
	}
	m, why := walk.Rows(s.To)
	if why != nil {
		return nil, false
	}
	return &Identity{m}, true
}

// Kind implements Layer.
func (l *Identity) Kind() string { return "identity" }

// Cost implements Layer.
func (l *Identity) Cost() affine.Cost { return affine.Cost{} }

// Shape implements Layer: nothing is read, and every number is by itself.
func (l *Identity) Shape() Shape { return Shape{Groups: 1, In: 1, Out: 1} }

func (l *Identity) String() string { return fmt.Sprintf("Identity of %v", l.Rows.Sizes(l.Rows.In)) }

// Write implements Layer. The node takes the name of the value for all who read it.
func (l *Identity) Write(w *Writer, _ *affine.Segment, in, out string) error {
	w.node("Identity", out, out, []string{in})
	return nil
}

// Claim implements Layer.
func (l *Identity) Claim(_ *affine.Segment, whole bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	if !whole {
		return nil, nil
	}
	return nil, alike(l.Rows)
}
