package move

import (
	"slices"
)

// A unary node reads one value with data, its first input.
type unary struct {
	shifts   bool // a value that is shifted gives one that is shifted alike
	positive bool // scales pass where they are above zero
	// back and forth lay the numbers out on the other side; false where they
	// vary along an axis whose positions the node mixes.
	back, forth func(p *piece) (*piece, bool)
}

// kept passes nodes whose result has the axes of their data, of which they mix some.
func kept(rank int, mixes func(axis int) bool) unary {
	same := func(p *piece) (*piece, bool) {
		if len(p.sizes) != rank {
			return nil, false
		}
		return p, !slices.ContainsFunc(p.varies(), mixes)
	}
	return unary{back: same, forth: same}
}

// reduced passes nodes that take the positions of some axes together.
func reduced(rank int, axes []int, keep bool) unary {
	u := kept(rank, func(axis int) bool { return slices.Contains(axes, axis) })
	if keep {
		return u
	}
	same := u.forth
	u.back = func(p *piece) (*piece, bool) {
		if len(p.sizes) != rank-len(axes) {
			return nil, false
		}
		var sizes []int
		next := 0
		for i := range rank {
			if slices.Contains(axes, i) {
				sizes = append(sizes, 1)
				continue
			}
			sizes = append(sizes, p.sizes[next])
			next++
		}
		return &piece{sizes, p.scale, p.shift}, true
	}
	u.forth = func(p *piece) (*piece, bool) {
		p, ok := same(p)
		if !ok {
			return nil, false
		}
		var sizes []int
		for i, n := range p.sizes {
			if !slices.Contains(axes, i) {
				sizes = append(sizes, n)
			}
		}
		return &piece{sizes, p.scale, p.shift}, true
	}
	return u
}

// one is the passage of a node of one input and one output.
func (c *crossing) one(u unary) *passage {
	through := func(p *piece, lay func(*piece) (*piece, bool)) (*piece, *stop) {
		if p == nil {
			return nil, nil
		}
		if p = p.plain(); u.positive && !p.positive() {
			return nil, stopped(SignDepends, "some of its scales are not positive, and %q (%s) stands between", c.n.Title(), c.n.OpType())
		}
		if !u.shifts && p.shift != nil {
			return nil, stopped(NoLinearNeighbour, "%q (%s) does not keep what is added", c.n.Title(), c.n.OpType())
		}
		q, ok := lay(p)
		if !ok {
			return nil, stopped(NoLinearNeighbour, "%q (%s) mixes what it scales by different numbers", c.n.Title(), c.n.OpType())
		}
		return q.plain(), nil
	}
	return &passage{
		law: law{positive: u.positive, shifts: u.shifts},
		back: func(out []*piece) ([]*piece, *stop) {
			in := make([]*piece, len(c.n.In))
			var why *stop
			in[0], why = through(out[0], u.back)
			return in, why
		},
		forth: func(in []*piece) ([]*piece, *stop) {
			out := make([]*piece, len(c.n.Out))
			if slices.ContainsFunc(in[1:], func(p *piece) bool { return p != nil }) {
				return nil, stopped(NoLinearNeighbour, "%q (%s) is no linear function of it", c.n.Title(), c.n.OpType())
			}
			var why *stop
			out[0], why = through(in[0], u.forth)
			return out, why
		},
	}
}

// othersUnused reports whether the node's outputs but the first are read by nobody.
func (c *crossing) othersUnused() bool {
	for _, v := range c.n.Out[1:] {
		if v != nil && v.ReadCount() > 0 {
			return false
		}
	}
	return true
}
