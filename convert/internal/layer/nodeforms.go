package layer

import (
	"slices"

	"repmlp/onnxio"
)

// Operators changed their forms: new nodes take that of the model's opset.
// Transpose, MatMul, Conv, Gather, Shape, Concat and Identity are written alike
// from opset 1 on, and Split is written with its sizes in both of its forms.
const (
	shapeInput    = 5  // Reshape takes its shape from an input, before from an attribute
	axesInput     = 13 // Squeeze and Unsqueeze take their axes from an input, before from an attribute
	attributeless = 7  // Add, Sub, Mul and Gemm broadcast without the attributes axis and broadcast
)

// reshape writes a Reshape to sizes that are numbers, with at most one -1.
func (w *Writer) reshape(base, out, in string, dims []int64) string {
	if w.opset < shapeInput {
		return w.node("Reshape", base, out, []string{in}, onnxio.IntsAttr("shape", dims))
	}
	return w.node("Reshape", base, out, []string{in, w.ints(dims)})
}

// broadcastRows completes the attributes of a Gemm whose bias is one row.
func (w *Writer) broadcastRows(attrs ...*onnxio.Attr) []*onnxio.Attr {
	if w.opset < attributeless {
		attrs = append(attrs, onnxio.IntAttr("broadcast", 1))
	}
	return attrs
}

// beside returns the shape with which a constant of shape dims, one size for each
// axis of the data, stands second in an Add or Mul, and the attributes for that.
func (w *Writer) beside(dims []int64) ([]int64, []*onnxio.Attr) { return Beside(w.opset, dims) }

// Beside is the same for a model of some opset; the sizes that are not one follow each
// other where that is below 7.
func Beside(opset int64, dims []int64) ([]int64, []*onnxio.Attr) {
	if opset >= attributeless {
		return dims, nil
	}
	from, to := varying(dims)
	if from == to {
		return []int64{1}, []*onnxio.Attr{onnxio.IntAttr("broadcast", 1)}
	}
	return dims[from:to], []*onnxio.Attr{onnxio.IntAttr("axis", int64(from)), onnxio.IntAttr("broadcast", 1)}
}

// varying is the shortest run of axes that holds all sizes but one.
func varying(dims []int64) (from, to int) {
	other := func(d int64) bool { return d != 1 }
	from = slices.IndexFunc(dims, other)
	if from < 0 {
		return 0, 0
	}
	for i, d := range dims {
		if d != 1 {
			to = i + 1
		}
	}
	return from, to
}

// scaleFits reports whether a Mul or Add of the model's opset can have a constant
// that varies along the given axes of its data: before opset 7 only along
// neighbouring ones.
func scaleFits(opset int64, varies []bool) bool {
	first, last := slices.Index(varies, true), 0
	for i, v := range varies {
		if v {
			last = i
		}
	}
	return opset >= attributeless || first < 0 || !slices.Contains(varies[first:last+1], false)
}

// Factors reports whether an opset has a Mul that ONNX Runtime runs: before opset 7
// terms of a sum have no other coefficients than 1 and -1.
func Factors(opset int64) bool { return opset >= attributeless }
