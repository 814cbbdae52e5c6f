package fuse

import "slices"

// slid is an axis along which a convolution or pooling slides: an entry joins a
// place of the input axis to one of the output axis.
type slid struct {
	in, out []place
	entries []Entry
	taps    []int // offset in the weights of each tap
}

// A place is one index along an axis: where it lies in the arrays, and which
// labels of W it sets.
type place struct {
	at   foldAt
	sets []index
}

// limited reports whether r limits an index of the axis.
func (a *slid) limited(r ranges) bool {
	for _, list := range [][]place{a.in, a.out} {
		for _, x := range list[0].sets {
			for _, l := range r {
				if l.label == x.label {
					return true
				}
			}
		}
	}
	return false
}

// jumps appends the entries inside r.
func (a *slid) jumps(r ranges, out []jump[foldAt]) []jump[foldAt] {
	for _, e := range a.entries {
		from, to := &a.in[e.In], &a.out[e.Out]
		if !r.holds(from.sets) || !r.holds(to.sets) {
			continue
		}
		x := from.at.plus(to.at)
		x.weight += at(a.taps, e.Tap)
		out = append(out, jump[foldAt]{x, e.Weight})
	}
	return out
}

// A table lists all combinations of the entries of a branch's axes.
type table struct {
	jumps []jump[foldAt]
	plain bool // nothing but W and the tap moves, and weights are 1
	w     []int
	tap   []int
}

// fill builds the combinations of the axes' entries inside r.
func (t *table) fill(axes []slid, r ranges, space *scratch) {
	t.jumps = append(t.jumps[:0], jump[foldAt]{weight: 1})
	for i := range axes {
		inside := axes[i].jumps(r, space.inside[:0])
		next := slices.Grow(space.next[:0], len(t.jumps)*len(inside))
		for _, o := range t.jumps {
			for _, e := range inside {
				next = append(next, jump[foldAt]{o.to.plus(e.to), o.weight * e.weight})
			}
		}
		t.jumps, space.next, space.inside = next, t.jumps, inside
	}
	t.w, t.tap = t.w[:0], t.tap[:0]
	t.plain = !slices.ContainsFunc(t.jumps, func(j jump[foldAt]) bool { return j.weight != 1 || j.to.pre != 0 || j.to.post != 0 })
	if t.plain {
		t.w, t.tap = slices.Grow(t.w, len(t.jumps)), slices.Grow(t.tap, len(t.jumps))
		for _, j := range t.jumps {
			t.w, t.tap = append(t.w, j.to.w), append(t.tap, j.to.weight)
		}
	}
}
