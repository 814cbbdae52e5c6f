package plan

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio/graph"
)

// Branches of a sum may read a map and the same map with reflected, repeated or
// wrapped borders. The map is the inside of the padded one, so all of them are
// convolutions of that: they merge behind the padding, which stays. A branch that
// pads with zeros does not fit, because outside the map there are no zeros.

// paddedSum plans such a sum; nil where it is none.
func (p *planner) paddedSum(t *terms) *Region {
	pad, crop := p.keptPad(t)
	if pad == nil {
		return nil
	}
	source := pad.Producer.In[0]
	shape, ok := source.Shape()
	if !ok || !p.mayStart(pad) {
		return nil
	}
	inside := graph.Invent(source.Name+".inside", source.Elem, shape)
	all := make([]int, len(t.values))
	for i := range all {
		all[i] = i
	}
	whole := t.pick(t.of.Out, all)
	other := map[*graph.Value]*affine.Affine{whole.Out: whole}
	moved := map[*graph.Value]*graph.Value{source: inside}
	for i, x := range t.values {
		if p.t.e.Above(pad, x) {
			continue
		}
		steps := affine.Between(p.t.e.Of, source, x)
		if len(steps) == 0 {
			return nil // the map itself: its one reader would be another sum
		}
		for _, a := range steps {
			if moved[a.Out] == nil {
				dims, _ := a.Out.Shape()
				moved[a.Out] = graph.Invent(a.Out.Name+".inside", a.Out.Elem, dims)
			}
			args := make([]*graph.Value, len(a.Args))
			for k, v := range a.Args {
				args[k] = moved[v]
			}
			other[moved[a.Out]] = a.On(moved[a.Out], args)
			if other[inside] == nil {
				other[inside] = &affine.Affine{Out: inside, Args: []*graph.Value{pad}, Nodes: a.Nodes[:1], Op: crop, Rule: "pad"}
			}
		}
		whole.Args[i] = moved[x]
	}
	r := p.overlaid(pad, whole.Out, other, nil)
	if r == nil {
		return nil
	}
	if _, conv := r.Layer.(*layer.Conv); !conv {
		return nil
	}
	r.Fed = source
	for _, x := range t.values {
		if p.t.e.Above(source, x) {
			for _, a := range affine.Between(p.t.e.Of, source, x) {
				p.visited[a.Out] = true
			}
		}
	}
	return r
}

// keptPad finds the one padding with other values than zeros that some of the
// terms are affine functions of, while the others are functions of the map
// before it.
func (p *planner) keptPad(t *terms) (*graph.Value, *affine.Crop) {
	var pad *graph.Value
	for _, x := range t.values {
		found := p.t.e.PaddedAt(x)
		if found == nil {
			continue
		}
		if pad != nil && found != pad {
			return nil, nil
		}
		pad = found
	}
	if pad == nil {
		return nil, nil
	}
	crop, ok := p.t.e.Of(pad).Op.(*affine.Pad).Inside(pad.Producer)
	if !ok {
		return nil, nil
	}
	source := pad.Producer.In[0]
	others := false
	for _, x := range t.values {
		if p.t.e.Above(pad, x) {
			continue
		}
		if !p.t.e.Above(source, x) {
			return nil, nil
		}
		others = true
	}
	if !others {
		return nil, nil
	}
	return pad, crop
}
