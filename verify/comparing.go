package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"repmlp/onnxio"
)

// Compare runs both models on the same inputs: the reference in float32 and,
// with the Go engine, in float64, the candidate as it is deployed. Where a
// candidate is farther off than rounding alone, the reference is run again with
// inputs and weights moved by a rounding: what that changes is the reference's
// own noise, and elements that jump are left out and counted.
func Compare(ctx context.Context, ref, cand *onnxio.Model, o CompareOptions) (*Comparison, error) {
	if err := CheckInterface(ref, cand); err != nil {
		return nil, err
	}
	notes, err := narrowed(ref, cand, &o)
	if err != nil {
		return nil, err
	}
	if len(ref.Graph().Outputs()) == 0 {
		return nil, errors.New("comparing models: they have no outputs, so there is nothing to compare")
	}
	runs, err := samples(ref, o)
	if err != nil {
		return nil, err
	}
	runners, err := o.runners(ref, cand)
	if err != nil {
		return nil, err
	}
	c := &comparing{o: o, runners: runners, fixed: o.Fixed || o.RTol != 0 || o.ATol != 0, roundoff: narrowest(ref, cand), result: &Comparison{
		Passed: true, Runs: runs.count, Samples: runs.samples, RTol: o.RTol, ATol: o.ATol, Notes: append(notes, misdeclared(ref, cand)...)}}
	c.granted = roundoffs(c.roundoff) * c.roundoff
	c.variety = &variety{ref: ref, runner: runners[0], again: o.Again, seed: o.Seed, limit: o.Limit, jumpy: jumps(ref) || jumps(cand), half: c.roundoff > 0x1p-24}
	for _, v := range ref.Graph().Outputs() {
		c.result.Outputs = append(c.result.Outputs, OutputDifference{Name: v.Name(), Passed: true})
	}
	o.follow(runners, runs.count)
	for k := range runs.count {
		feed, err := runs.at(k)
		if err != nil {
			return nil, err
		}
		if err := c.sample(ctx, k, feed); err != nil {
			return nil, err
		}
	}
	return c.finish()
}

// A comparing is the state of one comparison.
type comparing struct {
	o        CompareOptions
	runners  [3]Runner
	variety  *variety
	fixed    bool // the caller set the tolerance
	blind    bool // nothing says how far the reference differs from itself
	roundoff float64
	granted  float64 // of the largest output
	elements int64
	result   *Comparison
}

// Tolerances of the ONNX project's own node tests (onnx.backend.test.runner), which
// expected outputs that come with inputs are held to at least.
const (
	conformanceRTol = 1e-3
	conformanceATol = 1e-7
	// 16-bit results may differ in the last place.
	conformanceRTol16 = 2e-2
)

// foreignVariations of the reference are run by an engine that has no float64.
const foreignVariations = 2

// sample compares one run.
func (c *comparing) sample(ctx context.Context, run int, s sample) error {
	got, err := runAll(ctx, c.runners, s.feed, c.o.Limit > 0)
	if err != nil {
		return err
	}
	outs := c.result.Outputs
	spreads := make([]*scatter, len(outs))
	for i := range outs {
		spreads[i] = newScatter(got[0][outs[i].Name])
		if got[1] != nil {
			spreads[i].add(got[1][outs[i].Name], 1)
		}
	}
	next, seen := 0, c.runners[1] != nil
	vary := func() error {
		t, roundings, err := c.variety.run(ctx, s.feed, run, next)
		next++
		if err != nil {
			return fmt.Errorf("running the reference: %w", err)
		}
		for i := range outs {
			if t != nil {
				spreads[i].add(t[outs[i].Name], roundings)
			}
		}
		seen = seen || t != nil
		return nil
	}
	for c.runners[1] == nil && next < foreignVariations+len(c.o.Again) {
		if err := vary(); err != nil {
			return err
		}
	}
	for {
		found, passed := c.judge(got, spreads, s.want, !seen)
		if passed || next >= c.variety.most() {
			c.take(found, spreads, !seen)
			return nil
		}
		if err := vary(); err != nil {
			return err
		}
	}
}

// A finding is what one run showed.
type finding struct {
	outputs  []OutputDifference
	expected []OutputDifference
}

// limit is what may differ in one output, and the elements that show nothing.
func (c *comparing) limit(s *scatter, blind bool) (limit float64, leave []bool) {
	noise, leave := s.noise(c.variety.jumpy, c.granted*s.scale)
	switch {
	case c.fixed:
		return c.o.ATol + c.o.RTol*s.scale, leave
	case !s.base.DType.IsFloat():
		return 0, leave
	case blind:
		return foreignTolerance(c.roundoff) * s.scale, leave
	}
	return multiple(c.roundoff)*noise + c.granted*s.scale, leave
}

func (c *comparing) judge(got [3]map[string]*Tensor, spreads []*scatter, want map[string]*Tensor, blind bool) (f finding, passed bool) {
	passed = true
	for i, out := range c.result.Outputs {
		limit, leave := c.limit(spreads[i], blind)
		d := judge(got[0][out.Name], got[2][out.Name], spreads[i], leave, limit)
		d.Name = out.Name
		f.outputs = append(f.outputs, d)
		passed = passed && d.Passed
		w := want[out.Name]
		if w == nil {
			continue
		}
		if !c.fixed && w.DType.IsFloat() {
			rtol := conformanceRTol
			if c.variety.half {
				rtol = conformanceRTol16
			}
			limit = max(limit, conformanceATol+rtol*spreads[i].scale)
		}
		for k, of := range [...]string{0: "reference", 2: "candidate"} {
			if of == "" {
				continue
			}
			e := judge(w, got[k][out.Name], spreads[i], leave, limit)
			e.Name, e.Of = out.Name, of
			f.expected = append(f.expected, e)
			passed = passed && e.Passed
		}
	}
	return f, passed
}

// take adds what one run showed to the result.
func (c *comparing) take(f finding, spreads []*scatter, blind bool) {
	r := c.result
	c.blind = c.blind || blind
	for i, d := range f.outputs {
		s := spreads[i]
		c.elements += d.Elements
		r.Shown = r.Shown || d.Elements > d.Left
		r.Outputs[i].merge(d)
		r.Passed = r.Passed && d.Passed
		if !s.base.DType.IsFloat() || s.scale == 0 {
			continue
		}
		noise, _ := s.noise(c.variety.jumpy, c.granted*s.scale)
		r.NoiseFloor = max(r.NoiseFloor, noise/s.scale)
		if limit, _ := c.limit(s, blind); !c.fixed {
			r.RTol = max(r.RTol, limit/s.scale)
		}
	}
	for _, d := range f.expected {
		i := slices.IndexFunc(r.Expected, func(e OutputDifference) bool { return e.Name == d.Name && e.Of == d.Of })
		if i < 0 {
			i = len(r.Expected)
			r.Expected = append(r.Expected, OutputDifference{Name: d.Name, Of: d.Of, Passed: true})
		}
		r.Expected[i].merge(d)
		r.Passed = r.Passed && d.Passed
	}
}

// finish says what was compared, and with which limit.
func (c *comparing) finish() (*Comparison, error) {
	r := c.result
	if c.elements == 0 && !slices.ContainsFunc(r.Outputs, func(d OutputDifference) bool { return !d.Passed || d.Left > 0 }) {
		return nil, &onnxio.Hint{Err: errors.New("comparing models: no output holds an element, so nothing was compared"), Advice: "give inputs that are not empty: --inputs, --dim"}
	}
	if c.blind {
		r.NoiseFloor = math.NaN()
	}
	switch {
	case c.fixed:
		r.Rule = "as asked for"
	case c.blind:
		r.Rule = "fixed, since inputs of integers cannot be moved to measure the noise of the original"
	case c.runners[1] != nil:
		r.Rule = fmt.Sprintf("%g times the rounding noise of the original, and %.2g", multiple(c.roundoff), c.granted)
	default:
		r.Rule = fmt.Sprintf("%g times what the original differs from itself, optimised and with inputs moved by a rounding, and %.2g", multiple(c.roundoff), c.granted)
	}
	return r, nil
}
