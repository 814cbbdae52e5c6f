package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Operators that move elements of constants.

func toInts(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// strides of a row-major tensor.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

func dot(idx, strides []int) int {
	s := 0
	for i := range idx {
		s += idx[i] * strides[i]
	}
	return s
}

// walk calls f for every index of shape in row-major order.
func walk(shape []int, f func(i int, idx []int)) {
	idx := make([]int, len(shape))
	for i := range size(shape) {
		f(i, idx)
		for a := len(idx) - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
	}
}

// gather makes a constant whose element i is element at(i, its index) of c.
func (e *evaluation) gather(c *Const, shape []int, at func(i int, idx []int) int) (*Const, error) {
	out, err := e.make(c.DType, shape)
	if err != nil {
		return nil, err
	}
	out.inexact = c.inexact
	walk(shape, func(i int, idx []int) { out.set(i, c, at(i, idx)) })
	return out, nil
}

// set copies element j of c, which has the same type, to element i.
func (c *Const) set(i int, from *Const, j int) {
	if c.F != nil {
		c.F[i] = from.F[j]
	} else {
		c.I[i] = from.I[j]
	}
}

func constTranspose(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	perm := Perm(n, len(c.Shape))
	from := strides(c.Shape)
	if sorted := slices.Sorted(slices.Values(perm)); len(perm) != len(c.Shape) || slices.ContainsFunc(perm, func(p int) bool { return p < 0 || p >= len(perm) }) || len(slices.Compact(sorted)) != len(perm) {
		return nil, fmt.Errorf("%v does not permute its %d axes", perm, len(c.Shape))
	}
	shape, st := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], st[i] = c.Shape[p], from[p]
	}
	return e.gather(c, shape, func(_ int, idx []int) int { return dot(idx, st) })
}

// spread gives the strides with which a tensor of shape from is read as to, to
// which it broadcasts.
func spread(from, to []int) []int {
	st, own := make([]int, len(to)), strides(from)
	for i, d := range from {
		if d != 1 {
			st[len(to)-len(from)+i] = own[i]
		}
	}
	return st
}

func joint(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		switch have := out[off+i]; {
		case have == d || d == 1:
		case have == 1:
			out[off+i] = d
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
	}
	return out, nil
}

func constExpand(e *evaluation, n *Node, in []*Const) (*Const, error) {
	if len(in[1].Shape) != 1 {
		return nil, errors.New("its shape is no list of sizes")
	}
	shape, err := joint(in[0].Shape, toInts(in[1].I))
	if err != nil {
		return nil, err
	}
	st := spread(in[0].Shape, shape)
	return e.gather(in[0], shape, func(_ int, idx []int) int { return dot(idx, st) })
}

// maxRepeats is a bound below which products of sizes and repeats are numbers.
const maxRepeats = 1 << 31

func constTile(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	if len(in[1].Shape) != 1 || len(in[1].I) != len(c.Shape) {
		return nil, errors.New("repeats do not fit the rank")
	}
	shape := make([]int, len(c.Shape))
	for i, r := range in[1].I {
		if r < 0 || r > maxRepeats || c.Shape[i] > maxRepeats {
			return nil, fmt.Errorf("it repeats axis %d %d times", i, r)
		}
		shape[i] = c.Shape[i] * int(r)
	}
	st := strides(c.Shape)
	return e.gather(c, shape, func(_ int, idx []int) int {
		k := 0
		for i := range idx {
			k += idx[i] % c.Shape[i] * st[i]
		}
		return k
	})
}

func constConcat(e *evaluation, n *Node, in []*Const) (*Const, error) {
	axis, ok := concatAxis(n, len(in[0].Shape))
	if !ok {
		return nil, errors.New("its axis is out of range")
	}
	shape := slices.Clone(in[0].Shape)
	shape[axis] = 0
	inexact := false
	for _, c := range in {
		if c == nil || len(c.Shape) != len(shape) {
			return nil, errors.New("its inputs differ in rank")
		}
		for i, d := range c.Shape {
			if i != axis && d != shape[i] {
				return nil, errors.New("its inputs differ in shape")
			}
		}
		shape[axis] += c.Shape[axis]
		inexact = inexact || c.inexact
	}
	out, err := e.make(in[0].DType, shape)
	if err != nil {
		return nil, err
	}
	out.inexact = inexact
	outer, inner := size(shape[:axis]), size(shape[axis+1:])
	at := 0
	for o := range outer {
		for _, c := range in {
			k := c.Shape[axis] * inner
			if out.F != nil {
				copy(out.F[at:], c.F[o*k:(o+1)*k])
			} else {
				copy(out.I[at:], c.I[o*k:(o+1)*k])
			}
			at += k
		}
	}
	return out, nil
}

func constSlice(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	steps, ok := e.g.SliceSteps(n, len(c.Shape))
	if !ok {
		return nil, errors.New("its parameters are unknown")
	}
	shape, st := slices.Clone(c.Shape), strides(c.Shape)
	base := 0
	for _, s := range steps {
		start, count := s.Range(int64(c.Shape[s.Axis]))
		if count <= 0 {
			shape[s.Axis] = 0
			continue
		}
		base += int(start) * st[s.Axis]
		shape[s.Axis] = int(count)
		st[s.Axis] *= int(s.Step)
	}
	return e.gather(c, shape, func(_ int, idx []int) int { return base + dot(idx, st) })
}

func constGather(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c, at := in[0], in[1]
	axis, ok := Axis(n.AttrInt("axis"), len(c.Shape))
	if !ok {
		return nil, errors.New("its axis is out of range")
	}
	shape := slices.Concat(c.Shape[:axis], at.Shape, c.Shape[axis+1:])
	st, ist := strides(c.Shape), strides(at.Shape)
	for _, i := range at.I {
		if _, ok := Axis(i, c.Shape[axis]); !ok {
			return nil, fmt.Errorf("index %d is out of range", i)
		}
	}
	r := len(at.Shape)
	return e.gather(c, shape, func(_ int, idx []int) int {
		k, _ := Axis(at.I[dot(idx[axis:axis+r], ist)], c.Shape[axis])
		return dot(idx[:axis], st[:axis]) + k*st[axis] + dot(idx[axis+r:], st[axis+1:])
	})
}

func constWhere(e *evaluation, n *Node, in []*Const) (*Const, error) {
	shape, err := joint(in[0].Shape, in[1].Shape)
	if err == nil {
		shape, err = joint(shape, in[2].Shape)
	}
	if err != nil {
		return nil, err
	}
	out, err := e.make(in[1].DType, shape)
	if err != nil {
		return nil, err
	}
	out.inexact = in[1].inexact || in[2].inexact
	st := [3][]int{spread(in[0].Shape, shape), spread(in[1].Shape, shape), spread(in[2].Shape, shape)}
	walk(shape, func(i int, idx []int) {
		k := 2
		if in[0].I[dot(idx, st[0])] != 0 {
			k = 1
		}
		out.set(i, in[k], dot(idx, st[k]))
	})
	return out, nil
}
