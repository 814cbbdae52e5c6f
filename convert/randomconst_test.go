package convert_test

import (
	"math"
	"slices"

	"repmlp/onnxio"
)

// through gives a constant of such a shape that nodes make of others: what exporters leave of
// weight norms, casts, and parameters that are kept in another shape.
func (b *graphBuilder) through(opset int64, draw func() float64, dims ...int) string {
	none := slices.Repeat([]int{1}, len(dims))
	switch b.rng.IntN(14) {
	case 0:
		return b.op("Identity", []string{b.weight(draw, dims...)})
	case 1:
		turned := slices.Clone(dims)
		slices.Reverse(turned)
		return b.op("Transpose", []string{b.weight(draw, turned...)})
	case 2:
		return b.op("Reshape", []string{b.weight(draw, product(dims)), b.ints(dims...)})
	case 3:
		return b.op("Mul", []string{b.weight(draw, dims...), b.weight(func() float64 { return 0.5 + b.rng.Float64() }, none...)})
	case 4:
		other := onnxio.Float64
		if b.elem == onnxio.Float64 {
			other = onnxio.Float32
		}
		return b.op("Cast", []string{b.weightOf(other, draw, dims...)}, onnxio.IntAttr("to", int64(b.elem)))
	case 5:
		if len(dims) == 0 || dims[0] < 2 {
			break
		}
		part := slices.Clone(dims)
		part[0] = 1 + b.rng.IntN(dims[0]-1)
		rest := slices.Clone(dims)
		rest[0] -= part[0]
		return b.op("Concat", []string{b.weight(draw, part...), b.weight(draw, rest...)}, onnxio.IntAttr("axis", 0))
	case 6:
		return b.op("Neg", []string{b.weight(func() float64 { return -draw() }, dims...)})
	case 7:
		if len(dims) == 0 || dims[0] != 1 {
			break
		}
		return b.op("Unsqueeze", b.axes(opset, b.weight(draw, dims[1:]...), 0), b.axesAttr(opset, 0)...)
	case 8: // a weight norm: g·v/‖v‖
		if len(dims) < 2 || b.elem.Bits() == 16 {
			break
		}
		v := b.weight(draw, dims...)
		size := b.op("Sqrt", []string{b.op("ReduceSum", []string{b.op("Mul", []string{v, v})}, onnxio.IntAttr("keepdims", 1))})
		if opset < 13 {
			size = b.op("ReduceL2", []string{v}, onnxio.IntAttr("keepdims", 1))
		}
		return b.op("Mul", []string{b.op("Div", []string{v, size}), b.weight(func() float64 { return math.Sqrt(float64(product(dims))) }, none...)})
	case 9:
		return b.op("Add", []string{b.weight(draw, dims...), b.op("Mul", []string{b.weight(func() float64 { return 0.1 * draw() }, dims...), b.weight(func() float64 { return 0.5 })})})
	}
	return b.weight(draw, dims...)
}

// axes are the inputs of an operator whose axes became an input with opset 13.
func (b *graphBuilder) axes(opset int64, x string, axes ...int) []string {
	if opset < 13 {
		return []string{x}
	}
	return []string{x, b.ints(axes...)}
}

func (b *graphBuilder) axesAttr(opset int64, axes ...int) []*onnxio.Attr {
	if opset < 13 {
		return []*onnxio.Attr{onnxio.IntsAttr("axes", attrs64(axes...))}
	}
	return nil
}
