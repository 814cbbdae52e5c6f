package fuse

import "slices"

// Along is w along other axes: axis i of the result is axis from[i] of w, or a new
// one of a single position where from[i] is negative. An axis that from leaves out
// has a single position before and behind the window, so that one tap of it reads
// the map; ok is false where none does.
func (w Window) Along(from []int) (_ Window, ok bool) {
	axes := len(from)
	numbers := make([]int, 4*axes)
	out := Window{Out: w.Out, In: w.In, Groups: w.Groups, Reads: w.Reads,
		Lo: numbers[:axes:axes], Taps: numbers[axes : 2*axes : 2*axes], Step: numbers[2*axes : 3*axes : 3*axes], Stride: numbers[3*axes:]}
	if w.Up != nil {
		out.Up = slices.Repeat([]int{1}, axes)
	}
	for i, a := range from {
		if a >= 0 && w.Up != nil {
			out.Up[i] = w.Up[a]
		}
		if a < 0 {
			out.Taps[i], out.Step[i], out.Stride[i] = 1, 1, 1
			continue
		}
		out.Lo[i], out.Taps[i], out.Step[i], out.Stride[i] = w.Lo[a], w.Taps[a], w.Step[a], w.Stride[a]
	}
	if !slices.ContainsFunc(out.Up, func(up int) bool { return up != 1 }) {
		out.Up = nil
	}
	for a := range w.Taps {
		if _, reads := w.middle(a); !reads && !slices.Contains(from, a) {
			return out, false
		}
	}
	return out, true
}

// middle is the tap along an axis that reads the position of the result itself.
func (w Window) middle(axis int) (tap int, ok bool) {
	lo, step := -w.Lo[axis], w.Step[axis]
	return lo / step, lo >= 0 && lo%step == 0 && lo/step < w.Taps[axis]
}

// Along is k along other axes, as Window.Along; it is asked only where that agrees.
func (k *Kernel) Along(from []int) *Kernel {
	w, ok := k.Window.Along(from)
	if !ok {
		panic("fuse: leaving out an axis of which no tap reads the map")
	}
	out := NewKernel(w)
	copy(out.B, k.B)
	jump := make([]int, len(k.Taps)) // between neighbouring taps along an axis of k
	taps := 1
	for a := len(k.Taps) - 1; a >= 0; a-- {
		jump[a] = taps
		taps *= k.Taps[a]
	}
	first := 0
	for a := range k.Taps {
		if !slices.Contains(from, a) {
			tap, _ := k.middle(a)
			first += tap * jump[a]
		}
	}
	room := w.taps()
	for t := range room {
		at, rest := first, t
		for i := len(from) - 1; i >= 0; i-- {
			if from[i] >= 0 {
				at += rest % w.Taps[i] * jump[from[i]]
			}
			rest /= w.Taps[i]
		}
		for row := range len(out.W) / room {
			out.W[row*room+t] = k.W[row*taps+at]
		}
	}
	return out
}
