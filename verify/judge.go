package verify

import (
	"math"
	"slices"

	"repmlp/onnxio"
)

// judge compares one run of an output with that of the reference, leaving out the
// elements that rounding decides. It reports whether all others agree.
func judge(a, b *Tensor, s *scatter, leave []bool, limit float64) (d OutputDifference) {
	d = OutputDifference{Shape: a.Shape, Elements: int64(a.Len()), Passed: true}
	if s.shapes {
		d.Left = max(d.Elements, 1)
		d.Finite = true
		return d
	}
	if !slices.Equal(a.Shape, b.Shape) {
		d.Other, d.Passed = b.Shape, false
		return d
	}
	d.Finite = a.Len() == 0
	if !anyFinite(a) {
		leave = nil // infinities are all there is to compare
	}
	for k := range a.Len() {
		d.Finite = d.Finite || finite(a.Float(k))
		if leave != nil && leave[k] {
			d.Left++
			continue
		}
		d.element(a, b, k, limit)
	}
	switch {
	case s.scale > 0:
		d.MaxRel = d.MaxAbs / s.scale
	case d.MaxAbs > 0:
		d.MaxRel = math.Inf(1)
	}
	return d
}

// element compares one element of two tensors of one shape.
func (d *OutputDifference) element(a, b *Tensor, k int, limit float64) {
	x, y := a.Float(k), b.Float(k)
	switch {
	case same(a, b, k):
		if !finite(x) {
			d.NotFinite++
		}
	case !finite(x) || !finite(y):
		if d.Opposed++; d.Opposed == 1 {
			d.Worst, d.Values = indexOf(k, a.Shape), [2]float64{x, y}
		}
		d.Passed = false
	default:
		diff := math.Abs(x - y)
		if d.Opposed == 0 && (diff > d.MaxAbs || d.Worst == nil) {
			d.Worst, d.Values = indexOf(k, a.Shape), [2]float64{x, y}
		}
		d.MaxAbs = max(d.MaxAbs, diff)
		d.Passed = d.Passed && diff <= limit
	}
}

// anyFinite reports whether t has a number that is finite.
func anyFinite(t *Tensor) bool {
	for k := range t.Len() {
		if v := t.Float(k); !math.IsInf(v, 0) && !math.IsNaN(v) {
			return true
		}
	}
	return false
}

// merge takes one more run of an output.
func (out *OutputDifference) merge(d OutputDifference) {
	worse := d.MaxAbs > out.MaxAbs || out.Worst == nil
	switch {
	case !out.Passed && d.Passed:
		worse = false
	case out.Passed && !d.Passed:
		worse = true
	case out.Opposed > 0:
		worse = false
	case d.Opposed > 0:
		worse = true
	}
	if worse {
		out.Worst, out.Values, out.Other, out.WorstRun = d.Worst, d.Values, d.Other, d.WorstRun
	}
	out.Shape = d.Shape
	out.MaxAbs, out.MaxRel = max(out.MaxAbs, d.MaxAbs), max(out.MaxRel, d.MaxRel)
	out.Finite, out.Passed = out.Finite || d.Finite, out.Passed && d.Passed
	out.Elements, out.NotFinite, out.Opposed, out.Left = out.Elements+d.Elements, out.NotFinite+d.NotFinite, out.Opposed+d.Opposed, out.Left+d.Left
}

func indexOf(k int, shape []int) []int {
	idx := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		idx[i] = k % shape[i]
		k /= shape[i]
	}
	return idx
}

// narrowest is the unit roundoff of the narrowest float type among the weights.
func narrowest(ms ...*onnxio.Model) float64 {
	u := 0x1p-53
	found := false
	for _, m := range ms {
		for _, t := range m.Graph().Inits() {
			if t.DType().IsFloat() && len(t.Dims()) > 0 {
				u, found = max(u, roundingOf(t.DType()).unit), true
			}
		}
	}
	if !found {
		return 0x1p-24
	}
	return u
}
