package affine

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Join puts its arguments beside each other along an axis: it is the sum of
// them, each at its place.
type Join struct {
	NoWeights
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

// Window implements Op: kernels that sample one map at the same places stand beside
// each other. A Concat asks for equal sizes, so formulas of open sizes that differ
// agree wherever it runs.
func (j *Join) Window(n *graph.Node, in []Map) (Map, *reason.Refusal) {
	out := in[0]
	order := out.order()
	if j.Axis >= len(order) || order[j.Axis] != 1 {
		return out, reason.Refuse("", "%q joins another axis than the channels of a map", n.Title())
	}
	channels := 0
	for _, o := range in {
		channels += o.Win.Out
	}
	if channels > maxListed {
		return out, reason.Refuse("", "%q joins too many channels", n.Title())
	}
	windows := []fuse.Window{out.Win}
	out.Dims, out.outside = slices.Clone(out.Dims), nil
	for _, o := range in[1:] {
		if !slices.Equal(order, o.order()) {
			return out, reason.Refuse(reason.RowOrderDiffers, "the operands of %q come with different axes first", n.Title())
		}
		if !slices.Equal(out.Win.Up, o.Win.Up) {
			return out, reason.Refuse(reason.SamplingOffsetDiffers, "the operands of %q spread the map by %v and %v", n.Title(), spreadBy(out.Win), spreadBy(o.Win))
		}
		if !slices.Equal(out.Win.Stride, o.Win.Stride) {
			return out, reason.Refuse(reason.SamplingOffsetDiffers, "the operands of %q sample the map with strides %v and %v", n.Title(), out.Win.Stride, o.Win.Stride)
		}
		for i, d := range o.Dims {
			have, number := out.Dims[i].Int()
			want, number2 := d.Int()
			switch {
			case i == 1 || out.Dims[i].Equal(d):
			case !d.Known() || number && number2 && have != want:
				return out, reason.Refuse("", "the operands of %q differ in size", n.Title())
			case !number:
				out.Dims[i] = d
			}
		}
		if !out.sameInput(o) {
			return out, reason.Refuse("", "the operands of %q see the map with different axes", n.Title())
		}
		windows = append(windows, o.Win)
		out.borders, out.biased = out.borders.besides(o.borders), out.biased || o.biased
		if out.Undone == nil {
			out.Undone = o.Undone
		}
	}
	var ok bool
	if out.Win, ok = fuse.Beside(windows...); !ok {
		return out, reason.Refuse("", "the operands of %q do not fit", n.Title())
	}
	out.Dims[1] = graph.Size(int64(out.Win.Out))
	return out.cutBy(order), nil
}

// Kernel implements Op.
func (j *Join) Kernel(_ *graph.Node, in []*fuse.Kernel) (*fuse.Kernel, error) {
	k, ok := fuse.JoinKernels(in)
	if !ok {
		panic("affine: joining kernels that the plan found compatible")
	}
	return k, nil
}

// Cost implements Op.
func (j *Join) Cost() Cost { return costMove }

func (j *Join) String() string { return fmt.Sprintf("Join %v along axis %d", j.Sizes, j.Axis) }
