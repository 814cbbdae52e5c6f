package convert

import (
	"fmt"
	"time"

	"repmlp/convert/internal/tidy"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// tidied is the merged model without what is of no use in it. Where a region's nodes
// and value have other names there, the summary has these.
func (c *conversion) tidied() (*onnxio.Model, error) {
	if c.opts.NoTidy {
		return c.merged, nil
	}
	defer c.clock("plan", time.Now())
	g, err := graph.New(c.merged, graph.Options{Sure: true})
	if err != nil {
		return nil, fmt.Errorf("tidying the merged graph: %w", err)
	}
	r := tidy.Of(g, tidy.Options{FreezeInputs: c.opts.FreezeInputs, Reserved: c.opts.reserved})
	if c.opts.checks {
		if err := r.Check(); err != nil {
			return nil, err
		}
	}
	if err := c.opts.dump(stageTidy, r.String); err != nil || r.Empty() {
		return c.merged, err
	}
	made, err := c.merged.Apply(r.Edit)
	if err != nil {
		return nil, fmt.Errorf("tidying the merged graph: %w", err)
	}
	c.res.Plan.renamed(c.plan, made, r.Names)
	return made, nil
}

// proved is the model that regions are proved in: the one before it was tidied, which
// has all values that they read and make, with the weights that were written.
func (c *conversion) proved(back *onnxio.Model) *onnxio.Model {
	if c.res.Model == c.merged {
		return back
	}
	return c.merged.WithValues(back)
}
