package fuse

import "slices"

// A Span is a run of channels.
type Span struct{ First, Count int }

// end is the channel behind the span.
func (s Span) end() int { return s.First + s.Count }

// hull is the smallest span that holds both.
func (s Span) hull(o Span) Span {
	first := min(s.First, o.First)
	return Span{first, max(s.end(), o.end()) - first}
}

// reads are the input channels that output channel o reads.
func (w Window) reads(o int) Span {
	if w.Reads != nil {
		return w.Reads[o]
	}
	per := w.perGroup()
	return Span{w.group(o) * per, per}
}

// rows lists where the weights of each output channel begin, in channels, and in the
// end how many there are.
func (w Window) rows() []int {
	at := make([]int, w.Out+1)
	for o := range w.Out {
		at[o+1] = at[o] + w.reads(o).Count
	}
	return at
}

// Picking is the window that makes output channel o of input channel from[o], at the
// same position of a map with the given number of spatial axes.
func Picking(from []int, in, axes int) Window {
	w := IdentityWindow(in, axes)
	w.Out, w.Reads = len(from), make([]Span, len(from))
	for o, c := range from {
		w.Reads[o] = Span{c, 1}
	}
	return w.grouped()
}

// grouped finds the groups of a convolution that reads at least what each output
// channel reads: as many as there can be. Where that is all it reads, Reads is nil.
func (w Window) grouped() Window {
	w.Groups = gcd(w.In, w.Out)
	for w.Groups > 1 && !(w.In%w.Groups == 0 && w.Out%w.Groups == 0 && w.inGroups()) {
		w.Groups--
	}
	regular := w.Regular()
	for o, s := range w.Reads {
		if s != regular.reads(o) {
			return w
		}
	}
	return regular
}

// inGroups reports whether no output channel reads beyond its group.
func (w Window) inGroups() bool {
	regular := w.Regular()
	for o, s := range w.Reads {
		if group := regular.reads(o); group.hull(s) != group {
			return false
		}
	}
	return true
}

// Regular is the window of a convolution that does the same as w: every output channel
// reads all of its group.
func (w Window) Regular() Window {
	w.Reads = nil
	return w
}

// readsThen is what each output channel of w followed by next reads.
func (w Window) readsThen(next Window) []Span {
	out := make([]Span, next.Out)
	for o := range out {
		s := next.reads(o)
		if o > 0 && s == next.reads(o-1) {
			out[o] = out[o-1]
			continue
		}
		out[o] = w.reads(s.First)
		for m := s.First + 1; m < s.end(); m++ {
			out[o] = out[o].hull(w.reads(m))
		}
	}
	return out
}

// Beside is the smallest window that makes the output channels of several windows of
// one map, one window after the other; ok is false where the strides or input channels differ,
// so that no window does.
func Beside(ws ...Window) (_ Window, ok bool) {
	out := ws[0]
	for _, w := range ws[1:] {
		if out, ok = out.holding(w); !ok {
			return Window{}, false
		}
	}
	out.Out, out.Reads = 0, nil
	for _, w := range ws {
		for o := range w.Out {
			out.Reads = append(out.Reads, w.reads(o))
		}
		out.Out += w.Out
	}
	return out.grouped(), true
}

// JoinKernels puts the output channels of kernels beside each other. The windows must
// be compatible, see Beside.
func JoinKernels(ks []*Kernel) (*Kernel, bool) {
	ws := make([]Window, len(ks))
	for i, k := range ks {
		ws[i] = k.Window
	}
	w, ok := Beside(ws...)
	if !ok {
		return nil, false
	}
	out := NewKernel(w)
	first := 0
	for _, k := range ks {
		out.scatter(k, first, 1)
		first += k.Out
	}
	return out, true
}

// Over returns the weights of k as those of window w, which holds k's own: zeros for
// what k does not read.
func (k *Kernel) Over(w Window) *Kernel {
	if k.Reads == nil && w.Reads == nil && k.Groups == w.Groups && slices.Equal(k.Lo, w.Lo) && slices.Equal(k.Taps, w.Taps) && slices.Equal(k.Step, w.Step) {
		return k
	}
	out := NewKernel(w)
	out.scatter(k, 0, 1)
	return out
}
