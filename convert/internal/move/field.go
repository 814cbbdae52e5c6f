package move

import (
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A field is what stands around a scale and shift as far as others may reach: values
// between layers, and the nodes that tie them together.
type field struct {
	*search
	root  *graph.Node
	gone  []*graph.Node // with the root
	spots map[*graph.Value]*spot
	order []*spot
	ties  []*tie
	of    map[*graph.Node]*tie
}

// A spot is a value that may be scaled and shifted: by one pair of numbers for each
// position of sizes, which has an entry for each axis.
type spot struct {
	v       *graph.Value
	sizes   []int
	base    int           // the first of its numbers among all
	fixed   bool          // it stays as it is
	still   bool          // it is not shifted
	made    bool          // by a layer
	biased  bool          // which has a bias
	readers []*graph.Node // that are layers
	ties    []*tie
}

// A tie is a node between values of a field: a scale and shift of x, or what these pass.
type tie struct {
	n       *graph.Node
	piece   *piece       // of a scale and shift; else nil
	x       *graph.Value // which it reads
	pass    *passage
	in, out []*spot // of the node; nil where there is no value
}

// steepest bounds the factors between the shifts on both sides of a scale that stays.
const steepest = 1 << 10

// maxSpread bounds how many numbers a field has, numbersForAll those of all fields of one
// search together: each takes about a microsecond, and large networks have millions.
const (
	maxSpread     = 1 << 20
	numbersForAll = 1 << 15
)

// numbers is how many scales and shifts are unknown.
func (f *field) numbers() (n int) {
	for _, q := range f.order {
		n = max(n, q.base+affine.Size(q.sizes))
	}
	return n
}

// around finds the field of a scale and shift of x that n makes, where nodes go; nil where
// there is none, or it is too large.
func (s *search) around(n *graph.Node, p *piece, x *graph.Value, nodes []*graph.Node) *field {
	if p.nothing() || slices.Contains(p.scale, 0) {
		return nil
	}
	f := &field{search: s, root: n, gone: nodes, spots: emptied(s.spots), of: emptied(s.ties)}
	s.spots, s.ties = f.spots, f.of // a field is done with when the next one is looked for
	root := f.tie(&tie{n: n, piece: p, x: x}, []*graph.Value{x}, n.Out[:1])
	for i := 0; i < len(f.order); i++ { // ties add values
		if len(f.ties) > maxNodes || !s.step() {
			return nil
		}
		v := f.order[i]
		if v.fixed = v.fixed || !f.reach(v); v.fixed {
			v.made, v.readers = false, nil
		}
	}
	takes := func(q *spot) bool { return q.made || len(q.readers) > 0 }
	if root.in[0].fixed && root.out[0].fixed || !slices.ContainsFunc(f.order, takes) || !f.measure() || len(root.out) == 0 {
		return nil
	}
	return f
}

// emptied is m without what is in it, or a new map where there was much: most fields are
// small, and there is one around every scale.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if m == nil || len(m) > 4*maxNodes {
		return map[K]V{}
	}
	clear(m)
	return m
}

// spot is the place of a value.
func (f *field) spot(v *graph.Value) *spot {
	if v == nil {
		return nil
	}
	q := f.spots[v]
	if q == nil {
		q = &spot{v: v}
		if v.Rank() == 0 {
			q.sizes = []int{} // one number, where nil is not known
		}
		q.fixed = v.Producer == nil || v.IsOutput || len(v.Captured) > 0 || v.Rank() < 0 || !v.Elem.IsFloat() || f.g.IsConst(v)
		f.spots[v] = q
		f.order = append(f.order, q)
	}
	return q
}

// tie takes a node in.
func (f *field) tie(t *tie, in, out []*graph.Value) *tie {
	f.of[t.n] = t
	f.ties = append(f.ties, t)
	for _, v := range in {
		t.in = append(t.in, f.spot(v))
	}
	for _, v := range out {
		t.out = append(t.out, f.spot(v))
	}
	for _, q := range slices.Concat(t.in, t.out) {
		if q != nil && !slices.Contains(q.ties, t) {
			q.ties = append(q.ties, t)
		}
	}
	return t
}

// reach looks at what makes and reads a value; false where it stays as it is.
func (f *field) reach(q *spot) bool {
	if q.fixed {
		return false
	}
	n := q.v.Producer
	switch a := f.e.Of(q.v); {
	case !f.e.Alive[n] || f.taken[n]:
		return false
	case f.of[n] != nil:
	case f.crossing(n).othersUnused() && f.makes(n, q.v):
		q.made = true
		q.biased = a != nil && !affine.IsSpatial(a.Op)
	case !f.join(n):
		return false
	}
	for _, r := range q.v.Readers {
		n := r.Node
		switch {
		case slices.Contains(f.gone, n), f.of[n] != nil, asksSize(n):
		case !f.e.Alive[n] || f.taken[n]:
			return false
		default:
			reads, shifts := f.reads(n, q.v)
			if !reads && !f.join(n) {
				return false
			}
			if reads {
				q.readers = append(q.readers, n)
				q.still = q.still || !shifts
			}
		}
	}
	return true
}

// makes reports whether a layer makes v.
func (s *search) makes(n *graph.Node, v *graph.Value) bool {
	a := s.e.Of(v)
	return a != nil && (affine.IsLayer(a.Op) || s.ends[v] || s.inside[n] && s.e.Layered(v) && !affine.IsSum(a.Op))
}

// reads reports whether a node is a layer that reads v, or begins a region of one, and
// whether that takes in shifts of v.
func (s *search) reads(n *graph.Node, v *graph.Value) (reads, shifts bool) {
	if n.First() == nil {
		return false, false
	}
	padded := func(a *affine.Affine) bool {
		c, conv := a.Op.(*affine.Conv)
		return conv && !c.Win.Unpadded() || affine.IsTransposed(a.Op)
	}
	if s.inside[n] && s.starts[v] {
		return true, !slices.ContainsFunc(s.region[n].Segment.Steps, padded)
	}
	a := s.e.Of(n.Out[0])
	if a == nil || !affine.IsLayer(a.Op) || !s.same(v, a.Args[0]) || slices.Index(n.In, v) != 0 || slices.Contains(n.In[1:], v) {
		return false, false
	}
	return true, !padded(a)
}

// join takes a node that is passed in; false for others.
func (f *field) join(n *graph.Node) bool {
	if len(n.In) > maxNodes || len(n.Out) > maxNodes {
		return false
	}
	if d := f.leftover(n); d != nil && !affine.IsSumOfScales(d) { // of which operands may change
		p, x, _ := f.scaling(n)
		if p == nil || !slices.Contains(n.In, x) || slices.ContainsFunc(p.scale, func(s float64) bool { return !(math.Abs(s) < steepest) || !(math.Abs(s) > 1.0/steepest) }) {
			return false
		}
		f.tie(&tie{n: n, piece: p, x: x}, []*graph.Value{x}, n.Out[:1])
		return true
	}
	pass := f.crossing(n).passage()
	if pass == nil {
		return false
	}
	in := n.In
	if !pass.law.joins {
		in = n.In[:1]
	}
	f.tie(&tie{n: n, pass: pass}, in, n.Out)
	return true
}

// measure finds along which axes the numbers of each value vary; false where there are
// too many.
func (f *field) measure() bool {
	for changed := true; changed; {
		changed = false
		for _, t := range f.ties {
			more, ok := t.spread()
			if !ok {
				for _, q := range slices.Concat(t.in, t.out) {
					if q != nil && !q.fixed {
						q.fixed, changed = true, true
					}
				}
				t.in, t.out = nil, nil
			}
			changed = changed || more
		}
	}
	if slices.ContainsFunc(f.ties, func(t *tie) bool { return len(t.out) > 0 && !t.measured() }) {
		return false
	}
	n := 0
	for _, q := range f.order {
		if q.made && slices.ContainsFunc((&piece{sizes: q.sizes}).varies(), func(axis int) bool { return axis != 1 }) {
			if a := f.e.Of(q.v); affine.IsLayer(a.Op) && affine.IsSpatial(a.Op) {
				q.fixed = true
			}
		}
		q.base = n
		if n += affine.Size(q.sizes); n > maxSpread {
			return false
		}
	}
	return true
}

// firstLabel is the first number of a labelled piece.
const firstLabel = 2

// labels is a piece whose numbers say where they stand.
func labels(sizes []int) *piece {
	p := &piece{sizes: sizes, scale: make([]float64, affine.Size(sizes))}
	for i := range p.scale {
		p.scale[i] = float64(firstLabel + i)
	}
	return p
}

// wide are the sizes that hold both; ok is false where they do not meet.
func wide(a, b []int) (sizes []int, ok bool) {
	if a == nil {
		return b, true
	}
	if b == nil {
		return a, true
	}
	p, _, ok := together(&piece{sizes: a}, &piece{sizes: b})
	if !ok {
		return nil, false
	}
	return p.sizes, true
}

// spread gives the values of a tie sizes that go together; more says that some became
// larger.
func (t *tie) spread() (more, ok bool) {
	if len(t.out) == 0 {
		return false, true
	}
	if t.piece != nil {
		sizes, ok := wide(t.piece.sizes, t.in[0].sizes)
		if ok {
			sizes, ok = wide(sizes, t.out[0].sizes)
		}
		return widen(t.in[0], sizes) || widen(t.out[0], sizes), ok
	}
	whole, parts := t.in[0], t.out
	if t.pass.law.joins {
		whole, parts = t.out[0], t.in
	}
	sizes, known := whole.sizes, false
	for i, q := range parts {
		if q == nil || q.sizes == nil {
			continue
		}
		known = true
		p, ok := t.gathered(labels(q.sizes), i, len(parts))
		if !ok {
			return false, false
		}
		if sizes, ok = wide(sizes, p.sizes); !ok {
			return false, false
		}
	}
	if sizes == nil && !known {
		return false, true // not yet
	}
	each, ok := t.parted(sizes)
	if !ok {
		return false, false
	}
	more = widen(whole, sizes)
	for i, q := range parts {
		if q == nil || each[i] == nil {
			continue
		}
		s, ok := wide(each[i].sizes, q.sizes)
		if !ok {
			return false, false
		}
		more = widen(q, s) || more
	}
	return more, true
}

// widen gives a value sizes; true where it had others.
func widen(q *spot, sizes []int) bool {
	if slices.Equal(q.sizes, sizes) {
		return false
	}
	q.sizes = sizes
	return true
}

// gathered is what a piece of part i is of the whole.
func (t *tie) gathered(p *piece, i, parts int) (*piece, bool) {
	if at := t.pass.law.at; at != nil {
		return p.above(at[i]), true
	}
	list := make([]*piece, parts)
	list[i] = p
	f := t.pass.back
	if t.pass.law.joins {
		f = t.pass.forth
	}
	out, why := f(list)
	return whole(out, why)
}

// whole is the first piece of a list, if it is one.
func whole(list []*piece, why *stop) (*piece, bool) {
	if why != nil || len(list) == 0 || list[0] == nil {
		return nil, false
	}
	return list[0], sound(list[0])
}

// sound reports whether a labelled piece has as many numbers as its sizes say.
func sound(p *piece) bool { return len(p.scale) == affine.Size(p.sizes) }

// parted are the parts of a whole of some sizes that is labelled.
func (t *tie) parted(sizes []int) ([]*piece, bool) {
	p := labels(sizes)
	if at := t.pass.law.at; at != nil {
		out := make([]*piece, len(t.in))
		for i, q := range t.in {
			var ok bool
			if out[i], ok = p.below(q.v, at[i]); !ok {
				return nil, false
			}
		}
		return out, true
	}
	f := t.pass.forth
	if t.pass.law.joins {
		f = t.pass.back
	}
	list, why := f([]*piece{p})
	if why != nil {
		return nil, false
	}
	for _, q := range list {
		if q != nil && !sound(q) {
			return nil, false
		}
	}
	return list, true
}
