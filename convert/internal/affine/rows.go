package affine

import (
	"maps"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Rows is a finished trace: the affine map between two values, as one layer that
// maps rows to rows.
type Rows struct {
	In, Out graph.Layout // every atom resolved
	Atoms   *graph.Atoms
	Program *fuse.Program
	Row     map[graph.Atom]bool // pass through, no weight depends on them
	Group   []graph.Atom        // pass through, weights depend on them
	Feature []graph.Atom        // input indices that are summed over
	Result  []graph.Atom        // output indices that are made
}

// Finish sorts all atoms into rows, groups, inputs and outputs of the map from the
// program's input to out, which has to be the last value that was traced. The
// walk may go on afterwards.
func (t *Tracer) Finish(out Traced) (*Rows, *reason.Refusal) {
	t.settle()
	m := &Rows{In: t.atoms.ResolveLayout(t.in), Out: t.atoms.ResolveLayout(out.layout), Atoms: t.atoms, Row: map[graph.Atom]bool{}}
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
			return nil, reason.Refuse("", "rows that are cut anew at run time are mixed")
		}
	}
	survives := map[graph.Atom]bool{}
	for _, a := range m.Out.Flat() {
		survives[a] = true
	}
	isIn := map[graph.Atom]bool{}
	for _, a := range m.In.Flat() {
		isIn[a] = true
		switch {
		case !survives[a] || consumed[a]:
			if survives[a] {
				return nil, reason.Refuse(reason.RowOrderDiffers, "an index is summed over in one branch and passed through in another")
			}
			m.Feature = append(m.Feature, a)
		case weighted[a]:
			m.Group = append(m.Group, a)
		default:
			m.Row[a] = true
		}
	}
	for _, a := range m.Out.Flat() {
		if !isIn[a] {
			m.Result = append(m.Result, a)
		}
	}
	for _, list := range [][]graph.Atom{m.Group, m.Feature, m.Result} {
		for _, a := range list {
			if n, ok := t.atoms.Size(a).Int(); !ok || n < 1 {
				return nil, reason.Refuse("", "an index of unknown size %v would be merged", t.atoms.Size(a))
			}
		}
	}
	m.Program = t.program(m)
	return m, nil
}

// undoCuts puts the rows that a recut stands for back into the order of the
// result, and lists all atoms that no weight may depend on because of that.
func (t *Tracer) undoCuts(m *Rows) ([]graph.Atom, *reason.Refusal) {
	var touched []graph.Atom
	flat := m.Out.Flat()
	isIn := map[graph.Atom]bool{}
	for _, a := range m.In.Flat() {
		isIn[a] = true
	}
	for i := len(t.cuts) - 1; i >= 0; i-- {
		from, to := t.atoms.Resolve(t.cuts[i].from), t.atoms.Resolve(t.cuts[i].to)
		at := slices.Index(flat, to[0])
		if at < 0 {
			for _, a := range to[1:] {
				if slices.Contains(flat, a) {
					return nil, reason.Refuse("", "rows that are cut anew at run time are taken apart")
				}
			}
			touched = append(touched, to...) // an op has read them
			continue
		}
		if at+len(to) > len(flat) || !slices.Equal(flat[at:at+len(to)], to) {
			return nil, reason.Refuse("", "rows that are cut anew at run time are taken apart")
		}
		flat = slices.Replace(slices.Clone(flat), at, at+len(to), from...)
		touched = slices.Concat(touched, from, to)
		m.Out = graph.Layout{flat}
	}
	for _, a := range touched {
		cut := slices.ContainsFunc(t.cuts, func(c recut) bool { return slices.Contains(t.atoms.Resolve(c.to), a) })
		if !isIn[a] && !cut {
			return nil, reason.Refuse("", "rows that are cut anew at run time are made inside the region")
		}
	}
	return touched, nil
}

// settle splits renamed atoms alike and resolves every op.
func (t *Tracer) settle() {
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
func (t *Tracer) program(m *Rows) *fuse.Program {
	p := &fuse.Program{Ops: copied(t.ops), Sizes: make([]int, 0, len(t.atoms.Sizes()))}
	for _, d := range t.atoms.Sizes() {
		n, _ := d.Int()
		p.Sizes = append(p.Sizes, int(n))
	}
	for _, a := range m.In.Flat() {
		if !m.Row[a] {
			p.Input = append(p.Input, fuse.Label(a))
		}
	}
	for i := range p.Ops {
		for _, names := range p.Ops[i].Rename {
			for from := range names {
				if m.Row[graph.Atom(from)] {
					delete(names, from)
				}
			}
		}
	}
	return p
}

// copied is a copy of ops that later steps of the walk do not change.
func copied(ops []fuse.Op) []fuse.Op {
	array := func(a *fuse.Array) *fuse.Array {
		if a == nil {
			return nil
		}
		b := *a
		b.Labels = slices.Clone(a.Labels)
		return &b
	}
	out := slices.Clone(ops)
	for i := range out {
		op := &out[i]
		op.Scale, op.Shift, op.W = array(op.Scale), array(op.Shift), array(op.W)
		op.Axes = slices.Clone(op.Axes)
		op.Rename = slices.Clone(op.Rename)
		for k, names := range op.Rename {
			op.Rename[k] = maps.Clone(names)
		}
	}
	return out
}

// atLeast is a lower bound of the weights of the map to out, in less time than
// Finish takes.
func (t *Tracer) atLeast(out Traced) float64 {
	if len(t.cuts) > 0 {
		return 0 // rows that were cut anew look like features
	}
	in, made := t.atoms.Resolve(t.in.Flat()), t.atoms.Resolve(out.layout.Flat())
	consumed, weighted := t.atoms.Resolve(t.consumed), t.atoms.Resolve(t.weighted)
	size := 1.0
	count := func(a graph.Atom) {
		if n, ok := t.atoms.Size(a).Int(); ok {
			size *= float64(n)
		}
	}
	for _, a := range in {
		if !slices.Contains(made, a) || slices.Contains(consumed, a) || slices.Contains(weighted, a) {
			count(a)
		}
	}
	for _, a := range made {
		if !slices.Contains(in, a) {
			count(a)
		}
	}
	return size
}

// maxCount is the number from which on elements are no longer counted.
const maxCount = 1 << 50

// Count is the number of elements over atoms, at most maxCount.
func (m *Rows) Count(atoms []graph.Atom) int {
	n := 1.0
	for _, a := range atoms {
		k, _ := m.Atoms.Size(a).Int()
		n *= float64(k)
	}
	return int(min(n, maxCount))
}

// Weights is the number of weights of the folded layer, without its bias.
func (m *Rows) Weights() int { return m.Count(slices.Concat(m.Group, m.Result, m.Feature)) }

// Sizes are the sizes of a layout's axes.
func (m *Rows) Sizes(l graph.Layout) []graph.Dim { return (&Tracer{atoms: m.Atoms}).sizes(l) }

// Form is the order in which the program is folded.
func (m *Rows) Form() fuse.Form {
	return fuse.Form{Group: labels(m.Group), Out: labels(m.Result), In: labels(m.Feature)}
}
