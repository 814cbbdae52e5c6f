package graph

import (
	"errors"
	"fmt"

	"repmlp/internal/budget"
)

// maxEager bounds the constants that are worked out to see whether they have a
// value at all: weights are not read for that.
const maxEager = 1 << 16

// undefined reports whether a small constant that nodes compute has no value:
// its types do not fit, or ONNX does not say what it is.
func (g *Graph) undefined(v *Value) bool {
	if v.Init != nil {
		return false
	}
	for _, in := range v.Producer.reads() {
		if dims, ok := in.Shape(); ok && in.constant == nil {
			if n, known := product(dims).Int(); !known || n > maxEager {
				return false
			}
		}
	}
	if dims, ok := v.Shape(); ok {
		if n, known := product(dims).Int(); known && n > maxEager {
			return false
		}
	}
	_, err := g.constWithin(v, budget.Limits{Constants: 8 * 8 * maxEager})
	_, large := errors.AsType[*budget.Exceeded](err)
	return err != nil && !large
}

// An UndefinedError is a node on the way to a constant that has no value: ONNX
// does not define it for these inputs, or it depends on how a runtime rounds.
type UndefinedError struct {
	Node *Node
	err  error
}

func (e *UndefinedError) Error() string {
	return fmt.Sprintf("node %q (%s): %v", e.Node.Title(), e.Node.OpType, e.err)
}

func (e *UndefinedError) Unwrap() error { return e.err }

// Disown takes what n computes for no constant from now on, and all that is
// computed from it: large constants are only known to have no value once they
// are worked out. It reports whether that is news.
func (g *Graph) Disown(n *Node) bool {
	v := n.Out[0]
	if v.constState != 1 {
		return false
	}
	for _, w := range g.values {
		if w.constState == 1 {
			w.constState = 0
		}
		w.splat = unasked
	}
	v.constState = 2
	for _, n := range g.Nodes { // before what reads it
		for _, w := range n.Out {
			g.IsConst(w)
		}
	}
	return true
}
