package affine

import (
	"slices"

	"repmlp/onnxio/graph"
)

// A Piece is a part of an axis of a map: index i of the axis is i/Inner modulo Size
// of the piece.
type Piece struct {
	Axis        int // of the map
	Size, Inner graph.Dim
}

// A Cut says how a value holds the elements of a map: the pieces that each of its
// axes consists of, outermost first. Axes of one element have no pieces. A nil Cut
// is that of a map as it is, [N, C, spatial...].
type Cut [][]Piece

// pieces is the cut written out for a map of the given sizes.
func (c Cut) pieces(dims []graph.Dim) Cut {
	if c != nil {
		return c
	}
	out := make(Cut, len(dims))
	for k, d := range dims {
		out[k] = whole(k, d)
	}
	return out
}

// whole is an axis of a map as the only piece of an axis; nothing where it has one element.
func whole(axis int, size graph.Dim) []Piece {
	if size.Is(1) {
		return nil
	}
	return []Piece{{axis, size, graph.Size(1)}}
}

// isWhole reports whether an axis of a value is an axis of a map as the only piece.
func isWhole(pieces []Piece, axis int, size graph.Dim) bool {
	if size.Is(1) {
		return len(pieces) == 0
	}
	return len(pieces) == 1 && pieces[0].Axis == axis && pieces[0].Inner.Is(1) && pieces[0].Size.Equal(size)
}

// holds reports whether an axis of a value is an axis of its map as a whole.
func (c Cut) holds(axis, whole int, dims []graph.Dim) bool {
	switch {
	case axis >= c.rank(dims):
		return false
	case c == nil && (axis == whole || !dims[whole].Is(1)):
		return axis == whole
	}
	return isWhole(c.of(axis, dims), whole, dims[whole])
}

// of returns the pieces of one axis of a value.
func (c Cut) of(axis int, dims []graph.Dim) []Piece {
	switch {
	case c != nil:
		return c[axis]
	case axis < len(dims):
		return whole(axis, dims[axis])
	}
	return nil
}

// plain is c, or nil where c is a map as it is.
func (c Cut) plain(dims []graph.Dim) Cut {
	if len(c) != len(dims) {
		return c
	}
	for k, d := range dims {
		if !isWhole(c[k], k, d) {
			return c
		}
	}
	return nil
}

// size is that of one axis of a value.
func (c Cut) size(axis int, dims []graph.Dim) graph.Dim {
	if c == nil && axis < len(dims) {
		return dims[axis]
	}
	n := graph.Size(1)
	for _, p := range c.of(axis, dims) {
		n = n.Times(p.Size)
	}
	return n
}

// rank is the number of a value's axes.
func (c Cut) rank(dims []graph.Dim) int {
	if c == nil {
		return len(dims)
	}
	return len(c)
}

func samePieces(a, b []Piece) bool {
	return slices.EqualFunc(a, b, func(p, q Piece) bool {
		return p.Axis == q.Axis && p.Size.Equal(q.Size) && p.Inner.Equal(q.Inner)
	})
}

func sameCut(a, b Cut) bool { return slices.EqualFunc(a, b, samePieces) }

// cutAnew cuts the flat order of pieces into axes of other sizes; ok is false where
// they do not nest.
func cutAnew(c Cut, sizes []graph.Dim) (out Cut, ok bool) {
	var flat []Piece
	for _, axis := range c {
		flat = append(flat, axis...)
	}
	out = make(Cut, len(sizes))
	for i, want := range sizes {
		for !want.Is(1) {
			if len(flat) == 0 || !want.Known() || !flat[0].Size.Known() {
				return nil, false
			}
			p := flat[0]
			if rest, ok := want.Over(p.Size); ok {
				out[i] = joined(out[i], p)
				flat, want = flat[1:], rest
				continue
			}
			inner, ok := p.Size.Over(want)
			if !ok {
				return nil, false
			}
			out[i] = joined(out[i], Piece{p.Axis, want, p.Inner.Times(inner)})
			flat[0], want = Piece{p.Axis, inner, p.Inner}, graph.Size(1)
		}
	}
	return out, len(flat) == 0
}

// joined appends a piece to an axis, as one with the piece before it where they are
// neighbours in the map too.
func joined(axis []Piece, p Piece) []Piece {
	if n := len(axis) - 1; n >= 0 && axis[n].Axis == p.Axis && axis[n].Inner.Equal(p.Inner.Times(p.Size)) {
		return append(axis[:n:n], Piece{p.Axis, axis[n].Size.Times(p.Size), p.Inner})
	}
	return append(axis, p)
}

// permuted is the cut of a transposed value.
func (c Cut) permuted(perm []int) Cut {
	out := make(Cut, len(perm))
	for i, p := range perm {
		out[i] = c[p]
	}
	return out
}

// Layouts writes a map of the given sizes and a view of it over common atoms.
func (c Cut) Layouts(dims []graph.Dim) (atoms *graph.Atoms, plain, view graph.Layout) {
	atoms = graph.NewAtoms()
	plain, view = make(graph.Layout, len(dims)), make(graph.Layout, c.rank(dims))
	type part struct {
		Piece
		atom graph.Atom
	}
	parts := make([][]part, len(dims))
	for i, axis := range c.pieces(dims) {
		for _, p := range axis {
			a := atoms.New(p.Size)
			view[i] = append(view[i], a)
			parts[p.Axis] = append(parts[p.Axis], part{p, a})
		}
	}
	for k, list := range parts {
		inner := graph.Size(1)
		for len(list) > 0 { // from the innermost piece outwards
			i := slices.IndexFunc(list, func(p part) bool { return p.Inner.Equal(inner) })
			if i < 0 {
				panic("affine: the pieces of an axis do not make it up")
			}
			plain[k] = slices.Insert(plain[k], 0, list[i].atom)
			inner = inner.Times(list[i].Size)
			list = slices.Delete(list, i, i+1)
		}
	}
	return atoms, plain, view
}

func (s Map) order() []int { return Form{Dims: s.Dims, Cut: s.Cut}.Order() }

// Order says which axis of the map each axis of a value is where that is all that the
// cut does, nil elsewhere. Axes of one element are those of the map that are left.
func (s Form) Order() []int {
	rank := s.Cut.rank(s.Dims)
	switch {
	case s.Plain():
		return inOrder(rank)
	case rank != len(s.Dims):
		return nil
	}
	out := make([]int, rank)
	used := make([]bool, rank)
	for i := range out {
		out[i] = -1
		if axis := s.Cut.of(i, s.Dims); len(axis) > 0 {
			k := axis[0].Axis
			if used[k] || !samePieces(axis, whole(k, s.Dims[k])) {
				return nil
			}
			out[i], used[k] = k, true
		}
	}
	for i, k := range out {
		if k < 0 {
			out[i] = slices.Index(used, false)
			used[out[i]] = true
		}
	}
	return out
}

// cutBy is a map with other sizes whose axes stand in the given order.
func (s Map) cutBy(order []int) Map {
	cut := make(Cut, len(order))
	for i, k := range order {
		cut[i] = whole(k, s.Dims[k])
	}
	s.Cut = cut.plain(s.Dims)
	return s
}

// inOrder are axes as they are.
func inOrder(rank int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = i
	}
	return out
}
