package convert

import (
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// claim says what has to hold for one region, in values that both models have.
func (e *emitter) claim(r *Region) verify.Claim {
	from := r.seg.from
	if r.source != nil {
		from = r.source
	}
	for e.made[from] != nil {
		from = e.made[from].input
	}
	c := verify.Claim{ID: r.ID, Inputs: []string{from.Name}, Output: r.Value}
	if inv := e.made[r.seg.to]; inv != nil {
		c.Output = inv.node.Out[0].Name
		for _, v := range inv.sum {
			// An operand that the merged part also goes through is computed.
			if !slices.Contains(r.seg.values, v) && !slices.Contains(c.Inputs, v.Name) {
				c.Inputs = append(c.Inputs, v.Name)
			}
		}
	}
	for v, to := range e.same {
		if slices.Contains(c.Inputs, to.Name) {
			if c.Same == nil {
				c.Same = map[string]string{}
			}
			c.Same[v.Name] = to.Name
		}
	}
	switch {
	case r.Kind == "fc":
		c.Rows = r.rows.rowOf
	case e.made[r.seg.from] != nil || r.source != nil: // the claim begins before the region
	case r.Kind == "conv":
		c.Reach = r.reach()
	case r.Kind == "scale":
		c.Reach = r.rows.reach()
	}
	return c
}

// reach says how far the region's convolution reads along the axes of its input. What
// it leaves out at the begin of an axis counts too.
func (r *Region) reach() []verify.Reach {
	order := r.seg.mapOrder()
	if len(order) != len(r.window.Taps)+2 {
		return nil
	}
	place := make([]int, len(order)) // of the map's axes in the output
	for i := range place {
		place[i] = i
		if r.after != nil {
			place[r.after[i]] = i
		}
	}
	var out []verify.Reach
	for axis, k := range order {
		switch w, i := r.window, k-2; {
		case k == 0:
			out = append(out, verify.Reach{Axis: axis, Span: 1, Stride: 1, Out: place[k]})
		case k >= 2:
			out = append(out, verify.Reach{Axis: axis, Span: (w.Taps[i]-1)*w.Step[i] + w.Stride[i] + max(w.Lo[i], 0), Stride: w.Stride[i], Out: place[k]})
		}
	}
	return out
}

// reach of a scale names the axes along which all positions are alike.
func (m *traceMap) reach() []verify.Reach {
	var out []verify.Reach
	for i, axis := range m.in {
		if len(m.in) == len(m.out) && slices.Equal(axis, m.out[i]) && !slices.ContainsFunc(axis, func(a graph.Atom) bool { return !m.rows[a] || slices.Contains(m.group, a) }) {
			out = append(out, verify.Reach{Axis: i, Span: 1, Stride: 1, Out: i})
		}
	}
	return out
}

// rowOf tells for every run of elements of an input of the given shape which row
// it belongs to; nil where the sizes of the rows do not follow from the shape.
func (m *traceMap) rowOf(shape []int) (row []int32, run, rows int) {
	if len(shape) != len(m.in) {
		return nil, 0, 0
	}
	row, run, rows = []int32{0}, 1, 1
	for i, axis := range m.in {
		sizes, ok := m.sizes(axis, shape[i])
		if !ok {
			return nil, 0, 0
		}
		for k, a := range axis {
			if !m.rows[a] { // lengthens the runs
				run *= sizes[k]
				continue
			}
			rows *= sizes[k]
			next := make([]int32, 0, len(row)*run*sizes[k])
			for _, r := range row {
				for range run {
					for j := range sizes[k] {
						next = append(next, r*int32(sizes[k])+int32(j))
					}
				}
			}
			row, run = next, 1
		}
	}
	return row, run, rows
}

// sizes are the sizes of an axis' atoms where the axis has n elements; at most
// one of them may be a symbol.
func (m *traceMap) sizes(axis []graph.Atom, n int) ([]int, bool) {
	out := make([]int, len(axis))
	free, known := -1, 1
	for k, a := range axis {
		size, ok := m.atoms.Size(a).Int()
		if !ok {
			if free >= 0 {
				return nil, false
			}
			free = k
			continue
		}
		if size < 0 {
			return nil, false // the file's shapes contradict each other
		}
		out[k] = int(size)
		known *= int(size)
	}
	if free >= 0 && known > 0 {
		out[free] = n / known
		known *= out[free]
	}
	return out, known == n
}
