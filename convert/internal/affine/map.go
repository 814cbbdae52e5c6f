package affine

import (
	"math"
	"repmlp/convert/internal/reason"
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A Map is a value as a convolution of the region's input map, while the
// region is walked. Two things decide whether the next layer may join: whether
// the formula gives zero outside the map, as zero padding supposes, and which
// sizes the map has.
type Map struct {
	Win  fuse.Window
	Dims []graph.Dim // [N, C, spatial...]
	Cut  Cut         // the value as a view of the map, nil: as it is
	In   Form        // the region's input as a view of the map in which the walk began

	borders borders     // what the formula gives outside the map
	biased  bool        // what the formula makes of zeros alone need not be zero
	outside *outside    // the number for each channel along even borders, nil where it is not known
	Undone  *graph.Node // zero padding behind a bias that a later constant takes away again
}

// scaledBy notes that the channels were scaled and shifted; either may be nil.
// sizes are the magnitudes that the shift was added up from, nil for its own.
func (s Map) scaledBy(numbers func() (scale, shift, sizes []float64, err error)) Map {
	before, zero := s.outside, s.borders.anyZero()
	if before == nil && !zero {
		return s
	}
	channels := s.Win.Out
	var f outside = func() ([]float64, []float64, error) {
		value, size := make([]float64, channels), make([]float64, channels)
		if !zero {
			v, m, err := (*before)()
			if err != nil {
				return nil, nil, err
			}
			copy(value, v)
			copy(size, m)
		}
		scale, shift, sizes, err := numbers()
		if err != nil {
			return nil, nil, err
		}
		at := func(v []float64, i int) float64 {
			if len(v) == 1 {
				return v[0]
			}
			return v[i]
		}
		for i := range value {
			if scale != nil {
				value[i] *= at(scale, i)
				size[i] *= math.Abs(at(scale, i))
			}
			if shift != nil {
				value[i] += at(shift, i)
				if sizes != nil {
					size[i] += at(sizes, i)
				} else {
					size[i] += math.Abs(at(shift, i))
				}
			}
		}
		return value, size, nil
	}
	s.outside = &f
	return s
}

// ChannelsFirst reports whether the value's axes are [N, C, spatial...].
func (s Map) ChannelsFirst() bool { return s.Cut == nil }

// transposed permutes the axes of the value; the map stays what it is.
func (s Map) transposed(perm []int) Map {
	s.Cut = s.Cut.pieces(s.Dims).permuted(perm).plain(s.Dims)
	return s
}

// maxReach bounds how far a window of merged layers reaches along an axis, so that
// the product of two such numbers can be counted.
const maxReach = 1 << 31

// then applies a sliding window to a map.
func (s Map) then(n *graph.Node, w graph.Window, channels, perGroup, groups int) (Map, *reason.Refusal) {
	out := s
	if !s.ChannelsFirst() {
		return s, reason.Refuse("", "%q reads its map with other axes first", n.Title())
	}
	if w.Dynamic {
		return s, reason.Refuse(reason.AutoPadDependsOnSize, "the padding of %q depends on the size of its input, which is not fixed in the file; fix the input size and export again", n.Title())
	}
	if w.Ceil {
		return s, reason.Refuse(reason.UnsupportedForm, "%q rounds its output size up (ceil_mode)", n.Title())
	}
	if len(w.Kernel) != len(s.Win.Taps) || perGroup*groups != s.Win.Out {
		return s, reason.Refuse("", "channels or axes of %q do not fit", n.Title())
	}
	axes := len(w.Kernel)
	numbers := make([]int, 4*axes)
	next := fuse.Window{Out: channels, In: s.Win.Out, Groups: groups,
		Lo: numbers[:axes:axes], Taps: numbers[axes : 2*axes : 2*axes], Step: numbers[2*axes : 3*axes : 3*axes], Stride: numbers[3*axes:]}
	out.Dims = slices.Clone(s.Dims)
	if !s.Dims[1].Is(int64(channels)) {
		out.Dims[1] = graph.Size(int64(channels))
	}
	for i := range w.Kernel {
		if w.Begin[i] < 0 || w.End[i] < 0 {
			return s, reason.Refuse(reason.UnsupportedForm, "%q has negative padding", n.Title())
		}
		if max(w.Begin[i], w.End[i], w.Stride[i], w.Kernel[i], w.Dilation[i]) > maxReach {
			return s, reason.Refuse(reason.UnsupportedForm, "%q pads, strides or dilates by more than %d", n.Title(), maxReach)
		}
		next.Lo[i], next.Taps[i], next.Step[i], next.Stride[i] = int(-w.Begin[i]), int(w.Kernel[i]), int(w.Dilation[i]), int(w.Stride[i])
		if !w.Pointwise(i) {
			out.Dims[i+2] = w.Out(i, s.Dims[i+2])
		}
	}
	undone, why := s.padded(n, w)
	if why != nil {
		return s, why
	}
	if undone {
		out.Undone, out.biased = n, false
	}
	out.borders, out.outside = s.borders.behind(n, w, undone), nil
	out.Win = s.Win.Then(next)
	return out, tooFar(n, out.Win)
}

// tooFar refuses a window that reaches too far.
func tooFar(n *graph.Node, w fuse.Window) *reason.Refusal {
	for i := range w.Taps {
		up := 1
		if w.Up != nil {
			up = w.Up[i]
		}
		if max(-w.Lo[i], w.Lo[i], w.Stride[i], w.Taps[i], w.Step[i], up) > maxReach {
			return reason.Refuse(reason.UnsupportedForm, "%q and the layers before it reach over more than %d positions", n.Title(), maxReach)
		}
	}
	return nil
}
