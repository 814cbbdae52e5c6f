package convert

import (
	"slices"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// Branches of a sum may read a map and the same map with reflected, repeated or
// wrapped borders. The map is the inside of the padded one, so all of them are
// convolutions of that: they merge behind the padding, which stays. A branch that
// pads with zeros does not fit, because outside the map there are no zeros.

// paddedSum plans such a sum; nil where v is none.
func (p *planner) paddedSum(v *graph.Value) *Region {
	leaves, coefs, covers := p.leaves(v, 1)
	pad, pads := p.keptPad(leaves)
	if pad == nil {
		return nil
	}
	source := pad.Producer.In[0]
	shape, ok := source.Shape()
	if !ok {
		return nil
	}
	inside := graph.Invent(source.Name+".inside", source.Elem, shape)
	whole := &step{rule: "sum", node: p.steps[v].node, kind: sumStep, coef: coefs, covers: covers}
	var moved []*graph.Value
	for _, l := range leaves {
		if slices.Contains(p.chain(l), pad) {
			whole.args = append(whole.args, l)
			continue
		}
		if l == source {
			return nil // the map itself: its one reader would be another sum
		}
		seg := p.segment(source, l)
		if seg == nil {
			return nil
		}
		to := map[*graph.Value]*graph.Value{source: inside}
		for i, x := range seg.values {
			dims, _ := x.Shape()
			to[x] = graph.Invent(x.Name+".inside", x.Elem, dims)
			s := *seg.steps[i]
			s.args = slices.Clone(s.args)
			for k, a := range s.args {
				s.args[k] = to[a]
			}
			p.steps[to[x]] = &s
			if p.steps[inside] == nil {
				p.steps[inside] = cropStep(s.node, pad, pads)
			}
			moved = append(moved, to[x])
		}
		whole.args = append(whole.args, to[l])
	}
	p.addUp(whole)
	before := p.steps[v]
	p.steps[v] = whole
	r := p.candidate(pad, v)
	if r == nil || r.Kind != "conv" {
		p.steps[v] = before
		for _, x := range append(moved, inside) {
			delete(p.steps, x)
		}
		return nil
	}
	r.source = source
	for _, l := range leaves {
		if seg := p.segment(source, l); seg != nil {
			for _, x := range seg.values {
				p.visited[x] = true
			}
		}
	}
	return r
}

// keptPad finds the one padding with other values than zeros that some of the
// leaves are affine functions of, while the others are functions of the map
// before it.
func (p *planner) keptPad(leaves []*graph.Value) (*graph.Value, []int64) {
	var pad *graph.Value
	for _, l := range leaves {
		for _, x := range p.chain(l) {
			if s := p.steps[x]; s != nil && s.rule == "pad" && s.kind == mapStep && s.window == nil && x.Producer != nil {
				if pad != nil && x != pad {
					return nil, nil
				}
				pad = x
				break
			}
		}
	}
	if pad == nil {
		return nil, nil
	}
	rank := pad.Rank()
	pads, ok := p.g.Pads(pad.Producer, rank)
	if !ok || rank < 3 || pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 || pads[rank+1] != 0 || slices.Min(pads) < 0 {
		return nil, nil
	}
	source := pad.Producer.In[0]
	others := 0
	for _, l := range leaves {
		chain := p.chain(l)
		if slices.Contains(chain, pad) {
			continue
		}
		if !slices.Contains(chain, source) {
			return nil, nil
		}
		others++
	}
	if others == 0 {
		return nil, nil
	}
	return pad, pads
}

// cropStep explains a map as the inside of the padded one. n is a node that
// reads it.
func cropStep(n *graph.Node, pad *graph.Value, pads []int64) *step {
	rank := pad.Rank()
	s := &step{rule: "pad", node: n, args: []*graph.Value{pad}, kind: mapStep}
	s.trace = func(_ *tracer, in []traced) (traced, *refusal) {
		return in[0], refuse("", "the inside of %q is no view", pad.Name)
	}
	window := func(channels int) fuse.Window {
		w := fuse.IdentityWindow(channels, rank-2)
		for i := range w.Lo {
			w.Lo[i] = int(pads[i+2])
		}
		return w
	}
	s.window = func(in []mapState) (mapState, *refusal) {
		out := in[0]
		if !out.channelsFirst() {
			return out, refuse("", "%q is padded with other axes first", pad.Name)
		}
		out.win = out.win.Then(window(out.win.Out))
		out.dims = slices.Clone(out.dims)
		for i := range rank - 2 {
			out.dims[i+2] = out.dims[i+2].Minus(graph.Size(pads[i+2] + pads[rank+i+2]))
		}
		out.notZero, out.notZeroWhy = "padding_modes_differ", "\""+pad.Producer.Title()+"\" pads with other values"
		return out, nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		k := fuse.Identity(in[0].Out, rank-2)
		k.Window = window(in[0].Out)
		return in[0].Then(k), nil
	}
	return s
}
