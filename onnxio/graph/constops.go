package graph

import (
	"errors"
	"fmt"
	"strings"

	"repmlp/internal/budget"
	"repmlp/onnxio"
)

// A constRule works a node out whose inputs are constants. Inputs have the types
// that the operator's entry asks for; their shapes and values are the rule's to
// check, and what ONNX leaves undefined is an error.
type constRule func(e *evaluation, n *Node, in []*Const) (*Const, error)

// A constOp is an operator that exporters leave on weights and sizes.
type constOp struct {
	// types has a letter for each input: f a float, n a number, a anything, i
	// int32 or int64, l int64, z an integer, b bool; p are int32 or int64 that
	// rules take from the graph's facts, x is not looked at. Capital letters have one type in common. After ? inputs may
	// be absent; a final * repeats the letter before it.
	types string
	eval  constRule
}

// constOps is the table of all of them.
var constOps = newConstOps()

func newConstOps() map[string]constOp {
	keep := func(e *evaluation, n *Node, in []*Const) (*Const, error) { return in[0].view(in[0].Shape), nil }
	ops := map[string]constOp{
		"Identity": {"a", keep}, "Dropout": {"f?xx", keep},
		"Reshape": {"a?p", constView}, "Flatten": {"a", constView}, "Squeeze": {"a?p", constView}, "Unsqueeze": {"a?p", constView},
		"Constant": {"", constConstant}, "Shape": {"x", constShape}, "Size": {"x", constShape},
		"Transpose": {"a", constTranspose}, "ConstantOfShape": {"l", constOfShape}, "Expand": {"al", constExpand},
		"EyeLike": {"a", constEyeLike}, "Concat": {"A*", constConcat}, "Slice": {"a?pppp", constSlice},
		"Gather": {"ai", constGather}, "Where": {"bAA", constWhere}, "Range": {"NNN", constRange}, "Tile": {"al", constTile},
		"DequantizeLinear": {"Zf?Z", constDequantize}, "ScatterND": {"AlA", constScatterND},
		"Cast": {"a", constCast}, "CastLike": {"ax", constCast},
	}
	for name, f := range elementwise() {
		ops[name] = f
	}
	for name, f := range reductions() {
		ops[name] = constOp{"n?p", f.rule}
	}
	return ops
}

// letter is the type letter of input i, 0 beyond the last.
func (o constOp) letter(i int) byte {
	var last byte
	for k := range len(o.types) {
		switch c := o.types[k]; c {
		case '?':
		case '*':
			return last
		default:
			if last = c; i == 0 {
				return c
			}
			i--
		}
	}
	return 0
}

// reads reports whether the rule wants the elements of input i.
func (o constOp) reads(i int) bool { l := o.letter(i); return l != 'x' && l != 'p' }

// required is the number of inputs that must be there.
func (o constOp) required() int {
	n := 0
	for k := range len(o.types) {
		switch o.types[k] {
		case '?':
			return n
		case '*':
		default:
			n++
		}
	}
	return n
}

// run checks the types of the inputs, works the node out, and checks the result.
func (o constOp) run(e *evaluation, n *Node, in []*Const) (*Const, error) {
	for len(in) > 0 && in[len(in)-1] == nil && o.letter(len(in)-1) == 0 {
		in = in[:len(in)-1] // absent ones that the operator does not have
	}
	common := map[byte]onnxio.DType{}
	for i := range max(len(in), o.required()) {
		letter := o.letter(i)
		if letter == 'x' {
			continue
		}
		if letter == 'p' {
			if i < len(n.In) && n.In[i] != nil && !fitsLetter('i', n.In[i].Elem) {
				return nil, fmt.Errorf("its input %d has type %s", i, n.In[i].Elem)
			}
			continue
		}
		if i >= len(in) || in[i] == nil {
			if i < o.required() || strings.HasSuffix(o.types, "*") {
				return nil, fmt.Errorf("input %d is missing", i)
			}
			continue
		}
		d := in[i].DType
		if letter == 0 {
			return nil, fmt.Errorf("it has %d inputs", len(in))
		}
		if !fitsLetter(letter, d) {
			return nil, fmt.Errorf("its input %d has type %s", i, d)
		}
		if letter < 'a' {
			if have, ok := common[letter]; ok && have != d {
				return nil, fmt.Errorf("its inputs have types %s and %s", have, d)
			}
			common[letter] = d
		}
	}
	out, err := o.eval(e, n, in)
	if err != nil {
		return nil, err
	}
	if want := size(out.Shape); out.DType.IsFloat() && len(out.F) != want || !out.DType.IsFloat() && len(out.I) != want {
		return nil, fmt.Errorf("it makes no %v elements", out.Shape) // never, or a rule is wrong
	}
	return out, nil
}

func fitsLetter(letter byte, d onnxio.DType) bool {
	switch letter | 0x20 {
	case 'f':
		return d.IsFloat()
	case 'n':
		return d.IsFloat() || d.IsInt()
	case 'i':
		return d == onnxio.Int32 || d == onnxio.Int64
	case 'l':
		return d == onnxio.Int64
	case 'z':
		return d.IsInt()
	case 'b':
		return d == onnxio.Bool
	}
	return d.IsFloat() || d.IsInt() || d == onnxio.Bool
}

// fixedShape is the shape of v where all its sizes are numbers.
func fixedShape(v *Value) ([]int64, bool) {
	dims, ok := v.Shape()
	if len(dims) == 0 {
		return nil, ok
	}
	return numbers(dims)
}

func constView(e *evaluation, n *Node, in []*Const) (*Const, error) {
	shape, ok := fixedShape(n.Out[0])
	if !ok {
		return nil, errors.New("its shape is unknown")
	}
	total := 1.0
	for _, d := range shape {
		if d < 0 {
			return nil, fmt.Errorf("shape %v has a negative size", shape)
		}
		total *= float64(d)
	}
	if total != float64(in[0].Len()) {
		return nil, fmt.Errorf("%d elements do not fit %v", in[0].Len(), shape)
	}
	return in[0].view(toInts(shape)), nil
}

func constConstant(e *evaluation, n *Node, in []*Const) (*Const, error) {
	for _, a := range n.Attrs {
		switch {
		case a.Name == "value" && a.T != nil:
			return tensorConst(a.T)
		case a.Name == "value_int" && a.Type == onnxio.AttrInt:
			return &Const{DType: onnxio.Int64, I: []int64{a.I}}, nil
		case a.Name == "value_ints" && a.Type == onnxio.AttrInts:
			return &Const{DType: onnxio.Int64, Shape: []int{len(a.Ints)}, I: a.Ints}, nil
		case a.Name == "value_float" && a.Type == onnxio.AttrFloat:
			return &Const{DType: onnxio.Float32, F: []float64{float64(a.F)}}, nil
		case a.Name == "value_floats" && a.Type == onnxio.AttrFloats:
			c := &Const{DType: onnxio.Float32, Shape: []int{len(a.Floats)}}
			for _, f := range a.Floats {
				c.F = append(c.F, float64(f))
			}
			return c, nil
		}
	}
	return nil, errors.New("it has no numeric value")
}

func constShape(e *evaluation, n *Node, in []*Const) (*Const, error) {
	shape, ok := fixedShape(n.In[0])
	if !ok {
		return nil, errors.New("the shape of its input is unknown")
	}
	if n.OpType == "Size" {
		total := budget.Bytes(1, shape...)
		if total < 0 {
			return nil, errors.New("the size of its input is no number")
		}
		return &Const{DType: onnxio.Int64, I: []int64{total}}, nil
	}
	from, to := shapeRange(n, len(shape))
	shape = shape[from:to]
	return &Const{DType: onnxio.Int64, Shape: []int{len(shape)}, I: shape}, nil
}

func constOfShape(e *evaluation, n *Node, in []*Const) (*Const, error) {
	if len(in[0].Shape) != 1 {
		return nil, errors.New("its input is no list of sizes")
	}
	v := &Const{DType: onnxio.Float32, Shape: []int{1}, F: []float64{0}}
	if a := n.Attr("value"); a != nil {
		if a.T == nil {
			return nil, errors.New("its value is no tensor")
		}
		var err error
		if v, err = tensorConst(a.T); err != nil {
			return nil, err
		}
		if v.Len() != 1 {
			return nil, fmt.Errorf("its value has %d elements", v.Len())
		}
	}
	return e.gather(v, toInts(in[0].I), func(int, []int) int { return 0 })
}

func constEyeLike(e *evaluation, n *Node, in []*Const) (*Const, error) {
	if len(in[0].Shape) != 2 {
		return nil, errors.New("its input is no matrix")
	}
	d := onnxio.DType(n.Int("dtype", int64(in[0].DType)))
	if !fitsLetter('a', d) {
		return nil, fmt.Errorf("its type is %s", d)
	}
	out, err := e.make(d, in[0].Shape)
	if err != nil {
		return nil, err
	}
	shift := n.Int("k", 0)
	rows, cols := int64(in[0].Shape[0]), int64(in[0].Shape[1])
	if shift <= -rows || shift >= cols {
		return out, nil
	}
	for r := max(0, -shift); r < rows && r+shift < cols; r++ {
		if at := r*cols + r + shift; out.F != nil {
			out.F[at] = 1
		} else {
			out.I[at] = 1
		}
	}
	return out, nil
}

// constRange is Range (opset 11): max(⌈(limit-start)/delta⌉, 0) numbers, each
// delta after the one before it.
func constRange(e *evaluation, n *Node, in []*Const) (*Const, error) {
	for _, c := range in {
		if c.Len() != 1 {
			return nil, errors.New("its inputs are no scalars")
		}
	}
	if d := in[0].DType; d.IsFloat() || unsigned(d) {
		return nil, fmt.Errorf("ranges of %s are not worked out", d) // where they end depends on rounding
	}
	start, limit, delta := in[0].I[0], in[1].I[0], in[2].I[0]
	if delta == 0 {
		return nil, errors.New("its delta is zero")
	}
	span, step := uint64(limit)-uint64(start), uint64(delta)
	if delta < 0 {
		span, step = -span, -step
	}
	count := uint64(0)
	if (limit > start) == (delta > 0) && limit != start {
		count = (span-1)/step + 1
	}
	if count > 1<<40 {
		return nil, fmt.Errorf("it makes %d elements", count)
	}
	out, err := e.make(in[0].DType, []int{int(count)})
	if err != nil {
		return nil, err
	}
	for i := range out.I {
		out.I[i] = start + int64(i)*delta
	}
	return out, nil
}

// constDequantize is DequantizeLinear (opset 10 and later): (x - zero)·scale,
// with one scale for the tensor or for each index of an axis.
func constDequantize(e *evaluation, n *Node, in []*Const) (*Const, error) {
	x, scale := in[0], in[1]
	var zero *Const
	if len(in) > 2 {
		zero = in[2]
	}
	if n.Int("block_size", 0) != 0 {
		return nil, errors.New("blocked quantisation is not handled")
	}
	inner, count := x.Len(), 1
	switch {
	case len(scale.Shape) > 1:
		return nil, fmt.Errorf("its scale has shape %v", scale.Shape)
	case scale.Len() == 1:
	default:
		axis, ok := Axis(n.Int("axis", 1), len(x.Shape))
		if !ok || scale.Len() != x.Shape[axis] {
			return nil, errors.New("its scale does not fit its axis")
		}
		count, inner = x.Shape[axis], size(x.Shape[axis+1:])
	}
	if zero != nil && zero.Len() != scale.Len() {
		return nil, errors.New("its zero point does not fit its scale")
	}
	out, err := e.make(scale.DType, x.Shape)
	if err != nil {
		return nil, err
	}
	for i, q := range x.I {
		k := i / max(inner, 1) % count
		if zero != nil {
			q -= zero.I[k]
		}
		out.F[i] = float64(q) * scale.F[k]
	}
	return out.settle(scale.inexact)
}
