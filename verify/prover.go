package verify

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
	"repmlp/verify/internal/stored"
)

// A Prover runs both sides of a claim in float64 on random rows. Only the
// rounding of the stored weights may show:
//
//	|Δy| ≤ u·(|W||x|+|b|) + η·(Σ|x|+1) + rounding of float64 itself
//
// with u the unit roundoff of the stored type and η half its smallest
// subnormal. The magnitudes are computed by running the replacement with the
// absolute values of its weights. A Prover keeps the engines of the models
// that it saw last. It is safe for concurrent use.
type Prover struct {
	Seed uint64
	Dims map[string]int64 // sizes of the model's named dimensions; what is not here is chosen

	mu            sync.Mutex
	before, after *onnxio.Model
	engines       []*engine.Engine // of these models
	exact         map[string]func() ([]float64, error)
	floor         map[string]float64 // of the weights that only after has
	idle          []*trial
	room          int64            // for tensors of all models, asked for once
	storage       *storage.Storage // of all trials
	large         sync.Mutex       // held by a trial with large tensors
}

// take returns a trial for the models of c.
func (p *Prover) take(c Claim) (*trial, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engines == nil || p.before != c.Before || p.after != c.After {
		sizes, err := ChooseSizes(c.Before, p.Dims, 1)
		if err != nil && (len(p.Dims) > 0 || !errors.Is(err, errNothingFits)) { // without sizes for the whole model every region gets its own
			return nil, err
		}
		if p.room == 0 {
			p.room = engine.Room()
		}
		o := engine.Options{Mode: Double, Seed: p.Seed, Sizes: sizes, Probe: true, Limit: p.room}
		engines, failed := engine.NewAll(o, c.Before, c.After)
		if err := cmp.Or(failed[0], failed[1]); err != nil {
			return nil, err
		}
		p.before, p.after, p.idle = c.Before, c.After, nil
		p.engines, p.exact, p.storage = engines, c.Exact, storage.NewSlabs()
		p.floor = floors(c.Before, c.After)
	}
	if n := len(p.idle); n > 0 {
		t := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return t, nil
	}
	before, after, arena := p.engines[0], p.engines[1], operator.NewArena(p.storage)
	t := &trial{seed: p.Seed, arena: arena, seen: stored.NewMagnitudes(), floor: p.floor, large: &p.large, exact: len(p.exact) > 0, engines: [...]*engine.Engine{
		runBefore:      before.With(Double, c.ExactBefore, arena),
		runAfter:       after.With(Double, nil, arena),
		runAfterExact:  after.With(Double, p.exact, arena),
		runMagnitude:   after.With(Absolute, nil, arena),
		runMagnitudeIn: before.With(Absolute, c.ExactBefore, arena),
	}}
	t.engines[runAfter].Seen, t.engines[runMagnitude].Seen = t.seen, t.seen
	return t, nil
}

// floors are those of the weights that only one of two models has.
func floors(before, after *onnxio.Model) map[string]float64 {
	known := map[string]bool{}
	for _, t := range before.Graph().Inits() {
		known[t.Name()] = true
	}
	out := map[string]float64{}
	for _, t := range after.Graph().Inits() {
		if !known[t.Name()] && t.DType().IsFloat() {
			out[t.Name()] = roundingOf(t.DType()).floor()
		}
	}
	return out
}

// give takes a trial back.
func (p *Prover) give(t *trial, c Claim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.before == c.Before && p.after == c.After {
		p.idle = append(p.idle, t)
	}
}

// Prove runs one claim. An error means that it could not be checked.
func (p *Prover) Prove(ctx context.Context, c Claim) (Proof, error) {
	t, err := p.take(c)
	if err != nil {
		return Proof{}, err
	}
	defer p.give(t, c)
	proof, err := t.sampled(ctx, c)
	if err != nil || !(proof.Bound < c.limit()) {
		return proof, err
	}
	full, err := t.complete(ctx, c)
	if err != nil {
		proof.Sampled = err.Error()
		return proof, ctx.Err()
	}
	full.Rows, full.MaxAbs = proof.Rows, max(full.MaxAbs, proof.MaxAbs)
	return full, nil
}

// sampled runs a claim on random rows.
func (t *trial) sampled(ctx context.Context, c Claim) (Proof, error) {
	if len(c.Reach) > 0 {
		// Whatever the piece does not show, or shows otherwise, the whole map does.
		if proof, err := t.attempt(ctx, c); err == nil && proof.Bound < c.limit() || ctx.Err() != nil {
			return proof, err
		}
		c.Reach = nil
	}
	return t.attempt(ctx, c)
}
