package graph

// Flat orders. Every value is a sequence of atoms, outermost first, cut into
// axes. An atom is an independent index with a size; Reshape changes the cut
// and splits atoms where it must, Transpose permutes them. Two values with the
// same sequence of atoms hold their elements in the same order; equal sizes
// alone do not say that.

// An Atom is one index of a flat order.
type Atom int32

// A Layout gives for every axis the atoms that it consists of, outermost
// first. An axis of size one has none.
type Layout [][]Atom

// Flat returns the atoms of all axes in order.
func (l Layout) Flat() []Atom {
	var out []Atom
	for _, a := range l {
		out = append(out, a...)
	}
	return out
}

// Atoms is the table of all atoms of one analysis. Atoms may be split or
// joined with others while the analysis runs; Resolve returns what a layout
// consists of now.
type Atoms struct {
	size  []Dim
	split [][]Atom // the atoms that replace this one; one entry: joined
	whole []Atom   // the atom that this one was split off, -1 for none
}

func newAtoms() *Atoms { return &Atoms{} }

// NewAtoms returns an empty table.
func NewAtoms() *Atoms { return newAtoms() }

// New adds an atom.
func (t *Atoms) New(size Dim) Atom {
	t.size = append(t.size, size)
	t.split = append(t.split, nil)
	t.whole = append(t.whole, -1)
	return Atom(len(t.size) - 1)
}

// Size returns the size of an atom.
func (t *Atoms) Size(a Atom) Dim { return t.size[a] }

// Fix gives an atom of open size the number that an operator asks for.
func (t *Atoms) Fix(a Atom, size Dim) { t.size[a] = size }

// Axis returns the atoms of a fresh axis.
func (t *Atoms) Axis(size Dim) []Atom {
	if size.Is(1) {
		return nil
	}
	return []Atom{t.New(size)}
}

// Resolve replaces atoms that have been split or joined.
func (t *Atoms) Resolve(axis []Atom) []Atom {
	for i, a := range axis {
		if t.split[a] != nil {
			out := append([]Atom{}, axis[:i]...)
			for _, b := range axis[i:] {
				out = append(out, t.resolve1(b)...)
			}
			return out
		}
	}
	return axis
}

func (t *Atoms) resolve1(a Atom) []Atom {
	if t.split[a] == nil {
		return []Atom{a}
	}
	var out []Atom
	for _, b := range t.split[a] {
		out = append(out, t.resolve1(b)...)
	}
	return out
}

// ResolveLayout replaces split and joined atoms in every axis.
func (t *Atoms) ResolveLayout(l Layout) Layout {
	out := make(Layout, len(l))
	for i, axis := range l {
		out[i] = t.Resolve(axis)
	}
	return out
}

// Split cuts an unsplit atom into an outer and an inner one.
func (t *Atoms) Split(a Atom, outer, inner Dim) (Atom, Atom) {
	o, i := t.New(outer), t.New(inner)
	t.split[a] = []Atom{o, i}
	t.whole[o], t.whole[i] = a, a
	return o, i
}

// Whole returns the atom that a was split off; ok is false where there is none.
func (t *Atoms) Whole(a Atom) (whole Atom, ok bool) { return t.whole[a], t.whole[a] >= 0 }

// Join makes a stand for b from now on. Both must be unsplit and of equal size.
func (t *Atoms) Join(a, b Atom) {
	if a != b {
		t.split[a] = []Atom{b}
	}
}

// Regroup cuts the flat sequence of atoms into axes of the given sizes,
// splitting atoms where needed. It reports false, and may have split atoms,
// where the sizes do not nest.
func (t *Atoms) Regroup(flat []Atom, sizes []Dim) (Layout, bool) {
	flat = append([]Atom{}, t.Resolve(flat)...)
	out := make(Layout, len(sizes))
	for i, want := range sizes {
		for !want.Is(1) {
			if len(flat) == 0 {
				return nil, false
			}
			a := flat[0]
			have := t.size[a]
			if have.Is(1) {
				flat = flat[1:]
				continue
			}
			if !have.Known() || !want.Known() {
				return nil, false
			}
			if rest, ok := want.Over(have); ok {
				out[i] = append(out[i], a)
				flat, want = flat[1:], rest
				continue
			}
			inner, ok := have.Over(want)
			if !ok {
				inner, ok = t.promised(have, want)
			}
			if !ok {
				return nil, false
			}
			x, y := t.Split(a, want, inner)
			out[i] = append(out[i], x)
			flat[0], want = y, Size(1)
		}
	}
	for _, a := range flat {
		if !t.size[a].Is(1) {
			return nil, false
		}
	}
	return out, true
}

// promised splits a size H by ⌊H/k⌋: a Reshape that asks for that many tiles of
// H promises that k divides H, or it fails at run time.
func (t *Atoms) promised(have, want Dim) (Dim, bool) {
	num, den, ok := want.quotient()
	if !ok || !num.Equal(have) {
		return Unknown, false
	}
	k, ok := den.Int()
	return den, ok && k > 0
}

// Sizes returns the size of every atom, indexed by atom.
func (t *Atoms) Sizes() []Dim { return t.size }
