package graph

import "slices"

func shapeReshape(s *shaper) {
	target := s.ints(1)
	if a := s.n.Attr("shape"); a != nil { // opset 1
		target = nil
		for _, v := range a.Ints() {
			target = append(target, Size(v))
		}
	}
	in, known := s.in(0)
	if target == nil {
		if d, ok := s.in(1); ok && len(d) == 1 {
			if k, ok := d[0].Int(); ok && k >= 0 && k < 64 {
				s.set(0, make([]Dim, k))
			}
		}
		return
	}
	out := slices.Clone(target)
	infer := -1
	for i, d := range out {
		if d.Is(0) && s.n.AttrInt("allowzero") == 0 {
			out[i] = Unknown
			if known && i < len(in) {
				out[i] = in[i]
			}
		}
		if d.Is(-1) {
			infer, out[i] = i, Size(1)
		}
	}
	if infer >= 0 {
		out[infer] = Unknown
		if known {
			rest := product(append(slices.Clone(out[:infer]), out[infer+1:]...))
			out[infer] = quotient(product(in), rest)
		}
	}
	switch {
	case known && infer < 0:
		s.demand(Equals, 0, product(in), product(out))
	case known && !out[infer].Known():
		s.demand(Multiple, 0, product(in), product(append(slices.Clone(out[:infer]), out[infer+1:]...)))
	}
	s.set(0, out)
}

// quotient divides element counts, taking ⌊H/k⌋·k for H: a Reshape that asks
// for whole tiles promises that they fit.
func quotient(total, rest Dim) Dim {
	if q, ok := total.Over(rest); ok {
		return q
	}
	if len(rest.terms) != 1 {
		return Unknown
	}
	t := term{coef: rest.terms[0].coef}
	for _, f := range rest.terms[0].factors {
		if k, ok := f.den.Int(); f.kind == floor && ok && k > 0 && t.coef%k == 0 {
			t.coef /= k
			if f = f.num.alone(); f == nil {
				return Unknown
			}
		}
		t.factors = append(t.factors, f)
	}
	slices.SortFunc(t.factors, (*factor).compare)
	if q, ok := total.Over(Dim{terms: []term{t}}); ok {
		return q
	}
	return Unknown
}

func shapeTranspose(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	perm := Perm(s.n, len(d))
	out := make([]Dim, len(d))
	for i, p := range perm {
		out[i] = d[p]
	}
	s.set(0, out)
}

func shapeSqueeze(s *shaper) {
	d, ok := s.in(0)
	axes, given, known := s.axes()
	if !ok || !known || !given && s.g.opts.Sure && !settled(d) {
		return
	}
	var out []Dim
	for i, x := range d {
		drop := !given && x.Is(1)
		for _, a := range axes {
			if k, _ := Axis(a, len(d)); k == i {
				drop = true
				s.demand(Equals, 0, x, Size(1))
			}
		}
		if !drop {
			out = append(out, x)
		}
	}
	s.set(0, out)
}

// settled reports whether all sizes are numbers: one that is none may be 1.
func settled(dims []Dim) bool {
	_, ok := numbers(append([]Dim{}, dims...))
	return ok
}

func shapeUnsqueeze(s *shaper) {
	d, ok := s.in(0)
	axes, _, known := s.axes()
	if !ok || !known {
		return
	}
	rank := len(d) + len(axes)
	out := make([]Dim, rank)
	isNew := make([]bool, rank)
	for _, a := range axes {
		if k, ok := Axis(a, rank); ok {
			isNew[k] = true
		}
	}
	next := 0
	for i := range out {
		if isNew[i] {
			out[i] = Size(1)
		} else if next < len(d) {
			out[i] = d[next]
			next++
		}
	}
	s.set(0, out)
}

func shapeFlatten(s *shaper) {
	d, ok := s.in(0)
	if !ok {
		return
	}
	a := int(s.n.AttrInt("axis"))
	if a < 0 {
		a += len(d)
	}
	if a < 0 || a > len(d) {
		return
	}
	s.set(0, []Dim{product(d[:a]), product(d[a:])})
}
