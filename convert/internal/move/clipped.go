package move

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// clipped is what an activation behind a scale and shift of a value that is not below zero
// does, which is another scale and shift: with u ≥ 0,
//
//	relu(s·u + t) = s·u + t  where s, t ≥ 0,  and 0  where s, t ≤ 0.
//
// p is nil where it is none, or does nothing. above lists the values of which this is known.
func (s *search) clipped(n *graph.Node) (p *piece, x *graph.Value, nodes []*graph.Node, above []*graph.Value) {
	if n.OpType() != "Relu" && n.OpType() != "LeakyRelu" || n.Domain() != "" || s.inside[n] {
		return nil, nil, nil, nil
	}
	v := n.In[0]
	if v == nil || v.Producer == nil || s.leftover(v.Producer) == nil {
		return nil, nil, nil, nil
	}
	first, x, nodes := s.scaling(v.Producer)
	if first == nil {
		return nil, nil, nil, nil
	}
	above, ok := s.notBelowZero(x, maxAbove)
	if !ok {
		return nil, nil, nil, nil
	}
	below := 0.0
	if n.OpType() == "LeakyRelu" {
		below = float64(n.AttrFloat("alpha"))
	}
	all, scaled, _ := together(same(len(first.sizes)), first)
	p = &piece{sizes: all.sizes, scale: make([]float64, affine.Size(all.sizes)), shift: make([]float64, affine.Size(all.sizes))}
	for i := range p.scale {
		a, b := 1.0, 0.0
		if scaled.scale != nil {
			a = scaled.scale[i]
		}
		if scaled.shift != nil {
			b = scaled.shift[i]
		}
		switch {
		case a >= 0 && b >= 0:
		case a <= 0 && b <= 0:
			a, b = below*a, below*b
		default:
			return nil, nil, nil, nil
		}
		p.scale[i], p.shift[i] = a, b
	}
	if len(v.Readers) > 1 || v.IsOutput || len(v.Captured) > 0 {
		nodes = nil
	}
	return p.plain(), x, append([]*graph.Node{n}, nodes...), above
}

// pastClip looks for a move of an activation that is a scale and shift of what is before it.
func (s *search) pastClip(n *graph.Node) *Move {
	p, x, nodes, above := s.clipped(n)
	if p == nil || p.nothing() || s.taken[n] {
		return nil
	}
	m, _ := s.onFrom(n, p, x, nodes, false)
	if m == nil {
		m, _ = s.backFrom(n, p, x, nodes)
	}
	if m == nil {
		return nil
	}
	m.Way = Across
	for _, v := range above {
		m.Elsewhere = append(m.Elsewhere, v.Name)
	}
	return m
}

// maxAbove bounds how many nodes are looked back over for what is known of a value.
const maxAbove = 16

// notBelowZero reports whether a value is nowhere below zero, and lists the values of which
// that follows from others that may be anything.
func (s *search) notBelowZero(v *graph.Value, most int) (above []*graph.Value, ok bool) {
	n := v.Producer
	if n == nil || n.Domain() != "" || len(n.In) == 0 || most <= 0 {
		return nil, false
	}
	from := n.In[:1]
	switch n.OpType() {
	case "Relu", "Abs", "Sigmoid", "HardSigmoid", "Exp", "Softplus", "Softmax":
		return []*graph.Value{v}, true
	case "MaxPool", "GlobalMaxPool", "AveragePool", "GlobalAveragePool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Split", "Slice", "Gather", "DepthToSpace", "SpaceToDepth":
	case "Concat", "Add", "Sum", "Mean", "Max":
		from = n.In
	default:
		return nil, false
	}
	above = []*graph.Value{v}
	for _, x := range from {
		if x == nil {
			return nil, false
		}
		more, ok := s.notBelowZero(x, most/len(from)-1)
		if !ok {
			return nil, false
		}
		above = append(above, more...)
	}
	return above, true
}

// leaking has what a scale below zero does behind an activation that leaks by alpha and
// before a Relu: f of what is below zero alone comes through.
func (p *piece) leaking(alpha float64) *piece {
	q := *p
	q.scale = slices.Clone(p.scale)
	for i, s := range q.scale {
		if s < 0 {
			q.scale[i] = alpha * s
		}
	}
	return &q
}

// unclipped looks for an activation that a Relu behind it does again: with f a Relu (α = 0)
// or LeakyRelu, and t ≤ 0,
//
//	relu(s·f(x) + t) = relu(s·x + t)  where s ≥ 0,  and relu(α·s·x + t)  where s < 0,
//
// maxima between included. It goes, so that a layer before it may take the scale and shift.
func (s *search) unclipped(n *graph.Node) *Move {
	below := 0.0
	if n.OpType() == "LeakyRelu" {
		below = float64(n.AttrFloat("alpha"))
	}
	if n.OpType() != "Relu" && !(n.OpType() == "LeakyRelu" && below > 0) || n.Domain() != "" || n.In[0] == nil || n.In[0].Rank() < 0 || s.taken[n] {
		return nil
	}
	x := n.In[0]
	m := &Move{Way: Across, Roots: []*graph.Node{n}}
	v, first := n.Out[0], s.fresh(x.Name+".scaled")
	name, all := first, same(x.Rank())
	for range maxLook {
		if !onlyRead(v) {
			return nil
		}
		r := v.Readers[0].Node
		if s.taken[r] || !s.step() || r.First() == nil || r.Domain() != "" || !s.crossing(r).othersUnused() {
			return nil
		}
		if s.leftover(r) != nil {
			p, from, nodes := s.scaling(r)
			if p == nil || from != v || len(nodes) > 1 || slices.ContainsFunc(p.shift, func(f float64) bool { return f > 0 }) {
				return nil
			}
			if len(m.Roots) == 1 && len(m.Through) == 0 {
				p = p.leaking(below)
			} else if !p.positive() {
				return nil
			}
			for _, t := range slices.Backward(m.Through) {
				in, why := s.crossing(t).passage().back([]*piece{p})
				if why != nil {
					return nil
				}
				p = in[0]
			}
			var ok bool
			if all, ok = p.after(all); !ok || !s.opsetTakes(all) {
				return nil
			}
			m.Roots = append(m.Roots, r)
			v = r.Out[0]
			continue
		}
		m.redo(r).inputs[v.Readers[0].Slot] = name
		switch r.OpType() {
		case "Relu":
			if all.nothing() {
				return nil
			}
			m.placed = []placed{{value: x, in: x.Name, out: first, piece: all, before: n}}
			return m
		case "MaxPool", "GlobalMaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity":
			if s.crossing(r).passage() == nil {
				return nil
			}
		default:
			return nil
		}
		v, name = r.Out[0], s.fresh(r.Out[0].Name+".scaled")
		m.redo(r).outputs[0] = name
		m.Through = append(m.Through, r)
	}
	return nil
}

// onlyRead reports whether one node reads a value, once.
func onlyRead(v *graph.Value) bool {
	return len(v.Readers) == 1 && !v.IsOutput && len(v.Captured) == 0
}
