package convert

import (
	"context"
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// A bodyResult is what was merged in the bodies of control-flow nodes.
type bodyResult struct {
	model    *onnxio.Model
	regions  []RegionReport
	declined []Decline
	left     []Left
	proofs   map[string]verify.Proof
	planned  int  // merges that could be made
	stopped  bool // by Options.StopAfter, before all were merged
}

// convertBodies merges inside If, Loop and Scan bodies, each as a model of its
// own: values from outside are its inputs, constants from outside its
// constants. Merged weights live in the body.
func convertBodies(ctx context.Context, m *onnxio.Model, opts Options) (*bodyResult, error) {
	res := &bodyResult{model: m, proofs: map[string]verify.Proof{}}
	has := false
	for _, n := range m.Graph().Nodes() {
		has = has || len(n.Subgraphs()) > 0
	}
	if !has {
		return res, nil
	}
	g, err := graph.New(m, opts.graph())
	if err != nil {
		return nil, err
	}
	var edit onnxio.Edit
	count := 0
	reserved := append(slices.Clone(opts.reserved), reservedNames(g))
	outside := surroundings{g, map[*graph.Value]*onnxio.Tensor{}}
	for _, n := range g.Nodes {
		now := n.Node
		for _, sub := range n.Subgraphs() {
			inputs, inits, err := outside.captured(sub)
			if err != nil {
				return nil, err
			}
			body, err := m.Body(sub, inputs, inits)
			if err != nil {
				return nil, fmt.Errorf("looking into a body of %q: %w", n.Title(), err)
			}
			inner := opts
			inner.Began, inner.Progress, inner.Dump = nil, nil, nil
			inner.Shapes, inner.reserved, inner.once, inner.prefix = nil, reserved, nil, fmt.Sprintf("%sb%d.", opts.prefix, count+1)
			if opts.StopAfter > 0 {
				if inner.StopAfter = opts.StopAfter - len(res.regions); inner.StopAfter == 0 {
					res.stopped = true
					continue
				}
			}
			convert := inMemory
			if opts.look {
				convert = planOnly
			}
			r, err := convert(ctx, body, inner)
			if err != nil {
				return nil, fmt.Errorf("merging in a body of %q: %w", n.Title(), err)
			}
			res.declined, res.left = append(res.declined, r.Plan.Declined...), append(res.left, r.Plan.Left...)
			if r.Plan.planned > 0 {
				count++ // also where none of them is made: names of merges do not depend on that
			}
			res.planned += r.Plan.planned
			if len(r.Plan.Regions) == 0 {
				continue
			}
			for _, region := range r.Plan.Regions {
				proof, proved := r.Proofs[region.ID]
				region.ID = fmt.Sprintf("b%d.%s", count, region.ID)
				if proved {
					res.proofs[region.ID] = proof
				}
				res.regions = append(res.regions, region)
			}
			if opts.look {
				continue
			}
			if now, err = now.WithBody(sub, r.Model, inputs, inits); err != nil {
				return nil, err
			}
		}
		if now != n.Node {
			edit.DropNodes = append(edit.DropNodes, n.Node)
			edit.AddNodes = append(edit.AddNodes, onnxio.Placed{Node: now, Before: n.Node})
		}
	}
	if len(edit.AddNodes) > 0 {
		if res.model, err = m.Apply(edit); err != nil {
			return nil, fmt.Errorf("writing merged bodies: %w", err)
		}
	}
	return res, nil
}

// surroundings are the graph that bodies read from.
type surroundings struct {
	g         *graph.Graph
	constants map[*graph.Value]*onnxio.Tensor // what was worked out for a body
}

// captured declares what a body reads from outside.
func (s surroundings) captured(sub *onnxio.Graph) (inputs []*onnxio.ValueInfo, inits []*onnxio.Tensor, err error) {
	for _, name := range sub.Captures() {
		v := s.g.Value(name)
		switch {
		case v == nil:
			inputs = append(inputs, onnxio.Untyped(name, onnxio.Undefined))
		case v.Init != nil && s.g.IsConst(v):
			inits = append(inits, v.Init)
		case s.g.IsConst(v) && v.Elem.IsFloat():
			t, err := s.constant(v)
			if err != nil {
				return nil, nil, err
			}
			inits = append(inits, t)
		default:
			inputs = append(inputs, declareValue(v))
		}
	}
	return inputs, inits, nil
}

// constant is a constant that nodes compute, worked out for all bodies that read it.
func (s surroundings) constant(v *graph.Value) (*onnxio.Tensor, error) {
	if t := s.constants[v]; t != nil {
		return t, nil
	}
	c, err := s.g.Const(v)
	if err != nil {
		return nil, err
	}
	b, err := onnxio.EncodeFloat64(c.Float(), v.Elem)
	if err != nil {
		return nil, err
	}
	dims := make([]int64, len(c.Shape))
	for i, d := range c.Shape {
		dims[i] = int64(d)
	}
	t, err := onnxio.NewTensor(v.Name, v.Elem, dims, b)
	if err != nil {
		return nil, err
	}
	s.constants[v] = t
	return t, nil
}

// declareValue is a value with the shape that is known of it.
func declareValue(v *graph.Value) *onnxio.ValueInfo {
	shape, ok := v.Shape()
	if !ok {
		return onnxio.Untyped(v.Name, v.Elem)
	}
	dims := make([]onnxio.Dim, len(shape))
	for i, d := range shape {
		if n, ok := d.Int(); ok {
			dims[i] = onnxio.Known(n)
		} else {
			dims[i] = onnxio.Named(d.String())
		}
	}
	return onnxio.NewValue(v.Name, v.Elem, dims...)
}

// reservedNames are all names of a graph, which its bodies must not shadow.
func reservedNames(g *graph.Graph) map[string]bool {
	names := map[string]bool{}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs() {
			names[o] = true
		}
	}
	for _, t := range g.Model.Graph().Inits() {
		names[t.Name()] = true
	}
	for _, v := range g.Model.Graph().Inputs() {
		names[v.Name()] = true
	}
	return names
}
