package layer

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// transposeCost is what a Transpose counts where a view counts one.
const transposeCost = 2

// A move is a node that moves data: a Transpose, or a Reshape to sizes or to a shape
// that is only known at run time.
type move struct {
	perm  []int64
	dims  []int64
	shape *runtimeShape
}

func (m move) String() string {
	switch {
	case m.perm != nil:
		return fmt.Sprintf("Transpose %v", m.perm)
	case m.shape != nil:
		return "Reshape to sizes of the input"
	}
	return fmt.Sprintf("Reshape %v", m.dims)
}

// A runtimeShape takes the sizes that are no numbers from the shape of the input.
type runtimeShape struct{ dims []shapeDim }

type shapeDim struct {
	n    int64 // a number, -1 for the inferred one
	axis int   // or an axis of the input, -1 for none
}

// move writes a node; in is the input of the whole layer.
func (c *fcNodes) move(m move, cur, to, in string) string {
	switch {
	case m.perm != nil:
		return c.node("Transpose", c.base+".order", to, []string{cur}, onnxio.IntsAttr("perm", m.perm))
	case m.shape != nil:
		return c.node("Reshape", c.base+".view", to, []string{cur, c.runtime(m.shape, in)})
	}
	return c.reshape(c.base+".view", to, cur, m.dims)
}

// runtime builds a Reshape target from the shape of a value.
func (c *fcNodes) runtime(s *runtimeShape, of string) string {
	shape := c.node("Shape", c.base+".sizes", "", []string{of})
	var parts []string
	for _, d := range s.dims {
		if d.axis < 0 {
			parts = append(parts, c.ints([]int64{d.n}))
			continue
		}
		parts = append(parts, c.node("Gather", c.base+".size", "", []string{shape, c.ints([]int64{int64(d.axis)})}, onnxio.IntAttr("axis", 0)))
	}
	return c.node("Concat", c.base+".target", "", parts, onnxio.IntAttr("axis", 0))
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

// rearrange turns layout from into layout to, whose sizes as a Reshape target
// are dims, or shape where they are only known at run time.
func rearrange(m *affine.Rows, from, to graph.Layout, dims []int64, shape *runtimeShape) (moves []move, ok bool) {
	flat, want := from.Flat(), to.Flat()
	cur := from
	if !slices.Equal(flat, want) {
		// Whole axes may move as they are; otherwise cut into runs that stay together.
		blocks, whole := wholeAxes(from, want)
		if !whole {
			blocks = runs(flat, want)
			cut := make([]int64, len(blocks))
			unknown := 0
			for i, d := range m.Sizes(graph.Layout(blocks)) {
				n, ok := d.Int()
				if !ok {
					n = -1
					unknown++
				}
				cut[i] = n
			}
			if unknown > 1 {
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
	return append(moves, move{dims: dims, shape: shape}), true
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
func wholeAxes(from graph.Layout, want []graph.Atom) ([][]graph.Atom, bool) {
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
func runs(flat, want []graph.Atom) [][]graph.Atom {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	var out [][]graph.Atom
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
func permutation(blocks [][]graph.Atom, want []graph.Atom) ([]int64, graph.Layout) {
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
