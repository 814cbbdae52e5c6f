package move

import (
	"container/heap"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// A forward search leaves values as they are before a scale and shift, and takes these
// to all that reads the values, in the order of the graph.
type forward struct {
	*search
	move    *Move
	keep    bool                    // shifts of their own stay where they are
	carries map[*graph.Value]*piece // what is still to be done to the value that stands for one
	names   map[*graph.Value]string // what that is called
	todo    earlyHeap
	seen    map[*graph.Node]bool
	pieces  map[pieceKey]string // scaled again, for one reader or region
	biases  int                 // layers that get an Add
}

// A pieceKey is who reads a value that is scaled again.
type pieceKey struct {
	v  *graph.Value
	by any
}

// earlyHeap gives nodes of the graph, the first one first.
type earlyHeap struct{ nodeHeap }

func (h earlyHeap) Less(i, j int) bool { return h.nodeHeap[i].Index < h.nodeHeap[j].Index }

// on looks for a move of n to all that reads what it scales. keep leaves shifts that
// are nodes of their own behind, where the scale alone goes further.
func (s *search) on(n *graph.Node, keep bool) (*Move, *stop) {
	p, x, nodes := s.scaling(n)
	if p == nil || p.nothing() || keep && p.shift != nil {
		return nil, nil
	}
	return s.onFrom(n, p, x, nodes, keep)
}

// onFrom is on for what n makes of x by p, where nodes go.
func (s *search) onFrom(n *graph.Node, p *piece, x *graph.Value, nodes []*graph.Node, keep bool) (*Move, *stop) {
	f := &forward{search: s, move: &Move{}, keep: keep, carries: map[*graph.Value]*piece{}, names: map[*graph.Value]string{}, seen: map[*graph.Node]bool{}, pieces: map[pieceKey]string{}}
	if !s.hope.on[n.Out[0]] {
		return nil, stopped(NoLinearNeighbour, "no layer stands behind it")
	}
	f.move.Roots = slices.Clone(nodes)
	if why := f.carry(n.Out[0], p, x.Name); why != nil {
		return nil, why
	}
	for len(f.todo.nodeHeap) > 0 {
		m := heap.Pop(&f.todo).(*graph.Node)
		switch {
		case len(f.seen) > maxNodes || len(m.In) > maxNodes:
			return nil, stopped(NoLinearNeighbour, "more than %d nodes stand behind it", maxNodes)
		case !s.step():
			return nil, nil
		case s.taken[m]:
			return nil, nil // looked at again once the other move is made
		}
		if why := f.pass(m); why != nil {
			return nil, why
		}
	}
	if len(f.pieces) == 0 || f.biases > len(f.move.Roots) {
		return nil, stopped(NoLinearNeighbour, "more operators would run")
	}
	return f.move, nil
}

// carry notes that name stands for v, which is what p makes of it.
func (f *forward) carry(v *graph.Value, p *piece, name string) *stop {
	if v.IsOutput || len(v.Captured) > 0 || len(v.Readers) == 0 {
		return elsewhere(v)
	}
	f.carries[v], f.names[v] = p, name
	for _, r := range v.Readers {
		if !f.seen[r.Node] {
			f.seen[r.Node] = true
			heap.Push(&f.todo, r.Node)
		}
	}
	return nil
}

// pass takes what the inputs of n carry to its results, or leaves it before n where n
// is a layer.
func (f *forward) pass(n *graph.Node) *stop {
	in := make([]*piece, len(n.In))
	var carried []int
	for i, v := range n.In {
		if v != nil && f.carries[v] != nil {
			in[i] = f.carries[v]
			carried = append(carried, i)
		}
	}
	if asksSize(n) {
		f.read(n, carried)
		return nil
	}
	takes, why := f.takes(n, in, carried)
	if why != nil {
		return why
	}
	if takes {
		for _, i := range carried {
			f.place(n, i)
		}
		return nil
	}
	if f.leftover(n) != nil {
		return f.compose(n)
	}
	pass := f.crossing(n).passage()
	if pass == nil {
		return stopped(NoLinearNeighbour, "%q (%s) takes no scale and shift", n.Title(), n.OpType())
	}
	out, why := pass.forth(in)
	if why != nil {
		return why
	}
	r := f.read(n, carried)
	for i, p := range out {
		if p = p.orNothing(); p == nil {
			continue
		}
		if !f.opsetTakes(p) {
			return stopped(NoLinearNeighbour, "it scales several axes behind %q", n.Title())
		}
		r.outputs[i] = f.fresh(n.Out[i].Name + ".unscaled")
		if v := n.Out[i]; len(v.Readers) == 0 && !v.IsOutput && len(v.Captured) == 0 {
			continue // nobody needs it
		}
		if why := f.carry(n.Out[i], p, r.outputs[i]); why != nil {
			return why
		}
	}
	f.move.Through = append(f.move.Through, n)
	return nil
}

// orNothing is nil for a piece that changes nothing.
func (p *piece) orNothing() *piece {
	if p == nil || p.plain().nothing() {
		return nil
	}
	return p.plain()
}

// read has a node read what stands for its inputs.
func (f *forward) read(n *graph.Node, carried []int) *redone {
	r := f.move.redo(n)
	for _, i := range carried {
		r.inputs[i] = f.names[n.In[i]]
	}
	return r
}

// takes reports whether n is a layer, or begins a region of one, that can take what its
// inputs carry.
func (f *forward) takes(n *graph.Node, in []*piece, carried []int) (bool, *stop) {
	if n.First() == nil {
		return false, nil
	}
	a := f.e.Of(n.Out[0])
	v := n.In[carried[0]]
	if f.inside[n] && f.starts[v] && len(carried) == 1 {
		return true, nil
	}
	if a == nil || !affine.IsLayer(a.Op) {
		return false, nil
	}
	if len(carried) > 1 || !f.same(v, a.Args[0]) {
		return false, stopped(NoLinearNeighbour, "%q (%s) is no linear function of it", n.Title(), n.OpType())
	}
	p := in[carried[0]]
	switch op := a.Op.(type) {
	case *affine.ConvTranspose:
		if p.shift != nil {
			return false, stopped(reason.BiasBeforeZeroPadding, "%q (ConvTranspose) reads less at its border", n.Title())
		}
	case *affine.Conv:
		if slices.ContainsFunc(p.varies(), func(axis int) bool { return axis != 1 }) {
			return false, stopped(NoLinearNeighbour, "it differs over the positions that %q reads", n.Title())
		}
		if p.shift != nil && !op.Win.Unpadded() {
			return false, stopped(reason.BiasBeforeZeroPadding, "%q pads with zeros", n.Title())
		}
	case *affine.FC:
		if p.shift != nil && len(op.Biases) == 0 && n.OpType() != "Gemm" && !f.addsBehind(n) {
			f.biases++
		}
	}
	return true, nil
}

// addsBehind reports whether a bias is added to what n makes.
func (f *forward) addsBehind(n *graph.Node) bool {
	v := n.Out[0]
	for range maxLook {
		if len(v.Readers) != 1 || len(v.Readers[0].Node.Out) == 0 || v.Readers[0].Node.Out[0] == nil {
			return false
		}
		next := v.Readers[0].Node.Out[0]
		a := f.e.Of(next)
		if a == nil {
			return false
		}
		if d, ok := a.Op.(*affine.Diagonal); ok && d.Shifts() {
			return true
		}
		if !affine.IsView(a.Op) {
			return false
		}
		v = next
	}
	return false
}

// place scales a value again for one that takes it: a layer, or all branches of a
// region together.
func (f *forward) place(n *graph.Node, slot int) {
	v := n.In[slot]
	key := pieceKey{v, n}
	if f.inside[n] && f.starts[v] {
		key.by = f.region[n]
	}
	name := f.pieces[key]
	if name == "" {
		name = f.fresh(v.Name + ".scaled")
		f.pieces[key] = name
		f.move.placed = append(f.move.placed, placed{value: v, in: f.names[v], out: name, piece: f.carries[v], before: n})
	}
	f.move.redo(n).inputs[slot] = name
}

// compose takes a scale or shift that was left too along.
func (f *forward) compose(n *graph.Node) *stop {
	q, x, nodes := f.scaling(n)
	if q == nil {
		return stopped(NoLinearNeighbour, "%q stands behind it", n.Title())
	}
	v, p, name := n.Out[0], f.carries[x], f.names[x]
	if p == nil { // what is carried is inside
		p, name = same(len(q.sizes)), x.Name
	}
	if f.keep && q.scale == nil { // s·x + t = s·(x + t/s)
		a, b, ok := together(p, q)
		if ok {
			q, ok = (&piece{a.sizes, a.scale, b.shift}).scaledBack()
		}
		if !ok {
			return stopped(NoLinearNeighbour, "some of its scales are zero, and %q is added behind", n.Title())
		}
		out := f.fresh(v.Name + ".unscaled")
		f.move.placed = append(f.move.placed, placed{value: v, in: name, out: out, piece: q, before: n, stays: true})
		name = out
	} else {
		var ok bool
		if p, ok = q.after(p); !ok || !f.opsetTakes(p) {
			return stopped(NoLinearNeighbour, "%q behind it scales along another axis", n.Title())
		}
	}
	for _, m := range nodes {
		if !slices.Contains(f.move.Roots, m) {
			f.move.Roots = append(f.move.Roots, m)
		}
	}
	return f.carry(v, p, name)
}
