package graph

import (
	"errors"
	"fmt"

	"repmlp/internal/budget"
	"repmlp/onnxio"
)

// An evaluation works one constant out. Values that several nodes read are
// worked out once and dropped after their last reader, and everything is asked
// of the budget before it takes room.
type evaluation struct {
	g     *Graph
	meter *budget.Meter
	uses  map[*Value]int // readings that are still to come
	done  map[*Value]*Const
	node  string // the one that is evaluated
}

func (g *Graph) evaluation(limits budget.Limits) *evaluation {
	return &evaluation{g: g, meter: limits.Meter(budget.Constants), uses: map[*Value]int{}, done: map[*Value]*Const{}}
}

// constRoom is what constants may take that nodes compute: a budget that the
// caller set, else a part that every model may have and several times what the
// model stores, in float64.
func constRoom(m *onnxio.Model) budget.Limits {
	l := m.Limits()
	if l.Constants == 0 {
		stored := int64(0)
		for _, t := range m.Graph.Inits {
			stored += t.Len() * int64(t.DType.Bits()) / 8
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
	e.uses[v]++
	if e.uses[v] > 1 || v.constant != nil || v.Init != nil {
		return
	}
	for _, in := range v.Producer.reads() {
		e.count(in)
	}
}

// reads lists the inputs whose elements the node's constant rule wants.
func (n *Node) reads() []*Value {
	var list []*Value
	op := constOps[n.OpType]
	for i, in := range n.In {
		if in != nil && op.reads(i) {
			list = append(list, in)
		}
	}
	return list
}

func (e *evaluation) value(v *Value) (*Const, error) {
	if v.constant != nil {
		return v.constant, nil
	}
	if c := e.done[v]; c != nil {
		return c, nil
	}
	c, err := e.compute(v)
	if err != nil {
		return nil, err
	}
	e.done[v] = c
	return c, nil
}

func (e *evaluation) compute(v *Value) (*Const, error) {
	if v.Init != nil {
		bytes := budget.Bytes(8, v.Init.Dims...)
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
	op := constOps[n.OpType]
	args := make([]*Const, len(n.In))
	for i, in := range n.In {
		if in == nil || !op.reads(i) {
			continue
		}
		c, err := e.value(in)
		if err != nil {
			return nil, err
		}
		args[i] = c
	}
	e.node = n.Title()
	out, err := op.run(e, n, args)
	if _, large := errors.AsType[*budget.Exceeded](err); err != nil && (large || len(n.In) == 0) {
		return nil, fmt.Errorf("node %q (%s): %w", n.Title(), n.OpType, err)
	} else if err != nil {
		return nil, &UndefinedError{n, err}
	}
	for _, in := range n.reads() {
		if e.uses[in]--; e.uses[in] == 0 && e.done[in] != nil {
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
	return &v
}
