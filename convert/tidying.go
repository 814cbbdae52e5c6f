package convert

import (
	"fmt"
	"time"

	"repmlp/convert/internal/tidy"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// tidied is the merged model without what is of no use in it. The summary
// names the nodes that are there.
func (c *conversion) tidied() (*onnxio.Model, error) {
	if c.opts.NoTidy {
		return c.merged, nil
	}
	defer c.clock("plan", time.Now())
	m := c.merged
	g, err := graph.New(m, graph.Options{Sure: true})
	if err != nil {
		return nil, fmt.Errorf("tidying the merged graph: %w", err)
	}
	r := tidy.Of(g, tidy.Options{FreezeInputs: c.opts.FreezeInputs, Reserved: c.opts.reserved})
	if c.opts.checks {
		if err := r.Check(); err != nil {
			return nil, err
		}
	}
	if !r.Empty() {
		if m, err = m.Apply(r.Edit); err != nil {
			return nil, fmt.Errorf("tidying the merged graph: %w", err)
		}
	}
	c.res.Plan.written(c.plan, m)
	return m, c.opts.dump(stageTidy, r.String)
}

// proved is the model that regions are proved in: the one before it was tidied, which
// has all values that they read and make, with the weights that were written.
func (c *conversion) proved(back *onnxio.Model) *onnxio.Model {
	if c.res.Model == c.merged {
		return back
	}
	return c.merged.WithValues(back)
}
