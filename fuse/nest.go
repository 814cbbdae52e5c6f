package fuse

// A loop is one dimension of a loop nest over several arrays at once. Its
// iterations move offset k by step·stride[k], or by entries[step][k].
type loop struct {
	n       int
	stride  [4]int
	entries []tuple
}

type tuple struct {
	off    [4]int
	weight float64
}

// nest runs the inner function over all combinations of the loops but the
// last, which it hands on, so that the innermost loop is a plain one.
func nest(loops []loop, inner func(at [4]int, weight float64, last loop)) {
	if len(loops) == 0 {
		loops = []loop{{n: 1}}
	}
	var walk func(k int, at [4]int, weight float64)
	walk = func(k int, at [4]int, weight float64) {
		if k == len(loops)-1 {
			inner(at, weight, loops[k])
			return
		}
		l := &loops[k]
		if l.entries != nil {
			for _, e := range l.entries {
				next := at
				for i := range next {
					next[i] += e.off[i]
				}
				walk(k+1, next, weight*e.weight)
			}
			return
		}
		for range l.n {
			walk(k+1, at, weight)
			for i := range at {
				at[i] += l.stride[i]
			}
		}
	}
	walk(0, [4]int{}, 1)
}

// merged joins neighbouring loops that are one longer loop in every array, in
// place.
func merged(loops []loop) []loop {
	out := loops[:0]
	for _, l := range loops {
		if l.entries == nil && l.n == 1 {
			continue
		}
		if k := len(out) - 1; k >= 0 && l.entries == nil && out[k].entries == nil {
			outer, fits := &out[k], true
			for i := range l.stride {
				fits = fits && outer.stride[i] == l.stride[i]*l.n
			}
			if fits {
				outer.n *= l.n
				outer.stride = l.stride
				continue
			}
		}
		out = append(out, l)
	}
	return out
}
