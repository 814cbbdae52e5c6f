package edit

import (
	"slices"

	"repmlp/convert/internal/plan"
	"repmlp/onnxio/graph"
)

// kept lists the values inside of regions that others read and that both models have, where
// scales moved: the views that make them stay, and what they read may be another value than it
// was.
func (d *dues) kept() (list []*graph.Value) {
	if d.g == d.base {
		return nil
	}
	for _, r := range d.plan.Regions {
		for _, v := range r.Kept {
			if v.Elem.IsFloat() && d.common(v) && !d.g.IsConst(v) && d.stays(v) {
				list = append(list, v)
			}
		}
	}
	return list
}

// stays reports whether anything still reads a value inside of regions: each of them keeps it
// for its other readers, which may all be in regions.
func (d *dues) stays(v *graph.Value) bool {
	if v.IsOutput || len(v.Captured) > 0 {
		return true
	}
	for _, r := range d.plan.Regions {
		if start(r) == v || r.Part != nil && slices.Contains(r.Part.Values, v) {
			return true
		}
	}
	kept := func(out *graph.Value) bool {
		return slices.ContainsFunc(d.plan.Regions, func(r *plan.Region) bool { return slices.Contains(r.Kept, out) })
	}
	return slices.ContainsFunc(v.Readers, func(u graph.Use) bool {
		if d.inside[u.Node] == nil {
			return d.plan.Explained.Alive[u.Node]
		}
		return slices.ContainsFunc(u.Node.Out, func(out *graph.Value) bool { return out != nil && kept(out) && d.stays(out) })
	})
}
