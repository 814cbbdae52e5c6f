package affine

import (
	"fmt"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A View never moves an element: it cuts the same flat order into other axes.
type View struct {
	NoWeights
	Dims []graph.Dim // of the result
	Same bool        // its argument has the same
	Idle bool        // its node calculates, and gives what it takes: an activation that is the identity
}

// NewView cuts x into axes of the given sizes.
func NewView(x *graph.Value, dims []graph.Dim) *View {
	from, ok := x.Shape()
	return &View{Dims: dims, Same: ok && EqualDims(from, dims)}
}

// Trace implements Op.
func (v *View) Trace(t *Tracer, _ *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	return t.regroup(in[0], v.Dims)
}

// Window implements Op: the map stays what it is, the value is another view of it.
func (v *View) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	out := in[0]
	if v.Same {
		return out, nil
	}
	cut, ok := cutAnew(out.Cut.pieces(out.Dims), v.Dims)
	if !ok {
		return out, reason.Refuse("", "%q cuts its map where no axis ends", n.Title())
	}
	out.Cut = cut.plain(out.Dims)
	return out, nil
}

// Kernel implements Op.
func (v *View) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) { return in[0], nil }

// Cost implements Op.
func (v *View) Cost() Cost { return costMove }

func (v *View) String() string {
	if v.Idle {
		return fmt.Sprintf("Identity of %v", v.Dims)
	}
	return fmt.Sprintf("View %v", v.Dims)
}
