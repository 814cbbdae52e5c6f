package fuse

import "slices"

// direct prepares a path with at most one link; nil where the path has more.
func (f *Folding) direct(path path) (*branch, error) {
	r, err := f.p.follow(path)
	if r == nil || err != nil {
		return nil, err
	}
	b := &branch{coef: path.coef, weights: []float64{1}}
	weight := map[Label]int{}
	if r.link != nil && r.link.W != nil {
		if b.weights, b.stored, err = r.link.W.open(f.p, f.small); err != nil {
			return nil, err
		}
		weight = f.p.strides(r.link.W.Labels)
	}
	moves := &moves{f: f, weight: weight}
	moves.pre, b.pre = f.p.combine(r.tracks, r.pre)
	moves.post, b.post = f.p.combine(r.tracks, r.post)
	for i, a := range r.axes {
		axis := r.link.Axes[i]
		b.axes = append(b.axes, slid{
			in: moves.places(a.in), out: moves.places(a.out),
			entries: axis.Entries(), taps: f.p.flat(axis.Tap, weight),
		})
	}
	for _, t := range r.tracks {
		if !t.slid {
			stride, over := moves.of(t)
			b.loops = append(b.loops, plain{loop[foldAt]{n: f.p.trackSize(t), stride: stride}, over})
		}
	}
	b.sort()
	return b, nil
}

// moves says how the arrays of a branch move with an index.
type moves struct {
	f         *Folding
	pre, post map[*track]int
	weight    map[Label]int
}

// of is the stride of an index and the labels of W that it runs over.
func (m *moves) of(t *track) (stride foldAt, over []Label) {
	if t.in != none {
		stride.w = m.f.stride[t.in]
		over = append(over, t.in)
	}
	group := t.in != none && t.now == t.in // the same index of the weight
	if t.alive && !group {
		stride.w += m.f.stride[t.now]
		over = append(over, t.now)
	}
	stride.pre, stride.post = m.pre[t], m.post[t]
	if t.core != none {
		stride.weight = m.weight[t.core]
	}
	return stride, over
}

// places lists the places of all flat indices over a list of tracks.
func (m *moves) places(list []*track) []place {
	out := []place{{}}
	for _, t := range list {
		stride, over := m.of(t)
		n := m.f.p.trackSize(t)
		next := make([]place, 0, len(out)*n)
		for _, o := range out {
			for i := range n {
				x := place{at: o.at.plus(stride.times(i)), sets: slices.Clone(o.sets)}
				for _, l := range over {
					x.sets = append(x.sets, index{l, i})
				}
				next = append(next, x)
			}
		}
		out = next
	}
	return out
}
