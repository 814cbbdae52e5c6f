package affine

import (
	"iter"
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Form is the map that a value is a view of: its sizes [N, C, spatial...], and how
// the value is cut from it.
type Form struct {
	Dims []graph.Dim
	Cut  Cut // nil: as it is
}

// Plain reports whether the value is the map as it is, channels first.
func (f Form) Plain() bool { return f.Cut == nil }

// Whole is the axis of the value that is an axis of the map as a whole, -1 for none. An
// axis of one element is whole where it stands at its place.
func (f Form) Whole(axis int) int {
	size := f.Dims[axis]
	for i := range f.Cut.rank(f.Dims) {
		if !size.Is(1) && f.Cut.holds(i, axis, f.Dims) {
			return i
		}
	}
	if f.Plain() {
		return axis
	}
	return -1
}

// AsItIs is the form of a value whose axes are those of a map already.
func AsItIs(v *graph.Value) Form {
	dims, _ := v.Shape()
	return Form{Dims: dims}
}

// MapInput starts a walk at a value that is a view of a map.
func MapInput(f Form) (Map, bool) {
	if len(f.Dims) < 3 {
		return Map{}, false
	}
	c, ok := f.Dims[1].Int()
	if !ok || c < 1 {
		return Map{}, false
	}
	return Map{Win: fuse.IdentityWindow(int(c), len(f.Dims)-2), Dims: f.Dims, Cut: f.Cut, In: f, borders: make(borders, len(f.Dims)-2)}, true
}

// MapForm finds the map that a value is a view of: what the first of the steps from
// there on reads that needs the axes of a map, seen through views and permutations
// before it. Without one the axes are taken as they are.
func MapForm(from *graph.Value, steps iter.Seq[*Affine]) Form {
	plain := AsItIs(from)
	if len(plain.Dims) == 0 {
		return plain
	}
	atoms := graph.NewAtoms()
	start := make(graph.Layout, len(plain.Dims))
	for i, d := range plain.Dims {
		start[i] = atoms.Axis(d)
	}
	at := map[*graph.Value]graph.Layout{from: start}
	var found graph.Layout // what a BatchNormalization reads: a view behind it may tell more
	for a := range steps {
		layout, ok := at[a.Args[0]]
		if !ok {
			continue
		}
		switch op := a.Op.(type) {
		case *Permute:
			if len(op.Perm) != len(layout) {
				return plain
			}
			layout = permute(Traced{layout: layout}, op.Perm).layout
		case *View:
			if layout, ok = atoms.Regroup(layout.Flat(), op.Dims); !ok {
				continue
			}
		case *Diagonal:
			if op.Norm && found == nil && len(layout) > 2 {
				found = layout
			}
		case *FC:
			if axes, ok := op.mapAxes(); ok && found == nil && len(layout) == len(op.Data) {
				of := make(graph.Layout, len(axes))
				for k, list := range axes {
					for _, i := range list {
						of[k] = append(of[k], layout[i]...)
					}
				}
				return formOf(atoms, start, of)
			}
		default:
			if IsSpatial(op) && len(layout) > 2 {
				return formOf(atoms, start, layout)
			}
		}
		if found != nil && !IsView(a.Op) && !IsScale(a.Op) {
			break
		}
		at[a.Out] = layout
	}
	if found != nil {
		return formOf(atoms, start, found)
	}
	return plain
}

// formOf is a value of layout start as a view of a map, whose axes are layout.
func formOf(atoms *graph.Atoms, start, layout graph.Layout) Form {
	layout = atoms.ResolveLayout(layout)
	f := Form{Dims: make([]graph.Dim, len(layout)), Cut: make(Cut, len(start))}
	pieces := map[graph.Atom]Piece{}
	for k, axis := range layout {
		inner := graph.Size(1)
		for _, a := range slices.Backward(axis) {
			pieces[a] = Piece{k, atoms.Size(a), inner}
			inner = inner.Times(atoms.Size(a))
		}
		f.Dims[k] = inner
	}
	for i, axis := range atoms.ResolveLayout(start) {
		for _, a := range axis {
			f.Cut[i] = joined(f.Cut[i], pieces[a])
		}
	}
	f.Cut = f.Cut.plain(f.Dims)
	return f
}
