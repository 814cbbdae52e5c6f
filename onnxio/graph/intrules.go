package graph

import (
	"repmlp/onnxio"
)

// An intRule returns the elements of a node's first output as far as sizes decide them,
// nil where they decide nothing. What only constants decide is worked out elsewhere.
type intRule func(s *shaper) []Dim

// intRules has a line for each operator that exporters compute sizes with.
var intRules = map[string]intRule{
	"Add":             pairs(func(_ *shaper, x, y Dim) Dim { return x.Plus(y) }),
	"Cast":            intsCast,
	"CastLike":        intsCast,
	"Concat":          intsConcat,
	"ConstantOfShape": intsOfShape,
	"Div":             pairs(divSizes),
	"Dropout":         intsSame,
	"Equal":           pairs(equalSizes),
	"Expand":          intsExpand,
	"Flatten":         intsSame,
	"Floor":           func(s *shaper) []Dim { return mapDims(s.elements(0), floored) },
	"Gather":          intsGather,
	"Identity":        intsSame,
	"Max":             pairs(maxSizes),
	"Min":             pairs(minSizes),
	"Mod":             pairs(modSizes),
	"Mul":             pairs(func(_ *shaper, x, y Dim) Dim { return x.Times(y) }),
	"Neg":             func(s *shaper) []Dim { return mapDims(s.elements(0), func(d Dim) Dim { return d.Times(Size(-1)) }) },
	"ReduceProd":      intsProduct,
	"Reshape":         intsSame,
	"Shape":           intsShape,
	"Size":            intsSize,
	"Slice":           intsSlice,
	"Squeeze":         intsSame,
	"Sub":             pairs(func(_ *shaper, x, y Dim) Dim { return x.Minus(y) }),
	"Unsqueeze":       intsSame,
	"Where":           intsWhere,
}

// elements returns what is known of the elements of an input of any type and rank.
func (s *shaper) elements(i int) []Dim {
	if i >= len(s.n.In) || s.n.In[i] == nil {
		return nil
	}
	return s.n.In[i].Ints()
}

func intsSame(s *shaper) []Dim { return s.elements(0) }

func intsShape(s *shaper) []Dim {
	d, ok := s.in(0)
	if !ok {
		return nil
	}
	from, to := shapeRange(s.n, len(d))
	return append([]Dim{}, d[from:to]...)
}

func intsSize(s *shaper) []Dim {
	if d, ok := s.in(0); ok {
		return []Dim{product(d)}
	}
	return nil
}

func intsCast(s *shaper) []Dim {
	return mapDims(s.elements(0), func(d Dim) Dim {
		switch to := s.n.Out[0].Elem; {
		case to.IsInt():
			return floored(d)
		case to == onnxio.Bool:
			if v, ok := d.Int(); ok {
				return Size(min(1, v*v))
			}
			return Unknown
		}
		return d
	})
}

func intsConcat(s *shaper) []Dim {
	var all []Dim
	for i := range s.n.In {
		part := s.elements(i)
		if part == nil {
			return nil
		}
		all = append(all, part...)
	}
	if len(all) > maxInts || s.n.Out[0].Rank() != 1 {
		return nil
	}
	return all
}

func intsGather(s *shaper) []Dim {
	data := s.elements(0)
	idx, ok := s.numbers(1)
	if data == nil || !ok || s.n.In[0].Rank() != 1 {
		return nil
	}
	var out []Dim
	for _, i := range idx {
		k, ok := Axis(i, len(data))
		if !ok {
			return nil
		}
		out = append(out, data[k])
	}
	return out
}

func intsSlice(s *shaper) []Dim {
	data := s.elements(0)
	steps, ok := s.g.SliceSteps(s.n, 1)
	if data == nil || !ok || s.n.In[0].Rank() != 1 || len(steps) != 1 {
		return nil
	}
	start, count := steps[0].Range(int64(len(data)))
	out := []Dim{}
	for i := range count {
		out = append(out, data[start+i*steps[0].Step])
	}
	return out
}

func intsWhere(s *shaper) []Dim {
	c, a, b := s.elements(0), s.elements(1), s.elements(2)
	k := max(len(c), len(a), len(b))
	for i, d := range [][]Dim{c, a, b} {
		if len(d) == 0 || len(d) != 1 && len(d) != k || k > maxInts || s.n.In[i].Rank() > 1 {
			return nil
		}
	}
	at := func(d []Dim, i int) Dim { return d[i%len(d)] }
	out := make([]Dim, k)
	for i := range out {
		x, y := at(a, i), at(b, i)
		switch t, ok := at(c, i).Int(); {
		case ok && t != 0, !ok && x.Equal(y):
			out[i] = x
		case ok:
			out[i] = y
		}
	}
	return out
}

func intsOfShape(s *shaper) []Dim {
	v := Size(0)
	if a := s.n.Attr("value"); a != nil && a.T() != nil {
		if t := tensorInts(a.T()); len(t) == 1 {
			v = t[0]
		}
	}
	return s.filled(v)
}

func intsExpand(s *shaper) []Dim {
	if v := s.elements(0); len(v) == 1 {
		return s.filled(v[0])
	}
	return nil
}

// filled lists v for each element of the output.
func (s *shaper) filled(v Dim) []Dim {
	d, ok := s.n.Out[0].Shape()
	if !ok {
		return nil
	}
	k, ok := product(d).Int()
	if !ok || k > maxInts {
		return nil
	}
	out := []Dim{}
	for range k {
		out = append(out, v)
	}
	return out
}

func intsProduct(s *shaper) []Dim {
	if d := s.elements(0); d != nil && s.n.In[0].Rank() == 1 && s.n.AttrInt("noop_with_empty_axes") == 0 {
		return []Dim{product(d)}
	}
	return nil
}
