package graph

import (
	"math"

	"repmlp/onnxio"
)

// pairs is the rule of an operator that works on the elements of two inputs, scalars or
// vectors, one of which may have a single one.
func pairs(f func(s *shaper, x, y Dim) Dim) intRule {
	return func(s *shaper) []Dim {
		a, b := s.elements(0), s.elements(1)
		k := max(len(a), len(b))
		if len(s.n.In) != 2 || len(a) == 0 || len(b) == 0 || k > maxInts || len(a) != 1 && len(a) != k || len(b) != 1 && len(b) != k {
			return nil
		}
		if s.n.In[0].Rank() > 1 || s.n.In[1].Rank() > 1 {
			return nil
		}
		out := make([]Dim, k)
		for i := range out {
			out[i] = f(s, a[i%len(a)], b[i%len(b)])
		}
		return out
	}
}

// divSizes divides sizes, which are not negative, so that truncation is the floor; in
// floating point the quotient is kept until something rounds it.
func divSizes(s *shaper, x, y Dim) Dim {
	xi, xok := x.Int()
	yi, yok := y.Int()
	q, exact := x.Over(y)
	if !exact {
		s.demand(Even, 0, x, y)
	}
	numbers := xok && yok && yi != 0
	if !s.n.In[0].Elem.IsFloat() {
		if numbers && !(xi == math.MinInt64 && yi == -1) {
			return Size(xi / yi)
		}
		return x.FloorDiv(y)
	}
	if exact {
		return q
	}
	if numbers {
		switch q := float64(xi) / float64(yi); {
		case q == math.Trunc(q):
			return Size(int64(q))
		case xi > 0 && yi > 0:
			return fraction(x, y)
		}
		return Unknown
	}
	if _, _, ok := x.FloorDiv(y).quotient(); ok {
		return fraction(x, y)
	}
	return Unknown
}

func modSizes(s *shaper, x, y Dim) Dim {
	xi, xok := x.Int()
	yi, yok := y.Int()
	if xok && yok && s.n.In[0].Elem.IsInt() {
		if r, err := modInt(onnxio.Int64, xi, yi, s.n.AttrInt("fmod") != 0); err == nil {
			return Size(r)
		}
	}
	return Unknown
}

// maxSizes takes the larger one; a size is at least one where it matters.
func maxSizes(_ *shaper, x, y Dim) Dim {
	xi, xok := x.Int()
	yi, yok := y.Int()
	switch {
	case xok && yok:
		return Size(max(xi, yi))
	case x.Equal(y) || yok && yi <= 1:
		return x
	case xok && xi <= 1:
		return y
	}
	return Unknown
}

func minSizes(_ *shaper, x, y Dim) Dim {
	xi, xok := x.Int()
	yi, yok := y.Int()
	switch {
	case xok && yok:
		return Size(min(xi, yi))
	case x.Equal(y):
		return x
	}
	return Unknown
}

// equalSizes is 1 or 0; a size is never negative.
func equalSizes(_ *shaper, x, y Dim) Dim {
	xi, xok := x.Int()
	yi, yok := y.Int()
	switch {
	case x.Equal(y):
		return Size(1)
	case xok && yok, yok && yi < 0 && x.Known(), xok && xi < 0 && y.Known():
		return Size(0)
	}
	return Unknown
}
