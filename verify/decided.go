package verify

import (
	"math"
	"slices"

	"repmlp/onnxio/graph"
)

// rowwise operators do with every row the same, whatever the number of rows is, and say
// how many inputs may have rows: the first, or all.
var rowwise = map[string]int{
	"Add": all, "Sub": all, "Mul": all, "Div": all, "Concat": all, "Conv": 1, "ConvTranspose": 1, "BatchNormalization": 1,
	"AveragePool": 1, "MaxPool": 1, "GlobalAveragePool": 1, "GlobalMaxPool": 1, "Flatten": 1, "Gemm": 1,
	"Identity": 1, "Dropout": 1, "Relu": 1, "LeakyRelu": 1, "Clip": 1, "Sigmoid": 1, "HardSigmoid": 1, "HardSwish": 1, "Tanh": 1, "Elu": 1,
}

const all = math.MaxInt

// rows are the sizes of activations that depend on symbols, each once, of a graph in which
// these are numbers of rows: there a graph with numbers says no more than the demands do.
// ok is false for any other graph.
func (f *fitting) rows() (sizes []graph.Formula, ok bool) {
	if len(f.rules) != f.distinct || !f.g.AllDemands() {
		return nil, false
	}
	seen := map[string]bool{}
	for _, n := range f.g.Nodes {
		if !n.Sound() || rowwise[n.OpType()] == 0 {
			return nil, false
		}
		for i, v := range slices.Concat(n.In, n.Out) {
			if v == nil {
				continue
			}
			dims, ok := v.Shape()
			if !ok {
				return nil, false
			}
			for axis, d := range dims {
				if _, number := d.Int(); number {
					continue
				}
				formula, ok := f.v.Formula(d)
				if !ok || axis > 0 || i >= rowwise[n.OpType()] && i < len(n.In) {
					return nil, false
				}
				if text := d.String(); !seen[text] {
					seen[text] = true
					sizes = append(sizes, formula)
				}
			}
		}
	}
	return sizes, true
}

// atLeastOne reports whether every size is at least 1.
func (f *fitting) atLeastOne(sizes []graph.Formula, values []int64) bool {
	at := f.fill(values)
	for _, s := range sizes {
		f.tests--
		if n, ok := s.Value(at); !ok || n < 1 {
			return false
		}
	}
	return true
}
