package fuse

import "slices"

// A Kernel is a convolution with its weights: W[Out, In/Groups, taps...] and
// one bias per output channel.
type Kernel struct {
	Window
	W, B []float64
}

// Identity is the kernel of IdentityWindow.
func Identity(c, axes int) *Kernel {
	return &Kernel{IdentityWindow(c, axes), slices.Repeat([]float64{1}, c), make([]float64, c)}
}

// scatter adds coef·k to the kernel dst, whose window holds k's.
func (dst *Kernel) scatter(k *Kernel, coef float64) {
	per, wide := k.perGroup(), dst.perGroup()
	taps, room := k.taps(), dst.taps()
	at := make([]int, taps)
	for t := range at {
		at[t] = dst.index(k.Window, t, nil)
	}
	for o := range k.Out {
		shift := k.group(o)*per - dst.group(o)*wide
		for c := range per {
			from, to := (o*per+c)*taps, (o*wide+shift+c)*room
			for t := range taps {
				dst.W[to+at[t]] += coef * k.W[from+t]
			}
		}
		dst.B[o] += coef * k.B[o]
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
	out := &Kernel{w, make([]float64, w.Size()), make([]float64, w.Out)}
	for i, k := range ks {
		out.scatter(k, coef[i])
	}
	return out, true
}

// Then is k followed by next. Where next pads with zeros, k must be free of
// bias and pointwise: a padded zero is not what k makes of a zero outside the
// map.
func (k *Kernel) Then(next *Kernel) *Kernel {
	w := k.Window.Then(next.Window)
	out := &Kernel{w, make([]float64, w.Size()), slices.Clone(next.B)}
	at := w.composed(k.Window, next.Window)
	taps, taps1, taps2 := w.taps(), k.taps(), next.taps()
	per, per1, per2 := w.perGroup(), k.perGroup(), next.perGroup()
	for o := range next.Out {
		begin := w.group(o) * per // the first channel that o may read
		for j := range per2 {
			m := next.group(o)*per2 + j // channel between the two
			begin1 := k.group(m) * per1
			for b, x := range next.W[(o*per2+j)*taps2:][:taps2] {
				out.B[o] += x * k.B[m]
				for c := range per1 {
					to := out.W[(o*per+begin1+c-begin)*taps:][:taps]
					for a, y := range k.W[(m*per1+c)*taps1:][:taps1] {
						to[at[b*taps1+a]] += x * y
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
	row := len(k.W) / max(k.Out, 1)
	for o := range k.Out {
		if scale != nil {
			for i := range row {
				out.W[o*row+i] *= scale[o]
			}
			out.B[o] *= scale[o]
		}
		if shift != nil {
			out.B[o] += shift[o]
		}
	}
	return out
}
