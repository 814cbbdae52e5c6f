package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// Parallel branches add.
var sumRule = rule{
	Doc: Doc{Name: "sum", Title: "Add parallel branches",
		Formula: "y = Σ ±(W_i·x + b_i) = (Σ ±W_i)·x + Σ ±b_i",
		When:    "all branches read the same tensor in the same order and come back in the same order",
		Example: "FC3 plus the local convs; identity and BN branches; 3×3 + 1×1"},
	ops:     []string{"Add", "Sub", "Sum", "Mean"},
	explain: explainSum,
}

func explainSum(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	out, known := n.Out[0].Shape()
	if !known {
		return nil, nil // its shape is unknown
	}
	var coef []float64
	for i, x := range n.In {
		dims, ok := x.Shape()
		if !ok || !x.Elem.IsFloat() || x.Elem != n.In[0].Elem || affine.ConstantLike(c.g, x) {
			return nil, nil // the scale rule's business, or no data
		}
		if !affine.EqualDims(dims, out) {
			return nil, nil // a broadcast: each branch keeps its own shape
		}
		f := 1.0
		switch {
		case n.OpType() == "Sub" && i == 1:
			f = -1
		case n.OpType() == "Mean":
			f = 1 / float64(len(n.In))
		}
		coef = append(coef, f)
	}
	a := is(n, &affine.Sum{Coef: coef}, n.In...)
	if one := c.sumOfScales(a[0]); one != nil {
		return []*affine.Affine{one}, nil
	}
	return a, nil
}

// maxScales bounds the scales and shifts in a row that a sum of scales looks back over.
const maxScales = 8

// sumOfScales is a sum whose operands all scale and shift one value, as one scale and
// shift of that; nil where it is none, or takes a value from itself. Operands that nobody
// else reads are part of it.
func (c *context) sumOfScales(sum *affine.Affine) *affine.Affine {
	coef := sum.Op.(*affine.Sum).Coef
	args := c.firsts(sum.Args)
	if len(coef) < 2 || affine.TakesFromItself(sum.On(sum.Out, args)) {
		return nil
	}
	scales := c.scalesOfEach(args)
	from, _ := scales(0)
	for _, x := range from {
		var inside []*affine.Affine
		terms := make([]affine.ScaleTerm, 0, len(coef))
		for i := range args {
			values, by := scales(i)
			at := slices.Index(values, x)
			if at < 0 {
				break
			}
			t := affine.ScaleTerm{Coef: coef[i]}
			for _, a := range by[at] {
				if d, ok := a.Op.(*affine.Diagonal); ok {
					t.Of = append(t.Of, d)
				}
			}
			inside = append(inside, by[at]...)
			terms = append(terms, t)
		}
		if len(terms) < len(coef) {
			continue
		}
		nodes := alone(sum.Nodes, inside)
		if d, ok := affine.SumOfScales(x.Rank(), len(nodes), terms); ok {
			return &affine.Affine{Out: sum.Out, Args: []*graph.Value{x}, Nodes: nodes, Op: d}
		}
		return nil
	}
	return nil
}

// scalesOfEach looks back over scales from some values, when it is asked to and once from
// each.
func (c *context) scalesOfEach(vs []*graph.Value) func(i int) ([]*graph.Value, [][]*affine.Affine) {
	type scales struct {
		values []*graph.Value
		by     [][]*affine.Affine
	}
	known := map[*graph.Value]scales{}
	return func(i int) ([]*graph.Value, [][]*affine.Affine) {
		s, ok := known[vs[i]]
		if !ok {
			s.values, s.by = affine.ScalesOf(c.sofar.Of, vs[i], maxScales)
			known[vs[i]] = s
		}
		return s.values, s.by
	}
}

// alone adds to some nodes those of explanations whose values no other nodes read.
func alone(nodes []*graph.Node, of []*affine.Affine) []*graph.Node {
	nodes = slices.Clone(nodes)
	elsewhere := func(r graph.Use) bool { return !slices.Contains(nodes, r.Node) }
	for found := true; found; {
		found = false
		for _, a := range of {
			if !slices.Contains(nodes, a.Node()) && !a.Out.IsOutput && len(a.Out.Captured) == 0 && !slices.ContainsFunc(a.Out.Readers, elsewhere) {
				nodes, found = append(nodes, a.Nodes...), true
			}
		}
	}
	return nodes
}

// firsts are the values that stand for some.
func (c *context) firsts(vs []*graph.Value) []*graph.Value {
	out := make([]*graph.Value, len(vs))
	for i, v := range vs {
		out[i] = c.sofar.First(v)
	}
	return out
}
