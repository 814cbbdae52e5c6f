package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/internal/elementary"
	"repmlp/onnxio/graph"
)

// allBatches are the batch sizes at which a Conv is only replaced by what is not
// slower: those between one and eight are the ones that matrix products like least.
var allBatches = [...]float64{1, 2, 4, 8, 16, 32}

// MayBeFC reports whether a convolution could be written as an FC instead: where map and
// result have one position.
func MayBeFC(conv *Conv) bool {
	return onePosition(conv.start.Dims) && onePosition(conv.end.Dims) && (conv.InPlace() || conv.viewed())
}

// MayBeRows reports whether a segment that is a pointwise convolution could be written
// as an FC with less around it: where the map is one behind Transposes or views, and
// not all layers were convs of the same rank before.
func MayBeRows(s *affine.Segment, conv *Conv) bool {
	return conv.Touch.Pointwise() && !conv.InPlace() && (conv.viewed() || slices.ContainsFunc(s.Steps, func(a *affine.Affine) bool {
		_, fc := a.Op.(*affine.FC)
		return fc
	}))
}

// FCWins reports whether a segment that is both a convolution and an FC is written
// as an FC. A convolution of a map costs less than an FC with the nodes that bring
// the map into rows and back; only on a map of one position, where both do the same
// products, a matrix product is faster for enough samples. It has to be so at every
// batch size that the file leaves open.
func FCWins(s *affine.Segment, conv *Conv, fc *FC, choice Choice) bool {
	if !MayBeFC(conv) {
		return false
	}
	if choice != Auto {
		return choice != Grouped
	}
	if conv.viewed() {
		return true // rows of another view, as they were
	}
	if fc.form.flat == nil {
		return false
	}
	dims := conv.start.Dims
	one := max(float64(dims[0].At(1)), 1) // rows at batch one
	samples := allBatches[:]
	if _, ok := dims[0].Int(); ok {
		samples = samples[:1]
	}
	g, k, q := sizesOf(fc.Rows)
	sum := 0.0
	for _, n := range samples {
		r := fc.form.flat.of(g, k*q, n*one)
		if r > 0 {
			return false
		}
		sum += r
	}
	return sum <= -elementary.Log2(worthwhile)*float64(len(samples))
}

// FlatMap reports whether a map has one position only.
func FlatMap(v *graph.Value) bool {
	dims, ok := v.Shape()
	return ok && len(dims) >= 3 && onePosition(dims)
}

// onePosition reports whether a map of the given sizes has one position only.
func onePosition(dims []graph.Dim) bool {
	return !slices.ContainsFunc(dims[2:], func(d graph.Dim) bool { return !d.Is(1) })
}
