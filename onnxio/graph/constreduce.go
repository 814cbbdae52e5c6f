package graph

import (
	"fmt"
	"math"

	"repmlp/internal/elementary"
)

// maxReduced bounds what a reduction of integers may reach on its way: some
// runtimes wrap, others add in float64 and stop at the limits of the type.
const maxReduced = 1 << 53

// A reducing says how the elements of a constant go together: the shape of the result
// with and without the axes that go, the places that the elements go to, and how many go
// to one.
type reducing struct {
	kept, shape []int
	strides     []int
	count       int
}

// reducing reads the axes of a reduction of c.
func (e *evaluation) reducing(n *Node, c *Const) (r reducing, err error) {
	s := &shaper{g: e.g, n: n}
	axes, _, ok := s.axes()
	if !ok {
		return r, errAxis
	}
	all := len(axes) == 0 && n.AttrInt("noop_with_empty_axes") == 0
	hit := make([]bool, len(c.Shape))
	for i := range hit {
		hit[i] = all
	}
	for _, a := range axes {
		k, ok := Axis(a, len(hit))
		if !ok {
			return r, errAxis
		}
		hit[k] = true
	}
	r.count = 1
	for i, d := range c.Shape {
		if hit[i] {
			r.kept = append(r.kept, 1)
			r.count *= d
		} else {
			r.kept = append(r.kept, d)
			r.shape = append(r.shape, d)
		}
	}
	if n.AttrInt("keepdims") == 1 {
		r.shape = r.kept
	}
	r.strides = strides(r.kept)
	for i := range r.strides {
		if hit[i] {
			r.strides[i] = 0
		}
	}
	return r, nil
}

// each calls f for every element of c with the place that it goes to.
func (r reducing) each(c *Const, f func(i, to int)) {
	walk(c.Shape, func(i int, idx []int) { f(i, dot(idx, r.strides)) })
}

// A reduction folds the elements along some axes.
type reduction struct {
	start float64
	add   func(s, x float64) float64
	int   func(s, x int64) int64 // below maxReduced; nil where integers are not handled
	mean  bool
	end   func(float64) float64
}

func (r reduction) rule(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	by, err := e.reducing(n, c)
	if err != nil {
		return nil, err
	}
	if c.F == nil && r.int == nil {
		return nil, fmt.Errorf("it does not take %s", c.DType)
	}
	out, err := e.make(c.DType, by.shape)
	if err != nil {
		return nil, err
	}
	for i := range out.F {
		out.F[i] = r.start
	}
	for i := range out.I {
		out.I[i] = int64(r.start)
	}
	sure := make([]float64, len(out.I)) // the same with magnitudes
	for i := range sure {
		sure[i] = r.start
	}
	by.each(c, func(i, k int) {
		if c.F != nil {
			out.F[k] = r.add(out.F[k], c.F[i])
		} else {
			out.I[k], sure[k] = r.int(out.I[k], c.I[i]), r.add(sure[k], math.Abs(c.at(i)))
		}
	})
	for i, v := range out.I {
		if sure[i] >= maxReduced || wrapInt(c.DType, v) != v {
			return nil, errUndefined
		}
	}
	// Sums of squares and products leave the type's range where the result lies in
	// it; whether a runtime's do depends on how it works them out.
	for _, v := range out.F {
		if math.IsInf(roundFloat(c.DType, v), 0) || v != 0 && math.Abs(v) < leastNormal(c.DType) {
			return nil, errRounding
		}
	}
	for i := range out.F {
		if r.mean {
			out.F[i] /= float64(by.count)
		}
		if r.end != nil {
			out.F[i] = r.end(out.F[i])
		}
	}
	return out.settle(true) // the runtime's order of the sum is not known
}

// constExtreme is ReduceMax or ReduceMin. Of nothing there is none.
func constExtreme(least bool) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		c := in[0]
		by, err := e.reducing(n, c)
		if err != nil {
			return nil, err
		}
		if by.count == 0 {
			return nil, errUndefined
		}
		out, err := e.make(c.DType, by.shape)
		if err != nil {
			return nil, err
		}
		seen := make([]bool, out.Len())
		by.each(c, func(i, k int) {
			better := !seen[k]
			switch {
			case c.F != nil && c.F[i] != c.F[i]:
				err = errUndefined
			case seen[k] && c.F != nil:
				better = c.F[i] > out.F[k] != least
			case seen[k]:
				better = lessInt(c.DType, out.I[k], c.I[i]) != least
			}
			if seen[k] = true; better {
				out.set(k, c, i)
			}
		})
		if err != nil {
			return nil, err
		}
		return out.settle(c.inexact)
	}
}

// constLogSumExp is ReduceLogSumExp, log Σ exp x, about the largest x of each sum.
func constLogSumExp(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	by, err := e.reducing(n, c)
	if err != nil {
		return nil, err
	}
	if c.F == nil || by.count == 0 {
		return nil, errUndefined
	}
	out, err := e.make(c.DType, by.shape)
	if err != nil {
		return nil, err
	}
	top := make([]float64, out.Len())
	for i := range top {
		top[i] = math.Inf(-1)
	}
	by.each(c, func(i, k int) { top[k] = math.Max(top[k], c.F[i]) })
	by.each(c, func(i, k int) { out.F[k] += elementary.Exp(c.F[i] - top[k]) })
	for k, v := range out.F {
		if out.F[k] = top[k] + elementary.Log(v); math.IsInf(top[k], 0) || v != v {
			return nil, errUndefined
		}
	}
	return out.settle(true)
}
