package verify

import (
	"math"
	"slices"

	"repmlp/onnxio"
)

// A fold reduces numbers: start, combine, and a last step that knows how many
// there were.
type fold struct {
	start float64
	add   func(s, x float64) float64
	end   func(s float64, n int) float64
	int   func(s, x int64) int64 // of integers, in their own arithmetic; they start at start, too
}

func reductions() map[string]operator {
	sum := func(s, x float64) float64 { return s + x }
	m := map[string]operator{"ReduceLogSumExp": logSumExp, "ArgMax": argBest(1), "ArgMin": argBest(-1)}
	for op, f := range map[string]fold{
		"ReduceSum": {add: sum, int: func(s, x int64) int64 { return s + x }}, "ReduceMean": {add: sum, end: func(s float64, n int) float64 { return s / float64(n) }},
		"ReduceMax": {start: math.Inf(-1), add: math.Max}, "ReduceMin": {start: math.Inf(1), add: math.Min},
		"ReduceProd":      {start: 1, add: func(s, x float64) float64 { return s * x }, int: func(s, x int64) int64 { return s * x }},
		"ReduceL1":        {add: func(s, x float64) float64 { return s + math.Abs(x) }},
		"ReduceL2":        {add: func(s, x float64) float64 { return s + x*x }, end: func(s float64, _ int) float64 { return math.Sqrt(s) }},
		"ReduceSumSquare": {add: func(s, x float64) float64 { return s + x*x }, int: func(s, x int64) int64 { return s + x*x }},
		"ReduceLogSum":    {add: sum, end: func(s float64, _ int) float64 { return math.Log(s) }},
	} {
		m[op] = f.operator
	}
	return m
}

// reduced resolves the axes of a reduction: where each element goes, and the
// shape of the result with and without the reduced axes. ok is false where the
// node passes its input on.
func reduced(c *call) (to []int, kept, shape []int, ok bool, err error) {
	x := c.in[0]
	axes, given := c.list("axes", 1)
	if len(axes) == 0 && given && c.n.Int("noop_with_empty_axes", 0) != 0 || !given && c.n.Int("noop_with_empty_axes", 0) != 0 {
		return nil, nil, nil, false, nil
	}
	hit := slices.Repeat([]bool{len(axes) == 0}, len(x.Shape))
	for _, a := range axes {
		k, err := axisOf(a, len(x.Shape))
		if err != nil {
			return nil, nil, nil, false, err
		}
		hit[k] = true
	}
	shape = []int{}
	for i, d := range x.Shape {
		if hit[i] {
			kept = append(kept, 1)
		} else {
			kept = append(kept, d)
			shape = append(shape, d)
		}
	}
	if c.n.Int("keepdims", 1) == 1 {
		shape = kept
		if shape == nil {
			shape = []int{}
		}
	}
	st := strides(kept)
	for i := range st {
		if hit[i] {
			st[i] = 0
		}
	}
	to = make([]int, 0, x.Len())
	walk(x.Shape, st, func(_, o int) { to = append(to, o) })
	return to, kept, shape, true, nil
}

func (f fold) operator(c *call) ([]*Tensor, error) {
	x := c.in[0]
	to, kept, shape, ok, err := reduced(c)
	if err != nil {
		return nil, err
	}
	if !ok {
		return f.each(c)
	}
	if x.I != nil && f.int != nil {
		out := like(x, x.DType, shape)
		for i := range out.I {
			out.I[i] = int64(f.start)
		}
		for i, o := range to {
			out.I[o] = f.int(out.I[o], x.I[i])
		}
		out.wrap()
		return []*Tensor{out}, nil
	}
	acc := slices.Repeat([]float64{f.start}, count(kept))
	for i, o := range to {
		acc[o] = f.add(acc[o], x.Float(i))
	}
	out := like(x, x.DType, shape)
	n := 0
	if len(acc) > 0 {
		n = x.Len() / len(acc)
	}
	for i, v := range acc {
		if f.end != nil {
			v = f.end(v, n)
		}
		if out.I != nil && math.IsInf(v, 0) {
			v = limitOf(out.DType, v > 0)
		}
		put(out, i, v)
	}
	return []*Tensor{out}, nil
}

func limitOf(d onnxio.DType, high bool) float64 {
	bits := float64(d.Bits() - 1)
	if high {
		return math.Ldexp(1, int(bits)) - 1
	}
	return -math.Ldexp(1, int(bits))
}

// each reduces every element by itself, as an empty list of axes asks for.
func (f fold) each(c *call) ([]*Tensor, error) {
	x := c.in[0]
	out := like(x, x.DType, x.Shape)
	if x.I != nil && f.int != nil {
		for i, v := range x.I {
			out.I[i] = f.int(int64(f.start), v)
		}
		out.wrap()
		return []*Tensor{out}, nil
	}
	for i := range x.Len() {
		v := f.add(f.start, x.Float(i))
		if f.end != nil {
			v = f.end(v, 1)
		}
		put(out, i, v)
	}
	return []*Tensor{out}, nil
}

func logSumExp(c *call) ([]*Tensor, error) {
	x := c.in[0]
	to, kept, shape, ok, err := reduced(c)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []*Tensor{x}, nil
	}
	top := slices.Repeat([]float64{math.Inf(-1)}, count(kept))
	for i, o := range to {
		top[o] = math.Max(top[o], x.Float(i))
	}
	acc := make([]float64, len(top))
	for i, o := range to {
		if !math.IsInf(top[o], 0) {
			acc[o] += math.Exp(x.Float(i) - top[o])
		} else {
			acc[o] += math.Exp(x.Float(i))
		}
	}
	out := like(x, x.DType, shape)
	for i, v := range acc {
		r := math.Log(v)
		if !math.IsInf(top[i], 0) {
			r += top[i]
		}
		put(out, i, r)
	}
	return []*Tensor{out}, nil
}

func argBest(sign float64) operator {
	return func(c *call) ([]*Tensor, error) {
		x := c.in[0]
		axis, err := axisOf(c.n.Int("axis", 0), len(x.Shape))
		if err != nil {
			return nil, err
		}
		n, inner := x.Shape[axis], count(x.Shape[axis+1:])
		shape := slices.Clone(x.Shape)
		shape[axis] = 1
		out := &Tensor{DType: onnxio.Int64, Shape: shape, I: make([]int64, count(shape))}
		last := c.n.Int("select_last_index", 0) != 0
		for r := range out.I {
			base := r/inner*n*inner + r%inner
			best := math.Inf(-1)
			for i := range n {
				v := sign * x.Float(base+i*inner)
				if v > best || i == 0 || last && v == best {
					best = v
					out.I[r] = int64(i)
				}
			}
		}
		if c.n.Int("keepdims", 1) != 1 {
			out.Shape = slices.Delete(slices.Clone(shape), axis, axis+1)
		}
		return []*Tensor{out}, nil
	}
}
