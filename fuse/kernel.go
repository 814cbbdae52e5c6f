package fuse

import "slices"

// A Kernel is a convolution with its weights: W[Out, In/Groups, taps...], of what the
// window reads, and one bias per output channel.
type Kernel struct {
	Window
	W, B []float64
}

// NewKernel is a kernel of zeros.
func NewKernel(w Window) *Kernel {
	return &Kernel{w, make([]float64, w.rows()[w.Out]*w.taps()), make([]float64, w.Out)}
}

// Identity is the kernel of IdentityWindow.
func Identity(c, axes int) *Kernel { return Ones(IdentityWindow(c, axes)) }

// Ones is a kernel of ones.
func Ones(w Window) *Kernel {
	k := NewKernel(w)
	for i := range k.W {
		k.W[i] = 1
	}
	return k
}

// scatter adds coef·k to the output channels of dst from first on; dst's window holds
// k's.
func (dst *Kernel) scatter(k *Kernel, first int, coef float64) {
	taps, room := k.taps(), dst.taps()
	at := make([]int, taps)
	for t := range at {
		at[t] = dst.index(k.Window, t, nil)
	}
	from, to := k.rows(), dst.rows()
	for o := range k.Out {
		s := k.reads(o)
		shift := to[first+o] + s.First - dst.reads(first+o).First
		for c := range s.Count {
			x, y := k.W[(from[o]+c)*taps:][:taps], dst.W[(shift+c)*room:][:room]
			for t, v := range x {
				y[at[t]] += float64(coef * v)
			}
		}
		dst.B[first+o] += float64(coef * k.B[o])
	}
}

// AddKernels returns Σ coef·k. The windows must be compatible, see Window.Plus.
func AddKernels(ks []*Kernel, coef []float64) (*Kernel, bool) {
	w := ks[0].Window
	for _, k := range ks[1:] {
		var ok bool
		if w, ok = w.Plus(k.Window); !ok {
			return nil, false
		}
	}
	out := NewKernel(w)
	for i, k := range ks {
		out.scatter(k, 0, coef[i])
	}
	return out, true
}

// Then is k followed by next. Where next pads with zeros, k must be free of
// bias and pointwise: a padded zero is not what k makes of a zero outside the
// map.
func (k *Kernel) Then(next *Kernel) *Kernel {
	w := k.Window.Then(next.Window)
	out := NewKernel(w)
	copy(out.B, next.B)
	at := w.composed(k.Window, next.Window)
	taps, taps1, taps2 := w.taps(), k.taps(), next.taps()
	rows, rows1, rows2 := w.rows(), k.rows(), next.rows()
	for o := range next.Out {
		begin, s2 := rows[o]-w.reads(o).First, next.reads(o)
		for j := range s2.Count {
			m := s2.First + j // channel between the two
			s1 := k.reads(m)
			for b, x := range next.W[(rows2[o]+j)*taps2:][:taps2] {
				out.B[o] += float64(x * k.B[m])
				for c := range s1.Count {
					to := out.W[(begin+s1.First+c)*taps:][:taps]
					for a, y := range k.W[(rows1[m]+c)*taps1:][:taps1] {
						to[at[b*taps1+a]] += float64(x * y)
					}
				}
			}
		}
	}
	return out
}

// Scaled returns k with its output channels scaled and shifted; nil is one and
// zero.
func (k *Kernel) Scaled(scale, shift []float64) *Kernel {
	out := &Kernel{k.Window, slices.Clone(k.W), slices.Clone(k.B)}
	rows, taps := k.rows(), k.taps()
	for o := range k.Out {
		if scale != nil {
			for i := rows[o] * taps; i < rows[o+1]*taps; i++ {
				out.W[i] *= scale[o]
			}
			out.B[o] *= scale[o]
		}
		if shift != nil {
			out.B[o] += shift[o]
		}
	}
	return out
}
