package fuse

import "slices"

// A Window is the structure of a convolution over a map: which input positions
// an output position reads. Along axis i, tap k of output position o reads
// input position o·Stride[i] + Lo[i] + k·Step[i]; positions outside the map
// are zero. Groups are those of a convolution that does this; Reads, where it is not
// nil, says that output channels read less than their group.
//
// A map may be spread first: Up[i]-1 zeros stand between its positions along axis i,
// and the position that is read counts those too. So a transposed convolution is a
// Window; Up is nil where no axis is spread.
type Window struct {
	Out, In, Groups        int
	Lo, Taps, Step, Stride []int
	Up                     []int
	Reads                  []Span // for each output channel
}

// IdentityWindow passes a map of c channels and the given number of spatial
// axes through.
func IdentityWindow(c, axes int) Window {
	ones := slices.Repeat([]int{1}, axes)
	return Window{c, c, c, make([]int, axes), ones, ones, ones, nil, nil}
}

// maxSize is the number of weights from which on they are no longer counted.
const maxSize = 1 << 50

// Size is the number of weights of a convolution, at most maxSize.
func (w Window) Size() int {
	n := float64(w.Out * w.In / w.Groups)
	for _, t := range w.Taps {
		n *= float64(t)
	}
	return int(min(n, maxSize))
}

func (w Window) taps() int {
	n := 1
	for _, t := range w.Taps {
		n *= t
	}
	return n
}

// perGroup is how many channels an output channel reads.
func (w Window) perGroup() int { return w.In / w.Groups }

// group is the group of output channel o.
func (w Window) group(o int) int { return o / (w.Out / w.Groups) }

// Pointwise reports whether every output position reads only its own input
// position.
func (w Window) Pointwise() bool {
	if w.Up != nil {
		return false
	}
	for i := range w.Taps {
		if w.Taps[i] != 1 || w.Lo[i] != 0 || w.Stride[i] != 1 {
			return false
		}
	}
	return true
}

// diagonal reports whether the map only scales channels.
func (w Window) diagonal() bool {
	return w.Pointwise() && w.Groups == w.In && w.In == w.Out && w.Reads == nil
}

// spread is what w makes, with zeros between its positions: next reads that. It is a
// convolution of the map only where w reads every position of it.
func (w Window) spread(next Window) Window {
	if next.Up == nil {
		return w
	}
	out := w
	out.Lo, out.Step, out.Up = slices.Clone(w.Lo), slices.Clone(w.Step), slices.Clone(next.Up)
	for i, up := range next.Up {
		out.Lo[i] *= up
		if w.Taps[i] > 1 {
			out.Step[i] *= up
		}
		if w.Up != nil {
			out.Up[i] *= w.Up[i]
		}
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Then is the window of w followed by next. Where next spreads what w makes, w has a
// stride of one.
func (w Window) Then(next Window) Window {
	out := Window{Out: next.Out, In: w.In, Groups: gcd(w.Groups, next.Groups)}
	switch {
	case w.diagonal():
		out.Groups = next.Groups
	case next.diagonal():
		out.Groups = w.Groups
	}
	axes := len(w.Taps)
	numbers := make([]int, 4*axes)
	out.Lo, out.Taps, out.Step, out.Stride = numbers[:axes:axes], numbers[axes:2*axes:2*axes], numbers[2*axes:3*axes:3*axes], numbers[3*axes:]
	w = w.spread(next)
	out.Up = w.Up
	for i := range w.Taps {
		s := w.Stride[i]
		out.Stride[i] = s * next.Stride[i]
		out.Lo[i] = next.Lo[i]*s + w.Lo[i]
		out.Taps[i], out.Step[i] = composedTaps(w.Taps[i], w.Step[i], next.Taps[i], next.Step[i]*s)
	}
	if w.Reads != nil || next.Reads != nil {
		out.Reads = w.readsThen(next)
		return out.grouped()
	}
	return out
}

// composedTaps are the taps that hold all sums of one of taps1, step1 apart, and
// one of taps2, step2 apart.
func composedTaps(taps1, step1, taps2, step2 int) (taps, step int) {
	switch {
	case taps1 == 1:
		return taps2, step2
	case taps2 == 1:
		return taps1, step1
	}
	step = gcd(step1, step2)
	return ((taps1-1)*step1+(taps2-1)*step2)/step + 1, step
}

// Plus is the smallest window that holds the taps of both; ok is false where
// the strides, the zeros between positions or channels differ, so that no window does.
func (w Window) Plus(o Window) (_ Window, ok bool) {
	if w.Out != o.Out {
		return Window{}, false
	}
	out, ok := w.holding(o)
	if !ok || w.Reads == nil && o.Reads == nil {
		return out, ok
	}
	out.Reads = make([]Span, w.Out)
	for c := range out.Reads {
		out.Reads[c] = w.reads(c).hull(o.reads(c))
	}
	return out.grouped(), true
}

// holding is w with taps that hold those of both; its channels and groups are those that
// regular windows of as many output channels need.
func (w Window) holding(o Window) (_ Window, ok bool) {
	if !slices.Equal(w.Stride, o.Stride) || !slices.Equal(w.Up, o.Up) || w.In != o.In {
		return Window{}, false
	}
	out := Window{Out: w.Out, In: w.In, Groups: gcd(w.Groups, o.Groups), Stride: w.Stride, Up: w.Up}
	for i := range w.Taps {
		lo := min(w.Lo[i], o.Lo[i])
		hi := max(w.Lo[i]+(w.Taps[i]-1)*w.Step[i], o.Lo[i]+(o.Taps[i]-1)*o.Step[i])
		step := max(w.Lo[i], o.Lo[i]) - lo
		if w.Taps[i] > 1 {
			step = gcd(step, w.Step[i])
		}
		if o.Taps[i] > 1 {
			step = gcd(step, o.Step[i])
		}
		step = max(step, 1)
		out.Lo = append(out.Lo, lo)
		out.Step = append(out.Step, step)
		out.Taps = append(out.Taps, (hi-lo)/step+1)
	}
	return out, true
}

// index returns the flat tap index of w for tap t of the narrower window o,
// displaced by shift along every axis.
func (w Window) index(o Window, t int, shift []int) int {
	k, stride := 0, 1
	for i := len(w.Taps) - 1; i >= 0; i-- {
		pos := o.Lo[i] + t%o.Taps[i]*o.Step[i]
		t /= o.Taps[i]
		if shift != nil {
			pos += shift[i]
		}
		k += (pos - w.Lo[i]) / w.Step[i] * stride
		stride *= w.Taps[i]
	}
	return k
}

// composed lists the flat tap index of w, which is k followed by next: tap a of k
// under tap b of next goes to element b·(taps of k) + a.
func (w Window) composed(k, next Window) []int {
	k = k.spread(next)
	taps := k.taps()
	at := make([]int, taps*next.taps())
	shift := make([]int, len(w.Taps))
	for b := range next.taps() {
		rest := b
		for i := len(shift) - 1; i >= 0; i-- {
			shift[i] = (next.Lo[i] + rest%next.Taps[i]*next.Step[i]) * k.Stride[i]
			rest /= next.Taps[i]
		}
		for a := range taps {
			at[b*taps+a] = w.index(k, a, shift)
		}
	}
	return at
}
