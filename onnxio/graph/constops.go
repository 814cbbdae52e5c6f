package graph

import (
	"errors"
	"fmt"
	"math"

	"repmlp/internal/budget"
	"repmlp/internal/ops"
	"repmlp/onnxio"
)

// A constRule works a node out whose inputs are constants. Inputs have the types that
// ONNX and the operator's entry ask for, and none is missing; their shapes and values are
// the rule's to check, and what ONNX leaves undefined is an error.
type constRule func(e *evaluation, n *Node, in []*Const) (*Const, error)

// A constOp is an operator that exporters leave on weights and sizes.
type constOp struct {
	// types has a letter for each input, which says what the rule takes of the types that
	// ONNX allows: f a float, n a number, a anything, i int32 or int64, l int64, z an
	// integer, b bool; p are int32 or int64 that rules take from the graph's facts, x is not
	// looked at. The last letter holds for all inputs that follow.
	types string
	eval  constRule
}

// constOps has a line for each of them.
var constOps = map[string]constOp{
	"Abs":              {"n", elementFunc{float: magnitude, int: absInt}.unary},
	"Add":              {"nn", elementFunc{float: sum, int: exactInt(sumInt)}.rule},
	"And":              {"bb", elementFunc{int: exactInt(func(a, b int64) int64 { return a & b })}.rule},
	"Cast":             {"a", constCast},
	"CastLike":         {"ax", constCast},
	"Ceil":             {"f", constStep(math.Ceil)},
	"Concat":           {"a", constConcat},
	"Constant":         {"", constConstant},
	"ConstantOfShape":  {"l", constOfShape},
	"DequantizeLinear": {"zfz", constDequantize},
	"Div":              {"nn", elementFunc{float: func(a, b float64) float64 { return a / b }, int: divInt, steep: true}.rule},
	"Dropout":          {"fx", constSame},
	"Equal":            {"aa", constCompare(func(order int) bool { return order == 0 })},
	"Exp":              {"f", elementFunc{float: func(a, _ float64) float64 { return math.Exp(a) }}.unary},
	"Expand":           {"al", constExpand},
	"EyeLike":          {"a", constEyeLike},
	"Flatten":          {"a", constView},
	"Floor":            {"f", constStep(math.Floor)},
	"Gather":           {"ai", constGather},
	"Greater":          {"nn", constCompare(func(order int) bool { return order > 0 })},
	"GreaterOrEqual":   {"nn", constCompare(func(order int) bool { return order >= 0 })},
	"Identity":         {"a", constSame},
	"Less":             {"nn", constCompare(func(order int) bool { return order < 0 })},
	"LessOrEqual":      {"nn", constCompare(func(order int) bool { return order <= 0 })},
	"Log":              {"f", elementFunc{float: func(a, _ float64) float64 { return math.Log(a) }, steep: true}.unary},
	"Max":              {"n", elementFunc{float: math.Max, int: pickInt(false)}.rule},
	"Min":              {"n", elementFunc{float: math.Min, int: pickInt(true)}.rule},
	"Mod":              {"nn", constMod},
	"Mul":              {"nn", elementFunc{float: product2, int: exactInt(productInt)}.rule},
	"Neg":              {"n", elementFunc{float: func(a, _ float64) float64 { return -a }, int: exactInt(func(a, _ int64) int64 { return -a })}.unary},
	"Not":              {"b", elementFunc{int: exactInt(func(a, _ int64) int64 { return 1 - a })}.unary},
	"Or":               {"bb", elementFunc{int: exactInt(func(a, b int64) int64 { return a | b })}.rule},
	"Pow":              {"nn", constPow},
	"Range":            {"nnn", constRange},
	"Reciprocal":       {"f", elementFunc{float: func(a, _ float64) float64 { return 1 / a }, steep: true}.unary},
	"ReduceL2":         {"np", reduction{add: sumSquare, end: math.Sqrt}.rule},
	"ReduceMean":       {"np", reduction{add: sum, mean: true}.rule},
	"ReduceProd":       {"np", reduction{start: 1, add: product2, int: productInt}.rule},
	"ReduceSum":        {"np", reduction{add: sum, int: sumInt}.rule},
	"ReduceSumSquare":  {"np", reduction{add: sumSquare, int: func(s, x int64) int64 { return s + x*x }}.rule},
	"Reshape":          {"ap", constView},
	"ScatterND":        {"ala", constScatterND},
	"Shape":            {"x", constShape},
	"Size":             {"x", constShape},
	"Slice":            {"apppp", constSlice},
	"Sqrt":             {"f", elementFunc{float: func(a, _ float64) float64 { return math.Sqrt(a) }, steep: true}.unary},
	"Squeeze":          {"ap", constView},
	"Sub":              {"nn", elementFunc{float: func(a, b float64) float64 { return a - b }, int: exactInt(func(a, b int64) int64 { return a - b })}.rule},
	"Sum":              {"f", elementFunc{float: sum}.rule},
	"Tile":             {"al", constTile},
	"Transpose":        {"a", constTranspose},
	"Unsqueeze":        {"ap", constView},
	"Where":            {"baa", constWhere},
	"Xor":              {"bb", elementFunc{int: exactInt(func(a, b int64) int64 { return a ^ b })}.rule},
}

// letter is the type letter of input i.
func (o constOp) letter(i int) byte {
	if o.types == "" {
		return 'x'
	}
	return o.types[min(i, len(o.types)-1)]
}

// reads reports whether the rule wants the elements of input i.
func (o constOp) reads(i int) bool { l := o.letter(i); return l != 'x' && l != 'p' }

// run checks the types of the inputs, works the node out, and checks the result.
func (o constOp) run(e *evaluation, n *Node, in []*Const) (*Const, error) {
	types := n.given()
	for i, c := range in {
		if c != nil {
			types[i] = c.DType
		}
	}
	if err := n.Fits(types); err != nil {
		return nil, err
	}
	for i, d := range types {
		if letter := o.letter(i); d != ops.Absent && letter != 'x' && !fitsLetter(letter, d) {
			return nil, fmt.Errorf("its input %d has type %s", i, d)
		}
	}
	for len(in) > 0 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
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

// fitsLetter reports whether a rule takes a type.
func fitsLetter(letter byte, d onnxio.DType) bool {
	switch letter {
	case 'f':
		return d.IsFloat()
	case 'n':
		return d.IsFloat() || d.IsInt()
	case 'i', 'p':
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

func constSame(e *evaluation, n *Node, in []*Const) (*Const, error) {
	return in[0].view(in[0].Shape), nil
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
	for _, a := range n.Attrs() {
		switch {
		case a.Name() == "value" && a.T() != nil:
			return tensorConst(a.T())
		case a.Name() == "value_int" && a.Type() == onnxio.AttrInt:
			return &Const{DType: onnxio.Int64, I: []int64{a.I()}}, nil
		case a.Name() == "value_ints" && a.Type() == onnxio.AttrInts:
			return &Const{DType: onnxio.Int64, Shape: []int{len(a.Ints())}, I: a.Ints()}, nil
		case a.Name() == "value_float" && a.Type() == onnxio.AttrFloat:
			return &Const{DType: onnxio.Float32, F: []float64{float64(a.F())}}, nil
		case a.Name() == "value_floats" && a.Type() == onnxio.AttrFloats:
			c := &Const{DType: onnxio.Float32, Shape: []int{len(a.Floats())}}
			for _, f := range a.Floats() {
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
	if n.OpType() == "Size" {
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
		if a.T() == nil {
			return nil, errors.New("its value is no tensor")
		}
		var err error
		if v, err = tensorConst(a.T()); err != nil {
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
	d := n.Out[0].Elem
	if n.Attr("dtype") != nil {
		d = onnxio.DType(n.AttrInt("dtype"))
	}
	if !fitsLetter('a', d) {
		return nil, fmt.Errorf("its type is %s", d)
	}
	out, err := e.make(d, in[0].Shape)
	if err != nil {
		return nil, err
	}
	shift := n.AttrInt("k")
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
	if n.AttrInt("block_size") != 0 {
		return nil, errors.New("blocked quantisation is not handled")
	}
	inner, count := x.Len(), 1
	switch {
	case len(scale.Shape) > 1:
		return nil, fmt.Errorf("its scale has shape %v", scale.Shape)
	case scale.Len() == 1:
	default:
		axis, ok := Axis(n.AttrInt("axis"), len(x.Shape))
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
