package affine

import (
	"slices"

	"repmlp/convert/internal/reason"
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// spread applies a transposed convolution to a map. The zeros that it puts between and
// around the positions have to be what the map's formula gives there: between them
// that is zero where no bias was added.
func (s Map) spread(n *graph.Node, c *ConvTranspose) (Map, *reason.Refusal) {
	out, g := s, c.Spread
	if !s.ChannelsFirst() {
		return s, reason.Refuse("", "%q reads its map with other axes first", n.Title())
	}
	if g.Dynamic {
		return s, reason.Refuse(reason.AutoPadDependsOnSize, "the padding of %q follows from its output_shape and the size of its input, which is not fixed in the file; fix the input size and export again", n.Title())
	}
	if g.Short {
		return s, reason.Refuse(reason.UnsupportedForm, "%q asks with auto_pad for more positions than its kernel makes at its stride, where runtimes differ; export with pads and output_padding", n.Title())
	}
	if len(g.Kernel) != len(s.Win.Taps) || c.Shape[0] != s.Win.Out {
		return s, reason.Refuse("", "channels or axes of %q do not fit", n.Title())
	}
	out.Dims = slices.Clone(s.Dims)
	out.Dims[1] = graph.Size(int64(c.Out()))
	undone, why := s.zerosOf(n, g)
	if why != nil {
		return s, why
	}
	out.borders, out.outside = slices.Clone(s.borders), nil
	if undone {
		out.Undone, out.biased = n, false
	}
	for i := range g.Kernel {
		if g.Stride[i] > 1 && s.Win.Stride[i] > 1 {
			return s, reason.Refuse("", "%q spreads what a stride left of a map", n.Title())
		}
		if !g.Pointwise(i) {
			out.Dims[i+2] = g.Out(i, s.Dims[i+2])
		}
		b := &out.borders[i]
		if undone && b.even {
			*b = border{}
		}
		b.even = false
		if cut := g.Begin[i] > 0 || g.End[i] > g.Extra[i]; cut && b.code == "" {
			*b = border{code: reason.InnerZeroPadding, why: "\"" + n.Title() + "\" cuts its map off; leave its pads at zero"}
		}
	}
	out.Win = s.Win.Then(c.window())
	return out, tooFar(n, out.Win)
}

// zerosOf refuses the zeros of a transposed convolution that stand where the formula
// gives something else; undone says that they do so but for rounding. Between positions
// that is what it makes of zeros, around the map what it gives there.
func (s Map) zerosOf(n *graph.Node, g graph.Spread) (undone bool, why *reason.Refusal) {
	anyEven := slices.ContainsFunc(s.borders, func(b border) bool { return b.even })
	for i, b := range s.borders {
		if g.Begin[i] < 0 || g.End[i] < 0 {
			return false, reason.Refuse(reason.UnsupportedForm, "%q has negative padding", n.Title())
		}
		if max(g.Begin[i], g.End[i], g.Extra[i], g.Stride[i], g.Kernel[i], g.Dilation[i]) > maxReach {
			return false, reason.Refuse(reason.UnsupportedForm, "%q pads, strides or dilates by more than %d", n.Title(), maxReach)
		}
		between := g.Stride[i] > 1 && s.biased
		reach := (g.Kernel[i] - 1) * g.Dilation[i]
		around := b.code != "" && max(reach-g.Begin[i], reach+g.Extra[i]-g.End[i]) >= g.Stride[i]
		if !between && !around {
			continue
		}
		if around && !b.even || !anyEven || !undone && !s.cancels() {
			return false, notZero(n, b, between)
		}
		undone = true
	}
	return undone, nil
}

// notZero says why zeros do not fit where a transposed convolution puts them.
func notZero(n *graph.Node, b border, between bool) *reason.Refusal {
	where := "around the map"
	if between {
		where = "between the positions of the map"
	}
	if between || b.code == reason.BiasBeforeZeroPadding {
		return reason.Refuse(reason.BiasBeforeZeroPadding, "a bias or shift stands before %q, which puts zeros %s: what the bias adds there differs from position to position; train with the shift behind %q", n.Title(), where, n.Title())
	}
	return reason.Refuse(b.code, "%s, and %q puts zeros %s after it", b.why, n.Title(), where)
}

// spreadBy is by how much every axis is spread.
func spreadBy(w fuse.Window) []int {
	if w.Up == nil {
		return slices.Repeat([]int{1}, len(w.Taps))
	}
	return w.Up
}
