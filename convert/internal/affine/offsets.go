package affine

import "repmlp/onnxio/graph"

// Offsets are the places that all indices over some atoms of a layout have in a flat value of
// the given shape, the last atom running fastest; ok is false where the sizes of the atoms do
// not follow from the shape.
func Offsets(atoms *graph.Atoms, layout graph.Layout, shape []int, over []graph.Atom) (offsets []int, ok bool) {
	if len(shape) != len(layout) {
		return nil, false
	}
	size, step := map[graph.Atom]int{}, map[graph.Atom]int{}
	inner := 1
	for i := len(layout) - 1; i >= 0; i-- {
		sizes := []int{shape[i]} // a piece of a map may be shorter than its axis
		if len(layout[i]) != 1 {
			if sizes, ok = axisSizes(atoms, layout[i], shape[i]); !ok {
				return nil, false
			}
		}
		for k := len(sizes) - 1; k >= 0; k-- {
			a := layout[i][k]
			size[a], step[a] = sizes[k], inner
			inner *= sizes[k]
		}
	}
	offsets = []int{0}
	for _, a := range over {
		n, known := size[a]
		if !known {
			return nil, false
		}
		next := make([]int, 0, len(offsets)*n)
		for _, o := range offsets {
			for j := range n {
				next = append(next, o+j*step[a])
			}
		}
		offsets = next
	}
	return offsets, true
}

// axisSizes are the sizes of an axis' atoms where the axis has n elements; at most
// one of them may be a symbol.
func axisSizes(atoms *graph.Atoms, axis []graph.Atom, n int) ([]int, bool) {
	out := make([]int, len(axis))
	free, known := -1, 1
	for k, a := range axis {
		size, ok := atoms.Size(a).Int()
		if !ok {
			if free >= 0 {
				return nil, false
			}
			free = k
			continue
		}
		if size < 0 {
			return nil, false // the file's shapes contradict each other
		}
		out[k] = int(size)
		known *= int(size)
	}
	if free >= 0 && known > 0 {
		out[free] = n / known
		known *= out[free]
	}
	return out, known == n
}
