package graph

// Pads returns the begin and end pads of a Pad node for every axis.
func (g *Graph) Pads(n *Node, rank int) ([]int64, bool) {
	s := &shaper{g: g, n: n}
	pads, ok := n.Ints("pads"), true
	if n.Attr("pads") == nil {
		if n.Attr("paddings") != nil {
			return nil, false
		}
		if pads, ok = s.numbers(1); !ok {
			return nil, false
		}
	}
	if len(n.In) > 3 && n.In[3] != nil {
		axes, ok := s.numbers(3)
		if !ok || rank < 0 || len(pads) != 2*len(axes) {
			return nil, false
		}
		full := make([]int64, 2*rank)
		for i, a := range axes {
			k, ok := Axis(a, rank)
			if !ok {
				return nil, false
			}
			full[k], full[rank+k] = pads[i], pads[len(axes)+i]
		}
		return full, true
	}
	return pads, len(pads) == 2*rank
}
