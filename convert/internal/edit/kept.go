package edit

import "repmlp/onnxio/graph"

// kept lists the values inside of regions that others read and that both models have, where
// scales moved: the views that make them stay, and what they read may be another value than it
// was.
func (d *dues) kept() (list []*graph.Value) {
	if d.g == d.base {
		return nil
	}
	for _, r := range d.plan.Regions {
		for _, v := range r.Kept {
			if v.Elem.IsFloat() && d.common(v) && !d.g.IsConst(v) {
				list = append(list, v)
			}
		}
	}
	return list
}
