package convert

import (
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

// then applies a sliding window to a map.
func (s mapState) then(n *graph.Node, w graph.Window, channels, perGroup, groups int, bias bool) (mapState, *refusal) {
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
		padded = padded || w.Begin[i] > 0 || w.End[i] > 0
		pointwise = pointwise && w.Kernel[i] == 1 && w.Stride[i] == 1
		next.Lo = append(next.Lo, int(-w.Begin[i]))
		next.Taps = append(next.Taps, int(w.Kernel[i]))
		next.Step = append(next.Step, int(w.Dilation[i]))
		next.Stride = append(next.Stride, int(w.Stride[i]))
		out.dims[i+2] = w.Out(i, s.dims[i+2])
	}
	if padded && s.notZero != "" {
		return s, refuse(s.notZero, "%s, and %q pads with zeros after it", s.notZeroWhy, n.Title())
	}
	out.win = s.win.Then(next)
	if !pointwise && out.notZero == "" {
		out.notZero, out.notZeroWhy = "inner_zero_padding", "\""+n.Title()+"\" has a kernel above 1×1; put all padding on the first conv"
	}
	if bias {
		out = out.shifted(n)
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
		span := int64((w.Taps[i]-1)*w.Step[i] + 1)
		found := false
		for e := int64(0); e <= span+int64(w.Stride[i]); e++ {
			win.End[0] = e
			if win.Out(0, in[i+2]).Equal(out[i+2]) {
				begin, end, found = append(begin, b), append(end, e), true
				break
			}
		}
		if !found {
			return nil, nil, false
		}
	}
	return begin, end, true
}
