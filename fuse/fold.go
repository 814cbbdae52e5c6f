package fuse

import (
	"fmt"
	"slices"
)

// A Form says how the folded weight is laid out: W[Group, Out, In], row-major,
// and b[Group, Out]. Group labels are in the program's input and its result.
type Form struct{ Group, Out, In []Label }

// Folded is a program as one FC layer, block-diagonal over the groups:
// y[g, o] = Σ_i W[g, o, i]·x[g, i] + B[g, o].
type Folded struct {
	W, B []float64
}

// maxPaths bounds the branches that are folded one by one.
const maxPaths = 256

// Fold computes the FC layer that equals the program. Branches that are one
// link between diagonals are written down directly: for a convolution this is
// W(F, p) of the RepMLP paper (Ding et al., CVPR 2022, Eq. 14) entry by entry.
// Other branches push the identity matrix (Eq. 15). The bias is what the
// program makes of a zero row; position-dependent biases come out exact.
func (p *Program) Fold(f Form) (*Folded, error) {
	out := &Folded{W: make([]float64, p.size(f.Group)*p.size(f.Out)*p.size(f.In))}
	paths, ok := p.paths(len(p.Ops)-1, 1)
	if !ok {
		if err := p.foldIdentity(f, p.linear(), out.W); err != nil {
			return nil, err
		}
	} else {
		for _, path := range paths {
			direct, err := p.foldDirect(f, path, out.W)
			if err == nil && !direct {
				err = p.foldIdentity(f, p.along(path), out.W)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	var err error
	out.B, err = p.Push(make([]float64, p.size(p.Input)), 1, slices.Concat(f.Group, f.Out))
	return out, err
}

// FoldByIdentity is Fold with the identity matrix pushed through the whole
// program: slower, and the reference for the direct forms.
func (p *Program) FoldByIdentity(f Form) (*Folded, error) {
	out := &Folded{W: make([]float64, p.size(f.Group)*p.size(f.Out)*p.size(f.In))}
	if err := p.foldIdentity(f, p.linear(), out.W); err != nil {
		return nil, err
	}
	var err error
	out.B, err = p.Push(make([]float64, p.size(p.Input)), 1, slices.Concat(f.Group, f.Out))
	return out, err
}

// linear is the program without its shifts.
func (p *Program) linear() *Program {
	q := &Program{Sizes: p.Sizes, Input: p.Input, Ops: slices.Clone(p.Ops)}
	for i := range q.Ops {
		q.Ops[i].Shift = nil
	}
	return q
}

// A path runs through one operand of every sum, from the input to the result.
type path struct {
	ops  []pathOp
	coef float64
}

type pathOp struct{ op, arg int }

func (p *Program) paths(k int, coef float64) ([]path, bool) {
	if k < 0 {
		return []path{{coef: coef}}, true
	}
	op := &p.Ops[k]
	var out []path
	for i, a := range op.Args {
		c := coef
		if op.Kind == Sum {
			c *= op.Coef[i]
		}
		sub, ok := p.paths(a, c)
		if !ok || len(out)+len(sub) > maxPaths {
			return nil, false
		}
		for _, s := range sub {
			s.ops = append(s.ops, pathOp{k, i})
			out = append(out, s)
		}
	}
	return out, true
}

// along is the linear program of one path.
func (p *Program) along(path path) *Program {
	q := &Program{Sizes: p.Sizes, Input: p.Input}
	for i, s := range path.ops {
		op := p.Ops[s.op]
		op.Shift = nil
		op.Args = []int{i - 1}
		if op.Kind == Sum {
			op.Rename = []map[Label]Label{op.Rename[s.arg]}
			op.Coef = []float64{1}
		}
		q.Ops = append(q.Ops, op)
	}
	q.Ops = append(q.Ops, Op{Kind: Sum, Args: []int{len(q.Ops) - 1}, Coef: []float64{path.coef}, Rename: []map[Label]Label{nil}})
	return q
}

// identityBatch is how many columns of the identity matrix run at a time.
const identityBatch = 256

// foldIdentity adds the matrix of the linear program q to dst. A column of the
// identity serves all groups at once.
func (p *Program) foldIdentity(f Form, q *Program, dst []float64) error {
	groups, outs, ins := p.size(f.Group), p.size(f.Out), p.size(f.In)
	order := slices.Concat(f.Group, f.In)
	for from := 0; from < ins; from += identityBatch {
		batch := min(identityBatch, ins-from)
		eye := make([]float64, groups*ins*batch)
		for g := range groups {
			for b := range batch {
				eye[(g*ins+from+b)*batch+b] = 1
			}
		}
		in, err := p.arrange(rows{order, batch, eye}, p.Input)
		if err != nil {
			return err
		}
		res, err := q.Push(in, batch, slices.Concat(f.Group, f.Out))
		if err != nil {
			return err
		}
		for k := range groups * outs {
			for b := range batch {
				dst[k*ins+from+b] += res[k*batch+b]
			}
		}
	}
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

// foldDirect adds a path with at most one link to dst; it reports false where
// the path has more.
func (p *Program) foldDirect(f Form, path path, dst []float64) (bool, error) {
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
	type factor struct {
		on   map[*track]int // stride of each index
		data []float64
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
				return false, err
			}
			fc := factor{map[*track]int{}, data}
			for l, st := range p.strides(op.Scale.Labels) {
				t := find(l)
				if t == nil {
					return false, fmt.Errorf("a scale depends on label %d, which its operand lacks", l)
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
				return false, nil
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
					return false, fmt.Errorf("a link contracts label %d, which its operand lacks", l)
				}
			}
			for i, a := range op.Axes {
				for _, l := range a.In {
					t := gone(l)
					if t == nil {
						return false, fmt.Errorf("a link reads label %d, which its operand lacks", l)
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
	// Strides of every index in W, the scale before, the weights, the scale after.
	group := map[Label]bool{}
	for _, l := range f.Group {
		group[l] = true
	}
	all := p.strides(slices.Concat(f.Group, f.Out, f.In))
	weights := []float64{1}
	wst := map[Label]int{}
	if core != nil && core.W != nil {
		var err error
		if weights, err = core.W.load(p); err != nil {
			return false, err
		}
		wst = p.strides(core.W.Labels)
	}
	combine := func(fs []factor) (func(t *track) int, []float64) {
		if len(fs) == 0 {
			return func(*track) int { return 0 }, []float64{1}
		}
		var labels []*track
		seen := map[*track]bool{}
		for _, t := range tracks {
			for _, fc := range fs {
				if _, ok := fc.on[t]; ok && !seen[t] {
					seen[t] = true
					labels = append(labels, t)
				}
			}
		}
		st := map[*track]int{}
		n := 1
		for i := len(labels) - 1; i >= 0; i-- {
			st[labels[i]] = n
			n *= p.trackSize(labels[i])
		}
		data := make([]float64, n)
		for i := range data {
			v := 1.0
			for _, fc := range fs {
				o := 0
				for t, s := range fc.on {
					o += i / st[t] % p.trackSize(t) * s
				}
				v *= fc.data[o]
			}
			data[i] = v
		}
		return func(t *track) int { return st[t] }, data
	}
	preAt, preData := combine(pre)
	postAt, postData := combine(post)
	stride := func(t *track) [4]int {
		var s [4]int
		if t.in != none {
			if group[t.in] {
				s[0] = all[t.in]
				if t.alive && t.now == t.in {
					goto rest
				}
			} else {
				s[0] = all[t.in]
			}
		}
		if t.alive {
			s[0] += all[t.now]
		}
	rest:
		s[1], s[3] = preAt(t), postAt(t)
		if t.core != none {
			s[2] = wst[t.core]
		}
		return s
	}
	var loops []loop
	if core != nil {
		for i, a := range core.Axes {
			l := loop{n: len(a.Entries), entries: []tuple{}}
			ins, outs := p.flatTracks(axisIn[i], stride), p.flatTracks(axisOut[i], stride)
			taps := p.flat(a.Tap, wst)
			for _, e := range a.Entries {
				t := tuple{weight: e.Weight}
				for k := range t.off {
					t.off[k] = ins[e.In][k] + outs[e.Out][k]
				}
				t.off[2] += at(taps, e.Tap)
				l.entries = append(l.entries, t)
			}
			loops = append(loops, l)
		}
	}
	for _, t := range tracks {
		if !inAxis[t] {
			loops = append(loops, loop{n: p.trackSize(t), stride: stride(t)})
		}
	}
	// The longest plain loop goes innermost.
	best := -1
	for i, l := range loops {
		if l.entries == nil && (best < 0 || l.n > loops[best].n) {
			best = i
		}
	}
	if best < 0 {
		loops = append(loops, loop{n: 1})
	} else {
		l := loops[best]
		loops = append(slices.Delete(loops, best, best+1), l)
	}
	nest(loops, func(o [4]int, weight float64, last loop) {
		c := path.coef * weight
		for range last.n {
			dst[o[0]] += c * preData[o[1]] * weights[o[2]] * postData[o[3]]
			for i := range o {
				o[i] += last.stride[i]
			}
		}
	})
	return true, nil
}

func (p *Program) trackSize(t *track) int {
	if t.in != none {
		return p.Sizes[t.in]
	}
	return p.Sizes[t.now]
}

// flatTracks lists the offsets of all flat indices over a list of tracks.
func (p *Program) flatTracks(list []*track, stride func(*track) [4]int) [][4]int {
	out := [][4]int{{}}
	for _, t := range list {
		st := stride(t)
		next := make([][4]int, 0, len(out)*p.trackSize(t))
		for _, o := range out {
			for i := range p.trackSize(t) {
				x := o
				for k := range x {
					x[k] += i * st[k]
				}
				next = append(next, x)
			}
		}
		out = next
	}
	return out
}
