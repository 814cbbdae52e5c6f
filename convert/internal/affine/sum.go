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
		if !EqualDims(out.Dims, o.Dims) {
			return out, reason.Refuse("", "the branches differ in size")
		}
		if !sameCut(out.Cut, o.Cut) {
			return out, reason.Refuse(reason.RowOrderDiffers, "the branches come back with different axes first")
		}
		if !out.sameInput(o) {
			return out, reason.Refuse("", "the branches see the map with different axes")
		}
		if !slices.Equal(out.Win.Up, o.Win.Up) {
			return out, reason.Refuse(reason.SamplingOffsetDiffers, "the branches spread the map by %v and %v", spreadBy(out.Win), spreadBy(o.Win))
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
		out.borders, out.biased = out.borders.besides(o.borders), out.biased || o.biased
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
