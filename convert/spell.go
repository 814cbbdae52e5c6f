package convert

import (
	"slices"

	"repmlp/onnxio/graph"
)

// A spelling is the node sequence that a merged FC becomes, weights left out.
type spelling struct {
	form  layerForm
	trans bool // columns: the layer reads rows and turns them itself
	steps []move
	moves int // cost of the steps that only move data
}

// A move is one node of a spelling. Every node reads the one before it.
type move struct {
	op    string // "Reshape", "Transpose" or "fc"
	dims  []int64
	shape *runtimeShape // Reshape to a shape that is only known at run time
	perm  []int64
}

// A runtimeShape takes the sizes that are no numbers from the shape of a value.
type runtimeShape struct {
	of   *graph.Value
	dims []shapeDim
}

type shapeDim struct {
	n    int64 // a number, -1 for the inferred one
	axis int   // or an axis of the value, -1 for none
}

// spellFC plans the nodes of an FC region: bring the rows together, multiply,
// and put the result where the region's value expects it. It reports false
// where that needs sizes that no single -1 can stand for.
func (p *planner) spellFC(r *Region) (*spelling, bool) {
	forms := []layerForm{formRows}
	g := r.rows.count(r.rows.group)
	switch {
	case p.g.Opset < attributeless:
		forms = r.oldForms()
	case p.opts.FC == FCConv:
		forms = []layerForm{formConv}
	case p.opts.FC == fcColumns:
		forms = []layerForm{formColumns}
	case p.opts.FC == fcSplit && g > 1:
		forms = []layerForm{formSplit}
	case p.opts.FC == FCAuto && !r.tiny():
		forms = append(forms, formColumns)
		if g > 1 && g <= maxSplit {
			forms = append(forms, formSplit)
		}
	}
	if p.opts.FC == FCAuto && p.g.Opset >= attributeless {
		if s, ok := p.spellInPlace(r); ok {
			return s, true
		}
	}
	var best *spelling
	var least formCost
	for _, f := range forms {
		s, ok := p.spellAs(r, f)
		if !ok {
			continue
		}
		if c := r.costOf(s); best == nil || c.less(least) {
			best, least = s, c
		}
	}
	return best, best != nil
}

// spellAs plans the nodes around a layer of one form.
func (p *planner) spellAs(r *Region, form layerForm) (*spelling, bool) {
	m := r.rows
	var rows []graph.Atom
	for _, a := range m.in.Flat() {
		if m.rows[a] {
			rows = append(rows, a)
		}
	}
	g, k, q := int64(m.count(m.group)), int64(m.count(m.feature)), int64(m.count(m.result))
	s := &spelling{form: form}
	if form == formMap {
		s.form = formConv
	}
	sizes := func(l graph.Layout) []graph.Dim {
		t := &tracer{atoms: m.atoms}
		return t.sizes(l)
	}
	var x, y graph.Layout // what the layer reads and makes
	var dims []int64
	switch {
	case form == formMap:
		var ok bool
		if x, y, dims, ok = m.mapLayouts(rows, sizes); !ok {
			return nil, false
		}
	case form == formConv:
		x = graph.Layout{rows, slices.Concat(m.group, m.feature), nil, nil}
		y = graph.Layout{rows, slices.Concat(m.group, m.result), nil, nil}
		dims = []int64{-1, g * k, 1, 1}
	case form == formSplit:
		x = graph.Layout{rows, slices.Concat(m.group, m.feature)}
		y = graph.Layout{rows, slices.Concat(m.group, m.result)}
		dims = []int64{-1, g * k}
	case form == formColumns && g == 1:
		x, y = graph.Layout{m.feature, rows}, graph.Layout{m.result, rows}
		dims = []int64{k, -1}
		if slices.Equal(m.in.Flat(), slices.Concat(rows, m.feature)) {
			x, dims, s.trans = graph.Layout{rows, m.feature}, []int64{-1, k}, true
		}
	case form == formColumns:
		x, y = graph.Layout{m.group, m.feature, rows}, graph.Layout{m.group, m.result, rows}
		dims = []int64{g, k, -1}
	case g == 1:
		x, y = graph.Layout{rows, m.feature}, graph.Layout{rows, m.result}
		dims = []int64{-1, k}
	default:
		x, y = graph.Layout{m.group, rows, m.feature}, graph.Layout{m.group, rows, m.result}
		dims = []int64{g, -1, k}
	}
	if !s.rearrange(m.in, x, dims, nil, sizes) {
		return nil, false
	}
	s.steps = append(s.steps, move{op: "fc", dims: []int64{g, q, k}})
	to, _ := r.seg.to.Shape()
	target, runtime, ok := targetShape(to, r.seg.from)
	if !ok || runtime != nil && p.g.Opset < shapeInput {
		return nil, false
	}
	if !s.rearrange(y, m.out, target, runtime, sizes) {
		return nil, false
	}
	for _, st := range s.steps {
		switch {
		case st.shape != nil:
			s.moves += 3
		case st.op == "Reshape":
			s.moves++
		case st.op == "Transpose":
			s.moves += 2
		}
	}
	return s, true
}

// targetShape is a shape as a Reshape target: numbers with at most one -1, or
// sizes taken from value u at run time.
func targetShape(dims []graph.Dim, u *graph.Value) ([]int64, *runtimeShape, bool) {
	out := make([]int64, len(dims))
	unknown := 0
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			n = -1
			unknown++
		}
		out[i] = n
	}
	if unknown <= 1 {
		return out, nil, true
	}
	from, _ := u.Shape()
	rs := &runtimeShape{of: u}
	inferred := false
	for i, d := range dims {
		sd := shapeDim{n: out[i], axis: -1}
		if out[i] < 0 {
			sd.axis = slices.IndexFunc(from, func(f graph.Dim) bool { return f.Equal(d) })
			if sd.axis < 0 && inferred {
				return nil, nil, false
			}
			inferred = inferred || sd.axis < 0
		}
		rs.dims = append(rs.dims, sd)
	}
	return nil, rs, true
}

// rearrange turns layout from into layout to, whose sizes as a Reshape target
// are dims, or shape where they are only known at run time.
func (s *spelling) rearrange(from, to graph.Layout, dims []int64, shape *runtimeShape, sizes func(graph.Layout) []graph.Dim) bool {
	flat, want := from.Flat(), to.Flat()
	cur := from
	if !slices.Equal(flat, want) {
		// Whole axes may move as they are; otherwise cut into runs that stay together.
		blocks, whole := wholeAxes(from, want)
		if !whole {
			blocks = runs(flat, want)
			cut := make([]int64, len(blocks))
			unknown := 0
			for i, d := range sizes(graph.Layout(blocks)) {
				n, ok := d.Int()
				if !ok {
					n = -1
					unknown++
				}
				cut[i] = n
			}
			if unknown > 1 {
				return false
			}
			s.steps = append(s.steps, move{op: "Reshape", dims: cut})
		}
		perm, order := permutation(blocks, want)
		s.steps = append(s.steps, move{op: "Transpose", perm: perm})
		cur = order
	}
	if sameCut(cur, to) {
		return true
	}
	s.steps = append(s.steps, move{op: "Reshape", dims: dims, shape: shape})
	return true
}

func sameCut(a, b graph.Layout) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !slices.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// wholeAxes reports whether every axis of from stays together in order want.
func wholeAxes(from graph.Layout, want []graph.Atom) ([][]graph.Atom, bool) {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	for _, axis := range from {
		for i := 1; i < len(axis); i++ {
			if at[axis[i]] != at[axis[i-1]]+1 {
				return nil, false
			}
		}
	}
	return from, true
}

// runs cuts order flat into the longest pieces that stand together in want.
func runs(flat, want []graph.Atom) [][]graph.Atom {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	var out [][]graph.Atom
	for i, a := range flat {
		if i > 0 && at[a] == at[flat[i-1]]+1 {
			out[len(out)-1] = append(out[len(out)-1], a)
			continue
		}
		out = append(out, []graph.Atom{a})
	}
	return out
}

// permutation orders blocks as want asks; empty blocks go to the end.
func permutation(blocks [][]graph.Atom, want []graph.Atom) ([]int64, graph.Layout) {
	at := map[graph.Atom]int{}
	for i, a := range want {
		at[a] = i
	}
	perm := make([]int64, len(blocks))
	for i := range perm {
		perm[i] = int64(i)
	}
	place := func(i int64) int {
		if len(blocks[i]) == 0 {
			return len(want)
		}
		return at[blocks[i][0]]
	}
	slices.SortStableFunc(perm, func(a, b int64) int { return place(a) - place(b) })
	order := make(graph.Layout, len(perm))
	for i, k := range perm {
		order[i] = blocks[k]
	}
	return perm, order
}
