package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// As inPlaceForm, with the features along the last axis but one: y = W·x + b.
var leftInPlaceForm = form{
	name:    "MatMul in place, weights left",
	when:    (*question).inPlace,
	around:  lastAxisButOne,
	weights: weights{leftInPlaceDims, fuse.ByOutput},
	write:   writeLeftMatMul,
	time:    timesColumns,
}

// lastAxisButOne are the layouts [.., groups, features, rows] and [.., groups, results, rows].
func lastAxisButOne(m *affine.Rows, rows []graph.Atom) (ends, bool) {
	at := len(m.In) - 2
	if at < 1 || !slices.Equal(m.In[at], m.Feature) || !groupsBefore(m, at) || slices.ContainsFunc(m.In[at+1], func(a graph.Atom) bool { return !m.Row[a] }) {
		return ends{}, false
	}
	y := slices.Clone(m.In)
	y[at] = m.Result
	return ends{x: m.In, y: y}, true
}

// leftInPlaceDims are those with the weights on the left.
func leftInPlaceDims(g, q, k int64) (weight, bias []int64) {
	if g == 1 {
		return []int64{q, k}, []int64{q, 1}
	}
	return []int64{g, q, k}, []int64{g, q, 1}
}
