package move

import (
	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// hope says of every value whether a scale and shift may move back from it, or on, as
// far as that does not depend on numbers: most searches without an end are not begun.
// It takes the nodes once in each direction.
type hope struct{ back, on map[*graph.Value]bool }

func (s *search) hopes() hope {
	h := hope{map[*graph.Value]bool{}, map[*graph.Value]bool{}}
	passes := make([]bool, len(s.g.Nodes))
	for i, n := range s.g.Nodes {
		if !s.e.Alive[n] || n.First() == nil {
			continue
		}
		passes[i] = s.leftover(n) != nil || s.crossing(n).passage() != nil
		some := false
		if passes[i] {
			for _, v := range n.In {
				some = some || v != nil && h.back[v] && !v.IsOutput && len(v.Captured) == 0
			}
		}
		for _, v := range n.Out {
			if v != nil {
				h.back[v] = some || s.layered(n, v)
			}
		}
	}
	for i := len(s.g.Nodes) - 1; i >= 0; i-- {
		for _, v := range s.g.Nodes[i].Out {
			if v != nil {
				h.on[v] = s.readable(v, h, passes)
			}
		}
	}
	return h
}

// layered reports whether v may be what a layer makes.
func (s *search) layered(n *graph.Node, v *graph.Value) bool {
	a := s.e.Of(v)
	return a != nil && (affine.IsLayer(a.Op) || s.ends[v] || s.inside[n]) || v == n.Out[0] && s.normTakes(n, nil)
}

// readable reports whether all that reads v may take a scale and shift or pass it.
func (s *search) readable(v *graph.Value, h hope, passes []bool) bool {
	if v.IsOutput || len(v.Captured) > 0 || len(v.Readers) == 0 {
		return false
	}
	for _, r := range v.Readers {
		n := r.Node
		switch {
		case asksSize(n):
		case n.First() == nil:
			return false
		case s.starts[v] && s.inside[n]:
		case s.e.Of(n.Out[0]) != nil && affine.IsLayer(s.e.Of(n.Out[0]).Op):
		case !passes[n.Index]:
			return false
		default:
			some := false
			for _, out := range n.Out {
				some = some || out != nil && h.on[out]
			}
			if !some {
				return false
			}
		}
	}
	return true
}
