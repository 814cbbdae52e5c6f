package fuse

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// A branch is one path of a program as a loop nest that adds to a piece of the
// folded weight: W[..] += coef·pre[..]·weights[..]·post[..].
type branch struct {
	coef      float64
	pre, post []float64
	weights   []float64 // small weights
	stored    Values    // or large ones, which are read in runs
	loops     []plain
	axes      []slid

	once  sync.Once
	whole table // of all axes without limits
}

// plain is the loop over an index that no axis slides along.
type plain struct {
	loop[foldAt]
	over []Label // labels of W that the loop runs over
}

// scratch is what pieces that are computed one after the other use again.
type scratch struct {
	run, lines   []float64
	table        table
	inside, next []jump[foldAt]
	loops        []loop[foldAt]
}

var spaces = sync.Pool{New: func() any { return new(scratch) }}

// room returns n numbers.
func room(v *[]float64, n int) []float64 {
	if cap(*v) < n {
		*v = make([]float64, n)
	}
	return (*v)[:n]
}

// table lists the entries inside r; it is valid until space is used again.
func (b *branch) table(r ranges, space *scratch) *table {
	switch {
	case len(b.axes) == 0:
		return &table{}
	case slices.ContainsFunc(b.axes, func(a slid) bool { return a.limited(r) }):
		space.table.fill(b.axes, r, space)
		return &space.table
	}
	b.once.Do(func() { b.whole.fill(b.axes, nil, &scratch{}) })
	return &b.whole
}

// sort puts the loops in an order that reads stored weights in runs, or else
// writes W in order.
func (b *branch) sort() {
	key := func(l plain) int {
		switch {
		case b.stored == nil:
			return l.stride.w
		case l.stride.weight == 0:
			return math.MaxInt // repeats the whole weight
		}
		return l.stride.weight
	}
	slices.SortStableFunc(b.loops, func(x, y plain) int { return cmp.Compare(key(y), key(x)) })
}

// inside is where the plain loops start inside r, and what is left of them; ok is
// false where nothing is.
func (b *branch) inside(r ranges, space *scratch) (start foldAt, loops []loop[foldAt], ok bool) {
	loops = slices.Grow(space.loops[:0], len(b.loops)+1)
	space.loops = loops
	for _, l := range b.loops {
		lo, hi := r.of(l.n, l.over)
		if lo == hi {
			return foldAt{}, nil, false
		}
		start = start.plus(l.stride.times(lo))
		loops = append(loops, loop[foldAt]{n: hi - lo, stride: l.stride})
	}
	return start, merged(loops), true
}

// maxGap is the distance up to which scattered stored weights are read together.
const maxGap = 8

// add adds the branch to the piece of W that starts at base.
func (b *branch) add(dst []float64, base int, r ranges, space *scratch) {
	start, loops, ok := b.inside(r, space)
	if !ok {
		return
	}
	start.w -= base
	t := b.table(r, space)
	once := loop[foldAt]{n: 1}
	switch {
	case len(b.axes) == 0 && len(loops) == 0:
		loops = []loop[foldAt]{once}
	case len(b.axes) > 0 || b.stored != nil && loops[len(loops)-1].stride.weight > maxGap:
		loops = append(loops, once)
	}
	if b.stored != nil {
		b.addStored(dst, start, loops, t, space)
		return
	}
	nest(start, loops, func(at foldAt, _ float64, last loop[foldAt]) {
		b.addInner(dst, b.weights, at, last, t)
	})
}

// addInner adds what lies inside of the loops: the table of the axes, or a run.
func (b *branch) addInner(dst, weights []float64, at foldAt, last loop[foldAt], t *table) {
	if len(b.axes) > 0 {
		b.addTable(dst, weights, at, t)
		return
	}
	b.addRun(dst, weights, at, last)
}

// factor is what the weights of a run are multiplied by, where the scales do not
// move along it.
func (b *branch) factor(at foldAt) float64 { return b.coef * b.pre[at.pre] * b.post[at.post] }

func (b *branch) addTable(dst, weights []float64, at foldAt, t *table) {
	if t.plain {
		f := b.factor(at)
		weights = weights[at.weight:]
		taps := t.tap[:len(t.w)]
		for i, k := range t.w {
			dst[at.w+k] += float64(f * weights[taps[i]])
		}
		return
	}
	for i := range t.jumps {
		j := &t.jumps[i]
		dst[at.w+j.to.w] += float64(b.coef * j.weight * b.pre[at.pre+j.to.pre] * weights[at.weight+j.to.weight] * b.post[at.post+j.to.post])
	}
}

func (b *branch) addRun(dst, weights []float64, at foldAt, last loop[foldAt]) {
	step := last.stride
	if step.pre != 0 || step.post != 0 {
		for range last.n {
			dst[at.w] += float64(b.coef * b.pre[at.pre] * weights[at.weight] * b.post[at.post])
			at = at.plus(step)
		}
		return
	}
	f := b.factor(at)
	if step.w == 1 && step.weight == 1 {
		to := dst[at.w:][:last.n]
		for i, x := range weights[at.weight:][:last.n] {
			to[i] += float64(f * x)
		}
		return
	}
	k, w := at.w, at.weight
	for range last.n {
		dst[k] += float64(f * weights[w])
		k += step.w
		w += step.weight
	}
}
