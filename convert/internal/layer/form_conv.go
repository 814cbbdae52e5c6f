package layer

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Rows as samples of a grouped 1×1 Conv, as the RepMLP authors convert.
var groupedConvForm = form{
	name: "grouped Conv",
	when: func(q *question) bool {
		return q.opset >= attributeless && q.choice == Grouped || q.opset < attributeless && !q.plain()
	},
	around: func(m *affine.Rows, rows []graph.Atom) (ends, bool) {
		return ends{x: graph.Layout{rows, slices.Concat(m.Group, m.Feature), nil, nil}, y: graph.Layout{rows, slices.Concat(m.Group, m.Result), nil, nil},
			dims: []int64{-1, count(m, m.Group) * count(m, m.Feature), 1, 1}}, true
	},
	weights: pointwise,
	write:   writePointwise,
	time:    timesConv,
}

// The same on a map whose rows stand around the features, where they are.
var mapForm = form{
	name:    "Conv in place",
	around:  mapEnds,
	weights: pointwise,
	write:   writePointwise,
	time:    timesConv,
}

var pointwise = weights{func(g, q, k int64) (weight, bias []int64) { return []int64{g * q, k, 1, 1}, []int64{g * q} }, fuse.ByOutput}

func writePointwise(c *fcNodes, in, to string) (string, error) {
	w, b, err := c.weights()
	if err != nil {
		return "", err
	}
	return c.node("Conv", c.base+".fc", to, []string{in, w, b}, onnxio.IntAttr("group", count(c.Rows, c.Rows.Group)), onnxio.IntsAttr("kernel_shape", []int64{1, 1})), nil
}

// mapEnds are the layouts [A, features, B, 1] and [A, results, B, 1] of a map whose
// rows A and B stand before and behind the features; a map of rank 4 keeps its axes.
// ok is false where the features are apart, or nothing stands behind them.
func mapEnds(m *affine.Rows, rows []graph.Atom) (e ends, ok bool) {
	features, results := slices.Concat(m.Group, m.Feature), slices.Concat(m.Group, m.Result)
	flat := m.In.Flat()
	at := slices.IndexFunc(flat, func(a graph.Atom) bool { return !m.Row[a] })
	if at < 0 || at+len(features) >= len(flat) || !slices.Equal(flat[at:at+len(features)], features) {
		return e, false
	}
	if len(m.In) == 4 && slices.Equal(m.In[0], rows[:at]) && slices.Equal(m.In[1], features) {
		return ends{x: m.In, y: graph.Layout{m.In[0], results, m.In[2], m.In[3]}}, true
	}
	e = ends{x: graph.Layout{rows[:at], features, rows[at:], nil}, y: graph.Layout{rows[:at], results, rows[at:], nil}}
	unknown := 0
	for _, d := range m.Sizes(e.x) {
		n, known := d.Int()
		if !known {
			n = -1
			unknown++
		}
		e.dims = append(e.dims, n)
	}
	return e, unknown <= 1
}

// inPlace reports whether an FC of a map's channels is written as the 1×1 Conv that
// it is, because that saves all Transposes that bring the channels last and back.
// Only segments whose layers are all convs are written so: they were no slower
// before.
func (l *FC) inPlace(s *affine.Segment) bool {
	for _, a := range s.Steps {
		if _, conv := a.Op.(*affine.Conv); affine.IsLayer(a.Op) && !conv {
			return false
		}
	}
	return !l.turns()
}
