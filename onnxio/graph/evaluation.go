package graph

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/internal/budget"
	"repmlp/onnxio"
)

// An evaluation works one constant out. Values that several nodes read are
// worked out once and dropped after their last reader, and everything is asked
// of the budget before it takes room.
type evaluation struct {
	g        *Graph
	meter    *budget.Meter
	uses     map[*Value]int // readings that are still to come
	done     map[*Value]*Const
	products int64  // that may still be made
	last     *Const // the graph's, which stays there meanwhile

	node   string   // the one that is evaluated
	output int      // which of its outputs
	spare  []*Const // of its inputs, that nothing else reads
}

func (g *Graph) evaluation(limits budget.Limits) *evaluation {
	return &evaluation{g: g, meter: limits.Meter(budget.Constants), uses: map[*Value]int{}, done: map[*Value]*Const{}, last: g.last.weak.Value()}
}

// constRoom is what constants may take that nodes compute: a budget that the
// caller set, else a part that every model may have and several times what the
// model stores, in float64.
func constRoom(m *onnxio.Model) budget.Limits {
	l := m.Limits()
	if l.Constants == 0 {
		stored := int64(0)
		for _, t := range m.Graph().Inits() {
			stored += t.Len() * int64(t.DType().Bits()) / 8
		}
		l.Constants = min(smallRoom+16*stored, budget.DefaultConstants)
	}
	return l
}

// smallRoom is what the constants of a model without weights may take: 8 M
// numbers, many times what tables of positions and masks need.
const smallRoom = 64 << 20

// make returns a constant of zeros.
func (e *evaluation) make(d onnxio.DType, shape []int) (*Const, error) {
	for _, n := range shape {
		if n < 0 {
			return nil, fmt.Errorf("shape %v has a negative size", shape)
		}
	}
	bytes := budget.Bytes(8, shape...)
	if err := e.meter.Take(bytes, e.node); err != nil {
		return nil, err
	}
	c := &Const{DType: d, Shape: shape, bytes: bytes}
	if d.IsFloat() {
		c.F = make([]float64, size(shape))
	} else {
		c.I = make([]int64, size(shape))
	}
	return c, nil
}

// count notes how often every value is read on the way to v.
func (e *evaluation) count(v *Value) {
	todo := []*Value{v}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		e.uses[v]++
		if e.uses[v] == 1 && e.g.kept(v) == nil && v.Init == nil {
			todo = append(todo, v.Producer.reads()...)
		}
	}
}

// reads lists the inputs whose elements the node's constant rule wants.
func (n *Node) reads() []*Value {
	var list []*Value
	op := constOps[n.OpType()]
	for i, in := range n.In {
		if in != nil && op.reads(i) {
			list = append(list, in)
		}
	}
	return list
}

// value works v out, and before it whatever it is computed from that is not known
// yet, in the order in which the nodes read it.
func (e *evaluation) value(v *Value) (*Const, error) {
	type frame struct {
		v     *Value
		reads []*Value // that are still to be looked at
	}
	open := func(v *Value) frame {
		if v.Init != nil {
			return frame{v: v}
		}
		return frame{v, v.Producer.reads()}
	}
	path := []frame{open(v)}
	for len(path) > 0 {
		f := &path[len(path)-1]
		if len(f.reads) > 0 && e.known(f.v) == nil {
			in := f.reads[0]
			f.reads = f.reads[1:]
			if e.known(in) == nil {
				path = append(path, open(in))
			}
			continue
		}
		if e.known(f.v) == nil {
			c, err := e.compute(f.v)
			if _, large := errors.AsType[*budget.Exceeded](err); large && f.v.Init != nil && len(path) > 1 {
				err = &UndefinedError{path[len(path)-2].v.Producer, err}
			}
			if err != nil {
				return nil, err
			}
			e.done[f.v] = c
		}
		path = path[:len(path)-1]
	}
	return e.known(v), nil
}

// known is the value of v where it was worked out, else nil.
func (e *evaluation) known(v *Value) *Const {
	if c := e.g.kept(v); c != nil {
		return c
	}
	return e.done[v]
}

// compute runs the node that makes v; what it reads is known.
func (e *evaluation) compute(v *Value) (*Const, error) {
	if v.Init != nil {
		bytes := budget.Bytes(8, v.Init.Dims()...)
		if err := e.meter.Take(bytes, v.Name); err != nil {
			return nil, err
		}
		c, err := tensorConst(v.Init)
		if err == nil {
			c.bytes = bytes
		}
		return c, err
	}
	n := v.Producer
	op := constOps[n.OpType()]
	args := make([]*Const, len(n.In))
	e.node, e.output, e.spare = n.Title(), v.Index, nil
	here := map[*Value]int{} // readings of this node
	for _, in := range n.reads() {
		here[in]++
	}
	for i, in := range n.In {
		if in == nil || !op.reads(i) {
			continue
		}
		args[i] = e.known(in)
		// An operand that a node of many reads twice is there until the last of them.
		once := here[in] == 1 || len(n.In) == 2
		if once && e.uses[in] == here[in] && e.done[in] == args[i] && !args[i].shared {
			e.spare = append(e.spare, args[i])
		}
	}
	out, err := op.run(e, n, args)
	if err != nil && len(n.In) == 0 {
		return nil, fmt.Errorf("node %q (%s): %w", n.Title(), n.OpType(), err)
	} else if err != nil {
		return nil, &UndefinedError{n, err}
	}
	for in := range here {
		if e.uses[in] -= here[in]; e.uses[in] == 0 && e.done[in] != nil {
			e.meter.Give(e.done[in].bytes)
			delete(e.done, in)
		}
	}
	return out, nil
}

// view shares the elements of c under another shape.
func (c *Const) view(shape []int) *Const {
	v := *c
	v.Shape = shape
	c.bytes = 0 // whoever lives longest counts
	c.shared, v.shared = true, true
	return &v
}

// view is c under another shape, which takes its elements over where nothing else
// reads them.
func (e *evaluation) view(c *Const, shape []int) *Const {
	shared := c.shared
	v := c.view(shape)
	v.shared = shared || !slices.Contains(e.spare, c)
	return v
}

// over is make in the place of one of some constants that nothing else reads.
func (e *evaluation) over(d onnxio.DType, shape []int, from ...*Const) (*Const, error) {
	for _, c := range from {
		if c.DType == d && slices.Equal(c.Shape, shape) && !c.shared && slices.Contains(e.spare, c) {
			out := &Const{DType: d, Shape: shape, F: c.F, I: c.I, bytes: c.bytes}
			c.bytes = 0
			return out, nil
		}
	}
	return e.make(d, shape)
}
