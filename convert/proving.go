package convert

import (
	"context"
	"fmt"
	"sync"
	"time"

	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/verify"
)

// prove asks the prover about regions of the result, as it is in after.
func (c *conversion) prove(ctx context.Context, regions []*Region, after *onnxio.Model) error {
	start := time.Now()
	defer c.clock("proof", start)
	if c.opts.Prover == nil {
		return nil
	}
	if err := c.opts.begin(ctx, "proving"); err != nil {
		return err
	}
	if err := verify.CheckRounded(after, c.exact); err != nil {
		return fmt.Errorf("%w: %w", err, ErrNotEquivalent)
	}
	var mu sync.Mutex
	done, step := 0, c.opts.stage("proving")
	return parallel.Ends(len(regions), func(i int) error {
		r := regions[i]
		claim := c.claim(r)
		claim.Before, claim.After = c.res.Baseline, after
		claim.Exact = c.exact
		proof, err := c.opts.Prover.Prove(ctx, claim)
		if err != nil {
			return fmt.Errorf("proving region %s (%q): %w", r.ID, r.Value, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if done++; step != nil {
			step(done, len(regions))
		}
		return c.judge(r, proof)
	})
}

// judge notes the proof of a region; it is an error where it failed.
func (c *conversion) judge(r *Region, proof verify.Proof) error {
	if !(proof.Bound < 1) && r.undone != nil {
		return &valueError{*refuse("bias_before_zero_padding", "the constant before %q does not take the bias away exactly enough, so its zeros are not the image of zero; pad with the bias value while training", r.undone.Title()), r.undone}
	}
	c.res.Proofs[r.ID] = proof
	if !(proof.Bound < 1) {
		return fmt.Errorf("proving region %s (%q): the merged layer differs by %g, %.3g times what rounding allows: %w", r.ID, r.Value, proof.MaxAbs, proof.Bound, ErrNotEquivalent)
	}
	return nil
}
