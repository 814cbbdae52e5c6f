package move

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// joins passes Concat: every part has its own numbers.
func (c *crossing) joins(op *affine.Join) *passage {
	return &passage{
		law: law{shifts: true, joins: true},
		back: func(out []*piece) ([]*piece, *stop) {
			in := make([]*piece, len(c.n.In))
			from := 0
			for i, size := range op.Sizes {
				if len(out[0].sizes) <= op.Axis {
					return nil, stopped(NoLinearNeighbour, "%q joins other axes", c.n.Title())
				}
				first := from
				var ok bool
				if in[i], ok = out[0].part(op.Axis, size, func(i int) int { return first + i }); !ok {
					return nil, stopped(NoLinearNeighbour, "%q joins too many positions", c.n.Title())
				}
				from += size
			}
			return in, nil
		},
		forth: func(in []*piece) ([]*piece, *stop) {
			parts := slices.Clone(in)
			for i, p := range parts {
				if p == nil {
					parts[i] = same(c.n.In[i].Rank())
				}
			}
			p, ok := joined(op.Axis, parts, op.Sizes)
			if !ok {
				return nil, stopped(NoLinearNeighbour, "the parts of %q are scaled along different axes", c.n.Title())
			}
			return []*piece{p}, nil
		},
	}
}

// picked passes Split, Slice and Gather: what is not picked is left as it is.
func (c *crossing) picked() *passage {
	picks := make([]*affine.Pick, len(c.n.Out))
	for i, v := range c.n.Out {
		if v == nil {
			continue
		}
		a := c.e.Of(v)
		if a == nil || a.Node() != c.n {
			return nil
		}
		op, ok := a.Op.(*affine.Pick)
		if !ok {
			return nil
		}
		picks[i] = op
	}
	from, _ := c.n.In[0].Shape()
	size := func(axis int) (int, bool) {
		n, ok := from[axis].Int()
		return int(n), ok
	}
	return &passage{
		law: law{shifts: true},
		back: func(out []*piece) ([]*piece, *stop) {
			no := stopped(NoLinearNeighbour, "%q picks other axes", c.n.Title())
			total := same(len(from))
			for i, p := range out {
				if p == nil {
					continue
				}
				op := picks[i]
				if op.Drop >= 0 {
					p = &piece{slices.Insert(slices.Clone(p.sizes), op.Drop, 1), p.scale, p.shift}
				}
				if len(p.sizes) != len(from) {
					return nil, no
				}
				for _, a := range op.Axes {
					if p.sizes[a.Axis] == 1 && !c.splits(a.Axis, picks) {
						continue // all positions alike
					}
					n, ok := size(a.Axis)
					if !ok || p.sizes[a.Axis] != 1 && p.sizes[a.Axis] != a.Count {
						return nil, no
					}
					if p, ok = p.spread(a.Axis, n, a.Count, a.At); !ok {
						return nil, no
					}
				}
				q, ok := p.after(total)
				if !ok {
					return nil, no
				}
				total = q
			}
			return []*piece{total}, nil
		},
		forth: func(in []*piece) ([]*piece, *stop) {
			out := make([]*piece, len(c.n.Out))
			for i, op := range picks {
				if op == nil || in[0] == nil {
					continue
				}
				p := in[0]
				for _, a := range op.Axes {
					var ok bool
					if p, ok = p.part(a.Axis, a.Count, a.At); !ok {
						return nil, stopped(NoLinearNeighbour, "%q picks too many positions", c.n.Title())
					}
				}
				if op.Drop >= 0 {
					if p.sizes[op.Drop] != 1 {
						p = p.narrowed()
					}
					p = &piece{slices.Delete(slices.Clone(p.sizes), op.Drop, op.Drop+1), p.scale, p.shift}
				}
				out[i] = p.plain()
			}
			return out, nil
		},
	}
}

// splits reports whether the node picks positions of an axis that other readers of its
// data may need otherwise: the axis of the channels, or one that several outputs share.
func (c *crossing) splits(axis int, picks []*affine.Pick) bool {
	return len(picks) > 1 || c.n.In[0].ReadCount() > 1
}

// operands lists the data of a node of broadcast arithmetic with the axis of the
// result at which each begins; ok is false where one is constant, or sizes do not say
// how they meet.
func (c *crossing) operands() (at []int, ok bool) {
	out := c.n.Out[0].Rank()
	for _, x := range c.n.In {
		if x == nil || x.Rank() < 0 || out < x.Rank() || !x.Elem.IsFloat() || affine.ConstantLike(c.g, x) {
			return nil, false
		}
		at = append(at, out-x.Rank())
	}
	if c.g.Opset < 7 && slices.Max(at) > 0 {
		return nil, false
	}
	return at, out >= 0
}

// below lays numbers out beside an operand of the result; ok is false where it has
// not the axes along which they vary.
func (p *piece) below(x *graph.Value, at int) (*piece, bool) {
	dims, _ := x.Shape()
	if len(p.sizes) != at+len(dims) {
		return nil, false
	}
	for _, axis := range p.varies() {
		if axis < at || !dims[axis-at].Is(int64(p.sizes[axis])) {
			return nil, false
		}
	}
	return &piece{p.sizes[at:], p.scale, p.shift}, true
}

// above is the other way round.
func (p *piece) above(at int) *piece {
	return &piece{append(slices.Repeat([]int{1}, at), p.sizes...), p.scale, p.shift}
}

// added passes sums of data: a scale goes to every operand, a shift to one.
func (c *crossing) added() *passage {
	n := c.n
	switch n.OpType() {
	case "Add", "Sub", "Sum", "Mean":
	case "Max", "Min":
		return c.largest()
	default:
		return nil
	}
	at, ok := c.operands()
	if !ok || len(n.In) < 2 {
		return nil
	}
	coef := slices.Repeat([]float64{1}, len(n.In))
	if n.OpType() == "Sub" {
		coef[1] = -1
	}
	if n.OpType() == "Mean" {
		coef = slices.Repeat([]float64{1 / float64(len(n.In))}, len(n.In))
	}
	return &passage{
		law: law{shifts: true, joins: true, coef: coef, at: at},
		back: func(out []*piece) ([]*piece, *stop) {
			in := make([]*piece, len(n.In))
			takes := c.takesShift()
			for i, x := range n.In {
				p := out[0].onlyScale()
				if i == takes {
					p = out[0].times(1 / coef[i])
				}
				q, ok := p.below(x, at[i])
				if !ok {
					return nil, stopped(NoLinearNeighbour, "an operand of %q is repeated along the axis that is scaled", n.Title())
				}
				in[i] = q
			}
			return in, nil
		},
		forth: func(in []*piece) ([]*piece, *stop) {
			rank := n.Out[0].Rank()
			scale, shift := (*piece)(nil), same(rank)
			for i, p := range in {
				if p == nil {
					p = same(n.In[i].Rank())
				}
				p = p.above(at[i])
				if scale == nil {
					scale = p.onlyScale()
				} else if !scale.equal(p.onlyScale()) {
					return nil, stopped(PartWithoutLayer, "only some operands of %q are scaled", n.Title())
				}
				var ok bool
				if shift, ok = p.onlyShift().times(coef[i]).after(shift); !ok {
					return nil, stopped(NoLinearNeighbour, "the operands of %q are shifted along different axes", n.Title())
				}
			}
			p, ok := shift.after(scale)
			if !ok {
				return nil, stopped(NoLinearNeighbour, "the operands of %q are shifted along different axes", n.Title())
			}
			return []*piece{p}, nil
		},
	}
}

// maxLook bounds how far back is looked for a layer.
const maxLook = 16

// takesShift picks the operand of a sum to which a shift goes: the first one before
// which a layer is met without an activation between, and that is not repeated.
func (c *crossing) takesShift() int {
	to, _ := c.n.Out[0].Shape()
	best := 0
	for i, x := range c.n.In {
		from, _ := x.Shape()
		if !affine.EqualDims(from, to) {
			continue
		}
		for range maxLook {
			a := c.e.Of(x)
			if a == nil {
				break
			}
			if affine.IsLayer(a.Op) {
				return i
			}
			x = a.Args[0]
		}
	}
	return best
}

// largest passes Max and Min of data: all operands are scaled and shifted alike.
func (c *crossing) largest() *passage {
	at, ok := c.operands()
	if !ok || len(c.n.In) < 2 {
		return nil
	}
	sign := stopped(SignDepends, "some of its scales are not positive, and %q (%s) stands between", c.n.Title(), c.n.OpType())
	return &passage{
		law: law{positive: true, shifts: true, joins: true, at: at},
		back: func(out []*piece) ([]*piece, *stop) {
			if !out[0].positive() {
				return nil, sign
			}
			in := make([]*piece, len(c.n.In))
			for i, x := range c.n.In {
				q, ok := out[0].below(x, at[i])
				if !ok {
					return nil, stopped(NoLinearNeighbour, "an operand of %q is repeated along the axis that is scaled", c.n.Title())
				}
				in[i] = q
			}
			return in, nil
		},
		forth: func(in []*piece) ([]*piece, *stop) {
			var p *piece
			for i, q := range in {
				if q == nil {
					return nil, stopped(PartWithoutLayer, "only some operands of %q are scaled", c.n.Title())
				}
				if q = q.above(at[i]); p == nil {
					p = q
				} else if !p.equal(q) {
					return nil, stopped(PartWithoutLayer, "the operands of %q are scaled by different numbers", c.n.Title())
				}
			}
			if !p.positive() {
				return nil, sign
			}
			return []*piece{p}, nil
		},
	}
}

// multiplied passes the product of two values: the scale of either is that of the
// product.
func (c *crossing) multiplied() *passage {
	if c.n.OpType() != "Mul" || len(c.n.In) != 2 {
		return nil
	}
	at, ok := c.operands()
	if !ok {
		return nil
	}
	shifted := stopped(NoLinearNeighbour, "%q (Mul) does not keep what is added", c.n.Title())
	return &passage{
		law: law{product: true, joins: true, at: at},
		back: func(out []*piece) ([]*piece, *stop) {
			if out[0].shift != nil {
				return nil, shifted
			}
			for i, x := range c.n.In {
				if q, ok := out[0].below(x, at[i]); ok && c.back[x] && x.ReadCount() == 1 {
					in := make([]*piece, 2)
					in[i] = q
					return in, nil
				}
			}
			return nil, stopped(NoLinearNeighbour, "no factor of %q is a layer's alone", c.n.Title())
		},
		forth: func(in []*piece) ([]*piece, *stop) {
			p := same(c.n.Out[0].Rank())
			for i, q := range in {
				if q == nil {
					continue
				}
				if q.shift != nil {
					return nil, shifted
				}
				var ok bool
				if p, ok = q.above(at[i]).after(p); !ok {
					return nil, shifted
				}
			}
			return []*piece{p}, nil
		},
	}
}

// elsewhere is the stop of a value that somebody else reads too.
func elsewhere(v *graph.Value) *stop {
	return stopped(reason.IntermediateUsedElsewhere, "%q is read elsewhere too", v.Name)
}
