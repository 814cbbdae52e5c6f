package affine

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Pads finds the padding with which a convolution of window w turns a map
// of the sizes in into one of the sizes out.
func Pads(w fuse.Window, in, out []graph.Dim) (begin, end []int64, ok bool) {
	for i := range w.Taps {
		b, e, ok := padsAlong(w, i, in, out)
		if !ok {
			return nil, nil, false
		}
		begin, end = append(begin, b), append(end, e)
	}
	return begin, end, true
}

// padsAlong finds the padding along axis i.
func padsAlong(w fuse.Window, i int, in, out []graph.Dim) (begin, end int64, ok bool) {
	if begin = int64(-w.Lo[i]); begin < 0 {
		return 0, 0, false
	}
	win := graph.Window{Kernel: []int64{int64(w.Taps[i])}, Stride: []int64{int64(w.Stride[i])}, Dilation: []int64{int64(w.Step[i])}, Begin: []int64{begin}, End: []int64{0}}
	end, ok = endPad(win, in[i+2], out[i+2])
	return begin, end, ok
}

// maxMoreTaps bounds the taps of zero that a window gets behind its last one.
const maxMoreTaps = 64

// Spanning is w with taps of zero before and behind its own, as few as Pads needs to find
// padding: a convolution can neither begin inside of its map nor leave out more at the
// end than one step. ok is false where no such window was found.
func Spanning(w fuse.Window, in, out []graph.Dim) (_ fuse.Window, ok bool) {
	w.Lo, w.Taps, w.Step = slices.Clone(w.Lo), slices.Clone(w.Taps), slices.Clone(w.Step)
	for i := range w.Taps {
		if w.Lo[i] > 0 {
			if w.Taps[i] == 1 {
				w.Step[i] = w.Lo[i]
			}
			more := (w.Lo[i] + w.Step[i] - 1) / w.Step[i]
			w.Taps[i] += more
			w.Lo[i] -= more * w.Step[i]
		}
		one := w.Taps[i] == 1
		for more := 0; ; more++ {
			if _, _, ok = padsAlong(w, i, in, out); ok {
				break
			}
			switch {
			case more == maxMoreTaps:
				return w, false
			case one: // two taps, as far apart as need be
				w.Taps[i], w.Step[i] = 2, more+1
			default:
				w.Taps[i]++
			}
		}
	}
	return w, true
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
		room := n + w.Begin[0] + e - span
		return e, room >= 0 && room/stride+1 == m // padding may be wider than the window
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
