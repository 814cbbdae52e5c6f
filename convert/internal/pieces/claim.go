package pieces

import (
	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Claim is what has to be proved of a piece, and whether both models compute it by linear
// operators alone. Where they do not, no proof of rows shows anything.
func (p *Piece) Claim(ended func() bool) (c verify.Claim, linear bool, err error) {
	c = verify.Claim{ID: p.Value, Before: p.Before, After: p.After, Inputs: p.Inputs, Output: p.Output}
	linear = true
	for _, of := range []*onnxio.Model{p.Before, p.After} {
		g, err := graph.New(of, graph.Options{})
		if err != nil {
			return c, false, err
		}
		e := read(g, ended)
		if linear = linear && allLinear(e); linear && c.Rows == nil && c.Reach == nil {
			geometry(&c, e, ended)
		}
	}
	return c, linear, nil
}

// geometry says of which rows or windows a piece consists, where it is one layer.
func geometry(c *verify.Claim, e *affine.Explained, ended func() bool) {
	if len(c.Inputs) != 1 {
		return
	}
	p := plan.New(e, plan.Options{AllowGrowth: true, Ended: ended})
	for _, r := range p.Regions {
		if r.Part == nil && r.Fed == nil && r.Segment.From.Name == c.Inputs[0] && r.Segment.To.Name == c.Output {
			c.Rows, c.Reach = r.Layer.Claim(r.Segment, true)
			return
		}
	}
}
