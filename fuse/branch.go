package fuse

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// A branch is one path of a program as a loop nest that adds to a piece of the
// folded weight: W[..] += coef·pre[..]·weights[..]·post[..]. Offsets are in
// this order: the piece, the scale before the link, its weights, the scale
// after it.
type branch struct {
	coef      float64
	pre, post []float64
	weights   []float64 // small weights
	stored    Values    // or large ones, which are read in runs
	loops     []plain
	axes      []windowed

	once  sync.Once
	whole table // of all axes without limits
}

// scratch is what pieces that are computed one after the other use again.
type scratch struct {
	run, lines   []float64
	table        table
	inside, next []tuple
	loops        []loop
}

var spaces = sync.Pool{New: func() any { return new(scratch) }}

// room returns n numbers.
func room(v *[]float64, n int) []float64 {
	if cap(*v) < n {
		*v = make([]float64, n)
	}
	return (*v)[:n]
}

type plain struct {
	loop
	over []Label // labels of W that the loop runs over
}

// windowed is an axis along which a convolution or pooling slides.
type windowed struct {
	in, out []place
	entries []entry
}

type place struct {
	off [4]int
	at  ranges
}

type entry struct {
	in, out, tap int
	weight       float64
}

// A limit keeps a label inside [lo, hi).
type limit struct {
	label  Label
	lo, hi int
}

type ranges []limit

// of is the range of an index of size n that stands for the given labels.
func (r ranges) of(n int, labels []Label) (lo, hi int) {
	hi = n
	for _, l := range labels {
		for _, x := range r {
			if x.label == l {
				lo, hi = max(lo, x.lo), min(hi, x.hi)
			}
		}
	}
	return lo, max(lo, hi)
}

// holds reports whether a place lies inside.
func (r ranges) holds(at ranges) bool {
	for _, a := range at {
		for _, x := range r {
			if x.label == a.label && (a.lo < x.lo || a.lo >= x.hi) {
				return false
			}
		}
	}
	return true
}

// A table lists all combinations of the entries of a branch's axes.
type table struct {
	entries []tuple
	plain   bool // nothing but W and the tap moves, and weights are 1
	to, tap []int
}

// fill builds the combinations inside r of the axes.
func (t *table) fill(axes []windowed, r ranges, space *scratch) {
	t.entries = append(t.entries[:0], tuple{weight: 1})
	for _, a := range axes {
		next, inside := space.next[:0], space.inside[:0]
		for _, e := range a.entries {
			in, out := &a.in[e.in], &a.out[e.out]
			if !r.holds(in.at) || !r.holds(out.at) {
				continue
			}
			x := tuple{weight: e.weight}
			for k := range x.off {
				x.off[k] = in.off[k] + out.off[k]
			}
			x.off[2] += e.tap
			inside = append(inside, x)
		}
		next = slices.Grow(next, len(t.entries)*len(inside))
		for _, o := range t.entries {
			for _, e := range inside {
				x := tuple{weight: o.weight * e.weight}
				for k := range x.off {
					x.off[k] = o.off[k] + e.off[k]
				}
				next = append(next, x)
			}
		}
		t.entries, space.next, space.inside = next, t.entries, inside
	}
	t.to, t.tap = t.to[:0], t.tap[:0]
	t.plain = !slices.ContainsFunc(t.entries, func(e tuple) bool { return e.weight != 1 || e.off[1] != 0 || e.off[3] != 0 })
	if t.plain {
		t.to, t.tap = slices.Grow(t.to, len(t.entries)), slices.Grow(t.tap, len(t.entries))
		for _, e := range t.entries {
			t.to, t.tap = append(t.to, e.off[0]), append(t.tap, e.off[2])
		}
	}
}

// table lists the entries inside r; it is valid until space is used again.
func (b *branch) table(r ranges, space *scratch) *table {
	switch {
	case len(b.axes) == 0:
		return &table{}
	case b.limited(r):
		space.table.fill(b.axes, r, space)
		return &space.table
	}
	b.once.Do(func() { b.whole.fill(b.axes, nil, &scratch{}) })
	return &b.whole
}

// sort puts the loops in an order that reads stored weights in runs, or else
// writes W in order.
func (b *branch) sort() {
	by := 0
	if b.stored != nil {
		by = 2
	}
	key := func(l plain) int {
		if by == 2 && l.stride[by] == 0 {
			return math.MaxInt // repeats the whole weight
		}
		return l.stride[by]
	}
	slices.SortStableFunc(b.loops, func(x, y plain) int { return cmp.Compare(key(y), key(x)) })
}

// limited reports whether r limits an index of the branch's axes.
func (b *branch) limited(r ranges) bool {
	for _, a := range b.axes {
		for _, list := range [][]place{a.in, a.out} {
			for _, x := range list[0].at {
				for _, l := range r {
					if l.label == x.label {
						return true
					}
				}
			}
		}
	}
	return false
}

// maxGap is the distance up to which scattered stored weights are read together.
const maxGap = 8

// add adds the branch to the piece of W that starts at base.
func (b *branch) add(dst []float64, base int, r ranges, space *scratch) {
	start := [4]int{-base}
	loops := slices.Grow(space.loops[:0], len(b.loops)+1)
	space.loops = loops
	for _, l := range b.loops {
		lo, hi := r.of(l.n, l.over)
		if lo == hi {
			return
		}
		for k := range start {
			start[k] += lo * l.stride[k]
		}
		loops = append(loops, loop{n: hi - lo, stride: l.stride})
	}
	loops = merged(loops)
	t := b.table(r, space)
	weights, wbase := b.weights, 0
	switch {
	case len(b.axes) == 0 && len(loops) == 0:
		loops = []loop{{n: 1}}
	case len(b.axes) > 0 || b.stored != nil && loops[len(loops)-1].stride[2] > maxGap:
		loops = append(loops, loop{n: 1})
	}
	last := loops[len(loops)-1]
	stored, straight := b.stored, false
	if stored != nil {
		run := b.run(last, t)
		if n, dense := span(loops[:len(loops)-1], run); dense {
			near, release := stored.Near(start[2], n)
			defer release()
			stored, start[2] = near, 0
		}
		// A run that is written as it is read, with one factor.
		if straight = len(b.axes) == 0 && last.stride == [4]int{1, 0, 1, 0}; !straight {
			weights = room(&space.run, run)
		}
	}
	if k := len(loops) - 2; stored != nil && len(b.axes) == 0 && k >= 0 && loops[k].stride[0] == 1 && last.stride[2] == 1 && last.stride[1] == 0 && last.stride[3] == 0 && last.n > 1 {
		across := loops[k]
		lines := room(&space.lines, linesAtOnce*last.n)
		nest(append(loops[:k], loop{n: 1}), func(o [4]int, _ float64, _ loop) {
			for k := range o {
				o[k] += start[k]
			}
			b.addAcross(dst, stored, lines, o, across, last)
		})
		return
	}
	nest(loops, func(o [4]int, _ float64, last loop) {
		for k := range o {
			o[k] += start[k]
		}
		if straight {
			stored.AddScaled(dst[o[0]:][:last.n], b.coef*b.pre[o[1]]*b.post[o[3]], o[2])
			return
		}
		if stored != nil {
			wbase = o[2]
			stored.Read(weights, wbase)
		}
		if len(b.axes) > 0 {
			b.addTable(dst, weights, o, o[2]-wbase, t)
			return
		}
		b.addRun(dst, weights, o, o[2]-wbase, last)
	})
}

// linesAtOnce is how many runs are turned at a time: as float64 they fill a cache
// line of the piece.
const linesAtOnce = 8

// addAcross adds stored runs that lie across the piece: neighbours in a run are
// far apart there, neighbouring runs are neighbours.
func (b *branch) addAcross(dst []float64, stored Values, lines []float64, o [4]int, across, along loop) {
	n := along.n
	for from := 0; from < across.n; from += linesAtOnce {
		count := min(linesAtOnce, across.n-from)
		var f [linesAtOnce]float64
		for j := range count {
			f[j] = b.coef * b.pre[o[1]] * b.post[o[3]]
			stored.Read(lines[j*n:][:n], o[2])
			for k := 1; k < 4; k++ {
				o[k] += across.stride[k]
			}
		}
		turn(dst[o[0]:], lines[:count*n], f, n, along.stride[0])
		o[0] += count
	}
}

// turn adds f[j] times line j, n long, to dst[j], dst[stride+j], ...
func turn(dst, lines []float64, f [linesAtOnce]float64, n, stride int) {
	if len(lines) < linesAtOnce*n {
		for i := range n {
			for j := range len(lines) / n {
				dst[i*stride+j] += float64(f[j] * lines[j*n+i])
			}
		}
		return
	}
	l0, l1, l2, l3 := lines[:n], lines[n:][:n], lines[2*n:][:n], lines[3*n:][:n]
	l4, l5, l6, l7 := lines[4*n:][:n], lines[5*n:][:n], lines[6*n:][:n], lines[7*n:][:n]
	for i := range n {
		to := (*[linesAtOnce]float64)(dst[i*stride:])
		to[0] += float64(f[0] * l0[i])
		to[1] += float64(f[1] * l1[i])
		to[2] += float64(f[2] * l2[i])
		to[3] += float64(f[3] * l3[i])
		to[4] += float64(f[4] * l4[i])
		to[5] += float64(f[5] * l5[i])
		to[6] += float64(f[6] * l6[i])
		to[7] += float64(f[7] * l7[i])
	}
}

// span is how many stored numbers lie from the first to the last that runs of
// length run take; dense says whether they are many short runs close together.
func span(loops []loop, run int) (n int, dense bool) {
	n, reads := run, run
	for _, l := range loops {
		if l.stride[2] > 0 {
			n += (l.n - 1) * l.stride[2]
			reads *= l.n
		}
	}
	return n, reads > run && n <= 2*reads && n <= 4*pieceSize
}

// run is how many stored weights the innermost loop or the table spans.
func (b *branch) run(last loop, t *table) int {
	n := (last.n-1)*last.stride[2] + 1
	for _, e := range t.entries {
		n = max(n, e.off[2]+1)
	}
	return n
}

func (b *branch) addTable(dst, weights []float64, o [4]int, w int, t *table) {
	if t.plain {
		f := b.coef * b.pre[o[1]] * b.post[o[3]]
		weights = weights[w:]
		taps := t.tap[:len(t.to)]
		for i, k := range t.to {
			dst[o[0]+k] += float64(f * weights[taps[i]])
		}
		return
	}
	for i := range t.entries {
		e := &t.entries[i]
		dst[o[0]+e.off[0]] += float64(b.coef * e.weight * b.pre[o[1]+e.off[1]] * weights[w+e.off[2]] * b.post[o[3]+e.off[3]])
	}
}

func (b *branch) addRun(dst, weights []float64, o [4]int, w int, last loop) {
	if last.stride[1] == 0 && last.stride[3] == 0 {
		f := b.coef * b.pre[o[1]] * b.post[o[3]]
		if last.stride[0] == 1 && last.stride[2] == 1 {
			to := dst[o[0]:][:last.n]
			for i, x := range weights[w:][:last.n] {
				to[i] += float64(f * x)
			}
			return
		}
		k := o[0]
		for range last.n {
			dst[k] += float64(f * weights[w])
			k += last.stride[0]
			w += last.stride[2]
		}
		return
	}
	for range last.n {
		dst[o[0]] += float64(b.coef * b.pre[o[1]] * weights[w] * b.post[o[3]])
		o[0] += last.stride[0]
		o[1] += last.stride[1]
		o[3] += last.stride[3]
		w += last.stride[2]
	}
}
