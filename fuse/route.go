package fuse

import (
	"fmt"
	"slices"
)

// track follows one index of the input, or one made by the link, along a path.
type track struct {
	in    Label // label in the program's input, none for one that the link made
	now   Label // what it is called at the current place
	alive bool  // false once contracted
	core  Label // its name inside the link's weight, or none
	slid  bool  // an axis of the link slides along it
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

// A route is what a path with at most one link does: scales, the link, scales.
type route struct {
	p         *Program
	tracks    []*track
	pre, post []factor
	link      *Op
	axes      []trackedAxis // of the link
}

type trackedAxis struct{ in, out []*track }

// follow goes along a path; nil where it has more than one link.
func (p *Program) follow(path path) (*route, error) {
	r := &route{p: p}
	for _, l := range p.Input {
		r.tracks = append(r.tracks, &track{in: l, now: l, alive: true, core: none})
	}
	for _, s := range path.ops {
		op := &p.Ops[s.op]
		switch op.Kind {
		case Diagonal:
			if err := r.scale(op.Scale); err != nil {
				return nil, err
			}
		case Sum:
			r.rename(op.Rename[s.arg])
		case Link:
			if r.link != nil {
				return nil, nil
			}
			if err := r.through(op); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// find is the track that is called l now, nil where there is none.
func (r *route) find(l Label) *track {
	for _, t := range r.tracks {
		if t.alive && t.now == l {
			return t
		}
	}
	return nil
}

func (r *route) scale(a *Array) error {
	if a == nil {
		return nil
	}
	data, err := a.load(r.p)
	if err != nil {
		return err
	}
	f := factor{map[*track]int{}, data}
	for l, stride := range r.p.strides(a.Labels) {
		t := r.find(l)
		if t == nil {
			return fmt.Errorf("a scale depends on label %d, which its operand lacks", l)
		}
		f.on[t] = stride
	}
	if r.link == nil {
		r.pre = append(r.pre, f)
	} else {
		r.post = append(r.post, f)
	}
	return nil
}

func (r *route) rename(names map[Label]Label) {
	for _, t := range r.tracks {
		if t.alive {
			t.now = rename(names, t.now)
		}
	}
}

// through ends the tracks that a link contracts or reads and begins those that it
// makes.
func (r *route) through(op *Op) error {
	r.link, r.axes = op, make([]trackedAxis, len(op.Axes))
	if op.W != nil {
		for _, l := range op.W.Labels {
			if t := r.find(l); t != nil {
				t.core = l
			}
		}
	}
	for _, l := range op.In {
		t := r.find(l)
		if t == nil {
			return fmt.Errorf("a link contracts label %d, which its operand lacks", l)
		}
		t.alive = false
	}
	for i, a := range op.Axes {
		for _, l := range a.In {
			t := r.find(l)
			if t == nil {
				return fmt.Errorf("a link reads label %d, which its operand lacks", l)
			}
			t.alive, t.slid = false, true
			r.axes[i].in = append(r.axes[i].in, t)
		}
	}
	for _, l := range op.Out {
		r.tracks = append(r.tracks, &track{in: none, now: l, alive: true, core: l})
	}
	for i, a := range op.Axes {
		for _, l := range a.Out {
			t := &track{in: none, now: l, alive: true, core: none, slid: true}
			r.tracks = append(r.tracks, t)
			r.axes[i].out = append(r.axes[i].out, t)
		}
	}
	return nil
}

// combine multiplies scales into one array and gives its stride for each track,
// zero for those that it does not depend on.
func (p *Program) combine(tracks []*track, fs []factor) (map[*track]int, []float64) {
	if len(fs) == 0 {
		return nil, []float64{1}
	}
	var used []*track
	for _, t := range tracks {
		if slices.ContainsFunc(fs, func(f factor) bool { _, ok := f.on[t]; return ok }) {
			used = append(used, t)
		}
	}
	stride := map[*track]int{}
	n := 1
	for _, t := range slices.Backward(used) {
		stride[t] = n
		n *= p.trackSize(t)
	}
	data := make([]float64, n)
	for i := range data {
		v := 1.0
		for _, f := range fs {
			o := 0
			for t, s := range f.on {
				o += i / stride[t] % p.trackSize(t) * s
			}
			v *= f.data[o]
		}
		data[i] = v
	}
	return stride, data
}
