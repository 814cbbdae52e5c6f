package layer

import (
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// viewed cuts one flat order, with axes of sizes have, into others of sizes want, with as
// little as that takes.
func viewed(have, want []graph.Dim, from, to graph.Layout, opset int64, u *graph.Value) (move, bool) {
	if dims, ok := target(have, want); ok {
		return move{dims: dims}, true
	}
	if ones, ok := inserted(from, to); ok {
		return move{add: ones}, true
	}
	if ones, ok := inserted(to, from); ok {
		return move{drop: ones}, true
	}
	_, shape, ok := targetShape(want, u)
	return move{shape: shape}, ok && opset >= shapeInput
}

// inserted lists the axes of one element that layout to has beyond those of from; ok is
// false where there is another difference.
func inserted(from, to graph.Layout) (ones []int64, ok bool) {
	k := 0
	for i, axis := range to {
		if k < len(from) && slices.Equal(from[k], axis) {
			k++
			continue
		}
		if len(axis) > 0 {
			return nil, false
		}
		ones = append(ones, int64(i))
	}
	return ones, k == len(from)
}

// ones writes a Squeeze or Unsqueeze.
func (w *Writer) ones(op, name, out, in string, axes []int64) string {
	if w.opset < axesInput {
		return w.node(op, name, out, []string{in}, onnxio.IntsAttr("axes", axes))
	}
	return w.node(op, name, out, []string{in, w.ints(axes)})
}
