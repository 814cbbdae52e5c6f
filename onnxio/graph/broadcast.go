package graph

import "slices"

// Broadcast combines two shapes by numpy's rule; sizes that cannot be compared
// are unknown.
func Broadcast(a, b []Dim) []Dim {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		have := out[off+i]
		switch {
		case have.Equal(d), d.Is(1):
		case have.Is(1):
			out[off+i] = d
		default:
			_, isNum := have.Int()
			_, other := d.Int()
			if other && !isNum {
				out[off+i] = d
			} else if !isNum {
				out[off+i] = Unknown
			}
		}
	}
	return out
}

// Beside returns the axis of a node's first input, of rank a, at which its second
// one, of rank b, begins: they end together, or before opset 7 the attribute axis
// says where. It is negative where the second has more axes. ok is false where the
// attributes do not let them meet.
func (g *Graph) Beside(n *Node, a, b int) (at int, ok bool) {
	at = a - b
	switch {
	case !n.aligned():
		return at, true
	case n.AttrInt("broadcast") == 0:
		return at, at == 0
	case n.Attr("axis") != nil:
		at, ok = Axis(n.AttrInt("axis"), a)
		return at, ok && at+b <= a
	}
	return at, at >= 0
}

// beside gives the second operand of arithmetic the axes that attributes put
// behind it.
func (g *Graph) beside(n *Node, in []*Const) ([]*Const, error) {
	if g.Opset >= 7 || len(in) != 2 || !n.aligned() {
		return in, nil
	}
	rank := len(in[1].Shape)
	at, ok := g.Beside(n, len(in[0].Shape), rank)
	if !ok {
		return nil, errShape
	}
	if behind := len(in[0].Shape) - at - rank; behind > 0 {
		c := *in[1]
		c.Shape = append(slices.Clone(c.Shape), slices.Repeat([]int{1}, behind)...)
		in = []*Const{in[0], &c}
	}
	if whole, err := joint(in[0].Shape, in[1].Shape); err != nil || !slices.Equal(whole, in[0].Shape) {
		return nil, errShape
	}
	return in, nil
}

// aligned reports whether the node's second input is aligned by the attributes axis and
// broadcast, which opset 7 took away.
func (n *Node) aligned() bool {
	return n.op != nil && n.op.Attr("broadcast") != nil && n.op.Attr("axis") != nil
}
