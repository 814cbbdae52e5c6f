package move

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// recut lays the numbers of a piece out for the same elements in other axes, as a
// Reshape cuts them. ok is false where the axes along which they vary are cut by sizes
// that are not known, or are joined with one.
func (p *piece) recut(from, to []graph.Dim) (q *piece, ok bool) {
	t := graph.NewAtoms()
	in := make(graph.Layout, len(from))
	for i, d := range from {
		in[i] = t.Axis(d)
	}
	out, ok := t.Regroup(in.Flat(), to)
	if !ok || len(p.sizes) != len(from) {
		return nil, false
	}
	in, out = t.ResolveLayout(in), t.ResolveLayout(out)
	size := func(a graph.Atom) (int, bool) {
		n, ok := t.Size(a).Int()
		return int(n), ok
	}
	var varies []graph.Atom
	for _, axis := range p.varies() {
		varies = append(varies, in[axis]...)
	}
	sizes := slices.Repeat([]int{1}, len(to))
	for i, axis := range out {
		if !slices.ContainsFunc(axis, func(a graph.Atom) bool { return slices.Contains(varies, a) }) {
			continue
		}
		for _, a := range axis {
			n, ok := size(a)
			if !ok || n > maxNumbers || sizes[i] > maxNumbers {
				return nil, false
			}
			sizes[i] *= n
		}
	}
	if affine.Size(sizes) > maxNumbers {
		return nil, false
	}
	n := affine.Size(sizes)
	at := make([]int, n) // the number of p that each one of q is
	index := map[graph.Atom]int{}
	for k := range at {
		rest := k
		for i := len(out) - 1; i >= 0; i-- {
			if sizes[i] == 1 {
				continue
			}
			pos := rest % sizes[i]
			rest /= sizes[i]
			for j := len(out[i]) - 1; j >= 0; j-- {
				m, _ := size(out[i][j])
				index[out[i][j]] = pos % m
				pos /= m
			}
		}
		for axis, m := range p.sizes {
			if m == 1 {
				continue
			}
			pos := 0
			for _, a := range in[axis] {
				m, _ := size(a)
				pos = pos*m + index[a]
			}
			at[k] = at[k]*m + pos
		}
	}
	take := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		w := make([]float64, n)
		for k, i := range at {
			w[k] = v[i]
		}
		return w
	}
	return (&piece{sizes, take(p.scale), take(p.shift)}).narrowed(), true
}

// narrowed leaves out the axes along which all numbers are equal.
func (p *piece) narrowed() *piece {
	for axis, n := range p.sizes {
		if n == 1 {
			continue
		}
		sizes := slices.Clone(p.sizes)
		sizes[axis] = 1
		q := p.picked(sizes, func(_, i int) int { return i })
		if q.equal(p) {
			p = q
		}
	}
	return p
}

// permuted has the axes of a Transpose: axis i of the result is axis perm[i].
func (p *piece) permuted(perm []int) *piece {
	sizes := make([]int, len(perm))
	for i, k := range perm {
		sizes[i] = p.sizes[k]
	}
	n := affine.Size(sizes)
	strides := make([]int, len(p.sizes))
	step := 1
	for i := len(p.sizes) - 1; i >= 0; i-- {
		strides[i] = step
		step *= p.sizes[i]
	}
	take := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		w := make([]float64, n)
		for k := range w {
			rest, off := k, 0
			for i := len(sizes) - 1; i >= 0; i-- {
				off += rest % sizes[i] * strides[perm[i]]
				rest /= sizes[i]
			}
			w[k] = v[off]
		}
		return w
	}
	return &piece{sizes, take(p.scale), take(p.shift)}
}

// inverse is the permutation back.
func inverse(perm []int) []int {
	back := make([]int, len(perm))
	for i, k := range perm {
		back[k] = i
	}
	return back
}
