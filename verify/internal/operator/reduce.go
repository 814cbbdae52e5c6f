package operator

import (
	"math"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

func cumSum(c *Call) ([]*Value, error) {
	x := c.In[0]
	axis, err := tensor.AxisOf(c.In[1].I[0], len(x.Shape))
	if err != nil {
		return nil, err
	}
	n, inner := x.Shape[axis], tensor.Count(x.Shape[axis+1:])
	out := Like(x, x.DType, x.Shape)
	exclusive, reverse := c.Node.AttrInt("exclusive") != 0, c.Node.AttrInt("reverse") != 0
	for r := 0; n > 0 && r < x.Len()/n; r++ {
		base := r/inner*n*inner + r%inner
		s := 0.0
		for i := range n {
			k := i
			if reverse {
				k = n - 1 - i
			}
			v := x.Float(base + k*inner)
			if exclusive {
				put(out, base+k*inner, s)
				s += v
			} else {
				s += v
				put(out, base+k*inner, s)
			}
		}
	}
	return []*Value{out}, nil
}

// A fold reduces numbers: start, combine, and a last step that knows how many
// there were.
type fold struct {
	start float64
	add   func(s, x float64) float64
	end   func(s float64, n int) float64
	int   func(s, x int64) int64 // of integers, in their own arithmetic; they start at start, too
}

func plus(s, x float64) float64 { return s + x }

func reduceSum() Kernel {
	return fold{add: plus, int: func(s, x int64) int64 { return s + x }}.operator
}

func reduceMean() Kernel {
	return fold{add: plus, end: func(s float64, n int) float64 { return s / float64(n) }}.operator
}

func reduceMax() Kernel {
	return extreme(fold{start: math.Inf(-1), add: math.Max}, func(d onnxio.DType, a, b int64) bool { return less64(d, b, a) })
}

func reduceMin() Kernel { return extreme(fold{start: math.Inf(1), add: math.Min}, less64) }

func less64(d onnxio.DType, a, b int64) bool {
	if d == onnxio.Uint64 {
		return uint64(a) < uint64(b)
	}
	return a < b
}

// extreme compares integers as what they are: float64 would lose what is above 2^53.
func extreme(floats fold, before func(d onnxio.DType, a, b int64) bool) Kernel {
	return func(c *Call) ([]*Value, error) {
		x := c.In[0]
		to, kept, shape, ok, err := reduced(c)
		if err != nil || !x.DType.IsInt() || x.Len() == 0 {
			return floats.operator(c)
		}
		if !ok {
			return []*Value{x}, nil
		}
		out, seen := Like(x, x.DType, shape), make([]bool, tensor.Count(kept))
		for i, o := range to {
			if !seen[o] || before(x.DType, x.I[i], out.I[o]) {
				out.I[o], seen[o] = x.I[i], true
			}
		}
		return []*Value{out}, nil
	}
}

func reduceProd() Kernel {
	return fold{start: 1, add: func(s, x float64) float64 { return s * x }, int: func(s, x int64) int64 { return s * x }}.operator
}

func reduceL1() Kernel {
	return fold{add: func(s, x float64) float64 { return s + math.Abs(x) }}.operator
}

func reduceL2() Kernel {
	return fold{add: func(s, x float64) float64 { return s + x*x }, end: func(s float64, _ int) float64 { return math.Sqrt(s) }}.operator
}

func reduceSumSquare() Kernel {
	return fold{add: func(s, x float64) float64 { return s + x*x }, int: func(s, x int64) int64 { return s + x*x }}.operator
}

func reduceLogSum() Kernel {
	return fold{add: plus, end: func(s float64, _ int) float64 { return math.Log(s) }}.operator
}

// reduced resolves the axes of a reduction: where each element goes, and the
// shape of the result with and without the reduced axes. ok is false where the
// node passes its input on.
func reduced(c *Call) (to []int, kept, shape []int, ok bool, err error) {
	x := c.In[0]
	axes, given := c.list("axes", 1)
	if len(axes) == 0 && given && c.Node.AttrInt("noop_with_empty_axes") != 0 || !given && c.Node.AttrInt("noop_with_empty_axes") != 0 {
		return nil, nil, nil, false, nil
	}
	hit := slices.Repeat([]bool{len(axes) == 0}, len(x.Shape))
	for _, a := range axes {
		k, err := tensor.AxisOf(a, len(x.Shape))
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
	if c.Node.AttrInt("keepdims") == 1 {
		shape = kept
		if shape == nil {
			shape = []int{}
		}
	}
	st := tensor.Strides(kept)
	for i := range st {
		if hit[i] {
			st[i] = 0
		}
	}
	to = make([]int, 0, x.Len())
	tensor.Walk(x.Shape, st, func(_, o int) { to = append(to, o) })
	return to, kept, shape, true, nil
}

func (f fold) operator(c *Call) ([]*Value, error) {
	x := c.In[0]
	to, kept, shape, ok, err := reduced(c)
	if err != nil {
		return nil, err
	}
	if !ok {
		return f.each(c)
	}
	if x.I != nil && f.int != nil {
		out := Like(x, x.DType, shape)
		for i := range out.I {
			out.I[i] = int64(f.start)
		}
		for i, o := range to {
			out.I[o] = f.int(out.I[o], x.I[i])
		}
		out.wrap()
		return []*Value{out}, nil
	}
	acc := slices.Repeat([]float64{f.start}, tensor.Count(kept))
	for i, o := range to {
		acc[o] = f.add(acc[o], x.Float(i))
	}
	out := Like(x, x.DType, shape)
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
	return []*Value{out}, nil
}

func limitOf(d onnxio.DType, high bool) float64 {
	bits := float64(d.Bits() - 1)
	if high {
		return math.Ldexp(1, int(bits)) - 1
	}
	return -math.Ldexp(1, int(bits))
}

// each reduces every element by itself, as an empty list of axes asks for.
func (f fold) each(c *Call) ([]*Value, error) {
	x := c.In[0]
	out := Like(x, x.DType, x.Shape)
	if x.I != nil && f.int != nil {
		for i, v := range x.I {
			out.I[i] = f.int(int64(f.start), v)
		}
		out.wrap()
		return []*Value{out}, nil
	}
	for i := range x.Len() {
		v := f.add(f.start, x.Float(i))
		if f.end != nil {
			v = f.end(v, 1)
		}
		put(out, i, v)
	}
	return []*Value{out}, nil
}

func logSumExp(c *Call) ([]*Value, error) {
	x := c.In[0]
	to, kept, shape, ok, err := reduced(c)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []*Value{x}, nil
	}
	top := slices.Repeat([]float64{math.Inf(-1)}, tensor.Count(kept))
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
	out := Like(x, x.DType, shape)
	for i, v := range acc {
		r := math.Log(v)
		if !math.IsInf(top[i], 0) {
			r += top[i]
		}
		put(out, i, r)
	}
	return []*Value{out}, nil
}
