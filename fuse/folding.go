package fuse

import (
	"fmt"
	"slices"
	"sync"
)

// Values are the numbers of a stored weight, converted while they are read.
// Reading is safe for concurrent use.
type Values interface {
	Len() int
	// Read fills dst with the numbers from index at on.
	Read(dst []float64, at int)
	// AddScaled adds scale times the numbers from index at on to dst.
	AddScaled(dst []float64, scale float64, at int)
	// Near is n numbers from index at on, counted from zero, for many short
	// reads; release ends their use.
	Near(at, n int) (near Values, release func())
}

// An Order is how the weight of a folded layer lies in memory, row-major.
type Order uint8

// The orders.
const (
	ByOutput Order = iota // W[Group, Out, In]
	ByInput               // W[Group, In, Out]
)

// pieceSize is about how many weights are folded at a time: as float64 they
// stay in a processor's second-level cache.
const pieceSize = 1 << 16

// A Folding folds a program piece by piece, in the order in which the weight is
// stored, so that no more than a piece has to be in memory. Pieces may be
// folded concurrently and in any order.
//
// Branches that are one link between diagonals are written down directly: for
// a convolution this is W(F, p) of the RepMLP paper (Ding et al., CVPR 2022,
// Eq. 14) entry by entry. Other branches push the identity matrix (Eq. 15).
type Folding struct {
	p      *Program
	form   Form
	order  []Label // all labels of the weight, as it is stored
	stride map[Label]int
	size   int
	cut    int // order[:cut] is fixed in a piece, order[cut] is a range
	each   int // length of that range
	per    int // ranges for one setting of the fixed labels
	count  int
	small  int    // larger weights are read where they are used
	only   ranges // what is kept of the group labels

	mu     sync.Mutex
	ready  *prepared // while pieces are missing
	folded int
}

// prepared is what all pieces of a folding need.
type prepared struct {
	branches []*branch
	dense    []float64 // the branches without a direct form, in storage order
}

// Folding prepares to fold p. Nothing is read before the first piece.
func (p *Program) Folding(f Form, o Order) *Folding {
	return p.folding(f, o, pieceSize, smallWeight)
}

// FoldingOf is Folding for one group alone, counted through all group labels.
func (p *Program) FoldingOf(f Form, o Order, group int) *Folding {
	fold := &Folding{p: p, form: f, small: smallWeight}
	for k := len(f.Group) - 1; k >= 0; k-- {
		n := p.Sizes[f.Group[k]]
		fold.only = append(fold.only, limit{f.Group[k], group % n, group%n + 1})
		group /= n
	}
	order := slices.Concat(f.Out, f.In)
	if o == ByInput {
		order = slices.Concat(f.In, f.Out)
	}
	fold.arrange(order, pieceSize)
	return fold
}

// folding is Folding with another size of pieces and of weights that are read as
// a whole.
func (p *Program) folding(f Form, o Order, piece, small int) *Folding {
	fold := &Folding{p: p, form: f, small: small}
	order := slices.Concat(f.Group, f.Out, f.In)
	if o == ByInput {
		order = slices.Concat(f.Group, f.In, f.Out)
	}
	fold.arrange(order, piece)
	return fold
}

// arrange sets the order of the weight and cuts it into pieces.
func (fold *Folding) arrange(order []Label, piece int) {
	p := fold.p
	fold.order = order
	fold.stride = p.strides(fold.order)
	fold.size = p.size(fold.order)
	if len(fold.order) == 0 {
		fold.each, fold.per, fold.count = 1, 1, 1
		return
	}
	for fold.cut < len(fold.order)-1 && fold.stride[fold.order[fold.cut]] > 2*piece {
		fold.cut++
	}
	l := fold.order[fold.cut]
	fold.each = min(max(piece/fold.stride[l], 1), p.Sizes[l])
	fold.per = (p.Sizes[l] + fold.each - 1) / fold.each
	fold.count = p.size(fold.order[:fold.cut]) * fold.per
}

// Len is the number of weights.
func (f *Folding) Len() int { return f.size }

// Pieces is the number of pieces.
func (f *Folding) Pieces() int { return f.count }

// Piece says which of the stored weights piece i holds.
func (f *Folding) Piece(i int) (from, to int) {
	if len(f.order) == 0 {
		return 0, 1
	}
	l := f.order[f.cut]
	block := f.stride[l] * f.p.Sizes[l]
	from = i/f.per*block + i%f.per*f.each*f.stride[l]
	return from, min(from+f.each*f.stride[l], (i/f.per+1)*block)
}

// Fold computes piece i. dst has the piece's length.
func (f *Folding) Fold(i int, dst []float64) error {
	ready, err := f.prepare()
	if err != nil {
		return err
	}
	from, to := f.Piece(i)
	if ready.dense != nil {
		copy(dst, ready.dense[from:to])
	} else {
		clear(dst)
	}
	r := slices.Clone(f.only)
	if len(f.order) > 0 {
		fixed := i / f.per
		for k := f.cut - 1; k >= 0; k-- {
			l := f.order[k]
			at := fixed % f.p.Sizes[l]
			fixed /= f.p.Sizes[l]
			r = append(r, limit{l, at, at + 1})
		}
		l := f.order[f.cut]
		lo := i % f.per * f.each
		r = append(r, limit{l, lo, min(lo+f.each, f.p.Sizes[l])})
	}
	space := spaces.Get().(*scratch)
	defer spaces.Put(space)
	for _, b := range ready.branches {
		b.add(dst, from, r, space)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.folded++; f.folded == f.count { // most likely nobody asks again
		f.ready, f.folded = nil, 0
	}
	return nil
}

// Bias is what the program makes of a zero row, laid out over Group and Out;
// position-dependent biases come out exact.
func (f *Folding) Bias() ([]float64, error) {
	return f.p.pushZero(slices.Concat(f.form.Group, f.form.Out), f.small)
}

func (f *Folding) prepare() (*prepared, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ready != nil {
		return f.ready, nil
	}
	ready := &prepared{}
	paths, ok := f.p.paths(len(f.p.Ops)-1, 1)
	if !ok {
		if err := f.addDense(ready, f.p.linear()); err != nil {
			return nil, err
		}
	}
	var straight, dense []path
	var branches []*branch
	for _, path := range paths {
		b, err := f.direct(path)
		if err != nil {
			return nil, err
		}
		if b == nil {
			dense = append(dense, path)
			continue
		}
		straight, branches = append(straight, path), append(branches, b)
	}
	if len(dense) == 0 {
		ready.branches = branches
	} else { // all of them at once: they share most of their way
		q, covered := f.p.only(dense, straight)
		if err := f.addDense(ready, q); err != nil {
			return nil, err
		}
		for i, b := range branches {
			if !covered[i] {
				ready.branches = append(ready.branches, b)
			}
		}
	}
	f.ready = ready
	return ready, nil
}

// addDense pushes the identity through a branch and keeps its matrix.
func (f *Folding) addDense(ready *prepared, q *Program) error {
	w := make([]float64, f.p.size(f.form.Group)*f.p.size(f.form.Out)*f.p.size(f.form.In))
	if err := f.p.foldIdentity(f.form, q, w); err != nil {
		return err
	}
	byOutput := f.p.strides(slices.Concat(f.form.Group, f.form.Out, f.form.In))
	if ready.dense == nil {
		ready.dense = make([]float64, f.size)
	}
	var loops []loop
	for _, l := range f.order {
		loops = append(loops, loop{n: f.p.Sizes[l], stride: [4]int{f.stride[l], byOutput[l]}})
	}
	first := 0
	for _, l := range f.only {
		first += l.lo * byOutput[l.label]
	}
	nest(merged(loops), func(o [4]int, _ float64, last loop) {
		for range last.n {
			ready.dense[o[0]] += w[first+o[1]]
			o[0] += last.stride[0]
			o[1] += last.stride[1]
		}
	})
	return nil
}

// track follows one index of the input, or one made by the link, along a path.
type track struct {
	in    Label // label in the program's input, -1 for one that the link made
	now   Label // what it is called at the current place
	alive bool  // false once contracted
	core  Label // its name inside the link's weight, -1 for none
}

const none = Label(-1)

func (p *Program) trackSize(t *track) int {
	if t.in != none {
		return p.Sizes[t.in]
	}
	return p.Sizes[t.now]
}

// A factor is a scale along the path.
type factor struct {
	on   map[*track]int // stride of each index
	data []float64
}

// direct prepares a path with at most one link; nil where the path has more.
func (f *Folding) direct(path path) (*branch, error) {
	p := f.p
	var tracks []*track
	for _, l := range p.Input {
		tracks = append(tracks, &track{in: l, now: l, alive: true, core: none})
	}
	find := func(l Label) *track {
		for _, t := range tracks {
			if t.alive && t.now == l {
				return t
			}
		}
		return nil
	}
	var pre, post []factor
	var core *Op
	axisIn, axisOut := map[int][]*track{}, map[int][]*track{}
	inAxis := map[*track]bool{}
	for _, s := range path.ops {
		op := &p.Ops[s.op]
		switch op.Kind {
		case Diagonal:
			if op.Scale == nil {
				continue
			}
			data, err := op.Scale.load(p)
			if err != nil {
				return nil, err
			}
			fc := factor{map[*track]int{}, data}
			for l, st := range p.strides(op.Scale.Labels) {
				t := find(l)
				if t == nil {
					return nil, fmt.Errorf("a scale depends on label %d, which its operand lacks", l)
				}
				fc.on[t] = st
			}
			if core == nil {
				pre = append(pre, fc)
			} else {
				post = append(post, fc)
			}
		case Sum:
			for _, t := range tracks {
				if t.alive {
					t.now = rename(op.Rename[s.arg], t.now)
				}
			}
		case Link:
			if core != nil {
				return nil, nil
			}
			core = op
			if op.W != nil {
				for _, l := range op.W.Labels {
					if t := find(l); t != nil {
						t.core = l
					}
				}
			}
			gone := func(l Label) *track {
				t := find(l)
				if t != nil {
					t.alive = false
				}
				return t
			}
			for _, l := range op.In {
				if gone(l) == nil {
					return nil, fmt.Errorf("a link contracts label %d, which its operand lacks", l)
				}
			}
			for i, a := range op.Axes {
				for _, l := range a.In {
					t := gone(l)
					if t == nil {
						return nil, fmt.Errorf("a link reads label %d, which its operand lacks", l)
					}
					axisIn[i] = append(axisIn[i], t)
					inAxis[t] = true
				}
			}
			for _, l := range op.Out {
				tracks = append(tracks, &track{in: none, now: l, alive: true, core: l})
			}
			for i, a := range op.Axes {
				for _, l := range a.Out {
					t := &track{in: none, now: l, alive: true, core: none}
					tracks = append(tracks, t)
					axisOut[i] = append(axisOut[i], t)
					inAxis[t] = true
				}
			}
		}
	}
	b := &branch{coef: path.coef, weights: []float64{1}}
	wst := map[Label]int{}
	if core != nil && core.W != nil {
		var err error
		if b.weights, b.stored, err = core.W.open(p, f.small); err != nil {
			return nil, err
		}
		wst = p.strides(core.W.Labels)
	}
	preAt, preData := p.combine(tracks, pre)
	postAt, postData := p.combine(tracks, post)
	b.pre, b.post = preData, postData
	grouped := map[Label]bool{}
	for _, l := range f.form.Group {
		grouped[l] = true
	}
	// Strides of an index in W, the scale before, the weights, the scale after,
	// and the labels of W that it runs over.
	stride := func(t *track) (s [4]int, over []Label) {
		if t.in != none {
			s[0] = f.stride[t.in]
			over = append(over, t.in)
		}
		if t.alive && !(t.in != none && grouped[t.in] && t.now == t.in) {
			s[0] += f.stride[t.now]
			over = append(over, t.now)
		}
		s[1], s[3] = preAt(t), postAt(t)
		if t.core != none {
			s[2] = wst[t.core]
		}
		return s, over
	}
	if core != nil {
		for i, a := range core.Axes {
			var x windowed
			x.in, x.out = p.spread(axisIn[i], stride), p.spread(axisOut[i], stride)
			taps := p.flat(a.Tap, wst)
			for _, e := range a.Entries() {
				x.entries = append(x.entries, entry{in: e.In, out: e.Out, tap: at(taps, e.Tap), weight: e.Weight})
			}
			b.axes = append(b.axes, x)
		}
	}
	for _, t := range tracks {
		if inAxis[t] {
			continue
		}
		s, over := stride(t)
		b.loops = append(b.loops, plain{loop: loop{n: p.trackSize(t), stride: s}, over: over})
	}
	b.sort()
	return b, nil
}

// combine multiplies scales into one array and gives its stride for a track.
func (p *Program) combine(tracks []*track, fs []factor) (func(t *track) int, []float64) {
	if len(fs) == 0 {
		return func(*track) int { return 0 }, []float64{1}
	}
	var used []*track
	for _, t := range tracks {
		if slices.ContainsFunc(fs, func(f factor) bool { _, ok := f.on[t]; return ok }) {
			used = append(used, t)
		}
	}
	st := map[*track]int{}
	n := 1
	for i := len(used) - 1; i >= 0; i-- {
		st[used[i]] = n
		n *= p.trackSize(used[i])
	}
	data := make([]float64, n)
	for i := range data {
		v := 1.0
		for _, f := range fs {
			o := 0
			for t, s := range f.on {
				o += i / st[t] % p.trackSize(t) * s
			}
			v *= f.data[o]
		}
		data[i] = v
	}
	return func(t *track) int { return st[t] }, data
}

// spread lists the places of all flat indices over a list of tracks.
func (p *Program) spread(list []*track, stride func(*track) ([4]int, []Label)) []place {
	out := []place{{}}
	for _, t := range list {
		st, over := stride(t)
		next := make([]place, 0, len(out)*p.trackSize(t))
		for _, o := range out {
			for i := range p.trackSize(t) {
				x := place{off: o.off, at: slices.Clone(o.at)}
				for k := range x.off {
					x.off[k] += i * st[k]
				}
				for _, l := range over {
					x.at = append(x.at, limit{l, i, i + 1})
				}
				next = append(next, x)
			}
		}
		out = next
	}
	return out
}
