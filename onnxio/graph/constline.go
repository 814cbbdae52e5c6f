package graph

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"repmlp/internal/elementary"
	"repmlp/onnxio"
)

// Operators that work along one axis of a constant.

var (
	errShape = errors.New("the shapes of its inputs do not fit")
	errAxis  = errors.New("its axis is out of range")
)

// lines calls f for every line of a tensor along an axis: the place of its first
// element, and how far the next one is.
func lines(shape []int, axis int, f func(at, step int)) {
	step := size(shape[axis+1:])
	if shape[axis] == 0 {
		return // lines of nothing
	}
	for outer := range size(shape[:axis]) {
		for inner := range step {
			f(outer*shape[axis]*step+inner, step)
		}
	}
}

// line is the axis that an attribute names, with the shape in which it lies: Softmax and
// its kin before opset 13 take all axes from there on for one.
func (e *evaluation) line(n *Node, c *Const) (shape []int, axis int, ok bool) {
	axis, ok = Axis(n.AttrInt("axis"), len(c.Shape))
	if !ok {
		return nil, 0, false
	}
	switch n.OpType() {
	case "Softmax", "LogSoftmax", "Hardmax":
		if e.g.Opset < 13 {
			return []int{size(c.Shape[:axis]), size(c.Shape[axis:])}, 1, true
		}
	}
	return c.Shape, axis, true
}

// along is the rule of an operator that makes a line of every line.
func along(f func(n *Node, v []float64) error) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		x := in[0]
		shape, axis, ok := e.line(n, x)
		if !ok {
			return nil, errAxis
		}
		out, err := e.make(x.DType, x.Shape)
		if err != nil {
			return nil, err
		}
		v := make([]float64, shape[axis])
		lines(shape, axis, func(at, step int) {
			for i := range v {
				v[i] = x.F[at+i*step]
			}
			if bad := f(n, v); bad != nil {
				err = bad
			}
			for i := range v {
				out.F[at+i*step] = v[i]
			}
		})
		if err != nil {
			return nil, err
		}
		return out.settle(true)
	}
}

// logSoftmax is LogSoftmax of a line, x - log Σ exp x.
func logSoftmax(_ *Node, v []float64) error {
	if len(v) == 0 {
		return nil
	}
	top, total := slices.Max(v), 0.0
	for _, x := range v {
		total += elementary.Exp(x - top)
	}
	for i := range v {
		v[i] = (v[i] - top) - elementary.Log(total)
	}
	return nil
}

// softmax is exp of that: the quotient of the exponentials by their sum.
func softmax(n *Node, v []float64) error {
	if err := logSoftmax(n, v); err != nil {
		return err
	}
	for i := range v {
		v[i] = elementary.Exp(v[i])
	}
	return nil
}

// lpNormalize divides a line by its norm. Of zeros there is no quotient.
func lpNormalize(n *Node, v []float64) error {
	norm := 0.0
	for _, x := range v {
		if n.AttrInt("p") == 1 {
			norm += math.Abs(x)
		} else {
			norm = elementary.Hypot(norm, x)
		}
	}
	if norm == 0 && len(v) > 0 {
		return errUndefined
	}
	for i := range v {
		v[i] /= norm
	}
	return nil
}

// constCumSum is CumSum (opset 11) along the axis that an input names.
func constCumSum(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	if in[1].Len() != 1 {
		return nil, errShape
	}
	axis, ok := Axis(in[1].I[0], len(x.Shape))
	if !ok {
		return nil, errAxis
	}
	if !x.DType.IsFloat() && x.DType.Bits() < 32 {
		return nil, errShape
	}
	out, err := e.make(x.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	last, exclusive := n.AttrInt("reverse") != 0, n.AttrInt("exclusive") != 0
	lines(x.Shape, axis, func(at, step int) {
		total, count, reach := 0.0, int64(0), 0.0
		for i := range x.Shape[axis] {
			k := at + i*step
			if last {
				k = at + (x.Shape[axis]-1-i)*step
			}
			before, counted := total, count
			if x.F != nil {
				total += x.F[k]
			} else if count, reach = count+x.I[k], reach+math.Abs(x.at(k)); reach >= maxReduced || wrapInt(x.DType, count) != count {
				err = errUndefined // as what reductions make: runtimes do not agree beyond the type
			}
			switch {
			case x.F != nil && exclusive:
				out.F[k] = before
			case x.F != nil:
				out.F[k] = total
			case exclusive:
				out.I[k] = wrapInt(x.DType, counted)
			default:
				out.I[k] = wrapInt(x.DType, count)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out.settle(true)
}

// compare orders two elements of a constant; sure is false where rounding may turn
// them round, or one is no number.
func (c *Const) compare(i, j int) (order int, sure bool) {
	if c.F == nil {
		switch {
		case lessInt(c.DType, c.I[i], c.I[j]):
			return -1, true
		case c.I[i] != c.I[j]:
			return 1, true
		}
		return 0, true
	}
	a, b := c.F[i], c.F[j]
	return cmp.Compare(a, b), a == a && b == b && c.decided(a, b)
}

// constTopK is TopK (opset 1, 10, 11): the k largest or smallest elements of every line
// in order, equal ones as they stand, and where they are.
func constTopK(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	axis, ok := Axis(n.AttrInt("axis"), len(x.Shape))
	if !ok {
		return nil, errAxis
	}
	k := n.AttrInt("k")
	if len(in) > 1 {
		if in[1].Len() != 1 {
			return nil, errShape
		}
		k = in[1].I[0]
	}
	if k < 0 || k > int64(x.Shape[axis]) {
		return nil, errShape
	}
	if n.AttrInt("sorted") != 1 {
		return nil, errUndefined // in any order
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = int(k)
	d := x.DType
	if e.output == 1 {
		d = onnxio.Int64
	}
	out, err := e.make(d, shape)
	if err != nil {
		return nil, err
	}
	sign := 1
	if n.AttrInt("largest") != 0 {
		sign = -1
	}
	order := make([]int, x.Shape[axis])
	inner := size(shape[axis+1:])
	lines(x.Shape, axis, func(at, step int) {
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int {
			o, sure := x.compare(at+i*step, at+j*step)
			if !sure && (e.output == 1 || x.F[at+i*step] != x.F[at+i*step]) {
				err = errRounding
			}
			return sign * o
		})
		to := at/(x.Shape[axis]*inner)*int(k)*inner + at%inner
		for i, from := range order[:k] {
			if e.output == 1 {
				out.I[to+i*inner] = int64(from)
			} else {
				out.set(to+i*inner, x, at+from*step)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out.inexact = x.inexact && e.output == 0
	return out, nil
}

// extreme is the place of the largest (sign 1) or smallest element of a line, the first
// of equal ones or the last.
func (c *Const) extreme(at, step, n, sign int, last bool) (int, error) {
	best := 0
	for i := range n {
		o, sure := c.compare(at+i*step, at+best*step)
		if i > 0 && !sure || c.F != nil && c.F[at+i*step] != c.F[at+i*step] {
			return 0, errRounding
		}
		if sign*o > 0 || last && o == 0 {
			best = i
		}
	}
	return best, nil
}

// constArg is ArgMax or ArgMin (opset 1, 12).
func constArg(sign int) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		x := in[0]
		axis, ok := Axis(n.AttrInt("axis"), len(x.Shape))
		if !ok {
			return nil, errAxis
		}
		if x.Shape[axis] == 0 {
			return nil, errUndefined
		}
		shape := slices.Clone(x.Shape)
		if shape[axis] = 1; n.AttrInt("keepdims") != 1 {
			shape = slices.Delete(shape, axis, axis+1)
		}
		out, err := e.make(onnxio.Int64, shape)
		if err != nil {
			return nil, err
		}
		to := 0
		lines(x.Shape, axis, func(at, step int) {
			best, bad := x.extreme(at, step, x.Shape[axis], sign, n.AttrInt("select_last_index") != 0)
			if bad != nil {
				err = bad
			}
			out.I[to] = int64(best)
			to++
		})
		return out, err
	}
}

// constHardmax is Hardmax: one at the first largest element of a line, else zero.
func constHardmax(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x := in[0]
	shape, axis, ok := e.line(n, x)
	if !ok {
		return nil, errAxis
	}
	out, err := e.make(x.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	lines(shape, axis, func(at, step int) {
		best, bad := x.extreme(at, step, shape[axis], 1, false)
		if bad != nil {
			err = bad
		} else if shape[axis] > 0 {
			out.F[at+best*step] = 1
		}
	})
	return out, err
}
