package verify

import (
	"context"
	"fmt"

	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
)

// coarseness is the unit roundoff of the coarsest float type that a model declares: of
// its weights, inputs and outputs; 0 where it has no floats.
func coarseness(m *onnxio.Model) (u float64) {
	add := func(d onnxio.DType) {
		if d.IsFloat() {
			u = max(u, roundingOf(d).unit)
		}
	}
	for _, t := range m.Graph().Inits() {
		if len(t.Dims()) > 0 {
			add(t.DType())
		}
	}
	for _, list := range [][]*onnxio.ValueInfo{m.Graph().Inputs(), m.Graph().Outputs()} {
		for _, v := range list {
			add(v.Elem())
		}
	}
	return u
}

// coarser is the unit roundoff of the coarsest type in which the candidate gives what the
// reference gives in a finer one, or takes it; 0 where there is none.
func (p *pairing) coarser() (u float64) {
	for _, list := range [][]couple{p.ins, p.outs} {
		for _, q := range list {
			if q.ref.Elem() == q.cand.Elem() || !q.ref.Elem().IsFloat() || !q.cand.Elem().IsFloat() {
				continue
			}
			if c := roundingOf(q.cand.Elem()).unit; c > roundingOf(q.ref.Elem()).unit {
				u = max(u, c)
			}
		}
	}
	return u
}

// ownNoise prepares to measure how far a candidate that rounds more coarsely than the
// reference is from itself: in float64, and with weights moved by a rounding of their
// type. The noise of the reference says nothing of that.
func (c *comparing) ownNoise(ref, cand *onnxio.Model) {
	c.coarse = coarseness(cand) > coarseness(ref)
	e, ok := c.runners[2].(*Engine)
	if !c.coarse || !ok || c.runners[1] == nil {
		return
	}
	c.double = &Engine{e.m.With(Double, nil, operator.NewArena(storage.New(storage.ModelShelf)))}
	c.own = &variety{ref: cand, runner: e, seed: c.o.Seed, limit: c.o.Limit, half: true}
}

// ownVariations of such a candidate are run on the first feed. They cost more than the
// runs do, since all weights are moved; what they show is relative to the largest value
// of an output, and stands for the other feeds too.
const ownVariations = 2

// ownScatter is how far such a candidate is from itself on one feed, nil for any other.
func (c *comparing) ownScatter(ctx context.Context, run int, feed, got map[string]*Tensor) ([]*scatter, error) {
	if c.own == nil {
		return nil, nil
	}
	scatters := func() []*scatter {
		out := make([]*scatter, len(c.outputs))
		for i, o := range c.outputs {
			out[i] = newScatter(got[o.d.Name])
		}
		return out
	}
	add := func(to []*scatter, t map[string]*Tensor, roundings float64, err error) error {
		if err != nil {
			return fmt.Errorf("running the candidate: %w", err)
		}
		t = c.pairs.renamed(t)
		for i, o := range c.outputs {
			to[i].add(t[o.d.Name], roundings)
		}
		return nil
	}
	out := scatters()
	t, err := c.double.Run(ctx, feed)
	if err := add(out, t, 1, err); err != nil {
		return nil, err
	}
	if c.moved != nil {
		return out, nil
	}
	c.moved = map[string]float64{}
	moved := scatters()
	for k := range ownVariations {
		t, roundings, err := c.own.run(ctx, feed, run, k)
		if t == nil && err == nil {
			break
		}
		if err := add(moved, t, roundings, err); err != nil {
			return nil, err
		}
	}
	for i, o := range c.outputs {
		if s := moved[i]; s.scale > 0 {
			noise, _ := s.noise(c.variety.jumpy, c.granted*s.scale)
			c.moved[o.d.Name] = noise / s.scale
		}
	}
	return out, nil
}
