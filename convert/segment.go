package convert

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A segment is the piece of the graph between two values, of which the later
// is an affine function of the earlier alone.
type segment struct {
	from, to *graph.Value
	values   []*graph.Value // after from, up to to, each after those it depends on
	steps    []*step
	leaks    []*graph.Value // values whose node something outside needs too
}

// segment collects the steps from u to v; nil where v depends on more than u.
func (c *explainer) segment(u, v *graph.Value) *segment {
	s := &segment{from: u, to: v}
	seen := map[*graph.Value]bool{u: true}
	ok := true
	var walk func(x *graph.Value)
	walk = func(x *graph.Value) {
		if seen[x] || !ok {
			return
		}
		seen[x] = true
		st := c.steps[x]
		if st == nil {
			ok = false
			return
		}
		for _, a := range st.args {
			walk(a)
		}
		s.values = append(s.values, x)
		s.steps = append(s.steps, st)
	}
	walk(v)
	if !ok || len(s.values) == 0 {
		return nil
	}
	var inside part
	for i, x := range s.values {
		inside.add(s.steps[i].node)
		for _, n := range s.steps[i].covers {
			inside.add(n)
		}
		inside.add(x.Producer)
	}
	if m := c.made[v]; m != nil && m.input == nil { // a part of a sum, whose other operands stay
		last := s.steps[len(s.steps)-1]
		inside.sum = append([]*graph.Node{last.node}, last.covers...)
	}
	for _, x := range s.values {
		if x != v && (c.pinned[x] || c.leaks(x, &inside)) || c.otherOutput(x, seen) {
			s.leaks = append(s.leaks, x)
		}
	}
	s.keepSources()
	return s
}

// keepSources adds what the nodes of leaking values read inside the segment: a node
// that stays needs it.
func (s *segment) keepSources() {
	for i := len(s.values) - 1; i >= 0; i-- {
		if x := s.values[i]; x == s.to || !slices.Contains(s.leaks, x) {
			continue
		}
		for _, a := range s.steps[i].args {
			if a != s.from && !slices.Contains(s.leaks, a) {
				s.leaks = append(s.leaks, a)
			}
		}
	}
}

// otherOutput reports whether the node that makes x makes something else that
// is needed, as a Split does.
func (c *explainer) otherOutput(x *graph.Value, inside map[*graph.Value]bool) bool {
	if x.Producer == nil {
		return false
	}
	for _, o := range x.Producer.Out {
		if o == nil || inside[o] {
			continue
		}
		if o.IsOutput || len(o.Captured) > 0 || slices.ContainsFunc(o.Readers, func(r graph.Use) bool { return c.alive[r.Node] }) {
			return true
		}
	}
	return false
}

// A part is some nodes of the graph.
type part struct {
	nodes map[*graph.Node]bool
	last  int           // the largest index of a node
	sum   []*graph.Node // those that still add what comes from outside
}

func (p *part) add(n *graph.Node) {
	if n == nil {
		return
	}
	if p.nodes == nil {
		p.nodes = map[*graph.Node]bool{}
	}
	p.nodes[n] = true
	p.last = max(p.last, n.Index)
}

// leaks reports whether x is needed by anything but the nodes inside. A node
// outside whose results only come back, such as the Shape of a Reshape inside,
// needs nothing once the inside is replaced.
func (c *explainer) leaks(x *graph.Value, inside *part) bool {
	return c.leaksBeyond(x, inside, map[*graph.Node]bool{})
}

func (c *explainer) leaksBeyond(x *graph.Value, inside *part, seen map[*graph.Node]bool) bool {
	if x.IsOutput || len(x.Captured) > 0 {
		return true
	}
	for _, r := range x.Readers {
		if inside.nodes[r.Node] || seen[r.Node] {
			continue
		}
		seen[r.Node] = true
		if len(r.Node.Subgraphs()) > 0 || c.alive[r.Node] && r.Node.Index > inside.last { // nothing comes back from there
			return true
		}
		for _, out := range r.Node.Out {
			if out != nil && (c.leaksBeyond(out, inside, seen) || slices.ContainsFunc(out.Readers, func(r graph.Use) bool { return slices.Contains(inside.sum, r.Node) })) {
				return true
			}
		}
	}
	return false
}

// nodes lists the nodes of the segment, each once, in graph order.
func (s *segment) nodes() []*graph.Node {
	var out []*graph.Node
	for i, x := range s.values {
		for _, n := range append([]*graph.Node{s.steps[i].node, x.Producer}, s.steps[i].covers...) {
			if n != nil && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	slices.SortFunc(out, func(a, b *graph.Node) int { return a.Index - b.Index })
	return out
}

// A cost orders ways to write a piece of the graph: first the weights that are
// read, then the layers that run, then the nodes that move data.
type cost struct{ weights, work, moves int }

func (a cost) plus(b cost) cost {
	return cost{a.weights + b.weights, a.work + b.work, a.moves + b.moves}
}

func (a cost) less(b cost) bool {
	if a.weights != b.weights {
		return a.weights < b.weights
	}
	if a.work != b.work {
		return a.work < b.work
	}
	return a.moves < b.moves
}

// plain is the cost of a step as it stands.
func (c *explainer) plain(s *step) cost {
	switch s.kind {
	case layerStep:
		return cost{weights: elements(s.weights[:max(s.parts, 1)]), work: 1}
	case diagStep, sumStep:
		return cost{work: 1}
	case biasStep:
		if a := c.steps[s.args[0]]; a != nil && a.kind == layerStep && a.rule == "fc" {
			return cost{moves: 1} // the bias of an ordinary Linear
		}
		return cost{work: 1}
	}
	switch s.node.OpType {
	case "Transpose", "DepthToSpace", "SpaceToDepth":
		return cost{moves: 2}
	}
	return cost{moves: 1}
}

func (c *explainer) plainAll(s *segment) cost {
	var sum cost
	for _, st := range s.steps {
		sum = sum.plus(c.plain(st))
	}
	return sum
}

func elements(vs []*graph.Value) int {
	n := 0
	for _, v := range vs {
		shape, _ := constShape(v)
		k := 1
		for _, d := range shape {
			k *= d
		}
		n += k
	}
	return n
}

// parameters counts the weight elements that the segment's nodes read.
func (s *segment) parameters() int {
	n := 0
	for _, st := range s.steps {
		n += elements(st.weights)
	}
	return n
}

// asTrace writes the segment as an affine map of rows.
func (c *explainer) asTrace(s *segment) (*traceMap, *refusal) {
	dims, ok := s.from.Shape()
	if !ok {
		return nil, refuse("", "the shape of %q is unknown", s.from.Name)
	}
	t := &tracer{g: c.g, atoms: graph.NewAtoms()}
	in := make(graph.Layout, len(dims))
	for i, d := range dims {
		in[i] = t.atoms.Axis(d)
	}
	at := map[*graph.Value]traced{s.from: {-1, in}}
	for i, x := range s.values {
		st := s.steps[i]
		args := make([]traced, len(st.args))
		for k, a := range st.args {
			args[k] = at[a]
			args[k].layout = t.atoms.ResolveLayout(args[k].layout)
		}
		var y traced
		var why *refusal
		switch {
		case st.embed != nil:
			if args, why = st.embed(t, args); why == nil {
				y, why = t.sum(args, st.coef, in.Flat())
			}
		case st.kind == sumStep:
			y, why = t.sum(args, st.coef, in.Flat())
		default:
			y, why = st.trace(t, args)
		}
		if why != nil {
			return nil, why
		}
		if !agrees(x, t.sizes(y.layout)) {
			return nil, refuse("", "%q makes another shape than the graph says", st.node.Title())
		}
		at[x] = y
	}
	return t.finish(in, at[s.to])
}

// agrees reports whether sizes that were worked out for a value contradict those
// that the graph knows: then some rule and the graph take the node for something
// else, and nothing may be merged.
func agrees(v *graph.Value, sizes []graph.Dim) bool {
	dims, ok := v.Shape()
	if !ok {
		return true
	}
	if len(dims) != len(sizes) {
		return false
	}
	for i, d := range dims {
		a, known := d.Int()
		b, known2 := sizes[i].Int()
		if known && known2 && a != b {
			return false
		}
	}
	return true
}

// asWindow writes the segment as one convolution of a map.
func (c *explainer) asWindow(s *segment) (mapState, *refusal) {
	start, ok := mapInput(s.from, s.mapOrder())
	if !ok {
		return mapState{}, refuse("", "%q is no map", s.from.Name)
	}
	at := map[*graph.Value]mapState{s.from: start}
	for i, x := range s.values {
		st := s.steps[i]
		if st.window == nil {
			return mapState{}, refuse("", "%q is no convolution of a map", st.node.Title())
		}
		args := make([]mapState, len(st.args))
		for k, a := range st.args {
			args[k] = at[a]
		}
		y, why := st.window(args)
		if why != nil {
			return mapState{}, why
		}
		sizes := make([]graph.Dim, len(y.order))
		for k, axis := range y.order {
			sizes[k] = y.dims[axis]
		}
		if !agrees(x, sizes) || !y.dims[1].Is(int64(y.win.Out)) {
			return mapState{}, refuse("", "%q makes another shape than the graph says", st.node.Title())
		}
		at[x] = y
	}
	return at[s.to], nil
}

// kernel folds the segment as a convolution.
func (c *explainer) kernel(s *segment) (*fuse.Kernel, error) {
	start, _ := mapInput(s.from, s.mapOrder())
	at := map[*graph.Value]*fuse.Kernel{s.from: fuse.Identity(start.win.In, len(start.win.Taps))}
	for i, x := range s.values {
		args := make([]*fuse.Kernel, len(s.steps[i].args))
		for k, a := range s.steps[i].args {
			args[k] = at[a]
		}
		y, err := s.steps[i].kernel(args)
		if err != nil {
			return nil, err
		}
		at[x] = y
	}
	return at[s.to], nil
}
