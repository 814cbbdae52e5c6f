package affine

import (
	"fmt"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Permute moves whole axes: axis i of the result is axis Perm[i] of the argument.
type Permute struct {
	NoWeights
	Perm []int
}

// Trace implements Op.
func (p *Permute) Trace(_ *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	if len(in[0].layout) != len(p.Perm) {
		return in[0], reason.Refuse("", "%q permutes %d axes of a tensor of rank %d", n.Title(), len(p.Perm), len(in[0].layout))
	}
	return permute(in[0], p.Perm), nil
}

func permute(x Traced, perm []int) Traced {
	out := make(graph.Layout, len(perm))
	for i, p := range perm {
		out[i] = x.layout[p]
	}
	return Traced{x.op, out}
}

// Window implements Op: the map stays what it is, its axes stand in another order.
func (p *Permute) Window(_ *graph.Node, in []Map) (Map, *reason.Refusal) {
	return in[0].transposed(p.Perm), nil
}

// Kernel implements Op.
func (p *Permute) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) { return in[0], nil }

// Cost implements Op.
func (p *Permute) Cost() Cost { return costTranspose }

func (p *Permute) String() string { return fmt.Sprintf("Permute %v", p.Perm) }
