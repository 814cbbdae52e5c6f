package convert

import (
	"context"

	"repmlp/onnxio"
)

// PlanValues is PlanModel that also reads all weights: it declines what their
// numbers forbid, as a conversion would. Merged weights are computed and dropped.
// Where the proof of a region decides whether it stays, opts.Prover is asked.
func PlanValues(ctx context.Context, m *onnxio.Model, opts Options) (*Plan, error) {
	res, err := run(ctx, m, opts, func(c *conversion) error {
		if err := c.res.Model.Try(ctx, opts.stage("merging")); err != nil {
			return err
		}
		var open []*Region
		for _, r := range c.regions {
			if r.undone != nil {
				open = append(open, r)
			}
		}
		if len(open) == 0 {
			return nil
		}
		return c.prove(ctx, open, c.res.Model)
	})
	if err != nil {
		return nil, err
	}
	return res.Plan, nil
}
