package verify

import "repmlp/onnxio/graph"

// vanishing are the sizes of activations that depend on symbols, each once. ok is false
// where the graph with numbers may say more than formulas do: where a size is not known,
// where sizes are computed with, and beyond the demands that a graph keeps.
func (f *fitting) vanishing() (sizes []graph.Formula, ok bool) {
	if len(f.rules) != f.distinct || !f.g.AllDemands() {
		return nil, false
	}
	seen := map[string]bool{}
	for _, n := range f.g.Nodes {
		if !n.Sound() || n.OpType() == "Shape" || n.OpType() == "Size" || len(n.Subgraphs()) > 0 {
			return nil, false
		}
		for _, v := range n.Out {
			if v == nil {
				continue
			}
			dims, ok := v.Shape()
			if !ok {
				return nil, false
			}
			for _, d := range dims {
				if _, number := d.Int(); number {
					continue
				}
				formula, ok := f.v.Formula(d)
				if !ok {
					return nil, false
				}
				if text := d.String(); v.Elem.IsFloat() && !seen[text] {
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
