// Package multiplyadds counts the multiply-adds of a run: products of two numbers that
// are added to a sum, as papers count the work of a network.
//
// A multiply-add of an element with a weight counts where the weight lies over padding,
// too. Additions, activations, pools, elementwise operators and what only moves numbers
// count nothing.
package multiplyadds

import (
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Counts are the multiply-adds of a graph.
type Counts struct {
	Total   int64
	ByNode  map[*onnxio.Node]int64 // nodes that have any
	Unknown map[string]int         // how many nodes of an operator are not in Total, whose work is not known
}

// A Size is the number that a size has in a run; ok is false where that is not known.
type Size func(graph.Dim) (n int64, ok bool)

// Of counts the multiply-adds of one run of a graph in these sizes. Nodes that
// the outputs do not need are not run, and those that depend on constants alone are
// worked out once, before any run: both count nothing. A node is Unknown where sizes that
// its formula needs are, where it belongs to another domain than ai.onnx, and where it
// has bodies in which something counts.
func Of(g *graph.Graph, size Size) Counts {
	c := Counts{ByNode: map[*onnxio.Node]int64{}, Unknown: map[string]int{}}
	alive := g.Alive()
	for _, n := range g.Nodes {
		if !alive[n] || constant(g, n) {
			continue
		}
		work, known := node(n, size)
		sum := c.Total + work
		switch {
		case !known || sum < c.Total:
			c.Unknown[operator(n.Node)]++
		case work > 0:
			c.ByNode[n.Node], c.Total = work, sum
		}
	}
	return c
}

// constant reports whether all that a node makes are constants.
func constant(g *graph.Graph, n *graph.Node) bool {
	for _, v := range n.Out {
		if v != nil && !g.IsConst(v) {
			return false
		}
	}
	return true
}

// node is the work of one node; known is false where that is not known.
func node(n *graph.Node, size Size) (work int64, known bool) {
	if n.Domain() != "" {
		return 0, false
	}
	if len(n.Subgraphs()) > 0 {
		return 0, !slices.ContainsFunc(n.Subgraphs(), counts)
	}
	f := formulas[n.OpType()]
	if f.work == nil {
		return 0, true
	}
	return f.work(operands{n, size})
}

// counts reports whether anything in a body counts, or may.
func counts(body *onnxio.Graph) bool {
	return slices.ContainsFunc(body.Nodes(), func(n *onnxio.Node) bool {
		return n.Domain() != "" || formulas[n.OpType()].work != nil || slices.ContainsFunc(n.Subgraphs(), counts)
	})
}

// operator is the operator of a node, with its domain where that is not ai.onnx.
func operator(n *onnxio.Node) string {
	if n.Domain() == "" {
		return n.OpType()
	}
	return n.Domain() + "." + n.OpType()
}

// operands are the sizes of what a node reads and makes.
type operands struct {
	*graph.Node
	size Size
}

// in are the sizes of input i.
func (o operands) in(i int) ([]int64, bool) {
	if i >= len(o.In) {
		return nil, false
	}
	return o.sizes(o.In[i])
}

// out are the sizes of output i.
func (o operands) out(i int) ([]int64, bool) {
	if i >= len(o.Out) {
		return nil, false
	}
	return o.sizes(o.Out[i])
}

func (o operands) sizes(v *graph.Value) ([]int64, bool) {
	if v == nil {
		return nil, false
	}
	dims, ok := v.Shape()
	out := make([]int64, len(dims))
	for i, d := range dims {
		n, known := o.size(d)
		out[i], ok = n, ok && known && n >= 0
	}
	return out, ok
}

// product multiplies sizes; ok is false beyond int64.
func product(list ...int64) (n int64, ok bool) {
	if slices.Contains(list, 0) {
		return 0, true
	}
	n = 1
	for _, k := range list {
		if n*k/k != n || n*k < 0 {
			return 0, false
		}
		n *= k
	}
	return n, true
}
