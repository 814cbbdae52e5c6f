// Package edit turns a plan into an edit of the model: the nodes and weights of
// its layers, without anything dead, and what has to be proved of each.
package edit

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/tidy"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Options of a result.
type Options struct {
	FreezeInputs bool                        // initializers that are inputs stop being inputs
	Reserved     []map[string]bool           // names of the graphs around, which new ones must not shadow
	Elsewhere    map[string]bool             // values that are what they were and read by others: claims do not begin there
	Notes        bool                        // nodes say what they were merged from
	Origin       func(*plan.Region) []string // names of the nodes that a region stands for; nil: Region.Merged
}

// A Result is an edit of the model, and what it does for each region.
type Result struct {
	Edit  onnxio.Edit
	Exact map[string]func() ([]float64, error) // weights before rounding, for 16-bit types

	plan  *plan.Plan
	into  map[string][]string             // nodes, by region
	value map[string]string               // the value that is made
	makes map[*graph.Value][]*plan.Region // regions by what they make: several are parts of a sum

	elsewhere map[string]bool
}

// Write writes the layers of a plan into the model that was planned, whose weights
// are computed later. An *affine.ValueError, now or then, means that the numbers of
// a region forbid the merge; those of all regions that are known now are in the error.
func Write(p *plan.Plan, o Options) (*Result, error) {
	w := layer.NewWriter(p.Explained.Graph, o.Reserved)
	r := &Result{Exact: w.Exact, plan: p, into: map[string][]string{}, value: map[string]string{}, makes: map[*graph.Value][]*plan.Region{}, elsewhere: o.Elsewhere}
	var forbidden []error
	for _, region := range p.Regions {
		r.makes[end(region)] = append(r.makes[end(region)], region)
	}
	for _, region := range p.Regions {
		from, inits := len(w.Edit.AddNodes), len(w.Edit.AddInits)
		out, err := r.region(w, region)
		if err != nil {
			err = fmt.Errorf("merging %q: %w", region.Value(), err)
			if len(affine.ValueErrors(err)) == 0 {
				return nil, err
			}
			forbidden = append(forbidden, err)
			continue
		}
		r.value[region.ID] = out
		if o.Notes {
			note(w, from, inits, o.origin(region))
		}
		for _, n := range w.Edit.AddNodes[from:] {
			r.into[region.ID] = append(r.into[region.ID], n.Node.Name())
		}
	}
	if len(forbidden) > 0 {
		return nil, errors.Join(forbidden...)
	}
	tidy.Sweep(&w.Edit, p.Explained.Graph, o.FreezeInputs)
	r.Edit = w.Edit
	for _, t := range p.Explained.Graph.Model.Graph().Inits() { // shifts that moved and stay nodes
		if v := t.Unrounded(); v != nil && t.DType().Bits() == 16 {
			r.Exact[t.Name()] = func() ([]float64, error) { return v, nil }
		}
	}
	return r, nil
}

// Into lists the nodes of the result that a region became.
func (r *Result) Into(region *plan.Region) []string { return r.into[region.ID] }

// Value is the value that a region makes in the result.
func (r *Result) Value(region *plan.Region) string { return r.value[region.ID] }

// region writes a layer, and with the last part of a sum the sum.
func (res *Result) region(w *layer.Writer, r *plan.Region) (out string, err error) {
	last := r.Segment.Last().Node()
	out = r.Segment.To.Name
	switch {
	case r.Part != nil:
		out = w.Fresh(out)
	case r.Segment.To.Producer != nil:
		last = r.Segment.To.Producer
	}
	w.Before(last.Node)
	if err := r.Layer.Write(w, r.Segment, r.Segment.From.Name, out); err != nil {
		return "", err
	}
	all := res.makes[end(r)]
	if r != all[len(all)-1] {
		return out, nil
	}
	w.Edit.DropNodes = append(w.Edit.DropNodes, last.Node)
	if r.Part != nil {
		var names []string
		for _, part := range all[:len(all)-1] {
			names = append(names, res.Value(part))
		}
		w.Rest(append(names, out), end(r).Name, r.Part.Values, r.Part.Coef)
	}
	return out, nil
}

// Claim says what has to hold for one region, in values that both models have.
func (r *Result) Claim(region *plan.Region) verify.Claim {
	s := region.Segment
	c := verify.Claim{ID: region.ID, Output: r.Value(region)}
	fed := []*graph.Value{start(region)}
	others := r.parts(region)
	if part := region.Part; part != nil {
		c.Part, c.Output = c.Output, end(region).Name
		list := slices.Clone(part.Values)
		for _, other := range others {
			for _, v := range other.Part.Merged() {
				c.Apart = append(c.Apart, v.Name)
			}
			c.Apart = append(c.Apart, r.Value(other))
			list = append(list, start(other))
		}
		for _, v := range list {
			// An operand that the merged part also goes through is computed.
			if !s.Makes(v) && !slices.Contains(fed, v) {
				fed = append(fed, v)
			}
		}
	}
	for _, v := range fed {
		c.Inputs = append(c.Inputs, v.Name)
	}
	r.alias(&c)
	if len(others) == 0 {
		c.Rows, c.Reach = region.Layer.Claim(s, region.Fed == nil)
	} else {
		c.Reach = reach(append([]*plan.Region{region}, others...), fed, end(region))
	}
	if region.Fed == nil && region.Undone() == nil { // what is undone is not to the last bit
		c.Units = func(in, out []int) *verify.Units { return region.Layer.Units(s, in, out) }
	}
	c.Exact = r.Exact
	return c
}

// parts are the other regions that are parts of a region's sum.
func (r *Result) parts(region *plan.Region) (list []*plan.Region) {
	for _, other := range r.makes[end(region)] {
		if other != region {
			list = append(list, other)
		}
	}
	return list
}

// alias names the values that equal an input of a claim because equal nodes make both.
func (r *Result) alias(c *verify.Claim) {
	e := r.plan.Explained
	for _, name := range c.Inputs {
		for _, twin := range e.Twins(e.Graph.Value(name)) {
			if c.Same == nil {
				c.Same = map[string]string{}
			}
			c.Same[twin.Name] = name
		}
	}
}
