package edit

import (
	"slices"

	"repmlp/onnxio/graph"
)

// kept lists the values inside of regions that others read and that both models have, where
// scales moved: the views that make them stay, and what they read may be another value than it
// was.
func (d *dues) kept() (list []*graph.Value) {
	if d.g == d.base {
		return nil
	}
	stay := d.staying()
	for _, r := range d.plan.Regions {
		for _, v := range r.Kept {
			if v.Elem.IsFloat() && d.common(v) && !d.g.IsConst(v) && stay[v] {
				list = append(list, v)
			}
		}
	}
	return list
}

// staying are the values that regions keep for their other readers and that anything still
// reads: all readers may be in regions.
func (d *dues) staying() map[*graph.Value]bool {
	kept, read := map[*graph.Value]bool{}, map[*graph.Value]bool{}
	for _, r := range d.plan.Regions {
		for _, v := range reads(r) {
			read[v] = true
		}
		for _, v := range r.Kept {
			kept[v] = true
		}
	}
	stay := map[*graph.Value]bool{}
	for _, n := range slices.Backward(d.g.Nodes) { // readers first
		for _, v := range n.Out {
			stay[v] = kept[v] && (v.IsOutput || len(v.Captured) > 0 || read[v] || slices.ContainsFunc(v.Readers, func(u graph.Use) bool {
				return d.inside[u.Node] == nil || slices.ContainsFunc(u.Node.Out, func(out *graph.Value) bool { return stay[out] })
			}))
		}
	}
	return stay
}
