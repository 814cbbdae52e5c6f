package move

import (
	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// A crossing is a node that a piece passes, with what is known of it.
type crossing struct {
	g *graph.Graph
	e *affine.Explained
	n *graph.Node

	back map[*graph.Value]bool // from which a piece may move back to layers
}

// A passage says what a piece behind a node is before it (back), and the other way
// round (forth). Both have an entry for each output or input of the node, nil where
// nothing changes there.
type passage struct {
	back  func(out []*piece) (in []*piece, why *stop)
	forth func(in []*piece) (out []*piece, why *stop)
	law   law
}

// A law says how scales and shifts on both sides of a node go together. Scales are equal
// wherever numbers stand for each other.
type law struct {
	positive bool      // scales are above zero
	shifts   bool      // shifts are equal as well, or add up; else there are none
	product  bool      // scales of operands are not equal: their product is that of the result
	joins    bool      // a number of the result stands for one of every operand, not the other way round
	coef     []float64 // of a sum: shifts of operands times these add up to that of the result
	at       []int     // of arithmetic: at which axis of the result each operand begins
}

// passage is how pieces pass the node; nil where they do not.
func (c *crossing) passage() *passage {
	if c.n.First() == nil || c.n.Domain() != "" || len(c.n.In) == 0 || c.n.In[0] == nil {
		return nil
	}
	if p := c.explained(); p != nil {
		return p
	}
	for _, of := range []func() *passage{c.viewed, c.pointwise, c.extreme, c.resampled, c.repeated, c.added, c.multiplied} {
		if p := of(); p != nil {
			return p
		}
	}
	return nil
}

// explained passes what the rules have explained by one node.
func (c *crossing) explained() *passage {
	a := c.e.Of(c.n.Out[0])
	if a == nil || a.Node() != c.n || len(a.Nodes) != 1 {
		return nil
	}
	from, ok := c.n.In[0].Shape()
	if !ok {
		return nil
	}
	to, ok := c.n.Out[0].Shape()
	if !ok {
		return nil
	}
	switch op := a.Op.(type) {
	case *affine.View:
		return c.one(unary{shifts: true,
			back:  func(p *piece) (*piece, bool) { return p.recut(to, from) },
			forth: func(p *piece) (*piece, bool) { return p.recut(from, to) }})
	case *affine.Permute:
		return c.one(unary{shifts: true,
			back:  func(p *piece) (*piece, bool) { return p.permuted(inverse(op.Perm)), true },
			forth: func(p *piece) (*piece, bool) { return p.permuted(op.Perm), true }})
	case *affine.Blocks:
		return c.one(blocks(op))
	case *affine.Pool:
		u := kept(len(from), func(axis int) bool { return axis >= 2 })
		u.shifts = op.KeepsConstants()
		return c.one(u)
	case *affine.Reduce:
		u := reduced(len(from), op.Axes, op.Keep)
		u.shifts = op.Mean
		return c.one(u)
	case *affine.Pad:
		u := kept(len(from), func(axis int) bool { return op.Pads[axis] != 0 || op.Pads[len(op.Pads)/2+axis] != 0 })
		if u.shifts = op.Mode != affine.PadConstant; !u.shifts && op.Value != 0 {
			return nil
		}
		return c.one(u)
	case *affine.Pick:
		return c.picked()
	case *affine.Join:
		return c.joins(op)
	}
	return nil
}

// viewed passes views that are explained together with what stands before them.
func (c *crossing) viewed() *passage {
	from, ok := c.n.In[0].Shape()
	to, ok2 := c.n.Out[0].Shape()
	if !ok || !ok2 || !c.n.In[0].Elem.IsFloat() || !c.othersUnused() {
		return nil
	}
	switch c.n.OpType() {
	case "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity":
		return c.one(unary{shifts: true,
			back:  func(p *piece) (*piece, bool) { return p.recut(to, from) },
			forth: func(p *piece) (*piece, bool) { return p.recut(from, to) }})
	case "Transpose":
		perm := graph.Perm(c.n, len(from))
		return c.one(unary{shifts: true,
			back:  func(p *piece) (*piece, bool) { return p.permuted(inverse(perm)), true },
			forth: func(p *piece) (*piece, bool) { return p.permuted(perm), true }})
	}
	return nil
}

// blocks passes DepthToSpace and SpaceToDepth.
func blocks(b *affine.Blocks) unary {
	cut, perm := b.Cut()
	mixed := make([]graph.Dim, len(cut))
	for i, k := range perm {
		mixed[i] = cut[k]
	}
	through := func(p *piece, from, a []graph.Dim, perm []int, z, to []graph.Dim) (*piece, bool) {
		q, ok := p.recut(from, a)
		if !ok {
			return nil, false
		}
		return q.permuted(perm).recut(z, to)
	}
	return unary{shifts: true,
		back:  func(p *piece) (*piece, bool) { return through(p, b.Out, mixed, inverse(perm), cut, b.In) },
		forth: func(p *piece) (*piece, bool) { return through(p, b.In, cut, perm, mixed, b.Out) }}
}
