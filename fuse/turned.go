package fuse

import "slices"

// Turned is the weight of a transposed convolution as that of the convolution that it
// is, of the map with zeros between its positions, and the other way round: groups·a
// channels beside b of one group change places, and the taps of every axis are read
// from the other end.
//
//	w[g·a+i, j, t] = out[g·b+j, i, T-1-t]
func Turned(w []float64, groups, a, b, taps int) []float64 {
	out := make([]float64, len(w))
	for g := range groups {
		for i := range a {
			for j := range b {
				from, to := w[((g*a+i)*b+j)*taps:][:taps], out[((g*b+j)*a+i)*taps:][:taps]
				copy(to, from)
				slices.Reverse(to)
			}
		}
	}
	return out
}

// SpreadEntries lists the entries of one axis of a transposed convolution that puts
// position in under tap of a kernel at in·stride + tap·dilation - begin, where that
// lies inside. The result lists them once, when it is called.
func SpreadEntries(in, out, kernel, stride, dilation, begin int) func() []Entry {
	turned := ConvEntries(out, in, kernel, stride, dilation, begin)
	return func() []Entry {
		es := slices.Clone(turned())
		for i := range es {
			es[i].Out, es[i].In = es[i].In, es[i].Out
		}
		return es
	}
}
