package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/edit"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/verify"
)

// prove asks the prover about regions of the result, as it is in after.
func (c *conversion) prove(ctx context.Context, regions []*plan.Region, after *onnxio.Model) error {
	start := time.Now()
	defer c.clock("proof", start)
	if c.opts.Prover == nil {
		return nil
	}
	if err := c.opts.begin(ctx, "proving"); err != nil {
		return err
	}
	if err := verify.CheckRounded(after, c.written.Exact); err != nil {
		return fmt.Errorf("%w: %w", err, ErrNotEquivalent)
	}
	var mu sync.Mutex
	done, step := 0, c.opts.progress("proving")
	dues := c.written.Due(regions, c.base)
	forbidden := make([]error, len(dues)) // merges that go back, all of them found at once
	err := parallel.Ends(len(dues), func(i int) error {
		due := dues[i]
		proof, err := c.ask(ctx, due, func(claim *verify.Claim) { claim.Before, claim.After = c.res.Baseline, after })
		if err != nil {
			return fmt.Errorf("proving region %s (%q): %w", due.Claim.ID, due.Claim.Output, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if done++; step != nil {
			step(done, len(dues))
		}
		if len(due.Regions) == 0 && !(proof.Bound < 1) {
			return fmt.Errorf("proving %q, from which a scale moved: it differs by %g, %.3g times what rounding allows: %w", due.Claim.Output, proof.MaxAbs, proof.Bound, ErrNotEquivalent)
		}
		for _, r := range blamed(due.Regions, proof) {
			if err := c.judge(r, proof); len(affine.ValueErrors(err)) > 0 {
				forbidden[i] = err
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err := cmp.Or(err, errors.Join(forbidden...)); err != nil {
		return err
	}
	return c.proveMoved(ctx, dues, after)
}

// ask proves what is due, where that fails from farther back. of completes a claim.
func (c *conversion) ask(ctx context.Context, due edit.Due, of func(*verify.Claim)) (verify.Proof, error) {
	claim := due.Claim
	of(&claim)
	proof, err := c.opts.Prover.Prove(ctx, claim)
	if err != nil || proof.Bound < 1 {
		return proof, err
	}
	claim, ok := c.written.Farther(due, c.base)
	if !ok {
		return proof, nil
	}
	of(&claim)
	return c.opts.Prover.Prove(ctx, claim)
}

// proveMoved proves what scales and shifts moved to once more, in two steps that leave less
// open than one: the model in which they moved, with their numbers before rounding, is the
// original; and every coefficient of a layer is what that model has there. Where one of them
// does not show it, what was proved before stays.
func (c *conversion) proveMoved(ctx context.Context, dues []edit.Due, after *onnxio.Model) error {
	moved := c.planned.model
	if moved == c.res.Baseline {
		return nil
	}
	unrounded := map[string]func() ([]float64, error){}
	for _, t := range moved.Graph().Inits() {
		if v := t.Unrounded(); v != nil {
			unrounded[t.Name()] = func() ([]float64, error) { return v, nil }
		}
	}
	held := map[*plan.Region]bool{}
	var mu sync.Mutex
	steps := slices.DeleteFunc(slices.Clone(dues), func(d edit.Due) bool { return c.written.Alone(d, c.base) })
	err := parallel.Ends(len(steps), func(i int) error {
		proof, err := c.ask(ctx, steps[i], func(claim *verify.Claim) {
			claim.Before, claim.After, claim.Exact, claim.Rows, claim.Reach = c.res.Baseline, moved, unrounded, nil, nil
		})
		mu.Lock()
		defer mu.Unlock()
		for _, r := range steps[i].Regions {
			before, known := held[r]
			held[r] = (before || !known) && err == nil && proof.Bound < 1
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	var regions []*plan.Region
	for _, r := range c.plan.Regions {
		if held[r] {
			regions = append(regions, r)
		}
	}
	return parallel.Ends(len(regions), func(i int) error {
		r := regions[i]
		claim := c.written.Claim(r)
		claim.Before, claim.After, claim.ExactBefore = moved, after, unrounded
		proof, err := c.opts.Prover.Prove(ctx, claim)
		if err != nil || !proof.Complete || !(proof.Bound < 1) {
			return ctx.Err()
		}
		mu.Lock()
		defer mu.Unlock()
		old := c.res.Proofs[r.ID]
		old.Complete, old.Moved, old.Read, old.Evaluation, old.Sampled, old.Bound = true, true, proof.Read, proof.Evaluation, "", max(old.Bound, proof.Bound)
		c.res.Proofs[r.ID] = old
		return nil
	})
}

// blamed are those of some regions that were proved together whose proof this is: of one
// that failed, those that stand or fall by it, where there are any.
func blamed(regions []*plan.Region, proof verify.Proof) []*plan.Region {
	var open []*plan.Region
	for _, r := range regions {
		if r.Undone() != nil {
			open = append(open, r)
		}
	}
	if proof.Bound < 1 || len(open) == 0 {
		return regions
	}
	return open
}

// judge notes the proof of a region; it is an error where it failed.
func (c *conversion) judge(r *plan.Region, proof verify.Proof) error {
	if undone := r.Undone(); undone != nil && !(proof.Bound < 1) {
		return affine.Refusing(undone, reason.BiasBeforeZeroPadding, "the constant before %q does not take the bias away exactly enough, so its zeros are not the image of zero; pad with the bias value while training", undone.Title())
	}
	if old, ok := c.res.Proofs[r.ID]; !ok || !(proof.Bound < old.Bound) { // the worst of several counts
		c.res.Proofs[r.ID] = proof
	}
	if !(proof.Bound < 1) {
		return fmt.Errorf("proving region %s (%q): the merged layer differs by %g, %.3g times what rounding allows: %w", r.ID, c.written.Value(r), proof.MaxAbs, proof.Bound, ErrNotEquivalent)
	}
	return nil
}
