package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// A Made is a value that a node makes. It is fixed where nothing that is fed reaches it.
type Made struct {
	Name  string
	Node  *graph.Node
	Fixed bool
}

// Made lists the values that nodes make, in the order of execution.
func (e *Engine) Made() (list []Made) {
	for _, s := range e.order {
		for _, name := range s.n.Outputs() {
			if name != "" {
				list = append(list, Made{name, s.n, s.fixed})
			}
		}
	}
	return list
}

// A Walk is one run of a model that stops at some of its values: each is made when it is
// asked for, and what nothing needs any more is forgotten. An engine makes one walk at a
// time.
type Walk struct {
	v     *evaluation
	still map[int]bool // nodes that have to run
}

// Walk begins a run that stops at values. All inputs of the graph are fed.
func (e *Engine) Walk(feeds map[string]*tensor.Tensor, stops []string) (*Walk, error) {
	if err := e.Supports(); err != nil {
		return nil, err
	}
	for _, name := range e.inputs() {
		if feeds[name] == nil {
			return nil, fmt.Errorf("running the model: input %q is not fed", name)
		}
	}
	v, run := e.begin(feeds, stops)
	w := &Walk{v, map[int]bool{}}
	for _, i := range run {
		w.still[i] = true
	}
	return w, nil
}

// To runs what a value needs that has not run, and returns it; nil where its node leaves it
// out. It may be read until Pass.
func (w *Walk) To(ctx context.Context, stop string) (*tensor.Tensor, error) {
	v := w.v
	id, ok := v.ids[stop]
	if !ok {
		return nil, fmt.Errorf("the model has no value %q", stop)
	}
	var run []int
	todo := []int{id}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		at, made := v.maker[id]
		if id < 0 || !made || !w.still[at.node] {
			continue
		}
		delete(w.still, at.node)
		run = append(run, at.node)
		todo = append(todo, v.order[at.node].in...)
	}
	slices.Sort(run)
	for _, i := range run {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := v.step(ctx, v.order[i]); err != nil {
			return nil, err
		}
	}
	if v.known[id] == nil {
		return nil, nil
	}
	return &v.known[id].Tensor, nil
}

// Pass forgets a value once the nodes that read it have run.
func (w *Walk) Pass(stop string) {
	v := w.v
	id, ok := v.ids[stop]
	if !ok {
		return
	}
	delete(v.keep, id)
	if v.uses[id] == 0 && v.known[id] != nil {
		v.forget(id)
		v.run.Arena.Settle(v.live)
	}
}

// End gives back what the walk holds.
func (w *Walk) End() { w.v.run.Arena.Settle(0) }

// forget drops a known value.
func (v *evaluation) forget(id int) {
	v.live -= size(v.known[id])
	v.run.Arena.Release(&v.known[id].Tensor)
	v.known[id] = nil
}

// begin makes what the wanted values are worked out with, and lists the nodes that have to
// run.
func (e *Engine) begin(feeds map[string]*tensor.Tensor, want []string) (v *evaluation, run []int) {
	e.run.Arena.Begin()
	v = &evaluation{Engine: e, known: map[int]*operator.Value{}, keep: map[int]bool{}}
	for name, t := range feeds {
		v.feed(name, t)
	}
	for _, w := range want {
		if id, ok := v.ids[w]; ok {
			v.keep[id] = true
		}
	}
	run, v.uses = e.between(v.known, len(feeds) > 0 && !e.fedAll(feeds), slices.Sorted(maps.Keys(v.keep)))
	v.open = e.fedConstants(feeds, run)
	for _, t := range v.known {
		v.live += size(t)
	}
	e.run.Arena.Settle(v.live)
	return v, run
}

// Held is how many bytes the values take that are known now.
func (w *Walk) Held() int64 { return w.v.live }
