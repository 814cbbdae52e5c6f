package convert

import (
	"math"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// A mapState is a value as a convolution of the region's input map, while the
// region is walked. Two things decide whether the next layer may join: whether
// the formula gives zero outside the map, as zero padding supposes, and which
// sizes the map has.
type mapState struct {
	win   fuse.Window
	dims  []graph.Dim // [N, C, spatial...]
	order []int       // which of dims each axis of the value is

	notZero    string // why the formula is not zero outside the map: a code, "" if it is zero
	notZeroWhy string

	outside *outside    // what the formula gives outside the map, nil where that is not one number per channel
	undone  *graph.Node // zero padding behind a bias that a later constant takes away again
}

// outside is what a map's formula gives outside the map: one number per channel,
// and the sum of the magnitudes that it was added up from. It is worked out when
// somebody asks.
type outside func() (value, size []float64, err error)

// cancelRoundoffs is how much of what it was added up from may be left of a value
// that stands for zero, in unit roundoffs of float32: exporters work the
// constant out in float32, in a handful of operations.
const cancelRoundoffs = 8

// cancels reports whether all that is left outside the map is rounding. Blocks
// that pad with the image of zero subtract it, pad with zeros and add it again.
func (s mapState) cancels() bool {
	if s.notZero != "bias_before_zero_padding" || s.outside == nil {
		return false
	}
	value, size, err := (*s.outside)()
	if err != nil {
		return false
	}
	for i, v := range value {
		if !(math.Abs(v) <= cancelRoundoffs*0x1p-24*size[i]) {
			return false
		}
	}
	return true
}

// scaledBy notes that the channels were scaled and shifted; either may be nil.
// sizes are the magnitudes that the shift was added up from, nil for its own.
func (s mapState) scaledBy(numbers func() (scale, shift, sizes []float64, err error)) mapState {
	before, zero := s.outside, s.notZero == ""
	if before == nil && !zero {
		return s
	}
	channels := s.win.Out
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

// mapInput starts a walk at v, whose axes are those of a map in the given
// order.
func mapInput(v *graph.Value, order []int) (mapState, bool) {
	shape, ok := v.Shape()
	if !ok || len(shape) < 3 || len(order) != len(shape) {
		return mapState{}, false
	}
	dims := make([]graph.Dim, len(shape))
	for i, k := range order {
		dims[k] = shape[i]
	}
	c, ok := dims[1].Int()
	if !ok || c < 1 {
		return mapState{}, false
	}
	return mapState{win: fuse.IdentityWindow(int(c), len(dims)-2), dims: dims, order: order}, true
}

// channelsFirst reports whether the value's axes are [N, C, spatial...].
func (s mapState) channelsFirst() bool {
	for i, k := range s.order {
		if i != k {
			return false
		}
	}
	return true
}

// transposed permutes the axes of the value; the map stays what it is.
func (s mapState) transposed(perm []int) mapState {
	order := make([]int, len(perm))
	for i, p := range perm {
		order[i] = s.order[p]
	}
	s.order = order
	return s
}

// mapOrder finds in which order the axes of the segment's input are those of a
// map: the first node that needs channels first tells. Without one the input
// is taken as it is.
func (s *segment) mapOrder() []int {
	rank := max(s.from.Rank(), 0)
	start := make([]int, rank)
	for i := range start {
		start[i] = i
	}
	at := map[*graph.Value][]int{s.from: start}
	for i, x := range s.values {
		st := s.steps[i]
		order := at[st.args[0]]
		switch {
		case st.node.OpType == "Transpose" && st.kind == viewStep:
			next := make([]int, len(order))
			for k, p := range graph.Perm(st.node, len(order)) {
				next[k] = order[p]
			}
			order = next
		case st.needsMap:
			out := make([]int, rank)
			for k, axis := range order {
				out[axis] = k
			}
			return out
		}
		at[x] = order
	}
	return start
}

// maxReach bounds how far a window of merged layers reaches along an axis, so that
// the product of two such numbers can be counted.
const maxReach = 1 << 31

// then applies a sliding window to a map.
func (s mapState) then(n *graph.Node, w graph.Window, channels, perGroup, groups int) (mapState, *refusal) {
	out := s
	if !s.channelsFirst() {
		return s, refuse("", "%q reads its map with other axes first", n.Title())
	}
	if w.Dynamic {
		return s, refuse("auto_pad_depends_on_size", "the padding of %q depends on the size of its input, which is not fixed in the file; fix the input size and export again", n.Title())
	}
	if w.Ceil {
		return s, refuse("unsupported_form", "%q rounds its output size up (ceil_mode)", n.Title())
	}
	if len(w.Kernel) != len(s.win.Taps) || perGroup*groups != s.win.Out {
		return s, refuse("", "channels or axes of %q do not fit", n.Title())
	}
	next := fuse.Window{Out: channels, In: s.win.Out, Groups: groups}
	padded, pointwise := false, true
	out.dims = append([]graph.Dim{}, s.dims...)
	out.dims[1] = graph.Size(int64(channels))
	for i := range w.Kernel {
		if w.Begin[i] < 0 || w.End[i] < 0 {
			return s, refuse("unsupported_form", "%q has negative padding", n.Title())
		}
		if max(w.Begin[i], w.End[i], w.Stride[i], w.Kernel[i], w.Dilation[i]) > maxReach {
			return s, refuse("unsupported_form", "%q pads, strides or dilates by more than %d", n.Title(), maxReach)
		}
		padded = padded || w.Begin[i] > 0 || w.End[i] > 0
		pointwise = pointwise && w.Kernel[i] == 1 && w.Stride[i] == 1
		next.Lo = append(next.Lo, int(-w.Begin[i]))
		next.Taps = append(next.Taps, int(w.Kernel[i]))
		next.Step = append(next.Step, int(w.Dilation[i]))
		next.Stride = append(next.Stride, int(w.Stride[i]))
		out.dims[i+2] = w.Out(i, s.dims[i+2])
	}
	if padded && s.notZero != "" {
		if !s.cancels() {
			return s, refuse(s.notZero, "%s, and %q pads with zeros after it", s.notZeroWhy, n.Title())
		}
		s.notZero, out.notZero, out.undone = "", "", n
	}
	out.win = s.win.Then(next)
	for i := range out.win.Taps {
		if w := out.win; max(-w.Lo[i], w.Lo[i], w.Stride[i], w.Taps[i], w.Step[i]) > maxReach {
			return s, refuse("unsupported_form", "%q and the layers before it reach over more than %d positions", n.Title(), maxReach)
		}
	}
	if s.notZero != "" || !pointwise {
		out.outside = nil
	}
	if !pointwise && out.notZero == "" {
		out.notZero, out.notZeroWhy = "inner_zero_padding", "\""+n.Title()+"\" has a kernel above 1×1; put all padding on the first conv"
	}
	return out, nil
}

// shifted notes that a bias was added.
func (s mapState) shifted(n *graph.Node) mapState {
	if s.notZero == "" || s.notZero == "inner_zero_padding" {
		s.notZero, s.notZeroWhy = "bias_before_zero_padding", "\""+n.Title()+"\" adds a bias; pad with the bias value while training"
	}
	return s
}

// convPads finds the padding with which a convolution of window w turns a map
// of the sizes in into one of the sizes out.
func convPads(w fuse.Window, in, out []graph.Dim) (begin, end []int64, ok bool) {
	for i := range w.Taps {
		b := int64(-w.Lo[i])
		if b < 0 {
			return nil, nil, false
		}
		win := graph.Window{Kernel: []int64{int64(w.Taps[i])}, Stride: []int64{int64(w.Stride[i])}, Dilation: []int64{int64(w.Step[i])}, Begin: []int64{b}, End: []int64{0}}
		e, ok := endPad(win, in[i+2], out[i+2])
		if !ok {
			return nil, nil, false
		}
		begin, end = append(begin, b), append(end, e)
	}
	return begin, end, true
}

// maxTriedPads is how many end pads are tried where sizes are no numbers.
const maxTriedPads = 1 << 12

// endPad finds the padding at the end with which a window turns size in into out.
func endPad(w graph.Window, in, out graph.Dim) (int64, bool) {
	fits := func(e int64) bool {
		w.End[0] = e
		return w.Out(0, in).Equal(out)
	}
	span, stride := (w.Kernel[0]-1)*w.Dilation[0]+1, w.Stride[0]
	n, known := in.Int()
	m, known2 := out.Int()
	if known && known2 {
		e := max((m-1)*stride+span-n-w.Begin[0], 0)
		return e, fits(e) // padding may be wider than the window
	}
	if stride == 1 { // out = in + begin + end - span + 1
		e, ok := out.Minus(in).Plus(graph.Size(span - 1 - w.Begin[0])).Int()
		return e, ok && e >= 0 && e <= span+stride && fits(e)
	}
	for e := int64(0); e <= min(span+stride, maxTriedPads); e++ {
		if fits(e) {
			return e, true
		}
	}
	return 0, false
}
