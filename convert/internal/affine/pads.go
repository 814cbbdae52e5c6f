package affine

import (
	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Pads finds the padding with which a convolution of window w turns a map
// of the sizes in into one of the sizes out.
func Pads(w fuse.Window, in, out []graph.Dim) (begin, end []int64, ok bool) {
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
