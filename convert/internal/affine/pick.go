package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Pick reads positions of axes, one axis after the other.
type Pick struct {
	NoWeights
	NoMap
	Axes []Picked
	Drop int // an axis that goes, of which one position was picked; -1 for none
}

// Picked says which positions of one axis are read.
type Picked struct {
	Axis  int
	Count int
	At    func(i int) int // the position that i of the result shows
}

// From counts up from a position in steps.
func From(start, step int) func(i int) int { return func(i int) int { return start + i*step } }

// Trace implements Op.
func (p *Pick) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	y := in[0]
	for _, a := range p.Axes {
		if _, ok := t.Length(y, a.Axis); !ok || a.Count < 1 {
			return y, reason.Refuse("", "%q picks from an axis of unknown size", n.Title())
		}
		y = t.Along(y, a.Axis, a.Count, fuse.Listed(a.Count, func(o int) fuse.Entry { return fuse.Entry{Out: o, In: a.At(o), Weight: 1} }))
	}
	if p.Drop >= 0 {
		y.layout = slices.Delete(slices.Clone(y.layout), p.Drop, p.Drop+1)
	}
	return y, nil
}

// Cost implements Op.
func (p *Pick) Cost() Cost { return costMove }

func (p *Pick) String() string {
	s := "Pick"
	for _, a := range p.Axes {
		s += fmt.Sprintf(" %d from axis %d", a.Count, a.Axis)
	}
	return s
}
