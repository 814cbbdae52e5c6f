package move

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// across looks for a move of n to layers on all sides at once: each takes its share of what
// keeps every value that stays what it is.
func (s *search) across(n *graph.Node) *Move {
	if s.steps <= 0 {
		return nil
	}
	for _, all := range []bool{true, false} {
		p, x, nodes := s.scaling(n)
		if p == nil {
			return nil
		}
		one := len(nodes)
		if all {
			if p, x, nodes = s.run(p, x, nodes); len(nodes) == one {
				continue // the same
			}
		}
		if m := s.acrossFrom(n, p, x, nodes); m != nil {
			return m
		}
	}
	return nil
}

// run takes along scales and shifts that stand before one, and that nobody else reads.
func (s *search) run(p *piece, x *graph.Value, nodes []*graph.Node) (*piece, *graph.Value, []*graph.Node) {
	nodes = slices.Clone(nodes)
	for range runEnds {
		if x.Producer == nil || !onlyRead(x) || s.leftover(x.Producer) == nil {
			break
		}
		first, from, more := s.scaling(x.Producer)
		if first == nil {
			break
		}
		both, ok := p.after(first)
		if !ok || !s.opsetTakes(both) {
			break
		}
		p, x, nodes = both, from, append(nodes, more...)
	}
	return p, x, nodes
}

// acrossFrom is across for what n makes of x by p, where nodes go.
func (s *search) acrossFrom(n *graph.Node, p *piece, x *graph.Value, nodes []*graph.Node) *Move {
	if s.numbers <= 0 {
		return nil
	}
	f := s.around(n, p, x, nodes)
	if f == nil {
		return nil
	}
	if s.numbers -= f.numbers(); s.numbers < 0 {
		return nil
	}
	scale, shift, ok := f.solve()
	if !ok || f.drowned(scale, shift) {
		return nil
	}
	m := f.rewired(scale, shift)
	if m == nil || len(m.placed) == 0 || slices.ContainsFunc(m.touched(), func(n *graph.Node) bool { return s.taken[n] }) {
		return nil
	}
	return m
}

// drowned reports whether operands of a sum get shifts that take each other away, so large
// that what is left of the operands is rounding: a shift behind a small scale is a large one
// before it.
func (f *field) drowned(scale, shift []float64) bool {
	largest := func(q *spot) (most float64) {
		if q != nil {
			for i := q.base; i < q.base+affine.Size(q.sizes); i++ {
				most = max(most, math.Abs(shift[i]/scale[i]))
			}
		}
		return most
	}
	return slices.ContainsFunc(f.ties, func(t *tie) bool {
		if t.pass == nil || len(t.pass.law.coef) == 0 || len(t.out) == 0 {
			return false
		}
		sum := largest(t.out[0])
		return slices.ContainsFunc(t.in, func(q *spot) bool { return largest(q) > max(farthest, 2*sum) })
	})
}

// rewired makes the move that scales and shifts the values of a field; nil where a constant
// of it could not stand beside its data.
func (f *field) rewired(scale, shift []float64) *Move {
	m := &Move{Way: Across, Roots: slices.Clone(f.gone)}
	root := f.of[f.root]
	names := map[*spot]string{}
	pieces := map[*spot]*piece{}
	name := func(q *spot) string {
		if names[q] == "" {
			return q.v.Name
		}
		return names[q]
	}
	x, y := root.in[0], root.out[0]
	for _, q := range f.order {
		p := (&piece{q.sizes, scale[q.base : q.base+affine.Size(q.sizes)], shift[q.base : q.base+affine.Size(q.sizes)]}).plain()
		if p.nothing() {
			continue
		}
		if p = p.narrowed(); !p.finite() || q.fixed || !f.opsetTakes(p) {
			return nil
		}
		if pieces[q] = p; q != x && q != y {
			names[q] = f.fresh(q.v.Name + ".scaled")
		}
	}
	// What the scale and shift made is what it reads.
	switch {
	case pieces[y] == nil && pieces[x] != nil:
		names[x] = y.v.Name
		m.Elsewhere = []string{y.v.Name} // by what else reads x, or an equal value
	case pieces[x] != nil:
		names[x] = f.fresh(x.v.Name + ".scaled")
		names[y] = names[x]
	default:
		names[y] = x.v.Name
	}
	for _, t := range f.ties {
		if t == root {
			continue
		}
		for _, q := range t.out {
			if q != nil && names[q] != "" {
				r := m.redo(t.n)
				r.outputs[q.v.Index] = names[q]
			}
		}
		for _, q := range t.in {
			if q != nil && names[q] != "" {
				f.rename(m, t.n, q, name(q))
			}
		}
		if slices.ContainsFunc(t.out, func(q *spot) bool { return q != nil && pieces[q] != nil }) {
			m.Through = append(m.Through, t.n)
		}
	}
	for _, q := range f.order {
		if names[q] == "" {
			continue
		}
		for _, r := range q.v.Readers {
			if f.of[r.Node] == nil && asksSize(r.Node) {
				m.redo(r.Node).inputs[r.Slot] = names[q]
			}
		}
		p := pieces[q]
		if p == nil { // y, which is x
			p = same(len(q.sizes))
		}
		if q.made && pieces[q] != nil {
			m.placed = append(m.placed, placed{value: q.v, in: q.v.Name, out: names[q], piece: p, before: q.v.Producer})
		}
		if !f.undo(m, q, p, names[q]) {
			return nil
		}
	}
	slices.SortFunc(m.Through, func(a, b *graph.Node) int { return a.Index - b.Index })
	return m
}

// rename has a node read a value under another name.
func (f *field) rename(m *Move, n *graph.Node, q *spot, name string) {
	for i, v := range n.In {
		if v == q.v {
			m.redo(n).inputs[i] = name
		}
	}
}

// farthest bounds the shifts that are taken back, in sizes of what they are taken from: a
// layer that reads s·x + t rounds as if x were as large as t/s, and reads W·x from it.
const farthest = 32

// undo gives the layers that read a value, called name once it is scaled by p, what it was;
// false where too little would be left of it.
func (f *field) undo(m *Move, q *spot, p *piece, name string) bool {
	back := p.inverse()
	if len(q.readers) > 0 && slices.ContainsFunc(back.shift, func(v float64) bool { return !(math.Abs(v) <= farthest) }) {
		return false
	}
	made := map[any]string{} // for a layer, or all branches of a region together
	for _, n := range q.readers {
		if f.of[n] != nil {
			continue
		}
		in := name
		if !back.nothing() {
			var key any = n
			if f.inside[n] && f.starts[q.v] {
				key = f.region[n]
			}
			if in = made[key]; in == "" {
				in = f.fresh(q.v.Name + ".unscaled")
				made[key] = in
				m.placed = append(m.placed, placed{value: q.v, in: name, out: in, piece: back, before: n})
			}
		}
		f.rename(m, n, q, in)
	}
	return true
}

// inverse takes back what the piece does; its scales are not zero.
func (p *piece) inverse() *piece {
	q := &piece{sizes: p.sizes}
	if p.scale != nil {
		q.scale = make([]float64, len(p.scale))
		for i, s := range p.scale {
			q.scale[i] = 1 / s
		}
	}
	if p.shift != nil {
		q.shift = make([]float64, len(p.shift))
		for i, v := range p.shift {
			if q.shift[i] = -v; q.scale != nil {
				q.shift[i] *= q.scale[i]
			}
			if math.Abs(q.shift[i]) == 0 {
				q.shift[i] = 0
			}
		}
	}
	return q.plain()
}
