package tidy

import (
	"slices"

	"repmlp/onnxio/graph"
)

// views are operators that keep the order of all elements.
var views = map[string]bool{"Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true}

// view reports whether a node is a view of its first input whose shape is known.
func (t *net) view(w *work) bool {
	return views[w.OpType()] && w.Sound() && t.trusted(w, 1)
}

// transpose is the permutation of a node that is a Transpose, nil for others.
func (w *work) transpose() []int64 {
	if w.perm != nil {
		return w.perm
	}
	if w.OpType() != "Transpose" || !w.Sound() || len(w.in) == 0 || w.in[0] == nil || w.in[0].Rank() < 0 {
		return nil
	}
	perm := make([]int64, w.in[0].Rank())
	for i, p := range graph.Perm(w.Node, len(perm)) {
		perm[i] = int64(p)
	}
	return perm
}

// resize gives a Reshape whose target is computed at run time a target that is a
// constant, where one says the same.
func (t *net) resize(w *work) {
	in, out, ok := w.first()
	if !ok || w.gone || w.OpType() != "Reshape" || !w.Sound() || len(w.In) < 2 || w.In[1] == nil || t.constant(w.In[1]) || !t.trusted(w, 1) {
		return
	}
	if w.sizes = target(in, out); w.sizes != nil {
		w.in = w.in[:1]
	}
}

// target is the shape of out as a Reshape of in asks for it: numbers, 0 for a size that
// in has at the same place, at most one -1. It is nil where that does not say it.
func target(in, out *graph.Value) []int64 {
	from, to := dimsOf(in), dimsOf(out)
	if to == nil {
		return nil
	}
	sizes := make([]int64, len(to))
	var open []int
	for i, d := range to {
		n, ok := d.Int()
		switch {
		case !ok:
			open = append(open, i)
		case n <= 0:
			return nil
		}
		sizes[i] = n
	}
	inferred := len(open) == 1
	for _, i := range open {
		switch {
		case inferred && len(open) == 1:
			sizes[i] = -1
		case i < len(from) && from[i].Equal(to[i]):
			sizes[i] = 0
		case inferred:
			return nil
		default:
			sizes[i], inferred = -1, true
		}
	}
	return sizes
}

// fuse takes away a view that is only read by views, and a Transpose that is only read
// by Transposes. What undoes it goes in any case.
func (t *net) fuse(w *work) {
	in, out, ok := w.first()
	if !w.alive || w.gone || !ok {
		return
	}
	after := follower(t, w)
	if after == nil {
		return
	}
	all := !t.bound[out]
	var follow []*work
	var how []work
	for _, r := range t.readers[out] {
		if !r.alive || r.gone || !slices.Contains(r.in, out) {
			continue
		}
		next, ok := t.follows(r, out, after)
		if !ok {
			all = false
			continue
		}
		if undone := next.sizes == nil && next.perm == nil; undone && t.replace(r, in, r.Out[0]) {
			t.pass(r.Out[0], in)
			continue
		} else if undone {
			all = false
			continue
		}
		follow, how = append(follow, r), append(how, next)
	}
	if !all || len(follow) == 0 {
		return
	}
	w.alive = false
	for i, r := range follow {
		r.in = []*graph.Value{in}
		r.sizes, r.perm = how[i].sizes, how[i].perm
		t.readers[in] = append(t.readers[in], r)
	}
}

// follower says how a node that reads the result of w does both at once: nothing where
// it undoes w, and ok is false where it cannot. It is nil where w is no node for that.
func follower(t *net, w *work) func(r *work) (work, bool) {
	in := w.in[0]
	if perm := w.transpose(); perm != nil {
		return func(r *work) (work, bool) {
			second := r.transpose()
			if len(second) != len(perm) {
				return work{}, false
			}
			both := make([]int64, len(perm))
			for i, p := range second {
				both[i] = perm[p]
			}
			if inOrder(both) {
				both = nil
			}
			return work{perm: both}, true
		}
	}
	if !t.view(w) {
		return nil
	}
	return func(r *work) (work, bool) {
		if !t.view(r) || t.g.Opset < shapeInput && !in.Elem.IsFloat() {
			return work{}, false
		}
		if sameSizes(in, r.Out[0]) {
			return work{}, true
		}
		sizes := target(in, r.Out[0])
		return work{sizes: sizes}, sizes != nil
	}
}

// follows asks how r, which reads out, does the work of both nodes.
func (t *net) follows(r *work, out *graph.Value, after func(*work) (work, bool)) (work, bool) {
	if first, _, ok := r.first(); !ok || first != out || slices.Contains(r.in[1:], out) {
		return work{}, false
	}
	return after(r)
}

// pass has the readers of a value that is gone read another.
func (t *net) pass(gone, now *graph.Value) {
	for _, r := range t.readers[gone] {
		for i, v := range r.in {
			if v == gone {
				r.in[i] = now
			}
		}
	}
	t.readers[now] = append(t.readers[now], t.readers[gone]...)
	delete(t.readers, gone)
}

// rename has the node that makes a value make the output that a node without use gave
// it as another name.
func (t *net) rename() {
	for _, out := range t.g.Outputs {
		if out.Producer == nil {
			continue
		}
		w := t.nodes[out.Producer.Index]
		in, first, ok := w.first()
		if !ok || first != out || w.sizes != nil || w.perm != nil || in.Producer == nil || t.bound[in] || t.names[in] != nil || t.constant(in) || t.tensor(in) != nil || !t.idle(w, in, out) {
			continue
		}
		t.names[in] = out
		w.gone, w.alive = true, false
	}
}
