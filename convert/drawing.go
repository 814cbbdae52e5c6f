package convert

import (
	"fmt"
	"time"

	"repmlp/convert/internal/draw"
	"repmlp/internal/drawing"
	"repmlp/onnxio/graph"
)

// draw gathers what a page shows of the merges of the main graph: those that look
// alike are drawn once.
func (c *conversion) draw() error {
	if !c.opts.Drawings {
		return nil
	}
	defer c.clock("draw", time.Now())
	named := func(n *graph.Node) string { return c.planned.from(n.Node).Title() }
	alike := map[string]int{}
	var list []drawing.Region
	for i, r := range c.plan.Regions {
		d := drawing.Region{IDs: []string{r.ID}, Before: draw.Before(r, c.plan.Explained.Graph, named),
			After: draw.After(c.res.Model, c.res.Plan.Regions[i].Into, c.written.Value(r))}
		if k, ok := alike[d.Shape()]; ok {
			list[k].IDs = append(list[k].IDs, r.ID)
			continue
		}
		alike[d.Shape()] = len(list)
		if !c.opts.look {
			var err error
			if d.Reach, err = draw.Reach(r); err != nil {
				return fmt.Errorf("drawing region %s: %w", r.ID, err)
			}
		}
		list = append(list, d)
	}
	c.res.Drawings = list
	return nil
}
