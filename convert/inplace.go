package convert

import (
	"slices"

	"repmlp/onnxio/graph"
)

// spellInPlace spells an FC of a map's channels as the 1×1 Conv that it is, where
// that saves all Transposes that bring the channels last and back. Only regions
// whose layers are all convs are written so: they were no slower before.
func (p *planner) spellInPlace(r *Region) (*spelling, bool) {
	for _, st := range r.seg.steps {
		if st.kind == layerStep && st.rule != "conv" {
			return nil, false
		}
	}
	here, ok := p.spellAs(r, formMap)
	if !ok || slices.ContainsFunc(here.steps, func(m move) bool { return m.op == "Transpose" }) {
		return nil, false
	}
	rows, ok := p.spellAs(r, formRows)
	return here, !ok || slices.ContainsFunc(rows.steps, func(m move) bool { return m.op == "Transpose" })
}

// mapLayouts are the layouts [A, features, B, 1] and [A, results, B, 1] of a map whose
// rows A and B stand before and behind the features; a map of rank 4 keeps its axes.
// ok is false where the features are apart, or nothing stands behind them.
func (m *traceMap) mapLayouts(rows []graph.Atom, sizes func(graph.Layout) []graph.Dim) (x, y graph.Layout, dims []int64, ok bool) {
	features, results := slices.Concat(m.group, m.feature), slices.Concat(m.group, m.result)
	flat := m.in.Flat()
	at := slices.IndexFunc(flat, func(a graph.Atom) bool { return !m.rows[a] })
	if at < 0 || at+len(features) >= len(flat) || !slices.Equal(flat[at:at+len(features)], features) {
		return nil, nil, nil, false
	}
	if len(m.in) == 4 && slices.Equal(m.in[0], rows[:at]) && slices.Equal(m.in[1], features) {
		x = m.in
		return x, graph.Layout{x[0], results, x[2], x[3]}, nil, true
	}
	x = graph.Layout{rows[:at], features, rows[at:], nil}
	y = graph.Layout{rows[:at], results, rows[at:], nil}
	unknown := 0
	for _, d := range sizes(x) {
		n, known := d.Int()
		if !known {
			n = -1
			unknown++
		}
		dims = append(dims, n)
	}
	return x, y, dims, unknown <= 1
}
