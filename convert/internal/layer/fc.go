package layer

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// An FC is a segment as one fully connected layer of rows: nodes that bring the
// rows together, the layer, and nodes that put its result where the segment's
// value expects it.
type FC struct {
	Rows          *affine.Rows
	form          form
	trans         bool // the layer reads rows and turns them itself
	before, after []move
}

// PlanFC plans a segment that a walk wrote as rows; ok is false where that has more
// weights than limit, or needs sizes that no single -1 can stand for.
func PlanFC(s *affine.Segment, m *affine.Rows, limit int, o Options) (*FC, bool) {
	if size := m.Weights(); size > maxWeights || size > limit {
		return nil, false
	}
	q := &question{choice: o.Form, opset: o.Opset, groups: m.Count(m.Group), tiny: tiny(m),
		gemm: o.Opset < attributeless && slices.ContainsFunc(s.Nodes(), func(n *graph.Node) bool { return n.OpType() == "Gemm" })}
	if q.auto() {
		if l, ok := planInPlace(s, m, o); ok {
			return l, true
		}
	}
	var best *FC
	var least formCost
	for _, f := range forms() {
		if !f.groups.fit(q.groups) || !f.when(q) {
			continue
		}
		l, ok := planForm(s, m, f, o)
		if !ok {
			continue
		}
		if c := l.cost(); best == nil || c.less(least) {
			best, least = l, c
		}
	}
	return best, best != nil
}

// planInPlace is an FC as a Conv in its place, where that is better than rows.
func planInPlace(s *affine.Segment, m *affine.Rows, o Options) (*FC, bool) {
	here, ok := planForm(s, m, mapForm, o)
	if !ok || !here.inPlace(s) {
		return nil, false
	}
	f := matMulForm
	if m.Count(m.Group) == 1 {
		f = gemmForm
	}
	rows, ok := planForm(s, m, f, o)
	return here, !ok || rows.turns()
}

// planForm plans the nodes around a layer of one form.
func planForm(s *affine.Segment, m *affine.Rows, f form, o Options) (*FC, bool) {
	e, ok := f.around(m, rowsOf(m))
	if !ok {
		return nil, false
	}
	l := &FC{Rows: m, form: f, trans: e.trans}
	into := func(graph.Layout) (move, bool) { return move{dims: e.dims}, true }
	if l.before, ok = rearranged(m.Sizes, m.In, e.x, into); !ok {
		return nil, false
	}
	to, _ := s.To.Shape()
	l.after, ok = rearranged(m.Sizes, e.y, m.Out, func(from graph.Layout) (move, bool) {
		return viewed(m.Sizes(from), to, from, m.Out, o.Opset, s.From)
	})
	return l, ok
}

// rowsOf lists the atoms of the rows, in the order of the segment's input.
func rowsOf(m *affine.Rows) []graph.Atom {
	var rows []graph.Atom
	for _, a := range m.In.Flat() {
		if m.Row[a] {
			rows = append(rows, a)
		}
	}
	return rows
}

// count is the number of elements over atoms, as the sizes in nodes are.
func count(m *affine.Rows, atoms []graph.Atom) int64 { return int64(m.Count(atoms)) }

// sizesOf are the groups, and the features and results of one of them.
func sizesOf(m *affine.Rows) (g, k, q float64) {
	return float64(m.Count(m.Group)), float64(m.Count(m.Feature)), float64(m.Count(m.Result))
}

func (l *FC) moves() []move { return slices.Concat(l.before, l.after) }

// turns reports whether a Transpose stands around the layer.
func (l *FC) turns() bool {
	return slices.ContainsFunc(l.moves(), func(m move) bool { return m.perm != nil })
}

// Kind implements Layer.
func (l *FC) Kind() string { return "fc" }

// Cost implements Layer.
func (l *FC) Cost() affine.Cost {
	cost := affine.Cost{Weights: l.Rows.Weights(), Work: 1}
	for _, m := range l.moves() {
		cost.Moves += m.cost()
	}
	return cost
}

// Shape implements Layer.
func (l *FC) Shape() Shape {
	m := l.Rows
	g := m.Count(m.Group)
	s := Shape{Groups: g, In: m.Count(m.Feature) * g, Out: m.Count(m.Result) * g, Rows: int(rowsOfOne(m, 0))}
	s.Parameters = m.Weights() + s.Out
	return s
}

func (l *FC) String() string {
	s := l.Shape()
	text := fmt.Sprintf("FC %d -> %d in %d groups as %s", s.In, s.Out, s.Groups, l.form.name)
	for _, m := range l.before {
		text += ", " + m.String()
	}
	if len(l.after) > 0 {
		text += ", then"
		for _, m := range l.after {
			text += " " + m.String()
		}
	}
	return text
}

// fcNodes is what a form writes its layer with.
type fcNodes struct {
	*Writer
	*FC
	base string
	elem onnxio.DType
	last *graph.Node
}

// Write implements Layer.
func (l *FC) Write(w *Writer, s *affine.Segment, in, out string) error {
	c := &fcNodes{w, l, out, s.To.Elem, s.Last().Node()}
	cur := in
	for _, m := range l.before {
		cur = c.rearrange(m, cur, "", in)
	}
	to := ""
	if len(l.after) == 0 {
		to = out
	}
	cur, err := l.form.write(c, cur, to)
	if err != nil {
		return err
	}
	for i, m := range l.after {
		to := ""
		if i == len(l.after)-1 {
			to = out
		}
		cur = c.rearrange(m, cur, to, in)
	}
	return nil
}

// rearrange writes a node that moves the layer's data.
func (c *fcNodes) rearrange(m move, cur, to, in string) string {
	name := c.base + ".view"
	if m.perm != nil {
		name = c.base + ".order"
	}
	return c.move(m, c.base, name, cur, to, in)
}

// product writes a MatMul of the weight and in, the weight first where left is set,
// and an Add of the bias where something was shifted.
func (c *fcNodes) product(in, to string, left bool) (string, error) {
	weight, err := c.weight()
	if err != nil {
		return "", err
	}
	operands := []string{in, weight}
	if left {
		operands = []string{weight, in}
	}
	if !c.shifts() {
		return c.node("MatMul", c.base+".fc", to, operands), nil
	}
	bias, err := c.bias()
	if err != nil {
		return "", err
	}
	return c.node("Add", c.base+".fc", to, []string{c.node("MatMul", c.base+".product", "", operands), bias}), nil
}

// shifts reports whether the layer has a bias: whether a step of it shifts.
func (l *FC) shifts() bool {
	return slices.ContainsFunc(l.Rows.Program.Ops, func(op fuse.Op) bool { return op.Shift != nil })
}

// weights adds the layer's weight and bias.
func (c *fcNodes) weights() (weight, bias string, err error) {
	if weight, err = c.weight(); err != nil {
		return "", "", err
	}
	bias, err = c.bias()
	return weight, bias, err
}

func (c *fcNodes) weight() (string, error) {
	dims, _ := c.dims()
	return c.computed(c.base+".weight", c.elem, dims, c.folding(), c.last)
}

func (c *fcNodes) bias() (string, error) {
	_, dims := c.dims()
	g, q := count(c.Rows, c.Rows.Group), count(c.Rows, c.Rows.Result)
	return c.computed(c.base+".bias", c.elem, dims, whole{int(g * q), c.folding().Bias}, c.last)
}

func (c *fcNodes) dims() (weight, bias []int64) {
	return c.form.weights.dims(count(c.Rows, c.Rows.Group), count(c.Rows, c.Rows.Result), count(c.Rows, c.Rows.Feature))
}

func (c *fcNodes) folding() *fuse.Folding {
	return c.Rows.Program.Folding(c.Rows.Form(), c.form.weights.order)
}

// Claim implements Layer: which row an element of the input belongs to.
func (l *FC) Claim(*affine.Segment, bool) (func(shape []int) ([]int32, int, int), []verify.Reach) {
	return l.Rows.RowOf, nil
}
