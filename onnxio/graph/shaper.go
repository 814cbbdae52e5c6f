package graph

import "repmlp/onnxio"

// A shaper is the view that a shape rule has of its node.
type shaper struct {
	g *Graph
	n *Node
}

// in returns the shape of an input; ok is false where it is absent or unknown.
func (s *shaper) in(i int) ([]Dim, bool) {
	if i >= len(s.n.In) || s.n.In[i] == nil {
		return nil, false
	}
	return s.n.In[i].Shape()
}

// ints returns what is known of the elements of an input that lists sizes,
// which is a scalar or a vector of integers.
func (s *shaper) ints(i int) []Dim {
	if i >= len(s.n.In) || s.n.In[i] == nil || s.n.In[i].Elem.IsFloat() || s.n.In[i].Rank() > 1 {
		return nil
	}
	return s.n.In[i].Ints()
}

// numbers returns an input's elements where all of them are numbers.
func (s *shaper) numbers(i int) ([]int64, bool) { return numbers(s.ints(i)) }

func numbers(dims []Dim) ([]int64, bool) {
	if dims == nil {
		return nil, false
	}
	out := make([]int64, len(dims))
	for i, d := range dims {
		v, ok := d.Int()
		if !ok {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func (s *shaper) set(i int, dims []Dim) {
	if i < len(s.n.Out) && s.n.Out[i] != nil {
		s.n.Out[i].setShape(dims)
	}
}

func (s *shaper) elem(d onnxio.DType) {
	for _, v := range s.n.Out {
		if v != nil {
			v.Elem = d
		}
	}
}

// axes returns the axes of Squeeze, Unsqueeze and reductions, an attribute in
// older opsets and input slot 1 in newer ones. ok is false where unknown.
func (s *shaper) axes() (axes []int64, given, ok bool) {
	if a := s.n.Attr("axes"); a != nil {
		return a.Ints(), true, true
	}
	if len(s.n.In) > 1 && s.n.In[1] != nil {
		axes, ok := s.numbers(1)
		return axes, true, ok
	}
	return nil, false, true
}
