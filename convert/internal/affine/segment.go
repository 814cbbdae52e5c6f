package affine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A Segment is the piece of the graph between two values, of which the later is
// an affine function of the earlier alone.
type Segment struct {
	From, To *graph.Value
	Steps    []*Affine // each after those that it depends on, the last makes To
	Form     Form      // the map that From is a view of
}

// NewSegment is the piece between two values that the steps make.
func NewSegment(from, to *graph.Value, steps []*Affine) *Segment {
	return &Segment{From: from, To: to, Steps: steps, Form: MapForm(from, slices.Values(steps))}
}

// Last is the explanation of To.
func (s *Segment) Last() *Affine { return s.Steps[len(s.Steps)-1] }

// Nodes lists the nodes of the segment, each once, in graph order.
func (s *Segment) Nodes() []*graph.Node {
	seen := map[*graph.Node]bool{}
	var out []*graph.Node
	add := func(n *graph.Node) {
		if n != nil && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	for _, a := range s.Steps {
		add(a.Out.Producer)
		for _, n := range a.Nodes {
			add(n)
		}
	}
	slices.SortFunc(out, func(a, b *graph.Node) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// Parameters counts the weight elements that the segment's nodes read.
func (s *Segment) Parameters() int {
	n := 0
	for _, a := range s.Steps {
		n += Elements(a.Op.Weights())
	}
	return n
}

// Count counts the steps for which is holds.
func (s *Segment) Count(is func(Op) bool) int {
	n := 0
	for _, a := range s.Steps {
		if is(a.Op) {
			n++
		}
	}
	return n
}

// Makes reports whether v is made in the segment.
func (s *Segment) Makes(v *graph.Value) bool {
	return slices.ContainsFunc(s.Steps, func(a *Affine) bool { return a.Out == v })
}

// Walk takes a new walk through the whole segment.
func (s *Segment) Walk() *Walk {
	w := NewWalk(s.From, s.Form)
	for _, a := range s.Steps {
		if w.Refused() {
			break
		}
		w.Through(a)
	}
	return w
}

// AsMap is the segment as one convolution of a map.
func (s *Segment) AsMap() (Map, *reason.Refusal) { return s.Walk().Map(s.To) }

// AsRows is the segment as one layer that maps rows to rows.
func (s *Segment) AsRows() (*Rows, *reason.Refusal) { return s.Walk().Rows(s.To) }

// String prints the segment, one explanation on a line.
func (s *Segment) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "from %s\n", s.From.Name)
	for _, a := range s.Steps {
		fmt.Fprintf(&b, "  %v\n", a)
	}
	return b.String()
}
