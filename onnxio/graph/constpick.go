package graph

import (
	"errors"
	"math"
	"slices"

	"repmlp/onnxio"
)

// Operators that pick elements of constants, or put some in the place of others.

// constSplit is one piece of a Split.
func constSplit(e *evaluation, n *Node, in []*Const) (*Const, error) {
	axis, sizes, ok := e.g.SplitSizes(n)
	if !ok || axis >= len(in[0].Shape) {
		return nil, errors.New("the sizes of its pieces are unknown")
	}
	first, total := 0, int64(0)
	for i, d := range sizes {
		if d < 0 || d > int64(in[0].Shape[axis]) {
			return nil, errShape
		}
		if i < e.output {
			first += int(d)
		}
		total += d
	}
	if total != int64(in[0].Shape[axis]) {
		return nil, errShape
	}
	shape, st := slices.Clone(in[0].Shape), strides(in[0].Shape)
	shape[axis] = int(sizes[e.output])
	return e.gather(in[0], shape, func(_ int, idx []int) int { return first*st[axis] + dot(idx, st) })
}

// constGatherElements is GatherElements (opset 11).
func constGatherElements(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c, at := in[0], in[1]
	axis, ok := Axis(n.AttrInt("axis"), len(c.Shape))
	if !ok {
		return nil, errAxis
	}
	if err := positions(c, at, axis); err != nil {
		return nil, err
	}
	st := strides(c.Shape)
	return e.gather(c, at.Shape, func(i int, idx []int) int { return replaced(idx, axis, at.I[i], c.Shape[axis], st) })
}

// positions checks that every index of at, which has the rank of c, is one of c.
func positions(c, at *Const, axis int) error {
	if len(at.Shape) != len(c.Shape) {
		return errShape
	}
	for i, d := range at.Shape {
		if i != axis && d > c.Shape[i] {
			return errShape
		}
	}
	for _, i := range at.I {
		if _, ok := Axis(i, c.Shape[axis]); !ok {
			return errIndex
		}
	}
	return nil
}

var errIndex = errors.New("an index is out of range")

// replaced is the place of an index whose position along axis, which has n, is k.
func replaced(idx []int, axis int, k int64, n int, st []int) int {
	p, _ := Axis(k, n)
	return dot(idx, st) + (p-idx[axis])*st[axis]
}

// constGatherND is GatherND (opset 11, 12): the last axis of the indices names places
// behind the batch axes.
func constGatherND(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c, at := in[0], in[1]
	b, r := int(n.AttrInt("batch_dims")), len(at.Shape)
	if b < 0 || r == 0 || b >= r || b > len(c.Shape) || b+at.Shape[r-1] > len(c.Shape) || !slices.Equal(at.Shape[:b], c.Shape[:b]) {
		return nil, errShape
	}
	k := at.Shape[r-1]
	st := strides(c.Shape)
	shape := slices.Concat(at.Shape[:r-1], c.Shape[b+k:])
	base := make([]int, size(at.Shape[:r-1])) // where each index leads
	bad := false
	walk(at.Shape[:r-1], func(i int, idx []int) {
		base[i] = dot(idx[:b], st[:b])
		for j := range k {
			p, ok := Axis(at.I[i*k+j], c.Shape[b+j])
			bad = bad || !ok
			base[i] += p * st[b+j]
		}
	})
	if bad {
		return nil, errIndex
	}
	inner := size(c.Shape[b+k:])
	return e.gather(c, shape, func(i int, _ []int) int { return base[i/inner] + i%inner })
}

// constScatterElements is ScatterElements (opset 11, 16, 18).
func constScatterElements(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c, at, updates := in[0], in[1], in[2]
	axis, ok := Axis(n.AttrInt("axis"), len(c.Shape))
	if !ok {
		return nil, errAxis
	}
	if err := positions(c, at, axis); err != nil {
		return nil, err
	}
	if !slices.Equal(at.Shape, updates.Shape) {
		return nil, errShape
	}
	st := strides(c.Shape)
	return e.scatter(n, c, updates, func(put func(to, from int)) {
		walk(at.Shape, func(i int, idx []int) { put(replaced(idx, axis, at.I[i], c.Shape[axis], st), i) })
	})
}

// constScatterND is ScatterND (opset 11, 16, 18).
func constScatterND(e *evaluation, n *Node, in []*Const) (*Const, error) {
	data, at, updates := in[0], in[1], in[2]
	if len(at.Shape) == 0 {
		return nil, errShape
	}
	r := len(at.Shape) - 1
	k := at.Shape[r]
	if k > len(data.Shape) || !slices.Equal(updates.Shape, slices.Concat(at.Shape[:r], data.Shape[k:])) {
		return nil, errShape
	}
	st, inner := strides(data.Shape), size(data.Shape[k:])
	base := make([]int, size(at.Shape[:r]))
	for i := range base {
		for j := range k {
			p, ok := Axis(at.I[i*k+j], data.Shape[j])
			if !ok {
				return nil, errIndex
			}
			base[i] += p * st[j]
		}
	}
	return e.scatter(n, data, updates, func(put func(to, from int)) {
		for i, at := range base {
			for j := range inner {
				put(at+j, i*inner+j)
			}
		}
	})
}

// scatter is a copy of data in which elements of updates stand or, with a reduction, are
// added and the like. Two updates of one element that differ are not defined without one.
func (e *evaluation) scatter(n *Node, data, updates *Const, all func(put func(to, from int))) (*Const, error) {
	f, reduces := map[string]elementFunc{
		"add": {float: sum, int: exactInt(sumInt)}, "mul": {float: product2, int: exactInt(productInt)},
		"max": {float: math.Max, int: pickInt(false)}, "min": {float: math.Min, int: pickInt(true)},
	}[n.AttrString("reduction")]
	if !reduces && n.AttrString("reduction") != "none" || reduces && data.DType == onnxio.Bool {
		return nil, errors.New("its reduction is not worked out")
	}
	out, err := e.gather(data, data.Shape, func(i int, _ []int) int { return i })
	if err != nil {
		return nil, err
	}
	written := make([]bool, out.Len())
	all(func(to, from int) {
		same := func() bool {
			return out.F != nil && out.F[to] == updates.F[from] || out.F == nil && out.I[to] == updates.I[from]
		}
		switch {
		case !reduces && written[to] && !same():
			err = errUndefined
		case !reduces:
			out.set(to, updates, from)
		case out.F != nil:
			out.F[to] = f.float(out.F[to], updates.F[from])
		default:
			v, bad := f.int(out.DType, out.I[to], updates.I[from])
			if out.I[to] = wrapInt(out.DType, v); bad != nil {
				err = bad
			}
		}
		written[to] = true
	})
	if err != nil {
		return nil, err
	}
	return out.settle(data.inexact || updates.inexact)
}

// constOneHot is OneHot (opset 9, 11): the second value at the position of the new axis
// that an index names, negative ones counted from its end, else the first.
func constOneHot(e *evaluation, n *Node, in []*Const) (*Const, error) {
	at, depth, values := in[0], in[1], in[2]
	axis, ok := Axis(n.AttrInt("axis"), len(at.Shape)+1)
	if !ok {
		return nil, errAxis
	}
	if depth.Len() != 1 || len(values.Shape) != 1 || values.Len() != 2 || depth.I[0] < 1 || depth.I[0] > math.MaxInt32 {
		return nil, errShape
	}
	d, st := int(depth.I[0]), strides(at.Shape)
	return e.gather(values, slices.Insert(slices.Clone(at.Shape), axis, d), func(_ int, idx []int) int {
		i := at.I[dot(idx[:axis], st[:axis])+dot(idx[axis+1:], st[axis:])]
		if k, ok := Axis(i, d); ok && k == idx[axis] {
			return 1
		}
		return 0
	})
}

// constNonZero is NonZero: the indices of all elements that are not zero, axis by axis.
func constNonZero(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	if c.inexact || len(c.Shape) == 0 {
		return nil, errRounding
	}
	var found []int
	walk(c.Shape, func(i int, idx []int) {
		if c.at(i) != 0 {
			found = append(found, idx...)
		}
	})
	r := len(c.Shape)
	out, err := e.make(onnxio.Int64, []int{r, len(found) / r})
	if err != nil {
		return nil, err
	}
	for i, p := range found {
		out.I[i%r*(len(found)/r)+i/r] = int64(p)
	}
	return out, nil
}

// constTrilu is Trilu (opset 14): what lies above the diagonal k, or below it.
func constTrilu(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	r := len(c.Shape)
	if r < 2 {
		return nil, errShape
	}
	shift := int64(0)
	if len(in) > 1 {
		if in[1].Len() != 1 {
			return nil, errShape
		}
		shift = min(max(in[1].I[0], -math.MaxInt32), math.MaxInt32)
	}
	out, err := e.make(c.DType, c.Shape)
	if err != nil {
		return nil, err
	}
	walk(c.Shape, func(i int, idx []int) {
		off := int64(idx[r-1]) - int64(idx[r-2]) - shift
		if off == 0 || off > 0 == (n.AttrInt("upper") != 0) {
			out.set(i, c, i)
		}
	})
	out.inexact = c.inexact
	return out, nil
}

// constPad is Pad with any of its modes.
func constPad(e *evaluation, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	pads, ok := e.g.Pads(n, len(c.Shape))
	if !ok {
		return nil, errors.New("its pads are unknown")
	}
	with := &Const{DType: c.DType, F: []float64{float64(n.AttrFloat("value"))}, I: []int64{0}}
	if c.F == nil {
		with.F = nil
	}
	if len(in) > 2 && in[2] != nil {
		if with = in[2]; with.Len() != 1 {
			return nil, errShape
		}
	}
	shape, from := slices.Clone(c.Shape), make([][]int, len(c.Shape))
	for a, d := range c.Shape {
		before, after := pads[a], pads[len(shape)+a]
		if before < -math.MaxInt32 || before > math.MaxInt32 || after < -math.MaxInt32 || after > math.MaxInt32 || d > math.MaxInt32 {
			return nil, errShape
		}
		if shape[a] = d + int(before+after); shape[a] < 0 {
			return nil, errShape
		}
	}
	out, err := e.make(c.DType, shape)
	if err != nil {
		return nil, err
	}
	for a, d := range c.Shape {
		for o := range shape[a] {
			k, ok := beyond(n.AttrString("mode"), o-int(pads[a]), d)
			if !ok {
				return nil, errUndefined
			}
			from[a] = append(from[a], k)
		}
	}
	st := strides(c.Shape)
	walk(shape, func(i int, idx []int) {
		at := 0
		for a, o := range idx {
			if from[a][o] < 0 {
				out.set(i, with, 0)
				return
			}
			at += from[a][o] * st[a]
		}
		out.set(i, c, at)
	})
	out.inexact = c.inexact || with.inexact
	return out, nil
}

// beyond is which of n elements stands at position k of a padded axis, -1 for the
// value that pads. ok is false where a mode has none.
func beyond(mode string, k, n int) (at int, ok bool) {
	switch {
	case k >= 0 && k < n:
		return k, true
	case mode == "constant":
		return -1, true
	case n == 0:
		return 0, false
	case mode == "edge":
		return min(max(k, 0), n-1), true
	case mode == "wrap":
		return ((k % n) + n) % n, k >= -n && k < 2*n
	case mode == "reflect" && k < 0:
		return -k, -k < n
	case mode == "reflect":
		return 2*(n-1) - k, 2*(n-1)-k >= 0
	}
	return 0, false
}

// constSpace is DepthToSpace or SpaceToDepth: blocks of a map as channels, or back.
func constSpace(toSpace bool) constRule {
	return func(e *evaluation, n *Node, in []*Const) (*Const, error) {
		c, b := in[0], int(n.AttrInt("blocksize"))
		if len(c.Shape) != 4 || b < 1 || b > math.MaxInt16 {
			return nil, errShape
		}
		wide, deep := slices.Clone(c.Shape), slices.Clone(c.Shape) // shapes of the large map and of the deep one
		if toSpace {
			if c.Shape[1]%(b*b) != 0 {
				return nil, errShape
			}
			wide = []int{c.Shape[0], c.Shape[1] / (b * b), c.Shape[2] * b, c.Shape[3] * b}
		} else {
			if c.Shape[2]%b != 0 || c.Shape[3]%b != 0 {
				return nil, errShape
			}
			deep = []int{c.Shape[0], c.Shape[1] * b * b, c.Shape[2] / b, c.Shape[3] / b}
		}
		sw, sd := strides(wide), strides(deep)
		columns := toSpace && n.AttrString("mode") == "CRD" // blocks are the inner part of the channel
		if toSpace {
			return e.gather(c, wide, func(_ int, idx []int) int {
				block := idx[2]%b*b + idx[3]%b
				ch := block*wide[1] + idx[1]
				if columns {
					ch = idx[1]*b*b + block
				}
				return idx[0]*sd[0] + ch*sd[1] + idx[2]/b*sd[2] + idx[3]/b
			})
		}
		return e.gather(c, deep, func(_ int, idx []int) int {
			block, ch := idx[1]/wide[1], idx[1]%wide[1]
			return idx[0]*sw[0] + ch*sw[1] + (idx[2]*b+block/b)*sw[2] + idx[3]*b + block%b
		})
	}
}
