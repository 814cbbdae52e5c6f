package graph

import (
	"errors"
	"fmt"

	"repmlp/internal/budget"
	"repmlp/onnxio"
)

// Operators that make constants of shapes and attributes, and views.

func constSame(e *evaluation, n *Node, in []*Const) (*Const, error) {
	return e.view(in[0], in[0].Shape), nil
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
	return e.view(in[0], toInts(shape)), nil
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
