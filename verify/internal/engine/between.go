package engine

import (
	"maps"
	"slices"

	"repmlp/onnxio/graph"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// between lists the nodes that have to run for some values, in order, and how
// often each value is read by them. With sizes, integers that shapes determine
// become known instead.
func (e *Engine) between(known map[int]*operator.Value, sizes bool, todo []int) (run []int, uses map[int]int) {
	uses = map[int]int{}
	runs := map[int]bool{}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		at, made := e.maker[id]
		if !made || known[id] != nil {
			continue
		}
		c := e.order[at.node]
		if v := c.n.Out[at.output]; v != nil && sizes {
			if t := e.sizeTensor(v); t != nil {
				known[id] = t
				continue
			}
		}
		if runs[at.node] {
			continue
		}
		runs[at.node] = true
		for _, in := range c.in {
			if in >= 0 {
				uses[in]++
				todo = append(todo, in)
			}
		}
	}
	return slices.Sorted(maps.Keys(runs)), uses
}

// fedConstants are the constants of the model among what is fed, and what the steps that
// run make of these: constants are fed where layers between them are proved.
func (e *Engine) fedConstants(feeds map[string]*tensor.Tensor, run []int) map[int]bool {
	open := map[int]bool{}
	for name := range feeds {
		if v := e.g.Value(name); v != nil && e.isFixed(v) {
			open[e.id(name)] = true
		}
	}
	for _, i := range run {
		if s := e.order[i]; len(open) > 0 && s.fixed && slices.ContainsFunc(s.in, func(id int) bool { return open[id] }) {
			for _, id := range s.outs {
				open[id] = id >= 0
			}
		}
	}
	return open
}

func size(t *operator.Value) int64 { return int64(4*len(t.F32) + 8*len(t.F64) + 8*len(t.I)) }

// fedAll reports whether all graph inputs are fed, so that sizes come from
// running their nodes.
func (e *Engine) fedAll(feeds map[string]*tensor.Tensor) bool {
	for _, in := range e.g.Inputs {
		if feeds[in.Name] == nil {
			return false
		}
	}
	return true
}

// sizeTensor is an integer tensor that the shapes alone determine, nil for any
// other. Constants are none: what the graph makes of them is what a proof has to
// find out with operators of its own.
func (e *Engine) sizeTensor(v *graph.Value) *operator.Value {
	dims := v.Ints()
	if dims == nil || !v.Elem.IsInt() {
		return nil
	}
	if n := v.Producer; e.g.IsConst(v) && (n == nil || n.OpType() != "Shape" && n.OpType() != "Size") {
		return nil
	}
	shape, ok := v.Shape()
	if !ok {
		return nil
	}
	t := &operator.Value{Tensor: tensor.Tensor{DType: v.Elem, I: make([]int64, len(dims)), Shape: make([]int, len(shape))}}
	for i, d := range dims {
		n, ok := d.Int()
		if !ok {
			return nil
		}
		t.I[i] = n
	}
	for i, d := range shape {
		n, ok := d.Int()
		if !ok {
			return nil
		}
		t.Shape[i] = int(n)
	}
	if t.Len() != len(t.I) {
		return nil
	}
	return t
}
