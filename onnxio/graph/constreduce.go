package graph

import (
	"errors"
	"fmt"
	"math"
)

// maxReduced bounds what a reduction of integers may reach on its way: some
// runtimes wrap, others add in float64 and stop at the limits of the type.
const maxReduced = 1 << 53

// A reduction folds the elements along some axes.
type reduction struct {
	start float64
	add   func(s, x float64) float64
	int   func(s, x int64) int64 // below maxReduced; nil where integers are not handled
	mean  bool
	end   func(float64) float64
}

func (r reduction) rule(e *evaluation, n *Node, in []*Const) (*Const, error) {
	s := &shaper{g: e.g, n: n}
	axes, _, ok := s.axes()
	if !ok {
		return nil, errors.New("its axes are unknown")
	}
	c := in[0]
	if c.F == nil && r.int == nil {
		return nil, fmt.Errorf("it does not take %s", c.DType)
	}
	all := len(axes) == 0 && n.AttrInt("noop_with_empty_axes") == 0
	hit := make([]bool, len(c.Shape))
	for i := range hit {
		hit[i] = all
	}
	for _, a := range axes {
		k, ok := Axis(a, len(hit))
		if !ok {
			return nil, errors.New("an axis is out of range")
		}
		hit[k] = true
	}
	kept, squeezed := []int{}, []int{}
	count := 1
	for i, d := range c.Shape {
		if hit[i] {
			kept = append(kept, 1)
			count *= d
		} else {
			kept = append(kept, d)
			squeezed = append(squeezed, d)
		}
	}
	out, err := e.make(c.DType, kept)
	if err != nil {
		return nil, err
	}
	for i := range out.F {
		out.F[i] = r.start
	}
	for i := range out.I {
		out.I[i] = int64(r.start)
	}
	st := strides(kept)
	for i := range st {
		if hit[i] {
			st[i] = 0
		}
	}
	sure := make([]float64, len(out.I)) // the same with magnitudes
	for i := range sure {
		sure[i] = r.start
	}
	walk(c.Shape, func(i int, idx []int) {
		if k := dot(idx, st); c.F != nil {
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
			out.F[i] /= float64(count)
		}
		if r.end != nil {
			out.F[i] = r.end(out.F[i])
		}
	}
	if n.AttrInt("keepdims") != 1 {
		out.Shape = squeezed
	}
	return out.settle(true) // the runtime's order of the sum is not known
}
