package verify

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/onnxio"
)

func controls() map[string]operator { return map[string]operator{"If": ifOp, "Loop": loopOp} }

// body runs a subgraph: its own inputs, then what it captures.
func (c *call) body(g *onnxio.Graph, own []*Tensor) ([]*Tensor, error) {
	e := c.e.bodies[g]
	if e == nil {
		var err error
		m := c.e.model.Subgraph(g)
		if e, err = NewEngine(m, EngineOptions{Mode: c.e.mode, Seed: c.e.seed, meter: c.e.arena.meter}); err != nil {
			return nil, err
		}
		if err := e.Supports(); err != nil {
			return nil, err
		}
		c.e.bodies[g] = e
	}
	feeds := map[string]*Tensor{}
	for i, t := range own {
		if i < len(g.Inputs) && t != nil {
			feeds[g.Inputs[i].Name] = t
		}
	}
	for _, name := range g.Captures() {
		if t := c.captured[name]; t != nil {
			feeds[name] = t
		}
	}
	var want []string
	for _, o := range g.Outputs {
		want = append(want, o.Name)
	}
	got, err := e.Eval(c.ctx, feeds, want)
	if err != nil {
		return nil, err
	}
	c.e.random = c.e.random || e.random
	out := make([]*Tensor, len(want))
	for i, name := range want {
		out[i] = got[name]
	}
	return out, nil
}

func ifOp(c *call) ([]*Tensor, error) {
	name := "else_branch"
	if c.in[0].I[0] != 0 {
		name = "then_branch"
	}
	a := c.n.Attr(name)
	if a == nil || a.G == nil {
		return nil, fmt.Errorf("it has no %s", name)
	}
	return c.body(a.G, nil)
}

// maxTrips bounds a loop; real ones stay far below.
const maxTrips = 1 << 20

func loopOp(c *call) ([]*Tensor, error) {
	a := c.n.Attr("body")
	if a == nil || a.G == nil {
		return nil, errors.New("it has no body")
	}
	trips := int64(maxTrips)
	if c.has(0) {
		trips = c.in[0].I[0]
	}
	if trips > maxTrips {
		return nil, fmt.Errorf("it runs %d times", trips)
	}
	cond := &Tensor{DType: onnxio.Bool, Shape: []int{}, I: []int64{1}}
	if c.has(1) {
		cond = c.in[1]
	}
	state := slices.Clone(c.in[min(2, len(c.in)):])
	n := len(state)
	scans := make([][]*Tensor, len(a.G.Outputs)-1-n)
	for i := int64(0); i < trips && cond.I[0] != 0; i++ {
		iter := &Tensor{DType: onnxio.Int64, Shape: []int{}, I: []int64{i}}
		out, err := c.body(a.G, append([]*Tensor{iter, cond}, state...))
		if err != nil {
			return nil, err
		}
		cond = out[0]
		copy(state, out[1:1+n])
		for k := range scans {
			scans[k] = append(scans[k], out[1+n+k])
		}
	}
	outs := state
	for _, list := range scans {
		if len(list) == 0 {
			return nil, unsupported("the Go engine lacks scan outputs of a loop that does not run")
		}
		shape := append([]int{len(list)}, list[0].Shape...)
		all := like(list[0], list[0].DType, shape)
		for i, t := range list {
			for j := range t.Len() {
				copyElement(all, i*t.Len()+j, t, j)
			}
		}
		outs = append(outs, all)
	}
	return outs, nil
}
