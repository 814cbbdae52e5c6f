package fuse

// Touching is the part of w whose taps touch a map of the given sizes for at
// least one output position: the others only ever read the zeros around it. The
// first tap that is left stands on the map or before it, so that padding can
// still say where it is. A size below one is not known, and its axis stays.
func (w Window) Touching(in, out []int) Window {
	t := w
	t.Lo, t.Taps, t.Step = nil, nil, nil
	for i := range w.Taps {
		first, last := w.touching(i, in[i], out[i])
		lo, taps, step := w.Lo[i]+first*w.Step[i], last-first+1, w.Step[i]
		if taps == 1 {
			step = 1
		}
		t.Lo, t.Taps, t.Step = append(t.Lo, lo), append(t.Taps, taps), append(t.Step, step)
	}
	return t
}

// touching returns the first and the last tap along axis i that touch the map;
// all of them where none does.
func (w Window) touching(i, in, out int) (first, last int) {
	all := w.Taps[i] - 1
	if in < 1 || out < 1 {
		return 0, all
	}
	touches := func(k int) bool {
		at := w.Lo[i] + k*w.Step[i] // of the first output position
		if at >= in {
			return false
		}
		if at >= 0 {
			return true
		}
		o := (-at + w.Stride[i] - 1) / w.Stride[i] // the first one on or behind the border
		return o < out && at+o*w.Stride[i] < in
	}
	first, last = 0, all
	for first < all && !touches(first) {
		first++
	}
	for last > first && !touches(last) {
		last--
	}
	if !touches(first) {
		return 0, all
	}
	for first > 0 && w.Lo[i]+first*w.Step[i] > 0 {
		first--
	}
	return first, last
}

// Within returns the weights of those taps of k that window w, a part of k's
// own, keeps.
func (k *Kernel) Within(w Window) *Kernel {
	n, all := w.taps(), k.taps()
	out := &Kernel{w, make([]float64, len(k.W)/max(all, 1)*n), k.B}
	at := make([]int, n)
	for t := range at {
		at[t] = k.Window.index(w, t, nil)
	}
	for row := range len(k.W) / max(all, 1) {
		for t, from := range at {
			out.W[row*n+t] = k.W[row*all+from]
		}
	}
	return out
}
