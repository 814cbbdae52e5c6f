package affine

import (
	"fmt"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Walk follows explanations forward from one value and writes each value that it
// meets as an affine map of that one: as rows and, as long as that holds, as a
// convolution of a map. What is refused once stays refused for all that depends
// on it.
type Walk struct {
	From *graph.Value
	Form Form // the map that From is a view of

	tracer  *Tracer
	traced  map[*graph.Value]Traced
	rowsWhy *reason.Refusal
	ahead   []*Affine // met, and not written as rows yet: most are asked for as a map alone
	maps    map[*graph.Value]*Map
	mapWhy  *reason.Refusal
	args    []Map // of the step that is written
}

// NewWalk starts at a value that is a view of a map of the given form.
func NewWalk(from *graph.Value, form Form) *Walk {
	w := &Walk{From: from, Form: form}
	dims, ok := from.Shape()
	if !ok {
		w.rowsWhy = reason.Refuse("", "the shape of %q is unknown", from.Name)
		w.mapWhy = w.rowsWhy
		return w
	}
	var in Traced
	w.tracer, in = NewTracer(dims)
	w.traced = map[*graph.Value]Traced{from: in}
	if m, ok := MapInput(form); ok {
		w.maps = map[*graph.Value]*Map{from: &m}
	} else {
		w.mapWhy = reason.Refuse("", "%q is no map", from.Name)
	}
	return w
}

// NewRowsWalk is a walk that writes rows alone, as scales without a layer need.
func NewRowsWalk(from *graph.Value) *Walk {
	w := NewWalk(from, Form{})
	w.maps, w.mapWhy = nil, reason.Refuse("", "%q was not looked at as a map", from.Name)
	return w
}

// Refused reports whether nothing further on can be written in either way.
func (w *Walk) Refused() bool { return w.mapWhy != nil && w.refusesRows() != nil }

// Through takes the walk through an explanation whose arguments it has met.
func (w *Walk) Through(a *Affine) {
	if w.rowsWhy == nil {
		w.ahead = append(w.ahead, a)
	}
	if w.mapWhy == nil {
		w.mapWhy = w.throughMap(a)
	}
}

// refusesRows writes what was met as rows, and says why that does not go on.
func (w *Walk) refusesRows() *reason.Refusal {
	for _, a := range w.ahead {
		if w.rowsWhy = w.throughRows(a); w.rowsWhy != nil {
			break
		}
	}
	w.ahead = nil
	return w.rowsWhy
}

func (w *Walk) throughRows(a *Affine) *reason.Refusal {
	args := make([]Traced, len(a.Args))
	for k, v := range a.Args {
		args[k] = w.tracer.Resolved(w.traced[v])
	}
	y, why := a.Op.Trace(w.tracer, a.Node(), args)
	if why != nil {
		return why
	}
	sizes := w.tracer.Sizes(y)
	if !agrees(a.Out, len(sizes), func(k int) graph.Dim { return sizes[k] }) {
		return reason.Refuse("", "%q makes another shape than the graph says", a.Node().Title())
	}
	w.traced[a.Out] = y
	return nil
}

func (w *Walk) throughMap(a *Affine) *reason.Refusal {
	w.args = w.args[:0]
	for _, v := range a.Args {
		w.args = append(w.args, *w.maps[v])
	}
	op, _ := fit(a.Op, w.args)
	y, why := op.Window(a.Node(), w.args)
	if why != nil {
		return why
	}
	if !agrees(a.Out, y.Cut.rank(y.Dims), func(k int) graph.Dim { return y.Cut.size(k, y.Dims) }) || !y.Dims[1].Is(int64(y.Win.Out)) {
		return reason.Refuse("", "%q makes another shape than the graph says", a.Node().Title())
	}
	w.maps[a.Out] = &y
	return nil
}

// agrees reports whether sizes that were worked out for a value contradict those
// that the graph knows: then some rule and the graph take the node for something
// else, and nothing may be merged.
func agrees(v *graph.Value, rank int, size func(axis int) graph.Dim) bool {
	dims, ok := v.Shape()
	if !ok {
		return true
	}
	if len(dims) != rank {
		return false
	}
	for i, d := range dims {
		a, known := d.Int()
		b, known2 := size(i).Int()
		if known && known2 && a != b {
			return false
		}
	}
	return true
}

// Map is v, which the walk met last, as a convolution of the map it began at.
func (w *Walk) Map(v *graph.Value) (Map, *reason.Refusal) {
	if w.mapWhy != nil {
		return Map{}, w.mapWhy
	}
	return *w.maps[v], nil
}

// Rows is v, which the walk met last, as a layer that maps rows to rows.
func (w *Walk) Rows(v *graph.Value) (*Rows, *reason.Refusal) {
	if why := w.refusesRows(); why != nil {
		return nil, why
	}
	return w.tracer.Finish(w.tracer.Resolved(w.traced[v]))
}

// RowsAtLeast is a lower bound of the weights of Rows; ok is false where Rows
// refuses already.
func (w *Walk) RowsAtLeast(v *graph.Value) (weights float64, ok bool) {
	if w.refusesRows() != nil {
		return 0, false
	}
	return w.tracer.atLeast(w.traced[v]), true
}

// ordered is an operation that names axes of its argument: only with the order in which
// these are those of a map it has a kernel.
type ordered interface {
	ordered(n *graph.Node, in []*fuse.Kernel, order []int) (*fuse.Kernel, error)
}

// Fold works the numbers of a convolution out along a segment, with zeros for what
// the channels of a group do not read.
func Fold(s *Segment) (*fuse.Kernel, error) {
	start, _ := MapInput(s.Form)
	at := map[*graph.Value]*fuse.Kernel{s.From: fuse.Identity(start.Win.In, len(start.Win.Taps))}
	err := s.fitted(func(a *Affine, op Op, along [][]int, maps []Map) error {
		args := make([]*fuse.Kernel, len(a.Args))
		for k, v := range a.Args {
			args[k] = at[v]
		}
		args = follow(args, along)
		kernel := op.Kernel
		if op, ok := op.(ordered); ok {
			kernel = func(n *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
				return op.ordered(n, in, maps[0].order())
			}
		}
		y, err := kernel(a.Node(), args)
		at[a.Out] = y
		return err
	})
	if err != nil {
		return nil, err
	}
	k := at[s.To]
	return k.Over(k.Regular()), nil
}

// Fitted lists the operations of a segment that is a convolution of a map, each as it
// fits the maps that it reads; ok is false where a map gains or loses an axis on the way.
func (s *Segment) Fitted() (ops []Op, ok bool) {
	ok = true
	err := s.fitted(func(_ *Affine, op Op, along [][]int, _ []Map) error {
		ops = append(ops, op)
		ok = ok && along == nil
		return nil
	})
	return ops, ok && err == nil
}

// fitted visits the steps of a segment that is a convolution of a map, each with its
// operation as it fits the maps that it reads, see fit.
func (s *Segment) fitted(visit func(a *Affine, op Op, along [][]int, maps []Map) error) error {
	start, _ := MapInput(s.Form)
	maps := map[*graph.Value]Map{s.From: start}
	for _, a := range s.Steps {
		args := make([]Map, len(a.Args))
		for k, v := range a.Args {
			args[k] = maps[v]
		}
		op, along := fit(a.Op, args)
		if err := visit(a, op, along, args); err != nil {
			return err
		}
		y, why := op.Window(a.Node(), args)
		if why != nil {
			return fmt.Errorf("folding %q as a convolution of a map, which it is not: %s", a.Node().Title(), why.Message)
		}
		maps[a.Out] = y
	}
	return nil
}
