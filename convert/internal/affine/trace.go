package affine

import (
	"fmt"
	"repmlp/convert/internal/reason"
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Tracer writes a piece of the graph, from one value to another, as a
// program over named indices. Axes become atoms: views and transposes only
// regroup and permute them, so the program holds nothing but arithmetic, and
// what stays untouched from end to end are the rows.
type Tracer struct {
	atoms    *graph.Atoms
	in       graph.Layout // the program's input
	ops      []fuse.Op
	cuts     []recut
	consumed []graph.Atom        // read by ops that sum over them
	weighted []graph.Atom        // weights depend on them
	read     map[graph.Atom]bool // consumed, or split off such
}

// NewTracer starts a program whose input has the given sizes.
func NewTracer(dims []graph.Dim) (*Tracer, Traced) {
	t := &Tracer{atoms: graph.NewAtoms(), read: map[graph.Atom]bool{}}
	for _, d := range dims {
		t.in = append(t.in, t.atoms.Axis(d))
	}
	return t, Traced{-1, t.in}
}

// A recut is a run of rows that a Reshape cuts at other places, as [N, hp, wp,
// C/S] into [N·C/S, hp, wp] with sizes that are only known at run time. The
// new atoms stand for the old ones as long as they stay together.
type recut struct {
	from, to []graph.Atom
	layout   graph.Layout // of to
	sizes    string
}

// A Traced value is the output of a program op together with the order of its
// elements.
type Traced struct {
	op     int // -1 for the program's input
	layout graph.Layout
}

// Sizes are the sizes of its axes.
func (t *Tracer) Sizes(x Traced) []graph.Dim { return t.sizes(x.layout) }

// Resolved is x over the atoms as they are now.
func (t *Tracer) Resolved(x Traced) Traced {
	return Traced{x.op, t.atoms.ResolveLayout(x.layout)}
}

func labels(atoms []graph.Atom) []fuse.Label {
	out := make([]fuse.Label, len(atoms))
	for i, a := range atoms {
		out[i] = fuse.Label(a)
	}
	return out
}

func atomsOf(ls []fuse.Label) []graph.Atom {
	out := make([]graph.Atom, len(ls))
	for i, l := range ls {
		out[i] = graph.Atom(l)
	}
	return out
}

func (t *Tracer) add(op fuse.Op, layout graph.Layout) Traced {
	t.ops = append(t.ops, op)
	for _, a := range []*fuse.Array{op.Scale, op.Shift, op.W} {
		if a != nil {
			t.weighted = append(t.weighted, atomsOf(a.Labels)...)
		}
	}
	t.consume(op.In)
	for _, axis := range op.Axes {
		t.consume(axis.In)
	}
	return Traced{len(t.ops) - 1, layout}
}

func (t *Tracer) consume(ls []fuse.Label) {
	atoms := atomsOf(ls)
	t.consumed = append(t.consumed, atoms...)
	for _, a := range t.atoms.Resolve(atoms) {
		t.read[a] = true
	}
}

// isRead reports whether an op consumes an atom.
func (t *Tracer) isRead(a graph.Atom) bool {
	for ok := true; ok; a, ok = t.atoms.Whole(a) {
		if t.read[a] {
			return true
		}
	}
	return false
}

// An array is a weight over atoms, row-major.
type array struct {
	atoms []graph.Atom
	load  Load
	open  func() (fuse.Values, error) // access to a stored weight, may be nil
}

func (a *array) fuse() *fuse.Array {
	if a == nil {
		return nil
	}
	return &fuse.Array{Labels: labels(a.atoms), Load: a.load, Open: a.open}
}

// diagonal scales and shifts; either may be nil.
func (t *Tracer) diagonal(x Traced, scale, shift *array) Traced {
	return t.add(fuse.Op{Kind: fuse.Diagonal, Args: []int{x.op}, Scale: scale.fuse(), Shift: shift.fuse()}, x.layout)
}

// link contracts atoms in of x with the weight and gives layout.
func (t *Tracer) link(x Traced, w *array, in, out []graph.Atom, axes []fuse.Axis, layout graph.Layout) Traced {
	return t.add(fuse.Op{Kind: fuse.Link, Args: []int{x.op}, W: w.fuse(), In: labels(in), Out: labels(out), Axes: axes}, layout)
}

// Along applies a matrix of numbers along an axis of x, which gets the given size.
// The entries are asked for when a region is folded, more than once.
func (t *Tracer) Along(x Traced, axis, size int, entries func() []fuse.Entry) Traced {
	out := t.atoms.Axis(graph.Size(int64(size)))
	layout := slices.Clone(x.layout)
	layout[axis] = out
	return t.link(x, nil, nil, nil, []fuse.Axis{{In: labels(x.layout[axis]), Out: labels(out), Entries: entries}}, layout)
}

// Length is the number of elements of an axis of x; ok is false where it is not a number.
func (t *Tracer) Length(x Traced, axis int) (n int, ok bool) { return t.fixed(x.layout[axis]) }

// sizes returns the sizes of a layout's axes.
func (t *Tracer) sizes(l graph.Layout) []graph.Dim {
	out := make([]graph.Dim, len(l))
	for i, axis := range l {
		out[i] = graph.Size(1)
		for _, a := range axis {
			out[i] = out[i].Times(t.atoms.Size(a))
		}
	}
	return out
}

// fixed returns the number of elements of an axis; ok is false where it is
// not a number.
func (t *Tracer) fixed(axis []graph.Atom) (int, bool) {
	n, ok := t.sizes(graph.Layout{axis})[0].Int()
	return int(n), ok
}

// regroup cuts x into axes of the given sizes without moving an element.
func (t *Tracer) regroup(x Traced, sizes []graph.Dim) (Traced, *reason.Refusal) {
	flat := t.atoms.Resolve(x.layout.Flat())
	if l, ok := t.atoms.Regroup(flat, sizes); ok {
		return Traced{x.op, l}, nil
	}
	flat = t.atoms.Resolve(flat)
	var out graph.Layout
	for len(flat) > 0 {
		n, k := t.block(flat, sizes)
		if n == 0 {
			return x, reason.Refuse("", "the view %v of %v does not nest", sizes, t.sizes(x.layout))
		}
		l, ok := t.atoms.Regroup(flat[:n], sizes[:k])
		if !ok {
			l = t.recut(t.atoms.Resolve(flat[:n]), sizes[:k])
		}
		out = append(out, l...)
		flat, sizes = t.atoms.Resolve(flat[n:]), sizes[k:]
	}
	for _, d := range sizes {
		if !d.Is(1) {
			return x, reason.Refuse("", "the view of %v does not nest", t.sizes(x.layout))
		}
		out = append(out, nil)
	}
	return Traced{x.op, out}, nil
}

// block is the shortest start of a flat order and of a list of sizes that hold
// equally many elements; zero where there is none.
func (t *Tracer) block(flat []graph.Atom, sizes []graph.Dim) (n, k int) {
	have := graph.Size(1)
	for n, a := range flat {
		have = have.Times(t.atoms.Size(a))
		want := graph.Size(1)
		for k, d := range sizes {
			want = want.Times(d)
			if have.Equal(want) {
				return n + 1, k + 1
			}
		}
	}
	return 0, 0
}

// recut gives a run of rows new atoms of the given sizes.
func (t *Tracer) recut(from []graph.Atom, sizes []graph.Dim) graph.Layout {
	key := fmt.Sprint(sizes)
	for _, c := range t.cuts {
		if c.sizes == key && slices.Equal(t.atoms.Resolve(c.from), from) {
			return t.atoms.ResolveLayout(c.layout)
		}
	}
	c := recut{from: slices.Clone(from), sizes: key}
	for _, d := range sizes {
		axis := t.atoms.Axis(d)
		c.to, c.layout = append(c.to, axis...), append(c.layout, axis)
	}
	t.cuts = append(t.cuts, c)
	return c.layout
}

// refine cuts two flat orders of the same elements into pairs of atoms of
// equal size.
func (t *Tracer) refine(a, b []graph.Atom) (pa, pb []graph.Atom, ok bool) {
	a, b = append([]graph.Atom{}, t.atoms.Resolve(a)...), append([]graph.Atom{}, t.atoms.Resolve(b)...)
	for len(a) > 0 && len(b) > 0 {
		x, y := a[0], b[0]
		sx, sy := t.atoms.Size(x), t.atoms.Size(y)
		switch {
		case x == y || sx.Equal(sy):
			pa, pb = append(pa, x), append(pb, y)
			a, b = a[1:], b[1:]
			continue
		}
		if q, ok := sy.Over(sx); ok {
			o, i := t.atoms.Split(y, sx, q)
			b = append([]graph.Atom{o, i}, b[1:]...)
		} else if q, ok := sx.Over(sy); ok {
			o, i := t.atoms.Split(x, sy, q)
			a = append([]graph.Atom{o, i}, a[1:]...)
		} else {
			return nil, nil, false
		}
		// a split atom may occur again further on
		a, b = t.atoms.Resolve(a), t.atoms.Resolve(b)
	}
	return pa, pb, len(a) == 0 && len(b) == 0
}

// sum adds operands of one shape. Where one branch passes an atom of the
// program's input through and another makes a new index at the same place, the
// first is a diagonal matrix over it.
func (t *Tracer) sum(xs []Traced, coef []float64) (Traced, *reason.Refusal) {
	if len(xs) == 1 && coef[0] == 1 {
		return xs[0], nil
	}
	isInput := func() map[graph.Atom]bool {
		m := map[graph.Atom]bool{}
		for _, a := range t.atoms.Resolve(t.in.Flat()) {
			m[a] = true
		}
		for _, c := range t.cuts { // these stand for rows
			for _, a := range t.atoms.Resolve(c.to) {
				m[a] = true
			}
		}
		return m
	}
	result := t.atoms.ResolveLayout(xs[0].layout)
	for _, x := range xs[1:] {
		if len(x.layout) != len(result) {
			return xs[0], reason.Refuse("", "operands of different rank")
		}
		for axis := range result {
			pa, pb, ok := t.refine(result[axis], x.layout[axis])
			if !ok {
				return xs[0], reason.Refuse(reason.RowOrderDiffers, "the operands cut an axis of %v differently", t.sizes(result)[axis])
			}
			in := isInput()
			var joint []graph.Atom
			for i, a := range pa {
				b := pb[i]
				switch {
				case a == b:
				case !in[a] && !in[b] && t.joinable(a, b, result, x.layout) && !t.together(a, b, xs):
					t.atoms.Join(b, a)
				case in[a] && !in[b] && !t.holds(result, b):
					a = b
				case !in[a] && in[b] && !t.holds(x.layout, a):
				default:
					if _, ok := t.atoms.Size(a).Int(); !ok {
						return xs[0], reason.Refuse(reason.RowOrderDiffers, "the operands hold the same elements in another order")
					}
					a = t.atoms.New(t.atoms.Size(a))
				}
				joint = append(joint, a)
			}
			result[axis] = joint
		}
		result = t.atoms.ResolveLayout(result)
	}
	op := fuse.Op{Kind: fuse.Sum, Coef: coef}
	for _, x := range xs {
		op.Args = append(op.Args, x.op)
		names := map[fuse.Label]fuse.Label{}
		for axis := range result {
			pa, pb, ok := t.refine(x.layout[axis], result[axis])
			if !ok {
				return xs[0], reason.Refuse(reason.RowOrderDiffers, "the operands cut an axis differently")
			}
			for i, a := range pa {
				names[fuse.Label(a)] = fuse.Label(pb[i])
			}
		}
		op.Rename = append(op.Rename, names)
	}
	return t.add(op, result), nil
}

// holds reports whether an atom is part of a layout.
func (t *Tracer) holds(l graph.Layout, a graph.Atom) bool {
	return slices.Contains(t.atoms.Resolve(l.Flat()), a)
}

// mostTogether bounds the operands that are looked at for each index.
const mostTogether = 64

// together reports whether one of the first of some values has both atoms.
func (t *Tracer) together(a, b graph.Atom, xs []Traced) bool {
	xs = xs[:min(len(xs), mostTogether)]
	return slices.ContainsFunc(xs, func(x Traced) bool { return t.holds(x.layout, a) && t.holds(x.layout, b) })
}

// joinable reports whether a, of a value with layout x, and b, of one with
// layout y, can be one atom: no value has both, and none is made of the other.
func (t *Tracer) joinable(a, b graph.Atom, x, y graph.Layout) bool {
	if t.holds(x, b) || t.holds(y, a) {
		return false
	}
	return !t.isRead(a) && !t.isRead(b)
}
