package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A frame is what stands around a layer of a map: the nodes that make the map of a
// segment's input, and those that make the segment's value of the map behind.
type frame struct {
	before, after []move
	start, end    affine.Form
}

// framed finds the frame of a map that a walk wrote; ok is false where no node says a
// size that is only known at run time.
func framed(s *affine.Segment, end affine.Map, opset int64) (f frame, ok bool) {
	f.start, f.end = end.In, affine.Form{Dims: end.Dims, Cut: end.Cut}
	if f.before, ok = arranged(f.start, true, opset, s.From); !ok {
		return f, false
	}
	f.after, ok = arranged(f.end, false, opset, s.From)
	return f, ok
}

func (f *frame) moves() []move { return slices.Concat(f.before, f.after) }

// cost is what the nodes of the frame count.
func (f *frame) cost() int {
	n := 0
	for _, m := range f.moves() {
		n += m.cost()
	}
	return n
}

// InPlace reports whether no Transpose or view stands around the layer.
func (f *frame) InPlace() bool { return len(f.before) == 0 && len(f.after) == 0 }

// viewed reports whether a view does.
func (f *frame) viewed() bool {
	return slices.ContainsFunc(f.moves(), func(m move) bool { return m.perm == nil })
}

// text says what stands around, for people.
func (f *frame) text() string {
	s := ""
	for _, m := range f.before {
		s += ", " + m.String() + " before"
	}
	for _, m := range f.after {
		s += ", " + m.String() + " after"
	}
	return s
}

// write writes a layer in its frame; kind is part of the names of values.
func (f *frame) write(w *Writer, in, out, kind string, layer func(in, to string)) {
	cur := in
	for _, m := range f.before {
		cur = w.move(m, out, out+".map", cur, "", in)
	}
	if len(f.after) == 0 {
		layer(cur, out)
		return
	}
	to := w.Fresh(out + kind)
	layer(cur, to)
	for i, m := range f.after {
		next := ""
		if i == len(f.after)-1 {
			next = out
		}
		to = w.move(m, out, out+".back", to, next, in)
	}
}

// axes are those of the map but the channels which are axes of the segment's input, and
// of its value, as a whole.
func (f *frame) axes(visit func(k, in, out int)) {
	for k := range f.start.Dims {
		if in, out := f.start.Whole(k), f.end.Whole(k); k != 1 && in >= 0 && out >= 0 {
			visit(k, in, out)
		}
	}
}

// arranged are the nodes between a value and the map that it is a view of, in either
// direction; sizes that are no numbers are taken from u where nothing else tells them.
func arranged(f affine.Form, toMap bool, opset int64, u *graph.Value) ([]move, bool) {
	if f.Plain() {
		return nil, true
	}
	if order := f.Order(); order != nil {
		perm := make([]int64, len(order))
		for i, k := range order {
			if toMap {
				perm[k] = int64(i)
			} else {
				perm[i] = int64(k)
			}
		}
		return []move{{perm: perm}}, true
	}
	atoms, from, to := f.Cut.Layouts(f.Dims)
	if toMap {
		from, to = to, from
	}
	sizes := (&affine.Rows{Atoms: atoms}).Sizes
	return rearranged(sizes, from, to, func(from graph.Layout) (move, bool) { return viewed(sizes(from), sizes(to), from, to, opset, u) })
}
