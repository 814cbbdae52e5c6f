package graph

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"repmlp/internal/budget"
	"repmlp/onnxio"
)

// maxEager bounds the constants that are worked out to see whether they have a
// value at all: weights are not read for that.
const maxEager = 1 << 16

// maxEagerProducts bounds the multiplications that are made for that.
const maxEagerProducts = 1 << 20

// undefined reports whether a small constant that nodes compute has no value:
// its types do not fit, or ONNX does not say what it is.
func (g *Graph) undefined(v *Value) bool {
	if v.Init != nil || !g.small(v) {
		return false
	}
	_, err := g.constWithin(v, eagerRoom, maxEagerProducts)
	_, large := errors.AsType[*budget.Exceeded](err)
	return err != nil && !large && !errors.Is(err, errProducts)
}

// eagerRoom is what small constants may take on their way.
var eagerRoom = budget.Limits{Constants: 8 * 8 * maxEager}

// small reports whether what a node computes, and what it reads, is small.
func (g *Graph) small(v *Value) bool {
	if v.Producer.products() > maxEagerProducts {
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
	return true
}

// An UndefinedError is a node on the way to a constant that has no value: ONNX
// does not define it for these inputs, or it depends on how a runtime rounds.
type UndefinedError struct {
	Node *Node
	err  error
}

func (e *UndefinedError) Error() string {
	return fmt.Sprintf("node %q (%s): %v", e.Node.Title(), e.Node.OpType(), e.err)
}

// Why is the error without the node's name.
func (e *UndefinedError) Why() string { return e.err.Error() }

func (e *UndefinedError) Unwrap() error { return e.err }

// Without is the graph of the same model in which what n computes is no constant, nor
// what is computed from it: large constants are only known to have no value once they
// are worked out. why is the sentence to say of it. ok is false where it was none before.
func (g *Graph) Without(n *Node, why string) (without *Graph, ok bool, err error) {
	if !slices.ContainsFunc(n.Out, g.IsConst) {
		return nil, false, nil
	}
	opts := g.opts
	opts.undefined = maps.Clone(opts.undefined)
	if opts.undefined == nil {
		opts.undefined = map[*onnxio.Node]string{}
	}
	opts.undefined[n.Node] = why
	without, err = New(g.Model, opts)
	return without, err == nil, err
}

// Sized is the graph of the same model with numbers for the sizes of inputs.
func (g *Graph) Sized(sizes map[string][]int64) (*Graph, error) {
	opts := g.opts
	opts.Sizes = sizes
	return New(g.Model, opts)
}

// Of indexes another model as g was indexed.
func (g *Graph) Of(m *onnxio.Model) (*Graph, error) { return New(m, g.opts) }
