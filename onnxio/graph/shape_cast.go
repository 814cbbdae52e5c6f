package graph

import "repmlp/onnxio"

// Operators whose element type is said by an attribute or by one of several inputs.

func shapeCast(s *shaper) {
	same(s)
	s.elem(onnxio.DType(s.n.AttrInt("to")))
}

// shapeQuantize follows QuantizeLinear: the type is that of the zero point.
func shapeQuantize(s *shaper) {
	same(s)
	switch to := onnxio.DType(s.n.AttrInt("output_dtype")); {
	case len(s.n.In) > 2 && s.n.In[2] != nil:
		s.elem(s.n.In[2].Elem)
	case to != onnxio.Undefined:
		s.elem(to)
	default:
		s.elem(onnxio.Uint8)
	}
}

// shapeDynamicQuantize follows DynamicQuantizeLinear: one scale and one zero point.
func shapeDynamicQuantize(s *shaper) {
	same(s)
	s.set(1, []Dim{})
	s.set(2, []Dim{})
}

// shapeDequantize follows DequantizeLinear: the type is that of the scale.
func shapeDequantize(s *shaper) {
	same(s)
	if to := onnxio.DType(s.n.AttrInt("output_dtype")); to != onnxio.Undefined {
		s.elem(to)
	} else {
		s.elem(s.n.In[1].Elem)
	}
}
