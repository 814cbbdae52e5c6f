package pieces

import (
	"errors"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Claims are what has to be proved of a piece, for each of its inputs what it makes of that one
// beside the others, and whether both models compute it by linear operators alone. Where they do
// not, no proof of rows shows anything.
func (p *Piece) Claims(ended func() bool) (list []verify.Claim, linear bool, err error) {
	for i := range p.Inputs {
		inputs := append([]string{p.Inputs[i]}, slices.Delete(slices.Clone(p.Inputs), i, i+1)...)
		list = append(list, verify.Claim{ID: p.Value, Before: p.Before, After: p.After, Inputs: inputs, Output: p.Output})
	}
	if len(list) == 0 {
		return nil, false, errors.New("it depends on no value that both models have")
	}
	linear = true
	for _, of := range []*onnxio.Model{p.Before, p.After} {
		g, err := graph.New(of, graph.Options{})
		if err != nil {
			return list, false, err
		}
		e := read(g, ended)
		if linear = linear && allLinear(e); !linear {
			return list, false, nil
		}
		if len(list) == 1 {
			if list[0].Units == nil {
				geometry(&list[0], e, ended)
			}
			continue
		}
		part(list, e, ended)
	}
	for i := range list {
		units := list[i].Units
		list[i].Units = func(in, out []int) (u *verify.Units) {
			if units != nil {
				u = units(in, out)
			}
			if u == nil {
				u = each(in, out)
			}
			return u
		}
	}
	return list, true, nil
}

// mostAlone is how many numbers are read at most where every element of an input is a unit.
const mostAlone = 1 << 24

// each has every element of an input be a unit, nil where that is too much.
func each(in, out []int) *verify.Units {
	n, m := affine.Size(in), affine.Size(out)
	if n == 0 || m == 0 || n > mostAlone/m {
		return nil
	}
	u := &verify.Units{Slots: []int{0}, Groups: []int{0}}
	for i := range n {
		u.Each = append(u.Each, []int{i})
	}
	return u
}

// part says of a sum of a layer and other values which elements of them show its coefficients:
// of the latter every element is read by one output.
func part(list []verify.Claim, e *affine.Explained, ended func() bool) {
	p := plan.New(e, plan.Options{AllowGrowth: true, Ended: ended})
	for _, r := range p.Regions {
		if r.Part == nil || r.Fed != nil || r.Part.Whole.Out.Name != list[0].Output {
			continue
		}
		for i := range list {
			c := &list[i]
			in := e.Graph.Value(c.Inputs[0])
			switch {
			case c.Units != nil:
			case r.Segment.From == in && !slices.Contains(r.Part.Values, in):
				c.Units = func(in, out []int) *verify.Units { return r.Layer.Units(r.Segment, in, out) }
			case r.Segment.From != in && slices.Contains(r.Part.Values, in):
				c.Units = func(in, _ []int) *verify.Units {
					all := make([]int, affine.Size(in))
					for i := range all {
						all[i] = i
					}
					return &verify.Units{Slots: []int{0}, Each: [][]int{all}, Groups: []int{0}, Random: true}
				}
			}
		}
	}
}

// geometry says of which rows or windows a piece consists, and which inputs show its
// coefficients, where it is one layer, merged or not.
func geometry(c *verify.Claim, e *affine.Explained, ended func() bool) {
	if len(c.Inputs) != 1 {
		return
	}
	from, to := e.Graph.Value(c.Inputs[0]), e.Graph.Value(c.Output)
	p := plan.New(e, plan.Options{AllowGrowth: true, Ended: ended})
	for _, r := range p.Regions {
		if r.Part == nil && r.Fed == nil && r.Segment.From == from && r.Segment.To == to {
			take(c, r.Layer, r.Segment)
			return
		}
	}
	steps := affine.Between(e.Of, from, to)
	if len(steps) == 0 {
		return
	}
	s := affine.NewSegment(from, to, steps)
	walk := s.Walk()
	if l, ok := layer.PlanScale(s, walk, e.Graph.Opset); ok {
		take(c, l, s)
		return
	}
	if m, why := walk.Map(to); why == nil {
		if l, ok := layer.PlanConv(s, m, largestLayer, e.Graph.Opset); ok {
			take(c, l, s)
			return
		}
	}
	if rows, why := walk.Rows(to); why == nil {
		if l, ok := layer.PlanFC(s, rows, largestLayer, layer.Options{Opset: e.Graph.Opset}); ok {
			take(c, l, s)
		}
	}
}

// largestLayer is how many weights a layer may have that is read: 2 G.
const largestLayer = 1 << 31

// take has a layer say what a proof may suppose.
func take(c *verify.Claim, l layer.Layer, s *affine.Segment) {
	c.Rows, c.Reach = l.Claim(s, true)
	c.Units = func(in, out []int) *verify.Units { return l.Units(s, in, out) }
}
