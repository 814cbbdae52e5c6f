package fuse

// A position is where a loop nest stands in each of the arrays that it walks
// through at once, or how far it moves there: one named offset for each array.
type position[P any] interface {
	comparable
	plus(P) P
	times(n int) P
}

// A loop is one dimension of a loop nest. Its n iterations move by stride each,
// or make the jumps instead.
type loop[P position[P]] struct {
	n      int
	stride P
	jumps  []jump[P]
}

// A jump moves from where the loop begins, and has a weight.
type jump[P position[P]] struct {
	to     P
	weight float64
}

// nest runs the inner function over all combinations of the loops but the
// last, which it hands on, so that the innermost loop is a plain one.
func nest[P position[P]](from P, loops []loop[P], inner func(at P, weight float64, last loop[P])) {
	if len(loops) == 0 {
		loops = []loop[P]{{n: 1}}
	}
	var walk func(k int, at P, weight float64)
	walk = func(k int, at P, weight float64) {
		if k == len(loops)-1 {
			inner(at, weight, loops[k])
			return
		}
		l := &loops[k]
		if l.jumps != nil {
			for _, j := range l.jumps {
				walk(k+1, at.plus(j.to), weight*j.weight)
			}
			return
		}
		for range l.n {
			walk(k+1, at, weight)
			at = at.plus(l.stride)
		}
	}
	walk(0, from, 1)
}

// merged joins neighbouring loops that are one longer loop in every array, in
// place.
func merged[P position[P]](loops []loop[P]) []loop[P] {
	out := loops[:0]
	for _, l := range loops {
		if l.jumps == nil && l.n == 1 {
			continue
		}
		if k := len(out) - 1; k >= 0 && l.jumps == nil && out[k].jumps == nil && out[k].stride == l.stride.times(l.n) {
			out[k].n *= l.n
			out[k].stride = l.stride
			continue
		}
		out = append(out, l)
	}
	return out
}

// pushAt is a position in the arrays of a step that rows are pushed through.
type pushAt struct {
	out, in int // in what is written and what is read
	weight  int // in the weights
}

func (a pushAt) plus(b pushAt) pushAt {
	return pushAt{a.out + b.out, a.in + b.in, a.weight + b.weight}
}

func (a pushAt) times(n int) pushAt { return pushAt{n * a.out, n * a.in, n * a.weight} }

// foldAt is a position in the arrays of a branch that is folded.
type foldAt struct {
	w      int // in the folded weight, or the piece of it
	pre    int // in the scale before the link
	weight int // in the link's weights
	post   int // in the scale behind it
}

func (a foldAt) plus(b foldAt) foldAt {
	return foldAt{a.w + b.w, a.pre + b.pre, a.weight + b.weight, a.post + b.post}
}

func (a foldAt) times(n int) foldAt {
	return foldAt{n * a.w, n * a.pre, n * a.weight, n * a.post}
}
