package graph

import (
	"math"

	"repmlp/onnxio"
)

// Small integer tensors are evaluated element by element, with symbols where a
// size is not known: Shape, Gather, Slice, Concat and arithmetic build the
// targets of Reshape in most exports. Exporters that divide in floating point
// are covered too: a quotient keeps its numerator and denominator until Floor
// or a Cast to an integer asks for the rounded value.

// maxInts bounds the tensors that are evaluated this way.
const maxInts = 1024

// fixed reports whether v is an initializer that nobody can override.
func (g *Graph) fixed(v *Value) bool {
	return v.Init != nil && (!v.IsInput || g.opts.FreezeInputs)
}

func (g *Graph) initInts(v *Value) { v.ints = tensorInts(v.Init) }

func tensorInts(t *onnxio.Tensor) []Dim {
	if t.Len() > maxInts {
		return nil
	}
	var f []float64
	var err error
	if t.DType.IsInt() || t.DType == onnxio.Bool || t.DType.IsFloat() {
		f, err = t.Float64s()
	} else {
		return nil
	}
	if err != nil {
		return nil
	}
	out := make([]Dim, len(f))
	for i, x := range f {
		if x == math.Trunc(x) && math.Abs(x) < 1<<62 {
			out[i] = Size(int64(x))
			if math.Abs(x) > 1<<53 && t.DType == onnxio.Int64 {
				if ints, err := t.Int64s(); err == nil {
					out[i] = Size(ints[i])
				}
			}
		} else if t.DType == onnxio.Int64 {
			if ints, err := t.Int64s(); err == nil {
				out[i] = Size(ints[i])
			}
		}
	}
	return out
}

// evalInts works out the elements of n's first output where it is a small
// integer tensor computed from sizes.
func (g *Graph) evalInts(n *Node) {
	if n.Domain != "" || len(n.Out) == 0 || n.Out[0] == nil {
		return
	}
	out := n.Out[0]
	if g.constInts(out) {
		return
	}
	s := &shaper{g: g, n: n}
	if out.Elem != onnxio.Undefined && !countable(out.Elem) {
		return // arithmetic that wraps early holds no sizes
	}
	defer func() { out.ints = within(out.Elem, out.ints) }()
	in := func(i int) []Dim { // of any type and rank
		if i >= len(n.In) || n.In[i] == nil {
			return nil
		}
		return n.In[i].ints
	}
	switch n.OpType {
	case "Shape":
		if d, ok := s.in(0); ok {
			from, to := shapeRange(n, len(d))
			out.ints = append([]Dim{}, d[from:to]...)
		}
	case "Size":
		if d, ok := s.in(0); ok {
			out.ints = []Dim{product(d)}
		}
	case "Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Dropout":
		out.ints = in(0)
	case "Cast", "CastLike":
		out.ints = mapDims(in(0), func(d Dim) Dim {
			switch {
			case out.Elem.IsInt():
				return floored(d)
			case out.Elem == onnxio.Bool:
				if v, ok := d.Int(); ok {
					return Size(min(1, v*v))
				}
				return Unknown
			}
			return d
		})
	case "Floor":
		out.ints = mapDims(in(0), floored)
	case "Neg":
		out.ints = mapDims(in(0), func(d Dim) Dim { return d.Times(Size(-1)) })
	case "Concat":
		var all []Dim
		for i := range n.In {
			part := in(i)
			if part == nil {
				return
			}
			all = append(all, part...)
		}
		if len(all) <= maxInts && out.Rank() == 1 {
			out.ints = all
		}
	case "Gather":
		data := in(0)
		idx, ok := s.numbers(1)
		if data == nil || !ok || n.In[0].Rank() != 1 {
			return
		}
		for _, i := range idx {
			k, ok := Axis(i, len(data))
			if !ok {
				out.ints = nil
				return
			}
			out.ints = append(out.ints, data[k])
		}
	case "Slice":
		data := in(0)
		steps, ok := g.SliceSteps(n, 1)
		if data == nil || !ok || n.In[0].Rank() != 1 || len(steps) != 1 {
			return
		}
		start, count := steps[0].Range(int64(len(data)))
		out.ints = []Dim{}
		for i := range count {
			out.ints = append(out.ints, data[start+i*steps[0].Step])
		}
	case "Add", "Sub", "Mul", "Div", "Equal", "Mod", "Max", "Min":
		out.ints = g.binaryInts(n, in(0), in(1))
	case "Where":
		c, a, b := in(0), in(1), in(2)
		k := max(len(c), len(a), len(b))
		if c == nil || a == nil || b == nil || k > maxInts || n.In[0].Rank() > 1 || n.In[1].Rank() > 1 || n.In[2].Rank() > 1 {
			return
		}
		at := func(d []Dim, i int) Dim { return d[i%len(d)] }
		for _, d := range [][]Dim{c, a, b} {
			if len(d) == 0 || len(d) != 1 && len(d) != k {
				return
			}
		}
		for i := range k {
			pick := Unknown
			if t, ok := at(c, i).Int(); ok {
				pick = at(b, i)
				if t != 0 {
					pick = at(a, i)
				}
			} else if at(a, i).Equal(at(b, i)) {
				pick = at(a, i)
			}
			out.ints = append(out.ints, pick)
		}
	case "ConstantOfShape":
		if d, ok := out.Shape(); ok {
			if k, ok := product(d).Int(); ok && k <= maxInts {
				v := Size(0)
				if a := n.Attr("value"); a != nil && a.T != nil {
					if t := tensorInts(a.T); len(t) == 1 {
						v = t[0]
					}
				}
				out.ints = []Dim{}
				for range k {
					out.ints = append(out.ints, v)
				}
			}
		}
	case "Expand":
		if d, ok := out.Shape(); ok && len(in(0)) == 1 {
			if k, ok := product(d).Int(); ok && k <= maxInts {
				out.ints = []Dim{}
				for range k {
					out.ints = append(out.ints, in(0)[0])
				}
			}
		}
	case "ReduceProd":
		if d := in(0); d != nil && n.In[0].Rank() == 1 && n.Int("noop_with_empty_axes", 0) == 0 {
			out.ints = []Dim{product(d)}
		}
	}
}

func mapDims(in []Dim, f func(Dim) Dim) []Dim {
	if in == nil {
		return nil
	}
	out := make([]Dim, len(in))
	for i, d := range in {
		if d.Known() {
			out[i] = f(d)
		}
	}
	return out
}

func (g *Graph) binaryInts(n *Node, a, b []Dim) []Dim {
	k := max(len(a), len(b))
	if len(a) == 0 || len(b) == 0 || k > maxInts || len(a) != 1 && len(a) != k || len(b) != 1 && len(b) != k {
		return nil
	}
	if n.In[0].Rank() > 1 || n.In[1].Rank() > 1 {
		return nil
	}
	out := make([]Dim, k)
	for i := range out {
		x, y := a[i%len(a)], b[i%len(b)]
		xi, xok := x.Int()
		yi, yok := y.Int()
		switch n.OpType {
		case "Add":
			out[i] = x.Plus(y)
		case "Sub":
			out[i] = x.Minus(y)
		case "Mul":
			out[i] = x.Times(y)
		case "Div":
			// Sizes are not negative, so truncation is the floor.
			out[i] = x.FloorDiv(y)
			if xok && yok && yi != 0 && !(xi == math.MinInt64 && yi == -1) {
				out[i] = Size(xi / yi)
			}
			if _, exact := x.Over(y); !exact {
				(&shaper{g: g, n: n}).demand(Even, 0, x, y)
			}
			if n.In[0].Elem.IsFloat() {
				if _, exact := x.Over(y); !exact && xok && yok && yi != 0 {
					out[i] = Unknown
					if q := float64(xi) / float64(yi); q == math.Trunc(q) {
						out[i] = Size(int64(q))
					} else if xi > 0 && yi > 0 {
						out[i] = fraction(x, y)
					}
				} else if !exact {
					out[i] = Unknown
					if _, _, ok := x.FloorDiv(y).quotient(); ok {
						out[i] = fraction(x, y)
					}
				}
			}
		case "Mod":
			if xok && yok && n.In[0].Elem.IsInt() {
				if r, err := modInt(onnxio.Int64, xi, yi, n.Int("fmod", 0) != 0); err == nil {
					out[i] = Size(r)
				}
			}
		case "Max":
			if xok && yok {
				out[i] = Size(max(xi, yi))
			} else if x.Equal(y) || yok && yi <= 1 { // a size is at least one where it matters
				out[i] = x
			} else if xok && xi <= 1 {
				out[i] = y
			}
		case "Min":
			if xok && yok {
				out[i] = Size(min(xi, yi))
			} else if x.Equal(y) {
				out[i] = x
			}
		case "Equal":
			switch {
			case x.Equal(y):
				out[i] = Size(1)
			case xok && yok:
				out[i] = Size(0)
			case yok && yi < 0 && x.Known(), xok && xi < 0 && y.Known(): // a size is never negative
				out[i] = Size(0)
			}
		}
	}
	return out
}

// constInts takes the elements of a small constant from its evaluation, which
// knows how integers wrap, and its shape where nothing else tells it. It
// reports whether it did; what only sizes decide is left to the caller.
func (g *Graph) constInts(v *Value) bool {
	if !g.IsConst(v) {
		return false
	}
	if dims, ok := v.Shape(); ok {
		if k, ok := product(dims).Int(); ok && k > maxInts {
			return true
		}
	}
	c := v.constant // small ones are kept
	if c == nil || c.Len() > maxInts {
		return true
	}
	if _, ok := v.Shape(); !ok {
		v.setShape(sizes(c.Shape))
	}
	if v.Elem == onnxio.Undefined {
		v.Elem = c.DType
	}
	v.ints = make([]Dim, c.Len())
	for i := range v.ints {
		switch {
		case c.F == nil && (c.I[i] >= 0 || c.DType != onnxio.Uint64):
			v.ints[i] = Size(c.I[i])
		case c.F != nil && c.F[i] == math.Trunc(c.F[i]) && math.Abs(c.F[i]) < 1<<53 && !c.inexact:
			v.ints[i] = Size(int64(c.F[i]))
		}
	}
	return true
}

// sizes are dimensions of a known shape.
func sizes(shape []int) []Dim {
	out := make([]Dim, len(shape))
	for i, n := range shape {
		out[i] = Size(int64(n))
	}
	return out
}

// countable types hold sizes, and what is computed from them.
func countable(d onnxio.DType) bool {
	return d == onnxio.Int64 || d == onnxio.Int32 || d == onnxio.Bool || d.IsFloat()
}

// within drops numbers that an int32 cannot hold, which wrap at run time.
func within(d onnxio.DType, dims []Dim) []Dim {
	if d == onnxio.Int32 {
		for i, x := range dims {
			if k, ok := x.Int(); ok && k != int64(int32(k)) {
				dims[i] = Unknown
			}
		}
	}
	return dims
}
