package layer

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// transposeCost is what a Transpose counts where a view counts one, runtimeCost what a
// view whose sizes are worked out at run time does.
const (
	transposeCost = 2
	runtimeCost   = 3
)

// A move is a node that moves data: a Transpose, or a view, which is a Reshape to sizes
// or to a shape that is only known at run time, or drops or adds axes of one element.
type move struct {
	perm      []int64
	dims      []int64
	shape     *runtimeShape
	drop, add []int64
}

// cost is what a move counts.
func (m move) cost() int {
	switch {
	case m.shape != nil:
		return runtimeCost
	case m.perm != nil:
		return transposeCost
	}
	return 1
}

func (m move) String() string {
	switch {
	case m.perm != nil:
		return fmt.Sprintf("Transpose %v", m.perm)
	case m.shape != nil:
		return "Reshape to sizes of the input"
	case m.drop != nil:
		return fmt.Sprintf("Squeeze %v", m.drop)
	case m.add != nil:
		return fmt.Sprintf("Unsqueeze %v", m.add)
	}
	return fmt.Sprintf("Reshape %v", m.dims)
}

// A runtimeShape takes the sizes that are no numbers from the shape of the input.
type runtimeShape struct{ dims []shapeDim }

type shapeDim struct {
	n    int64 // a number, -1 for the inferred one
	axis int   // or an axis of the input, -1 for none
}

// move writes a node of the given name; in is the input of the whole layer.
func (w *Writer) move(m move, base, name, cur, to, in string) string {
	switch {
	case m.perm != nil:
		return w.node("Transpose", name, to, []string{cur}, onnxio.IntsAttr("perm", m.perm))
	case m.shape != nil:
		return w.node("Reshape", name, to, []string{cur, w.runtime(m.shape, base, in)})
	case m.drop != nil:
		return w.ones("Squeeze", name, to, cur, m.drop)
	case m.add != nil:
		return w.ones("Unsqueeze", name, to, cur, m.add)
	}
	return w.reshape(name, to, cur, m.dims)
}

// runtime builds a Reshape target from the shape of a value.
func (w *Writer) runtime(s *runtimeShape, base, of string) string {
	shape := w.node("Shape", base+".sizes", "", []string{of})
	var parts []string
	for _, d := range s.dims {
		if d.axis < 0 {
			parts = append(parts, w.ints([]int64{d.n}))
			continue
		}
		parts = append(parts, w.node("Gather", base+".size", "", []string{shape, w.ints([]int64{int64(d.axis)})}, onnxio.IntAttr("axis", 0)))
	}
	return w.node("Concat", base+".target", "", parts, onnxio.IntAttr("axis", 0))
}

// targetShape is a shape as a Reshape target: numbers with at most one -1, or
// sizes taken from value u at run time.
func targetShape(dims []graph.Dim, u *graph.Value) ([]int64, *runtimeShape, bool) {
	out := make([]int64, len(dims))
	unknown := 0
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			n = -1
			unknown++
		}
		out[i] = n
	}
	if unknown <= 1 {
		return out, nil, true
	}
	from, _ := u.Shape()
	rs := &runtimeShape{}
	inferred := false
	for i, d := range dims {
		sd := shapeDim{n: out[i], axis: -1}
		if out[i] < 0 {
			sd.axis = slices.IndexFunc(from, func(f graph.Dim) bool { return f.Equal(d) })
			if sd.axis < 0 && inferred {
				return nil, nil, false
			}
			inferred = inferred || sd.axis < 0
		}
		rs.dims = append(rs.dims, sd)
	}
	return nil, rs, true
}

// rearranged turns layout from into layout to; view is what cuts the elements, which
// then stand in the order of to, into its axes.
func rearranged(sizes func(graph.Layout) []graph.Dim, from, to graph.Layout, view func(from graph.Layout) (move, bool)) (moves []move, ok bool) {
	flat, want := from.Flat(), to.Flat()
	cur := from
	if !slices.Equal(flat, want) {
		// Whole axes may move as they are; otherwise cut into runs that stay together.
		blocks, whole := wholeAxes(from, want)
		if !whole {
			blocks = runs(flat, want)
			cut, ok := target(sizes(from), sizes(blocks))
			if !ok {
				return nil, false
			}
			moves = append(moves, move{dims: cut})
		}
		perm, order := permutation(blocks, want)
		moves = append(moves, move{perm: perm})
		cur = order
	}
	if sameCut(cur, to) {
		return moves, true
	}
	m, ok := view(cur)
	return append(moves, m), ok
}

// target is a Reshape target between axes of the given sizes: numbers, one -1, and 0 for
// further sizes that stay where they are. ok is false where that says too little.
func target(from, to []graph.Dim) (dims []int64, ok bool) {
	unknown := 0
	for _, d := range to {
		n, ok := d.Int()
		if !ok {
			n = -1
			unknown++
		}
		dims = append(dims, n)
	}
	for i := 0; i < min(len(from), len(to)) && unknown > 1; i++ {
		if dims[i] < 0 && from[i].Equal(to[i]) {
			dims[i] = 0
			unknown--
		}
	}
	return dims, unknown <= 1
}

func sameCut(a, b graph.Layout) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !slices.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// wholeAxes reports whether every axis of from stays together in order want.
func wholeAxes(from graph.Layout, want []graph.Atom) (graph.Layout, bool) {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	for _, axis := range from {
		for i := 1; i < len(axis); i++ {
			if at[axis[i]] != at[axis[i-1]]+1 {
				return nil, false
			}
		}
	}
	return from, true
}

// runs cuts order flat into the longest pieces that stand together in want.
func runs(flat, want []graph.Atom) graph.Layout {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	var out graph.Layout
	for i, a := range flat {
		if i > 0 && at[a] == at[flat[i-1]]+1 {
			out[len(out)-1] = append(out[len(out)-1], a)
			continue
		}
		out = append(out, []graph.Atom{a})
	}
	return out
}

// permutation orders blocks as want asks; empty blocks go to the end.
func permutation(blocks graph.Layout, want []graph.Atom) ([]int64, graph.Layout) {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	perm := make([]int64, len(blocks))
	for i := range perm {
		perm[i] = int64(i)
	}
	place := func(i int64) int {
		if len(blocks[i]) == 0 {
			return len(want)
		}
		return at[blocks[i][0]]
	}
	slices.SortStableFunc(perm, func(a, b int64) int { return place(a) - place(b) })
	order := make(graph.Layout, len(perm))
	for i, k := range perm {
		order[i] = blocks[k]
	}
	return perm, order
}
