package move

import (
	"container/heap"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A backward search asks of values to be scaled and shifted, from the last node back:
// each is looked at once all its readers have asked.
type backward struct {
	*search
	move  *Move
	asked map[*graph.Value][]request
	names map[*graph.Value]string       // what a value is called once it is scaled
	as    map[*graph.Value]*graph.Value // values that are another one, once the scales between go
	todo  nodeHeap
	seen  map[*graph.Node]bool
}

// A request is what a reader asks of a value.
type request struct {
	by    *graph.Node
	piece *piece
}

// nodeHeap gives nodes of the graph, the last one first.
type nodeHeap []*graph.Node

func (h nodeHeap) Len() int           { return len(h) }
func (h nodeHeap) Less(i, j int) bool { return h[i].Index > h[j].Index }
func (h nodeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nodeHeap) Push(x any)        { *h = append(*h, x.(*graph.Node)) }
func (h *nodeHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// back looks for a move of n to all that makes what it scales.
func (s *search) back(n *graph.Node) (*Move, *stop) {
	p, x, nodes := s.scaling(n)
	if p == nil || p.nothing() {
		return nil, nil
	}
	return s.backFrom(n, p, x, nodes)
}

// backFrom is back for what n makes of x by p, where nodes go.
func (s *search) backFrom(n *graph.Node, p *piece, x *graph.Value, nodes []*graph.Node) (*Move, *stop) {
	b := &backward{search: s, move: &Move{Way: Back}, asked: map[*graph.Value][]request{}, names: map[*graph.Value]string{}, as: map[*graph.Value]*graph.Value{}, seen: map[*graph.Node]bool{}}
	if !s.hope.back[x] {
		return nil, stopped(NoLinearNeighbour, "no layer stands before it")
	}
	b.move.Roots = slices.Clone(nodes)
	b.names[x] = n.Out[0].Name
	if why := b.ask(x, n, p); why != nil {
		return nil, why
	}
	for len(b.todo) > 0 {
		n := heap.Pop(&b.todo).(*graph.Node)
		if len(b.seen) > maxNodes || len(n.In) > maxNodes {
			return nil, stopped(NoLinearNeighbour, "more than %d nodes stand before it", maxNodes)
		}
		if !s.step() {
			return nil, nil
		}
		if s.taken[n] {
			return nil, nil // looked at again once the other move is made
		}
		if why := b.pass(n); why != nil {
			return nil, why
		}
	}
	if len(b.move.Through) == 0 {
		return nil, stopped(NoLinearNeighbour, "it stands beside what would take it")
	}
	if len(b.move.placed) == 0 { // together they do nothing, which the plan sees to
		return nil, nil
	}
	b.finish()
	return b.move, nil
}

// opsetTakes reports whether a constant with such numbers can stand beside its data.
func (s *search) opsetTakes(p *piece) bool { return s.g.Opset >= 7 || len(p.varies()) <= 1 }

// ask asks for a value to be scaled and shifted.
func (b *backward) ask(v *graph.Value, by *graph.Node, p *piece) *stop {
	n := v.Producer
	switch {
	case n == nil:
		return stopped(PartWithoutLayer, "%q, which it is made of, is an input", v.Name)
	case v.IsOutput || len(v.Captured) > 0:
		return elsewhere(v)
	}
	b.asked[v] = append(b.asked[v], request{by, p})
	if !b.seen[n] {
		b.seen[n] = true
		heap.Push(&b.todo, n)
	}
	return nil
}

// pass takes what was asked of the results of n to what n reads, or leaves it behind n
// where that is a layer.
func (b *backward) pass(n *graph.Node) *stop {
	out := make([]*piece, len(n.Out))
	for i, v := range n.Out {
		if v == nil || b.asked[v] == nil {
			continue
		}
		var why *stop
		if out[i], why = b.total(v); why != nil {
			return why
		}
		if b.names[v] == "" {
			b.names[v] = b.fresh(v.Name + ".scaled")
		}
		b.reread(v)
	}
	if v := n.Out[0]; out[0] != nil && b.crossing(n).othersUnused() {
		switch takes, why := b.takes(n, v, out[0]); {
		case why != nil:
			return why
		case takes:
			b.move.placed = append(b.move.placed, placed{value: v, in: v.Name, out: b.names[v], piece: out[0], before: n})
			return nil
		}
		if b.leftover(n) != nil {
			return b.compose(n, out[0])
		}
	}
	c := b.crossing(n)
	pass := c.passage()
	if pass == nil {
		return stopped(PartWithoutLayer, "%q (%s) takes no scale and shift", n.Title(), n.OpType())
	}
	in, why := pass.back(out)
	if why != nil {
		return why
	}
	r := b.move.redo(n)
	for i, v := range n.Out {
		if out[i] != nil {
			r.outputs[i] = b.names[v]
		}
	}
	for i, p := range in {
		if p == nil || p.plain().nothing() {
			continue
		}
		if why := b.ask(n.In[i], n, p.plain()); why != nil {
			return why
		}
		r.scaled = append(r.scaled, i)
	}
	b.move.Through = append(b.move.Through, n)
	return nil
}

// finish names the values that nodes read once they are scaled.
func (b *backward) finish() {
	for _, r := range b.move.redone {
		for _, i := range r.scaled {
			v := r.node.In[i]
			for b.as[v] != nil {
				v = b.as[v]
			}
			r.inputs[i] = b.names[v]
		}
	}
}

// compose takes a scale or shift that was left too along.
func (b *backward) compose(n *graph.Node, p *piece) *stop {
	first, x, nodes := b.scaling(n)
	if first == nil {
		return stopped(NoLinearNeighbour, "%q stands before it", n.Title())
	}
	both, ok := p.after(first)
	if !ok || !b.opsetTakes(both) {
		return stopped(NoLinearNeighbour, "%q before it scales along another axis", n.Title())
	}
	if b.names[x] == "" {
		b.names[x] = b.names[n.Out[0]]
	} else {
		b.as[n.Out[0]] = x
	}
	b.move.Roots = append(b.move.Roots, nodes...)
	return b.ask(x, n, both)
}

// takes reports whether the layer that makes v, if there is one, can take a piece.
func (b *backward) takes(n *graph.Node, v *graph.Value, p *piece) (bool, *stop) {
	a := b.e.Of(v)
	if a == nil || !b.opsetTakes(p) {
		return a == nil && b.normTakes(n, p), nil
	}
	if affine.IsSpatial(a.Op) && affine.IsLayer(a.Op) {
		if slices.ContainsFunc(p.varies(), func(axis int) bool { return axis != 1 }) {
			return false, stopped(NoLinearNeighbour, "it differs over the positions of what %q makes", n.Title())
		}
		return true, nil
	}
	return affine.IsLayer(a.Op) || b.ends[v] || b.terms[v] || b.inside[n] && b.e.Layered(v) && !affine.IsSum(a.Op), nil
}

// total is what all readers of v ask for together.
func (b *backward) total(v *graph.Value) (*piece, *stop) {
	asked := b.asked[v]
	gone := func(n *graph.Node) bool { return slices.Contains(b.move.Roots, n) }
	readers := 0
	for _, r := range v.Readers {
		if !asksSize(r.Node) && !gone(r.Node) {
			readers++
		}
	}
	for _, r := range asked {
		if !gone(r.by) {
			readers--
		}
	}
	alike := readers == 0
	for _, r := range asked[1:] {
		alike = alike && r.piece.equal(asked[0].piece)
	}
	if alike {
		return asked[0].piece, nil
	}
	sum := same(v.Rank())
	by := map[*graph.Node]*piece{}
	for _, r := range asked {
		q, ok := r.piece.after(sum)
		if !ok || by[r.by] != nil {
			return nil, elsewhere(v)
		}
		sum, by[r.by] = q, r.piece
	}
	// Readers that pick positions may pick others than those that are scaled.
	for _, r := range v.Readers {
		n := r.Node
		if asksSize(n) {
			continue
		}
		c := b.crossing(n)
		a := b.e.Of(n.Out[0])
		if a == nil || r.Slot != 0 || b.taken[n] {
			return nil, elsewhere(v)
		}
		if _, ok := a.Op.(*affine.Pick); !ok {
			return nil, elsewhere(v)
		}
		pass := c.passage()
		if pass == nil {
			return nil, elsewhere(v)
		}
		out, why := pass.forth([]*piece{sum})
		if why != nil {
			return nil, elsewhere(v)
		}
		for i, p := range out {
			if p == nil {
				continue
			}
			want := same(n.Out[i].Rank())
			if by[n] != nil && b.asked[n.Out[i]] != nil {
				if want, why = b.total(n.Out[i]); why != nil {
					return nil, why
				}
			}
			if !p.equal(want) {
				return nil, elsewhere(v)
			}
		}
	}
	return sum, nil
}

// asksSize reports whether a node reads nothing of its input but the size.
func asksSize(n *graph.Node) bool {
	return n.Domain() == "" && (n.OpType() == "Shape" || n.OpType() == "Size")
}

// reread has the readers of v that asked for nothing read what is scaled.
func (b *backward) reread(v *graph.Value) {
	for _, r := range v.Readers {
		if slices.ContainsFunc(b.asked[v], func(q request) bool { return q.by == r.Node }) {
			continue
		}
		redone := b.move.redo(r.Node)
		redone.scaled = append(redone.scaled, r.Slot)
	}
}
