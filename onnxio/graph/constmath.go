package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"

	"repmlp/internal/elementary"
	"repmlp/onnxio"
)

// Arithmetic on constants: integers in their own type, floats in float64
// without rounding to a narrower type, because weights are rounded once. A
// constant whose float64 elements a runtime would have rounded is inexact: it is
// good for weights, but no step (a comparison, a cast to an integer) is taken
// on it where the rounding could decide.

// settle ends a step of float arithmetic on operands that are exact or not: c
// is inexact where they were or where its type rounds an element. A number that
// its type cannot hold is an error, because later steps would go other ways.
func (c *Const) settle(inexact bool) (*Const, error) {
	if !c.DType.IsFloat() {
		return c, nil
	}
	c.inexact = inexact
	for _, v := range c.F {
		r := roundFloat(c.DType, v)
		if math.IsInf(r, 0) && !math.IsInf(v, 0) {
			return nil, errOverflow
		}
		c.inexact = c.inexact || r != v && v == v
	}
	return c, nil
}

var errOverflow = errors.New("its value is larger than its type can hold")

// leastNormal is the smallest number of full precision.
func leastNormal(d onnxio.DType) float64 {
	switch d {
	case onnxio.Float16:
		return 0x1p-14
	case onnxio.Float64:
		return 0x1p-1022
	}
	return 0x1p-126
}

// steep reports whether an element is so small that a runtime has lost digits of
// it, or all of them: nothing may be divided by it.
func (c *Const) steep() bool {
	return c.inexact && slices.ContainsFunc(c.F, func(v float64) bool { return math.Abs(v) < leastNormal(c.DType) })
}

// roundFloat rounds to a float type.
func roundFloat(d onnxio.DType, v float64) float64 {
	switch d {
	case onnxio.Float32:
		return float64(float32(v))
	case onnxio.Float16:
		return float64(float16.Fromfloat32(float32(v)).Float32())
	case onnxio.BFloat16:
		return float64(math.Float32frombits(uint32(onnxio.BFloat16Bits(v)) << 16))
	}
	return v
}

// drift bounds how far a chain of rounded operations is from float64, relative
// to the value: a thousand roundoffs of its type.
func drift(d onnxio.DType) float64 {
	switch d {
	case onnxio.Float16:
		return 1024 * 0x1p-11
	case onnxio.BFloat16:
		return 1024 * 0x1p-8
	case onnxio.Float64:
		return 1024 * 0x1p-53
	}
	return 1024 * 0x1p-24
}

var errRounding = errors.New("its value depends on how the runtime rounds")

// decided reports whether rounding cannot move v over the step at edge.
func (c *Const) decided(v, edge float64) bool {
	return !c.inexact || math.Abs(v-edge) > drift(c.DType)*max(math.Abs(v), math.Abs(edge), 1e-30)
}

// An elementFunc works on the elements of one or two constants, a from x and b
// from y; one of the two functions is missing where the operator lacks a kind.
type elementFunc struct {
	float func(a, b float64) float64
	int   func(d onnxio.DType, a, b int64) (int64, error)
	steep bool // small errors of a tiny y become large
}

func exactInt(f func(a, b int64) int64) func(onnxio.DType, int64, int64) (int64, error) {
	return func(_ onnxio.DType, a, b int64) (int64, error) { return f(a, b), nil }
}

func magnitude(a, _ float64) float64 { return math.Abs(a) }
func sum(a, b float64) float64       { return a + b }
func sumSquare(s, x float64) float64 { return s + float64(x*x) }
func product2(a, b float64) float64  { return a * b }
func sumInt(a, b int64) int64        { return a + b }
func productInt(a, b int64) int64    { return a * b }

func absInt(d onnxio.DType, a, _ int64) (int64, error) {
	switch {
	case unsigned(d):
		return a, nil
	case a == smallest(d):
		return 0, errUndefined
	}
	return abs(a), nil
}

func pickInt(lower bool) func(d onnxio.DType, a, b int64) (int64, error) {
	return func(d onnxio.DType, a, b int64) (int64, error) {
		if lessInt(d, a, b) == lower {
			return a, nil
		}
		return b, nil
	}
}

// unary is the rule of an operator with one input.
func (f elementFunc) unary(e *evaluation, n *Node, in []*Const) (*Const, error) {
	return f.apply(e, in[0], in[0])
}

// rule works operands together from left to right.
func (f elementFunc) rule(e *evaluation, n *Node, in []*Const) (*Const, error) {
	in, err := e.g.beside(n, in)
	if err != nil {
		return nil, err
	}
	out := in[0]
	for _, y := range in[1:] {
		if e.g.Opset < 8 && n.op.In[0].Variadic && !slices.Equal(y.Shape, out.Shape) { // they broadcast since opset 8
			return nil, errShape
		}
		if out, err = f.apply(e, out, y); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// together makes a constant of type d in the shape that x and y broadcast to;
// pairs calls f for each of its elements with the places in x and y it is made of.
func (e *evaluation) together(d onnxio.DType, x, y *Const) (out *Const, pairs func(f func(i, a, b int)), err error) {
	shape, err := joint(x.Shape, y.Shape)
	if err != nil {
		return nil, nil, err
	}
	if out, err = e.over(d, shape, x, y); err != nil {
		return nil, nil, err
	}
	if n := size(shape); slices.Equal(x.Shape, shape) && (slices.Equal(y.Shape, shape) || y.Len() == 1) {
		step := 1
		if y.Len() == 1 {
			step = 0
		}
		return out, func(f func(i, a, b int)) {
			for i := range n {
				f(i, i, i*step)
			}
		}, nil
	}
	sx, sy := spread(x.Shape, shape), spread(y.Shape, shape)
	return out, func(f func(i, a, b int)) {
		walk(shape, func(i int, idx []int) { f(i, dot(idx, sx), dot(idx, sy)) })
	}, nil
}

// apply works on two constants of one type with broadcasting.
func (f elementFunc) apply(e *evaluation, x, y *Const) (*Const, error) {
	if x.DType.IsFloat() && f.float == nil || !x.DType.IsFloat() && f.int == nil {
		return nil, fmt.Errorf("it does not take %s", x.DType)
	}
	if f.steep && y.steep() {
		return nil, errRounding
	}
	out, pairs, err := e.together(x.DType, x, y)
	if err != nil {
		return nil, err
	}
	pairs(func(i, a, b int) {
		if out.F != nil {
			out.F[i] = f.float(x.F[a], y.F[b])
		} else if v, bad := f.int(x.DType, x.I[a], y.I[b]); bad != nil {
			err = bad
		} else {
			out.I[i] = wrapInt(x.DType, v)
		}
	})
	if err != nil {
		return nil, err
	}
	return out.settle(x.inexact || y.inexact)
}

// constStep rounds to whole numbers.
func constStep(f func(float64) float64) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		x := in[0]
		out, err := e.make(x.DType, x.Shape)
		if err != nil {
			return nil, err
		}
		for i, v := range x.F {
			if !x.decided(v, math.Round(v)) {
				return nil, errRounding
			}
			out.F[i] = f(v)
		}
		return out, nil
	}
}

func constCompare(holds func(order int) bool) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		in, err := e.g.beside(n, in)
		if err != nil {
			return nil, err
		}
		x, y := in[0], in[1]
		out, pairs, err := e.together(onnxio.Bool, x, y)
		if err != nil {
			return nil, err
		}
		pairs(func(i, k, l int) {
			order, ok := 0, true
			if x.F != nil {
				a, b := x.F[k], y.F[l]
				if !x.decided(a, b) || !y.decided(b, a) {
					err = errRounding
				}
				switch {
				case a < b:
					order = -1
				case a > b:
					order = 1
				case a != b: // not a number: nothing holds
					ok = false
				}
			} else {
				a, b := x.I[k], y.I[l]
				switch {
				case lessInt(x.DType, a, b):
					order = -1
				case a != b:
					order = 1
				}
			}
			out.I[i] = 0 // out may lie where an operand did
			if ok && holds(order) {
				out.I[i] = 1
			}
		})
		return out, err
	}
}

// constPow is Pow (opset 7 and later): the result has the base's type.
func constPow(e *evaluation, n *Node, in []*Const) (*Const, error) {
	in, err := e.g.beside(n, in)
	if err != nil {
		return nil, err
	}
	x, y := in[0], in[1]
	if x.steep() || y.steep() {
		return nil, errRounding
	}
	out, pairs, err := e.together(x.DType, x, y)
	if err != nil {
		return nil, err
	}
	pairs(func(i, a, b int) {
		switch {
		case out.F != nil:
			out.F[i] = elementary.Pow(x.F[a], y.at(b))
		case y.F == nil:
			v, bad := powInt(x.DType, y.DType, x.I[a], y.I[b])
			if out.I[i] = v; bad != nil {
				err = bad
			}
		default: // a fraction of an integer is cut off
			f := elementary.Pow(x.at(a), y.F[b])
			v, bad := intOf(x.DType, f)
			if r := math.Round(f); bad == nil && f != r && math.Abs(f-r) < 1e-6*math.Abs(r) {
				bad = errRounding
			}
			if out.I[i] = v; bad != nil {
				err = bad
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out.settle(x.inexact || y.inexact)
}

func constMod(e *evaluation, n *Node, in []*Const) (*Const, error) {
	fmod := n.AttrInt("fmod") != 0
	f := elementFunc{int: func(d onnxio.DType, a, b int64) (int64, error) { return modInt(d, a, b, fmod) }}
	if fmod {
		f.float = math.Mod
	}
	if in[0].inexact || in[1].inexact {
		return nil, errRounding
	}
	return f.rule(e, n, in)
}

// constCast is Cast: integers wrap, floats are cut off towards zero. What a float
// type cannot hold is rounded to it, which is what such a node is for.
func constCast(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, to := in[0], n.Out[0].Elem
	if to == x.DType {
		return x.view(x.Shape), nil
	}
	if !fitsLetter('a', to) {
		return nil, fmt.Errorf("its type %s is not handled", to)
	}
	out, err := e.make(to, x.Shape)
	if err != nil {
		return nil, err
	}
	for i := range x.Len() {
		switch {
		case to.IsFloat():
			if out.F[i] = x.at(i); x.F == nil || to.Bits() <= x.DType.Bits() {
				out.F[i] = roundFloat(to, out.F[i])
			}
		case to == onnxio.Bool && x.F != nil:
			if x.F[i] != 0 {
				out.I[i] = 1
			}
			if x.inexact && math.Abs(x.F[i]) < 1e-30 {
				err = errRounding
			}
		case to == onnxio.Bool:
			if x.I[i] != 0 {
				out.I[i] = 1
			}
		case x.F != nil:
			if !x.decided(x.F[i], math.Round(x.F[i])) {
				return nil, errRounding
			}
			if out.I[i], err = intOf(to, x.F[i]); err != nil {
				return nil, err
			}
		default:
			out.I[i] = wrapInt(to, x.I[i])
		}
	}
	if err != nil {
		return nil, err
	}
	return out.settle(x.inexact)
}
