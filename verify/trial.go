package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// A trial is what one claim at a time is run with.
type trial struct {
	seed    uint64
	engines [5]*engine.Engine
	arena   *operator.Arena // of all engines, which run one after the other
	seen    *stored.Magnitudes
	floor   map[string]float64 // of the weights that only the replacement has
	large   *sync.Mutex
	exact   bool
}

const (
	runBefore = iota
	runAfter
	runAfterExact  // with the weights before rounding
	runMagnitude   // |W||x| + |b| of the replacement
	runMagnitudeIn // the same of the original, which float64 rounding scales with
)

// inputs are the types and shapes of the inputs of a claim, on a piece of the map
// where that is enough.
func (t *trial) inputs(c Claim) ([]*Tensor, error) {
	inputs := make([]*Tensor, len(c.Inputs))
	for i, name := range c.Inputs {
		var err error
		if inputs[i], err = t.input(name); err != nil {
			return nil, err
		}
	}
	if len(c.Reach) > 0 {
		whole := inputs[0].Shape
		inputs[0].Shape = crop(whole, c.Reach)
		rank := 0
		if v := t.engines[runBefore].Value(c.Output); v != nil {
			rank = v.Rank()
		}
		for _, x := range inputs[1:] {
			x.Shape = cropOther(x.Shape, rank, c.Reach, whole, inputs[0].Shape)
		}
	}
	for i, x := range inputs {
		if tensor.TooLarge(x.Shape) {
			return nil, fmt.Errorf("%q of shape %v is too large for a proof", c.Inputs[i], x.Shape)
		}
	}
	return inputs, nil
}

// input is the type and shape of a value of the model.
func (t *trial) input(name string) (*Tensor, error) {
	v := t.engines[runBefore].Value(name)
	if v == nil {
		return nil, fmt.Errorf("the model has no value %q", name)
	}
	dims, ok := v.Shape()
	if !ok {
		return nil, fmt.Errorf("the shape of %q is unknown", name)
	}
	shape := make([]int, len(dims))
	for i, d := range dims {
		n := d.At(smallestMap) // what the inputs' sizes do not decide may be anything
		if _, number := d.Int(); !d.Known() || n < 0 || !number && n > largestMap*largestMap {
			return nil, fmt.Errorf("the size %v of %q is unknown", d, name)
		}
		shape[i] = int(n)
	}
	return &Tensor{DType: v.Elem, Shape: shape}, nil
}

// largeInput is the number of numbers from which on a trial runs beside no other
// of its kind: memory for two of them costs more than it gains.
const largeInput = 1 << 17

// admit waits until a trial with such inputs may run; it may until leave is called.
func (t *trial) admit(inputs []*Tensor) (leave func()) {
	n := 0
	for _, x := range inputs {
		n += tensor.Count(x.Shape)
	}
	if n < largeInput {
		return func() {}
	}
	t.large.Lock()
	return t.large.Unlock
}

// batch is the size of the first axis.
func batch(t *Tensor) int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[0]
}

func (t *trial) attempt(ctx context.Context, c Claim) (Proof, error) {
	inputs, err := t.inputs(c)
	if err != nil {
		return Proof{}, err
	}
	defer t.admit(inputs)()
	for _, e := range t.engines {
		e.Crop = len(c.Reach) > 0
	}
	if t.engines[runMagnitude].Floor = nil; c.Roundings > 0 {
		t.engines[runMagnitude].Floor = t.floor
	}
	p := &probing{trial: t, claim: c}
	p.feeds, p.rows = t.feeds(c, inputs)
	defer p.end()
	diff, exact, err := p.differences(ctx)
	if err != nil {
		return Proof{}, err
	}
	// From here on only magnitudes count.
	layers := float64(max(c.Roundings, 1))
	b := bound{rounding: roundingOf(inputs[0].DType), roundings: layers, fed: p.absolute(), terms: termsOf(layers, inputs)}
	after, err := p.magnitudes(ctx, runMagnitude, len(diff))
	if err != nil {
		return Proof{}, err
	}
	// The float64 rounding of the original only matters where its branches
	// cancel, or where nothing else is allowed.
	var proof Proof
	if b.folded = c.Folds > 0; !b.folded {
		proof = b.judge(diff, exact, after, nil)
		proof.Rows = p.rows
		if proof.Bound < 1 {
			return proof, nil
		}
	}
	before, err := p.magnitudes(ctx, runMagnitudeIn, len(diff))
	if err != nil {
		return Proof{}, err
	}
	proof = b.judge(diff, exact, after, before)
	proof.Rows = p.rows
	return proof, nil
}

// A probing is one claim with its numbers.
type probing struct {
	*trial
	claim Claim
	feeds map[string]*Tensor
	rows  int       // that carry numbers
	done  []*Tensor // outputs whose storage serves again
}

// end gives back what the claim needed.
func (p *probing) end() {
	for _, name := range p.claim.Inputs {
		p.done = append(p.done, p.feeds[name])
	}
	p.arena.Recycle(p.done)
	p.seen.Forget()
}

// eval is the output of one of the runs.
func (p *probing) eval(ctx context.Context, run int) ([]float64, error) {
	out, err := p.engines[run].Eval(ctx, p.feeds, []string{p.claim.Output})
	if err != nil {
		return nil, err
	}
	y := out[p.claim.Output]
	if !p.arena.Made(y) { // it may be an input
		return slices.Clone(y.F64), nil
	}
	p.done = append(p.done, y)
	return y.F64, nil
}

// differences are how far the two sides lie apart, with the stored weights, and
// where they are known with those before rounding.
func (p *probing) differences(ctx context.Context) (stored, exact []float64, err error) {
	before, err := p.eval(ctx, runBefore)
	if err != nil {
		return nil, nil, err
	}
	kept := len(p.done)
	after, err := p.eval(ctx, runAfter)
	if err != nil {
		return nil, nil, err
	}
	if len(before) == 0 && len(p.claim.Reach) > 0 {
		return nil, nil, errors.New("the cropped map shows nothing")
	}
	if len(before) != len(after) {
		return nil, nil, fmt.Errorf("%q has %d values before and %d after", p.claim.Output, len(before), len(after))
	}
	if p.exact {
		if exact, err = p.eval(ctx, runAfterExact); err != nil {
			return nil, nil, err
		}
		for i, v := range before {
			exact[i] = math.Abs(v - exact[i])
		}
	}
	for i, v := range after {
		before[i] = math.Abs(before[i] - v)
	}
	if exact == nil { // what was compared makes room
		p.arena.Recycle(p.done[kept:])
		p.done = p.done[:kept]
	}
	return before, exact, nil
}

// absolute turns what is fed into magnitudes and returns Σ|x|+1 over all of it, which
// is more than one output reads: η is so small that the difference does not matter.
func (p *probing) absolute() float64 {
	sum := 1.0
	for _, name := range p.claim.Inputs {
		x := p.feeds[name].F64
		for i, v := range x {
			x[i] = math.Abs(v)
			sum += x[i]
		}
	}
	return sum
}

// magnitudes are |W||x|+|b| of one of the sides, for n outputs.
func (p *probing) magnitudes(ctx context.Context, run, n int) ([]float64, error) {
	mag, err := p.eval(ctx, run)
	if err == nil && len(mag) != n {
		err = fmt.Errorf("%q has %d values, its magnitude %d", p.claim.Output, n, len(mag))
	}
	return mag, err
}
