package convert

import (
	"fmt"
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A tracer writes a piece of the graph, from one value to another, as a
// program over named indices. Axes become atoms: views and transposes only
// regroup and permute them, so the program holds nothing but arithmetic, and
// what stays untouched from end to end are the rows.
type tracer struct {
	g     *graph.Graph
	atoms *graph.Atoms
	ops   []fuse.Op
	cuts  []recut
}

// A recut is a run of rows that a Reshape cuts at other places, as [N, hp, wp,
// C/S] into [N·C/S, hp, wp] with sizes that are only known at run time. The
// new atoms stand for the old ones as long as they stay together.
type recut struct {
	from, to []graph.Atom
	layout   graph.Layout // of to
	sizes    string
}

// A traced value is the output of a program op together with the order of its
// elements.
type traced struct {
	op     int // -1 for the program's input
	layout graph.Layout
}

// A refusal says why a step cannot be part of a merge; its code is one of
// reasons.md. The zero code means that it is no decline worth reporting.
type refusal struct {
	Code    string
	Message string
}

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// load reads the numbers of a weight when the region is folded.
type load = func() ([]float64, error)

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

func (t *tracer) add(op fuse.Op, layout graph.Layout) traced {
	t.ops = append(t.ops, op)
	return traced{len(t.ops) - 1, layout}
}

// An array is a weight over atoms, row-major.
type array struct {
	atoms []graph.Atom
	load  load
	open  func() (fuse.Values, error) // access to a stored weight, may be nil
}

func (a *array) fuse() *fuse.Array {
	if a == nil {
		return nil
	}
	return &fuse.Array{Labels: labels(a.atoms), Load: a.load, Open: a.open}
}

// diagonal scales and shifts; either may be nil.
func (t *tracer) diagonal(x traced, scale, shift *array) traced {
	return t.add(fuse.Op{Kind: fuse.Diagonal, Args: []int{x.op}, Scale: scale.fuse(), Shift: shift.fuse()}, x.layout)
}

// link contracts atoms in of x with the weight and gives layout.
func (t *tracer) link(x traced, w *array, in, out []graph.Atom, axes []fuse.Axis, layout graph.Layout) traced {
	return t.add(fuse.Op{Kind: fuse.Link, Args: []int{x.op}, W: w.fuse(), In: labels(in), Out: labels(out), Axes: axes}, layout)
}

// shape returns the sizes of a layout's axes.
func (t *tracer) sizes(l graph.Layout) []graph.Dim {
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
func (t *tracer) fixed(axis []graph.Atom) (int, bool) {
	n, ok := t.sizes(graph.Layout{axis})[0].Int()
	return int(n), ok
}

// regroup cuts x into axes of the given sizes without moving an element.
func (t *tracer) regroup(x traced, sizes []graph.Dim) (traced, *refusal) {
	flat := t.atoms.Resolve(x.layout.Flat())
	if l, ok := t.atoms.Regroup(flat, sizes); ok {
		return traced{x.op, l}, nil
	}
	flat = t.atoms.Resolve(flat)
	var out graph.Layout
	for len(flat) > 0 {
		n, k := t.block(flat, sizes)
		if n == 0 {
			return x, refuse("", "the view %v of %v does not nest", sizes, t.sizes(x.layout))
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
			return x, refuse("", "the view of %v does not nest", t.sizes(x.layout))
		}
		out = append(out, nil)
	}
	return traced{x.op, out}, nil
}

// block is the shortest start of a flat order and of a list of sizes that hold
// equally many elements; zero where there is none.
func (t *tracer) block(flat []graph.Atom, sizes []graph.Dim) (n, k int) {
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
func (t *tracer) recut(from []graph.Atom, sizes []graph.Dim) graph.Layout {
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
func (t *tracer) refine(a, b []graph.Atom) (pa, pb []graph.Atom, ok bool) {
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

// sum adds operands of one shape. input holds the atoms of the program's
// input: where one branch passes such an atom through and another makes a new
// index at the same place, the first is a diagonal matrix over it.
func (t *tracer) sum(xs []traced, coef []float64, input []graph.Atom) (traced, *refusal) {
	if len(xs) == 1 && coef[0] == 1 {
		return xs[0], nil
	}
	isInput := func() map[graph.Atom]bool {
		m := map[graph.Atom]bool{}
		for _, a := range t.atoms.Resolve(input) {
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
			return xs[0], refuse("", "operands of different rank")
		}
		for axis := range result {
			pa, pb, ok := t.refine(result[axis], x.layout[axis])
			if !ok {
				return xs[0], refuse("row_order_differs", "the operands cut an axis of %v differently", t.sizes(result)[axis])
			}
			in := isInput()
			var joint []graph.Atom
			for i, a := range pa {
				b := pb[i]
				switch {
				case a == b:
				case !in[a] && !in[b] && t.joinable(a, b, result, x.layout):
					t.atoms.Join(b, a)
				case in[a] && !in[b] && !t.holds(result, b):
					a = b
				case !in[a] && in[b] && !t.holds(x.layout, a):
				default:
					if _, ok := t.atoms.Size(a).Int(); !ok {
						return xs[0], refuse("row_order_differs", "the operands hold the same elements in another order")
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
				return xs[0], refuse("row_order_differs", "the operands cut an axis differently")
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
func (t *tracer) holds(l graph.Layout, a graph.Atom) bool {
	return slices.Contains(t.atoms.Resolve(l.Flat()), a)
}

// joinable reports whether a, of a value with layout x, and b, of one with
// layout y, can be one atom: no value has both, and none is made of the other.
func (t *tracer) joinable(a, b graph.Atom, x, y graph.Layout) bool {
	if t.holds(x, b) || t.holds(y, a) {
		return false
	}
	reads := func(ls []fuse.Label) bool {
		for _, l := range t.atoms.Resolve(atomsOf(ls)) {
			if l == a || l == b {
				return true
			}
		}
		return false
	}
	for i := range t.ops {
		if op := &t.ops[i]; reads(op.In) || slices.ContainsFunc(op.Axes, func(axis fuse.Axis) bool { return reads(axis.In) }) {
			return false
		}
	}
	return true
}

// A traceMap is a finished trace: the affine map between two values.
type traceMap struct {
	in, out graph.Layout // every atom resolved
	atoms   *graph.Atoms
	program *fuse.Program
	rows    map[graph.Atom]bool // pass through, no weight depends on them
	group   []graph.Atom        // pass through, weights depend on them
	feature []graph.Atom        // input indices that are summed over
	result  []graph.Atom        // output indices that are made
}

// finish resolves all atoms and sorts them into rows, groups, inputs and
// outputs.
func (t *tracer) finish(in graph.Layout, out traced) (*traceMap, *refusal) {
	t.settle()
	m := &traceMap{in: t.atoms.ResolveLayout(in), out: t.atoms.ResolveLayout(out.layout), atoms: t.atoms, rows: map[graph.Atom]bool{}}
	undone, why := t.undoCuts(m)
	if why != nil {
		return nil, why
	}
	weighted := map[graph.Atom]bool{}
	consumed := map[graph.Atom]bool{}
	mark := func(set map[graph.Atom]bool, ls []fuse.Label) {
		for _, l := range ls {
			set[graph.Atom(l)] = true
		}
	}
	for _, op := range t.ops {
		for _, a := range []*fuse.Array{op.Scale, op.Shift, op.W} {
			if a != nil {
				mark(weighted, a.Labels)
			}
		}
		mark(consumed, op.In)
		for _, axis := range op.Axes {
			mark(consumed, axis.In)
		}
		for _, names := range op.Rename {
			for from, to := range names {
				if from != to {
					consumed[graph.Atom(from)] = true
				}
			}
		}
	}
	for _, a := range undone {
		if weighted[a] || consumed[a] {
			return nil, refuse("", "rows that are cut anew at run time are mixed")
		}
	}
	survives := map[graph.Atom]bool{}
	for _, a := range m.out.Flat() {
		survives[a] = true
	}
	isIn := map[graph.Atom]bool{}
	for _, a := range m.in.Flat() {
		isIn[a] = true
		switch {
		case !survives[a] || consumed[a]:
			if survives[a] {
				return nil, refuse("row_order_differs", "an index is summed over in one branch and passed through in another")
			}
			m.feature = append(m.feature, a)
		case weighted[a]:
			m.group = append(m.group, a)
		default:
			m.rows[a] = true
		}
	}
	for _, a := range m.out.Flat() {
		if !isIn[a] {
			m.result = append(m.result, a)
		}
	}
	for _, list := range [][]graph.Atom{m.group, m.feature, m.result} {
		for _, a := range list {
			if n, ok := t.atoms.Size(a).Int(); !ok || n < 1 {
				return nil, refuse("", "an index of unknown size %v would be merged", t.atoms.Size(a))
			}
		}
	}
	m.program = t.program(m)
	return m, nil
}

// undoCuts puts the rows that a recut stands for back into the order of the
// result, and lists all atoms that no weight may depend on because of that.
func (t *tracer) undoCuts(m *traceMap) ([]graph.Atom, *refusal) {
	var touched []graph.Atom
	flat := m.out.Flat()
	isIn := map[graph.Atom]bool{}
	for _, a := range m.in.Flat() {
		isIn[a] = true
	}
	for i := len(t.cuts) - 1; i >= 0; i-- {
		from, to := t.atoms.Resolve(t.cuts[i].from), t.atoms.Resolve(t.cuts[i].to)
		at := slices.Index(flat, to[0])
		if at < 0 {
			for _, a := range to[1:] {
				if slices.Contains(flat, a) {
					return nil, refuse("", "rows that are cut anew at run time are taken apart")
				}
			}
			touched = append(touched, to...) // an op has read them
			continue
		}
		if at+len(to) > len(flat) || !slices.Equal(flat[at:at+len(to)], to) {
			return nil, refuse("", "rows that are cut anew at run time are taken apart")
		}
		flat = slices.Replace(slices.Clone(flat), at, at+len(to), from...)
		touched = slices.Concat(touched, from, to)
		m.out = graph.Layout{flat}
	}
	for _, a := range touched {
		cut := slices.ContainsFunc(t.cuts, func(c recut) bool { return slices.Contains(t.atoms.Resolve(c.to), a) })
		if !isIn[a] && !cut {
			return nil, refuse("", "rows that are cut anew at run time are made inside the region")
		}
	}
	return touched, nil
}

// settle splits renamed atoms alike and resolves every op.
func (t *tracer) settle() {
	for again := true; again; {
		again = false
		for i := range t.ops {
			op := &t.ops[i]
			for k, names := range op.Rename {
				next := map[fuse.Label]fuse.Label{}
				for from, to := range names {
					pa, pb, _ := t.refine([]graph.Atom{graph.Atom(from)}, []graph.Atom{graph.Atom(to)})
					if len(pa) != 1 || pa[0] != graph.Atom(from) || pb[0] != graph.Atom(to) {
						again = true
					}
					for j := range pa {
						next[fuse.Label(pa[j])] = fuse.Label(pb[j])
					}
				}
				op.Rename[k] = next
			}
		}
	}
	fix := func(ls []fuse.Label) []fuse.Label { return labels(t.atoms.Resolve(atomsOf(ls))) }
	for i := range t.ops {
		op := &t.ops[i]
		op.In, op.Out = fix(op.In), fix(op.Out)
		for k := range op.Axes {
			op.Axes[k].In, op.Axes[k].Out = fix(op.Axes[k].In), fix(op.Axes[k].Out)
		}
		for _, a := range []*fuse.Array{op.Scale, op.Shift, op.W} {
			if a != nil {
				a.Labels = fix(a.Labels)
			}
		}
	}
}

// program drops the rows: they are the batch of the affine map.
func (t *tracer) program(m *traceMap) *fuse.Program {
	p := &fuse.Program{Ops: t.ops}
	p.Sizes = make([]int, 0)
	for _, d := range t.atoms.Sizes() {
		n, _ := d.Int()
		p.Sizes = append(p.Sizes, int(n))
	}
	for _, a := range m.in.Flat() {
		if !m.rows[a] {
			p.Input = append(p.Input, fuse.Label(a))
		}
	}
	for i := range p.Ops {
		for _, names := range p.Ops[i].Rename {
			for from := range names {
				if m.rows[graph.Atom(from)] {
					delete(names, from)
				}
			}
		}
	}
	return p
}

// maxCount is the number from which on elements are no longer counted.
const maxCount = 1 << 50

// count is the number of elements over atoms, at most maxCount.
func (m *traceMap) count(atoms []graph.Atom) int {
	n := 1.0
	for _, a := range atoms {
		k, _ := m.atoms.Size(a).Int()
		n *= float64(k)
	}
	return int(min(n, maxCount))
}

// weights is the number of weights of the folded layer, without its bias.
func (m *traceMap) weights() int { return m.count(slices.Concat(m.group, m.result, m.feature)) }

func (m *traceMap) form() fuse.Form {
	return fuse.Form{Group: labels(m.group), Out: labels(m.result), In: labels(m.feature)}
}
