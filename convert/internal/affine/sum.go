package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Sum adds values of one shape: y = Σ Coef[i]·x[i].
type Sum struct {
	NoWeights
	Coef []float64 // for each argument
}

// Trace implements Op.
func (s *Sum) Trace(t *Tracer, _ *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	return t.sum(in, s.Coef)
}

// Window implements Op: kernels that sample the map at the same places add up.
func (s *Sum) Window(_ *graph.Node, in []Map) (Map, *reason.Refusal) {
	out := in[0]
	for _, o := range in[1:] {
		if !slices.Equal(out.Order, o.Order) {
			return out, reason.Refuse(reason.RowOrderDiffers, "the branches come back with different axes first")
		}
		if !EqualDims(out.Dims, o.Dims) {
			return out, reason.Refuse("", "the branches differ in size")
		}
		if !slices.Equal(out.Win.Stride, o.Win.Stride) {
			return out, reason.Refuse(reason.SamplingOffsetDiffers, "the branches sample the map with strides %v and %v", out.Win.Stride, o.Win.Stride)
		}
		w, ok := out.Win.Plus(o.Win)
		if !ok {
			return out, reason.Refuse("", "the branches do not fit")
		}
		out.Win, out.outside = w, nil
		if out.Undone == nil {
			out.Undone = o.Undone
		}
		out.borders = out.borders.besides(o.borders)
	}
	return out, nil
}

// Kernel implements Op.
func (s *Sum) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k, ok := fuse.AddKernels(in, s.Coef)
	if !ok {
		panic("affine: adding kernels that the plan found compatible")
	}
	return k, nil
}

// Cost implements Op.
func (s *Sum) Cost() Cost { return costWork }

func (s *Sum) String() string { return fmt.Sprintf("Sum %v", s.Coef) }

// A Join puts its arguments beside each other along an axis: it is the sum of
// them, each at its place.
type Join struct {
	NoWeights
	NoMap
	Axis  int
	Sizes []int // of the axis, for each argument
}

// Trace implements Op.
func (j *Join) Trace(t *Tracer, n *graph.Node, in []Traced) (Traced, *reason.Refusal) {
	total := 0
	for _, size := range j.Sizes {
		total += size
	}
	from := 0
	placed := make([]Traced, len(in))
	for k, x := range in {
		if size, ok := t.Length(x, j.Axis); !ok || size != j.Sizes[k] {
			return x, reason.Refuse("", "%q joins an axis of unknown size", n.Title())
		}
		first := from
		placed[k] = t.Along(x, j.Axis, total, fuse.Listed(j.Sizes[k], func(i int) fuse.Entry { return fuse.Entry{Out: first + i, In: i, Weight: 1} }))
		from += j.Sizes[k]
	}
	return t.sum(placed, slices.Repeat([]float64{1}, len(in)))
}

// Cost implements Op.
func (j *Join) Cost() Cost { return costMove }

func (j *Join) String() string { return fmt.Sprintf("Join %v along axis %d", j.Sizes, j.Axis) }
