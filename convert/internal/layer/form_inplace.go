package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Rows along the axes before the last one, whatever their sizes, and groups among
// them: y = x·W + b without a view. The last axis holds the features of a row.
var inPlaceForm = form{
	name:    "MatMul in place",
	when:    (*question).inPlace,
	around:  lastAxis,
	weights: weights{inPlaceDims, fuse.ByInput},
	write:   writeMatMul,
	time:    timesRows, plain: true,
}

// inPlace reports whether a product of more than two axes may be written.
func (q *question) inPlace() bool { return q.choice == Auto && q.opset >= attributeless }

// lastAxis are the layouts [.., groups, rows, features] and [.., groups, rows, results]; ok
// is false where the segment's input has no such axes, or no more than rows and
// features, which Gemm reads in place too.
func lastAxis(m *affine.Rows, rows []graph.Atom) (ends, bool) {
	last := len(m.In) - 1
	if last < 2 || !slices.Equal(m.In[last], m.Feature) || !groupsBefore(m, last-1) {
		return ends{}, false
	}
	y := slices.Clone(m.In)
	y[last] = m.Result
	return ends{x: m.In, y: y}, true
}

// groupsBefore reports whether one axis holds all groups, right before the matrices of
// which the first axis is the given one; or there are none.
func groupsBefore(m *affine.Rows, axis int) bool {
	if len(m.Group) == 0 {
		return true
	}
	return axis > 0 && slices.Equal(m.In[axis-1], m.Group)
}

// inPlaceDims are the shapes of weight and bias beside rows of any number of axes.
func inPlaceDims(g, q, k int64) (weight, bias []int64) {
	if g == 1 {
		return []int64{k, q}, []int64{q}
	}
	return []int64{g, k, q}, []int64{g, 1, q}
}
