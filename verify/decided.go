package verify

import (
	"slices"

	"repmlp/onnxio/graph"
)

// rowwise operators do with every row of their first input the same, whatever the number
// of rows is. Operands of arithmetic may both have rows.
var rowwise = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Div": true, "Concat": true, "Conv": true, "ConvTranspose": true, "BatchNormalization": true,
	"AveragePool": true, "MaxPool": true, "GlobalAveragePool": true, "GlobalMaxPool": true, "Flatten": true, "Gemm": true,
	"Identity": true, "Dropout": true, "Relu": true, "LeakyRelu": true, "Clip": true, "Sigmoid": true, "HardSigmoid": true, "HardSwish": true, "Tanh": true, "Elu": true,
}

// rows are the sizes of activations that depend on symbols, each once, of a graph in which
// these are numbers of rows: there a graph with numbers says no more than the demands do.
// ok is false for any other graph.
func (f *fitting) rows() (sizes []graph.Formula, ok bool) {
	if len(f.rules) != f.distinct || !f.g.AllDemands() {
		return nil, false
	}
	seen := map[string]bool{}
	for _, n := range f.g.Nodes {
		if !n.Sound() || !rowwise[n.OpType()] {
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
				if !ok || axis > 0 || i > 0 && i < len(n.In) && !slices.Contains([]string{"Add", "Sub", "Mul", "Div", "Concat"}, n.OpType()) {
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
