package fuse

import "slices"

// A Window is the structure of a convolution over a map: which input positions
// an output position reads. Along axis i, tap k of output position o reads
// input position o·Stride[i] + Lo[i] + k·Step[i]; positions outside the map
// are zero.
type Window struct {
	Out, In, Groups        int
	Lo, Taps, Step, Stride []int
}

// A Kernel is a convolution with its weights: W[Out, In/Groups, taps...] and
// one bias per output channel.
type Kernel struct {
	Window
	W, B []float64
}

// IdentityWindow passes a map of c channels and the given number of spatial
// axes through.
func IdentityWindow(c, axes int) Window {
	ones := slices.Repeat([]int{1}, axes)
	return Window{c, c, c, make([]int, axes), ones, ones, ones}
}

// Identity is the kernel of IdentityWindow.
func Identity(c, axes int) *Kernel {
	return &Kernel{IdentityWindow(c, axes), slices.Repeat([]float64{1}, c), make([]float64, c)}
}

// maxSize is the number of weights from which on they are no longer counted.
const maxSize = 1 << 50

// Size is the number of weights, at most maxSize.
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

// Pointwise reports whether every output position reads only its own input
// position.
func (w Window) Pointwise() bool {
	for i := range w.Taps {
		if w.Taps[i] != 1 || w.Lo[i] != 0 || w.Stride[i] != 1 {
			return false
		}
	}
	return true
}

// diagonal reports whether the map only scales channels.
func (w Window) diagonal() bool { return w.Pointwise() && w.Groups == w.In && w.In == w.Out }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Then is the window of w followed by next.
func (w Window) Then(next Window) Window {
	out := Window{Out: next.Out, In: w.In, Groups: gcd(w.Groups, next.Groups)}
	switch {
	case w.diagonal():
		out.Groups = next.Groups
	case next.diagonal():
		out.Groups = w.Groups
	}
	for i := range w.Taps {
		s := w.Stride[i]
		out.Stride = append(out.Stride, s*next.Stride[i])
		out.Lo = append(out.Lo, next.Lo[i]*s+w.Lo[i])
		switch {
		case w.Taps[i] == 1:
			out.Taps, out.Step = append(out.Taps, next.Taps[i]), append(out.Step, next.Step[i]*s)
		case next.Taps[i] == 1:
			out.Taps, out.Step = append(out.Taps, w.Taps[i]), append(out.Step, w.Step[i])
		default:
			step := gcd(w.Step[i], next.Step[i]*s)
			span := (w.Taps[i]-1)*w.Step[i] + (next.Taps[i]-1)*next.Step[i]*s
			out.Taps, out.Step = append(out.Taps, span/step+1), append(out.Step, step)
		}
	}
	return out
}

// Plus is the smallest window that holds the taps of both; ok is false where
// the strides or channels differ, so that no window does.
func (w Window) Plus(o Window) (_ Window, ok bool) {
	if !slices.Equal(w.Stride, o.Stride) || w.In != o.In || w.Out != o.Out {
		return Window{}, false
	}
	out := Window{Out: w.Out, In: w.In, Groups: gcd(w.Groups, o.Groups), Stride: w.Stride}
	for i := range w.Taps {
		lo := min(w.Lo[i], o.Lo[i])
		hi := max(w.Lo[i]+(w.Taps[i]-1)*w.Step[i], o.Lo[i]+(o.Taps[i]-1)*o.Step[i])
		step := 0
		if w.Taps[i] > 1 {
			step = w.Step[i]
		}
		if o.Taps[i] > 1 {
			step = gcd(step, o.Step[i])
		}
		diff := w.Lo[i] - o.Lo[i]
		if diff < 0 {
			diff = -diff
		}
		if step = gcd(step, diff); step == 0 {
			step = 1
		}
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

// scatter adds coef·k to the kernel dst, whose window holds k's.
func (dst *Kernel) scatter(k *Kernel, coef float64) {
	per, perDst := k.In/k.Groups, dst.In/dst.Groups
	taps, dtaps := k.taps(), dst.taps()
	at := make([]int, taps)
	for t := range at {
		at[t] = dst.index(k.Window, t, nil)
	}
	for o := range k.Out {
		g := o / (k.Out / k.Groups)
		dg := o / (dst.Out / dst.Groups)
		for c := range per {
			from := (o*per + c) * taps
			to := (o*perDst + g*per + c - dg*perDst) * dtaps
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
// bias and pointwise, see the conditions in the planner: a padded zero is not
// what k makes of a zero outside the map.
func (k *Kernel) Then(next *Kernel) *Kernel {
	w := k.Window.Then(next.Window)
	out := &Kernel{w, make([]float64, w.Size()), slices.Clone(next.B)}
	t2, t1 := next.taps(), k.taps()
	per2, per1, per := next.In/next.Groups, k.In/k.Groups, w.In/w.Groups
	taps := w.taps()
	// at[b*t1+a]: where tap a of k under tap b of next goes.
	at := make([]int, t1*t2)
	for b := range t2 {
		shift := make([]int, len(w.Taps))
		rest := b
		for i := len(shift) - 1; i >= 0; i-- {
			shift[i] = (next.Lo[i] + rest%next.Taps[i]*next.Step[i]) * k.Stride[i]
			rest /= next.Taps[i]
		}
		for a := range t1 {
			at[b*t1+a] = w.index(k.Window, a, shift)
		}
	}
	for o := range next.Out {
		g2 := o / (next.Out / next.Groups)
		g := o / (w.Out / w.Groups)
		for j := range per2 {
			m := g2*per2 + j // channel between the two
			g1 := m / (k.Out / k.Groups)
			src2 := next.W[(o*per2+j)*t2:][:t2]
			for b, x := range src2 {
				out.B[o] += x * k.B[m]
				for c := range per1 {
					to := out.W[(o*per+g1*per1+c-g*per)*taps:][:taps]
					src1 := k.W[(m*per1+c)*t1:][:t1]
					for a, y := range src1 {
						to[at[b*t1+a]] += x * y
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
