package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"repmlp/onnxio"
)

type constRule func(g *Graph, n *Node, in []*Const) (*Const, error)

// newConstRules lists the operators that exporters leave on weights.
func newConstRules() map[string]constRule {
	keep := func(g *Graph, n *Node, in []*Const) (*Const, error) { return in[0], nil }
	view := func(g *Graph, n *Node, in []*Const) (*Const, error) {
		dims, ok := n.Out[0].Shape()
		shape, known := numbers(dims)
		if !ok || !known {
			return nil, errors.New("its shape is unknown")
		}
		c := *in[0]
		c.Shape = toInts(shape)
		if size(c.Shape) != in[0].Len() {
			return nil, fmt.Errorf("%d elements do not fit %v", in[0].Len(), c.Shape)
		}
		return &c, nil
	}
	m := map[string]constRule{
		"Identity": keep, "Dropout": keep, "Reshape": view, "Flatten": view, "Squeeze": view, "Unsqueeze": view,
		"Transpose": constTranspose, "Constant": constConstant, "Shape": constShape, "Size": constShape,
		"ConstantOfShape": constOfShape, "Expand": constExpand, "EyeLike": constEyeLike, "Concat": constConcat,
		"Slice": constSlice, "Gather": constGather, "Where": constWhere, "Range": constFromInts, "Tile": constTile,
		"DequantizeLinear": constDequantize, "ScatterND": constScatterND,
		"Cast": func(g *Graph, n *Node, in []*Const) (*Const, error) {
			return in[0].cast(onnxio.DType(n.Int("to", 1))), nil
		},
		"CastLike": func(g *Graph, n *Node, in []*Const) (*Const, error) { return in[0].cast(n.Out[0].Elem), nil },
	}
	for op, f := range map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b }, "Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b }, "Div": func(a, b float64) float64 { return a / b },
		"Pow": math.Pow, "Max": math.Max, "Min": math.Min,
		"Equal": func(a, b float64) float64 {
			if a == b {
				return 1
			}
			return 0
		},
	} {
		m[op] = constBinary(f)
	}
	m["Mod"] = func(g *Graph, n *Node, in []*Const) (*Const, error) {
		if n.Int("fmod", 0) != 0 {
			return constBinary(math.Mod)(g, n, in)
		}
		return constBinary(floorMod)(g, n, in)
	}
	for op, f := range map[string]func(a float64) float64{
		"Neg": func(a float64) float64 { return -a }, "Sqrt": math.Sqrt, "Reciprocal": func(a float64) float64 { return 1 / a },
		"Exp": math.Exp, "Log": math.Log, "Abs": math.Abs, "Floor": math.Floor,
	} {
		m[op] = constUnary(f)
	}
	for op, f := range map[string]reduction{
		"ReduceSum": {add: func(s, x float64) float64 { return s + x }}, "ReduceMean": {add: func(s, x float64) float64 { return s + x }, mean: true},
		"ReduceL2": {add: func(s, x float64) float64 { return s + x*x }, end: math.Sqrt}, "ReduceSumSquare": {add: func(s, x float64) float64 { return s + x*x }},
		"ReduceProd": {start: 1, add: func(s, x float64) float64 { return s * x }},
	} {
		m[op] = f.rule
	}
	return m
}

// floorMod is Mod (opset 10) with fmod=0: the remainder has the divisor's sign.
func floorMod(a, b float64) float64 {
	r := math.Mod(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

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

// gatherIndex makes a new constant whose element i is element at[i] of c.
func (c *Const) gatherIndex(shape []int, at func(i int, idx []int) int) *Const {
	out := &Const{DType: c.DType, Shape: shape}
	n := size(shape)
	idx := make([]int, len(shape))
	if c.F != nil || c.DType.IsFloat() {
		out.F = make([]float64, n)
	} else {
		out.I = make([]int64, n)
	}
	for i := range n {
		k := at(i, idx)
		if out.F != nil {
			out.F[i] = c.F[k]
		} else {
			out.I[i] = c.I[k]
		}
		for a := len(idx) - 1; a >= 0; a-- {
			if idx[a]++; idx[a] < shape[a] {
				break
			}
			idx[a] = 0
		}
	}
	return out
}

func dot(idx, strides []int) int {
	s := 0
	for i := range idx {
		s += idx[i] * strides[i]
	}
	return s
}

func constTranspose(g *Graph, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	perm := Perm(n, len(c.Shape))
	from := strides(c.Shape)
	shape, st := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], st[i] = c.Shape[p], from[p]
	}
	return c.gatherIndex(shape, func(_ int, idx []int) int { return dot(idx, st) }), nil
}

func constConstant(g *Graph, n *Node, in []*Const) (*Const, error) {
	for _, a := range n.Attrs {
		switch a.Name {
		case "value":
			return tensorConst(a.T)
		case "value_int":
			return &Const{DType: onnxio.Int64, I: []int64{a.I}}, nil
		case "value_ints":
			return &Const{DType: onnxio.Int64, Shape: []int{len(a.Ints)}, I: slices.Clone(a.Ints)}, nil
		case "value_float":
			return &Const{DType: onnxio.Float32, F: []float64{float64(a.F)}}, nil
		case "value_floats":
			c := &Const{DType: onnxio.Float32, Shape: []int{len(a.Floats)}}
			for _, f := range a.Floats {
				c.F = append(c.F, float64(f))
			}
			return c, nil
		}
	}
	return nil, errors.New("it has no numeric value")
}

func constShape(g *Graph, n *Node, in []*Const) (*Const, error) { return constFromInts(g, n, in) }

func constFromInts(g *Graph, n *Node, in []*Const) (*Const, error) {
	v, ok := numbers(n.Out[0].ints)
	if !ok {
		return nil, errors.New("its elements are unknown")
	}
	shape := []int{len(v)}
	if n.OpType == "Size" {
		shape = nil
	}
	return (&Const{DType: onnxio.Int64, Shape: shape, I: v}).cast(n.Out[0].Elem), nil
}

func constOfShape(g *Graph, n *Node, in []*Const) (*Const, error) {
	shape := toInts(in[0].I)
	v := &Const{DType: onnxio.Float32, Shape: []int{1}, F: []float64{0}}
	if a := n.Attr("value"); a != nil && a.T != nil {
		var err error
		if v, err = tensorConst(a.T); err != nil {
			return nil, err
		}
	}
	if err := fits(shape); err != nil {
		return nil, err
	}
	return v.gatherIndex(shape, func(int, []int) int { return 0 }), nil
}

func fits(shape []int) error {
	n := 1.0
	for _, d := range shape {
		if d < 0 {
			return fmt.Errorf("shape %v has a negative size", shape)
		}
		n *= float64(d)
	}
	if n > maxConst {
		return fmt.Errorf("a constant of shape %v is too large", shape)
	}
	return nil
}

// broadcastTo views c under a larger shape.
func (c *Const) broadcastTo(shape []int) (*Const, error) {
	if slices.Equal(c.Shape, shape) {
		return c, nil
	}
	if err := fits(shape); err != nil {
		return nil, err
	}
	off := len(shape) - len(c.Shape)
	if off < 0 {
		return nil, fmt.Errorf("shape %v does not broadcast to %v", c.Shape, shape)
	}
	st := make([]int, len(shape))
	from := strides(c.Shape)
	for i, d := range c.Shape {
		if d == shape[off+i] {
			st[off+i] = from[i]
		} else if d != 1 {
			return nil, fmt.Errorf("shape %v does not broadcast to %v", c.Shape, shape)
		}
	}
	return c.gatherIndex(shape, func(_ int, idx []int) int { return dot(idx, st) }), nil
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

func constExpand(g *Graph, n *Node, in []*Const) (*Const, error) {
	shape, err := joint(in[0].Shape, toInts(in[1].I))
	if err != nil {
		return nil, err
	}
	return in[0].broadcastTo(shape)
}

func constTile(g *Graph, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	if len(in[1].I) != len(c.Shape) {
		return nil, errors.New("repeats do not fit the rank")
	}
	shape := make([]int, len(c.Shape))
	for i := range shape {
		shape[i] = c.Shape[i] * int(in[1].I[i])
	}
	if err := fits(shape); err != nil {
		return nil, err
	}
	st := strides(c.Shape)
	return c.gatherIndex(shape, func(_ int, idx []int) int {
		k := 0
		for i := range idx {
			k += idx[i] % c.Shape[i] * st[i]
		}
		return k
	}), nil
}

func constEyeLike(g *Graph, n *Node, in []*Const) (*Const, error) {
	if len(in[0].Shape) != 2 {
		return nil, errors.New("its input is no matrix")
	}
	shift, cols := int(n.Int("k", 0)), in[0].Shape[1]
	out := &Const{DType: onnxio.Float64, Shape: in[0].Shape, F: make([]float64, in[0].Len())}
	for i := range out.F {
		if i%cols == i/cols+shift {
			out.F[i] = 1
		}
	}
	return out.cast(onnxio.DType(n.Int("dtype", int64(in[0].DType)))), nil
}

func constConcat(g *Graph, n *Node, in []*Const) (*Const, error) {
	axis, ok := Axis(n.Int("axis", 1), len(in[0].Shape))
	if !ok {
		return nil, errors.New("its axis is out of range")
	}
	out := &Const{DType: in[0].DType, Shape: slices.Clone(in[0].Shape)}
	out.Shape[axis] = 0
	for _, c := range in {
		if len(c.Shape) != len(out.Shape) {
			return nil, errors.New("its inputs differ in rank")
		}
		out.Shape[axis] += c.Shape[axis]
	}
	outer, inner := size(out.Shape[:axis]), size(out.Shape[axis+1:])
	for o := range outer {
		for _, c := range in {
			k := c.Shape[axis] * inner
			if c.Len() != outer*k {
				return nil, errors.New("its inputs differ in shape")
			}
			if out.DType.IsFloat() {
				out.F = append(out.F, c.F[o*k:(o+1)*k]...)
			} else {
				out.I = append(out.I, c.I[o*k:(o+1)*k]...)
			}
		}
	}
	return out, nil
}

func constSlice(g *Graph, n *Node, in []*Const) (*Const, error) {
	c := in[0]
	steps, ok := g.SliceSteps(n, len(c.Shape))
	if !ok {
		return nil, errors.New("its parameters are unknown")
	}
	shape, st := slices.Clone(c.Shape), strides(c.Shape)
	base := 0
	for _, s := range steps {
		start, count := s.Range(int64(c.Shape[s.Axis]))
		base += int(start) * st[s.Axis]
		shape[s.Axis] = int(count)
		st[s.Axis] *= int(s.Step)
	}
	return c.gatherIndex(shape, func(_ int, idx []int) int { return base + dot(idx, st) }), nil
}

func constGather(g *Graph, n *Node, in []*Const) (*Const, error) {
	c, at := in[0], in[1]
	axis, ok := Axis(n.Int("axis", 0), len(c.Shape))
	if !ok {
		return nil, errors.New("its axis is out of range")
	}
	shape := append(slices.Clone(c.Shape[:axis]), at.Shape...)
	shape = append(shape, c.Shape[axis+1:]...)
	st, ist := strides(c.Shape), strides(at.Shape)
	for _, i := range at.I {
		if _, ok := Axis(i, c.Shape[axis]); !ok {
			return nil, fmt.Errorf("index %d is out of range", i)
		}
	}
	r := len(at.Shape)
	return c.gatherIndex(shape, func(_ int, idx []int) int {
		k, _ := Axis(at.I[dot(idx[axis:axis+r], ist)], c.Shape[axis])
		return dot(idx[:axis], st[:axis]) + k*st[axis] + dot(idx[axis+r:], st[axis+1:])
	}), nil
}

func constWhere(g *Graph, n *Node, in []*Const) (*Const, error) {
	shape, err := joint(in[0].Shape, in[1].Shape)
	if err == nil {
		shape, err = joint(shape, in[2].Shape)
	}
	if err != nil {
		return nil, err
	}
	var b [3]*Const
	for i := range b {
		if b[i], err = in[i].broadcastTo(shape); err != nil {
			return nil, err
		}
	}
	out := &Const{DType: in[1].DType, Shape: shape}
	for i, c := range b[0].I {
		src := b[2]
		if c != 0 {
			src = b[1]
		}
		if out.DType.IsFloat() {
			out.F = append(out.F, src.F[i])
		} else {
			out.I = append(out.I, src.I[i])
		}
	}
	return out, nil
}

func constBinary(f func(a, b float64) float64) constRule {
	return func(g *Graph, n *Node, in []*Const) (*Const, error) {
		in = g.beside(n, in)
		out := in[0]
		for _, next := range in[1:] {
			shape, err := joint(out.Shape, next.Shape)
			if err != nil {
				return nil, err
			}
			a, err := out.broadcastTo(shape)
			if err != nil {
				return nil, err
			}
			b, err := next.broadcastTo(shape)
			if err != nil {
				return nil, err
			}
			r := &Const{DType: out.DType, Shape: shape}
			if n.OpType == "Equal" {
				r.DType = onnxio.Bool
			}
			x, y := a.Float(), b.Float()
			v := make([]float64, len(x))
			for i := range v {
				v[i] = f(x[i], y[i])
				if out.DType.IsInt() {
					v[i] = math.Trunc(v[i])
				}
			}
			if r.DType.IsFloat() {
				r.F = v
			} else {
				r = (&Const{DType: onnxio.Float64, Shape: shape, F: v}).cast(r.DType)
			}
			out = r
		}
		return out, nil
	}
}

func constUnary(f func(float64) float64) constRule {
	return func(g *Graph, n *Node, in []*Const) (*Const, error) {
		x := in[0].Float()
		v := make([]float64, len(x))
		for i := range v {
			v[i] = f(x[i])
		}
		out := &Const{DType: onnxio.Float64, Shape: in[0].Shape, F: v}
		return out.cast(in[0].DType), nil
	}
}

// A reduction folds the elements along some axes.
type reduction struct {
	start float64
	add   func(s, x float64) float64
	mean  bool
	end   func(float64) float64
}

func (r reduction) rule(g *Graph, n *Node, in []*Const) (*Const, error) {
	s := &shaper{g: g, n: n}
	axes, _, ok := s.axes()
	if !ok {
		return nil, errors.New("its axes are unknown")
	}
	c := in[0]
	if len(axes) == 0 && n.Int("noop_with_empty_axes", 0) != 0 {
		return c, nil
	}
	hit := make([]bool, len(c.Shape))
	for i := range hit {
		hit[i] = len(axes) == 0
	}
	for _, a := range axes {
		k, ok := Axis(a, len(hit))
		if !ok {
			return nil, errors.New("an axis is out of range")
		}
		hit[k] = true
	}
	var kept, squeezed []int
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
	out := make([]float64, size(kept))
	for i := range out {
		out[i] = r.start
	}
	st := strides(kept)
	for i := range st {
		if hit[i] {
			st[i] = 0
		}
	}
	x := c.Float()
	c.gatherIndex(c.Shape, func(i int, idx []int) int {
		k := dot(idx, st)
		out[k] = r.add(out[k], x[i])
		return i
	})
	for i := range out {
		if r.mean {
			out[i] /= float64(count)
		}
		if r.end != nil {
			out[i] = r.end(out[i])
		}
	}
	if n.Int("keepdims", 1) == 0 {
		kept = squeezed
	}
	return (&Const{DType: onnxio.Float64, Shape: kept, F: out}).cast(c.DType), nil
}

func constDequantize(g *Graph, n *Node, in []*Const) (*Const, error) {
	x, scale := in[0], in[1]
	if n.Int("block_size", 0) != 0 {
		return nil, errors.New("blocked quantisation is not handled")
	}
	out := &Const{DType: scale.DType, Shape: x.Shape, F: make([]float64, x.Len())}
	axis, inner := 0, x.Len()
	if len(scale.Shape) == 1 {
		var ok bool
		if axis, ok = Axis(n.Int("axis", 1), len(x.Shape)); !ok || scale.Len() != x.Shape[axis] {
			return nil, errors.New("its scale does not fit its axis")
		}
		inner = size(x.Shape[axis+1:])
	}
	for i, q := range x.Float() {
		k := i / max(inner, 1) % scale.Len()
		if len(in) > 2 && in[2] != nil {
			q -= in[2].Float()[k]
		}
		out.F[i] = q * scale.F[k]
	}
	return out, nil
}

func constScatterND(g *Graph, n *Node, in []*Const) (*Const, error) {
	data, at, updates := in[0], in[1], in[2]
	if n.Str("reduction", "none") != "none" || len(at.Shape) == 0 {
		return nil, errors.New("its form is not handled")
	}
	k := at.Shape[len(at.Shape)-1]
	if k > len(data.Shape) {
		return nil, errors.New("its indices are too long")
	}
	inner := size(data.Shape[k:])
	st := strides(data.Shape)
	out := data.gatherIndex(data.Shape, func(i int, _ []int) int { return i })
	for i := 0; (i+1)*k <= len(at.I); i++ {
		base := 0
		for j := range k {
			a, ok := Axis(at.I[i*k+j], data.Shape[j])
			if !ok {
				return nil, errors.New("an index is out of range")
			}
			base += a * st[j]
		}
		if (i+1)*inner > updates.Len() {
			return nil, errors.New("it has too few updates")
		}
		if out.F != nil {
			copy(out.F[base:base+inner], updates.F[i*inner:])
		} else {
			copy(out.I[base:base+inner], updates.I[i*inner:])
		}
	}
	return out, nil
}
