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
//
// Models without outputs, and runs in which no output holds an element, are errors
// unless o.Lenient; outputs without a finite number or without an element are
// named in Vacuous, and whether anything was compared is Shown.
func Compare(ctx context.Context, ref, cand *onnxio.Model, o CompareOptions) (*Comparison, error) {
	pairs, err := o.pair(ref, cand)
	if err != nil {
		return nil, err
	}
	notes, err := pairs.narrowed(&o)
	if err != nil {
		return nil, err
	}
	if len(ref.Graph().Outputs()) == 0 {
		if o.Lenient {
			return &Comparison{Passed: true, NoiseFloor: math.NaN(), Vacuous: []string{"the models have no outputs"}}, nil
		}
		return nil, errNoOutputs
	}
	if err := o.checkTolerances(ref); err != nil {
		return nil, err
	}
	runs, err := samples(ref, o)
	if err != nil {
		return nil, err
	}
	runners, err := o.runners(ref, cand)
	if err != nil {
		return nil, err
	}
	c := &comparing{o: o, pairs: pairs, runners: runners, roundoff: max(narrowest(ref, cand), pairs.coarser()), result: &Comparison{
		Passed: true, Runs: runs.count, Samples: runs.samples, RTol: o.RTol, ATol: o.ATol, Paired: pairs.notes(), Notes: append(notes, pairs.misdeclared()...)}}
	c.granted = roundoffs(c.roundoff) * c.roundoff
	c.variety = &variety{ref: ref, runner: runners[0], again: o.Again, seed: o.Seed, limit: o.Limit, jumpy: jumps(ref) || jumps(cand), half: narrowest(ref) > 0x1p-24}
	c.ownNoise(ref, cand)
	for _, v := range ref.Graph().Outputs() {
		c.outputs = append(c.outputs, newOutcome(v.Name(), ""))
		c.scorings = append(c.scorings, &scoring{s: ScoreAgreement{Output: v.Name()}})
	}
	if c.saved, err = o.savings(ref); err != nil {
		return nil, err
	}
	defer c.saved.remove()
	c.result.Unread, c.named = runs.unread, runs.named
	total := runs.count
	if o.Stress {
		total += len(stressCases())
	}
	c.pace = o.follow(runners, total)
	for k := range runs.count {
		feed, err := runs.at(k)
		if err != nil {
			return nil, err
		}
		if err := c.sample(ctx, k, feed); err != nil {
			return nil, err
		}
		if o.Stress && k == runs.count-1 {
			if err := c.stress(ctx, feed.feed, runs.count); err != nil {
				return nil, err
			}
		}
	}
	result, err := c.finish()
	if err == nil {
		err = c.saved.end()
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// A comparing is the state of one comparison.
type comparing struct {
	o                 CompareOptions
	runners           [3]Runner
	pairs             *pairing
	variety           *variety
	own               *variety           // of a candidate that rounds more coarsely than the reference; nil otherwise
	moved             map[string]float64 // what moved weights of that change in each output, relative to its largest value; nil: not measured yet
	double            Runner             // the candidate in float64, beside own
	coarse            bool               // the candidate rounds more coarsely than the reference
	blind             bool               // nothing says how far the reference differs from itself
	roundoff          float64
	granted           float64 // of the largest output
	elements          int64
	saved             *savings
	pace              *pace
	named             func(run, row int) string
	outputs, expected []*outcome
	scorings          []*scoring // of the outputs
	result            *Comparison
}

// foreignVariations of the reference are run by an engine that has no float64.
const foreignVariations = 2

// sample compares one run.
func (c *comparing) sample(ctx context.Context, run int, s sample) error {
	feed, candFeed, err := c.pairs.feeds(s.feed)
	if err != nil {
		return err
	}
	got, err := runAll(ctx, c.runners, feed, candFeed, c.o.Limit > 0)
	if err != nil {
		return err
	}
	got[2] = c.pairs.renamed(got[2])
	own, err := c.ownScatter(ctx, run, candFeed, got[2])
	if err != nil {
		return err
	}
	if err := errors.Join(c.saved.feeds.add(c.saved.inputs, feed, true), c.saved.ref.add(c.saved.outputs, got[0], false), c.saved.cand.add(c.saved.outputs, got[2], false)); err != nil {
		return err
	}
	outs := c.outputs
	spreads := make([]*scatter, len(outs))
	for i, out := range outs {
		spreads[i] = newScatter(got[0][out.d.Name])
		if got[1] != nil {
			spreads[i].add(got[1][out.d.Name], 1)
		}
	}
	next, seen := 0, c.runners[1] != nil
	vary := func() error {
		t, roundings, err := c.variety.run(ctx, feed, run, next)
		next++
		if err != nil {
			return fmt.Errorf("running the reference: %w", err)
		}
		for i, out := range outs {
			if t != nil {
				spreads[i].add(t[out.d.Name], roundings)
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
		found, passed := c.judge(got, spreads, own, s.want, !seen)
		if passed || next >= c.variety.most() {
			c.take(run, found)
			c.pace.ran()
			for _, g := range c.scorings {
				g.add(got[0][g.s.Output], got[2][g.s.Output], c.o.Labels)
			}
			return nil
		}
		if err := vary(); err != nil {
			return err
		}
	}
}

// A finding is what one run showed of one output, and what it was judged by.
type finding struct {
	d    OutputDifference
	a, b *Tensor
	allowance
}

// judge compares one run of every output with the reference, and with what the inputs
// came with.
func (c *comparing) judge(got [3]map[string]*Tensor, spreads, own []*scatter, want map[string]*Tensor, blind bool) (found []finding, passed bool) {
	passed = true
	for i, out := range c.outputs {
		name, s := out.d.Name, spreads[i]
		add := func(of string, a, b *Tensor, w allowance) {
			d := judge(a, b, s, w.leave, w.limit)
			d.Name, d.Of = name, of
			found = append(found, finding{d, a, b, w})
			passed = passed && d.Passed
		}
		var mine *scatter
		if own != nil {
			mine = own[i]
		}
		w := c.allowed(name, s, mine, blind)
		add("", got[0][name], got[2][name], w)
		if x := want[name]; x != nil {
			w = c.conforming(w, s)
			add("reference", x, got[0][name], w)
			add("candidate", x, got[2][name], w)
		}
	}
	return found, passed
}

// take adds what one run showed to the result.
func (c *comparing) take(run int, found []finding) {
	r := c.result
	for _, f := range found {
		out := c.outcome(f.d)
		out.take(run, f)
		r.Passed = r.Passed && f.d.Passed
		if f.d.Of != "" {
			continue
		}
		c.blind = c.blind || f.blind
		c.elements += f.d.Elements
		r.Shown = r.Shown || f.d.Elements > f.d.Left
		if f.measured {
			r.NoiseFloor = max(r.NoiseFloor, f.noise)
		}
		if f.measured && !f.asked {
			r.RTol = max(r.RTol, f.rtol)
		}
	}
}

// outcome is where a run of an output belongs.
func (c *comparing) outcome(d OutputDifference) *outcome {
	list := &c.outputs
	if d.Of != "" {
		list = &c.expected
	}
	for _, o := range *list {
		if o.d.Name == d.Name && o.d.Of == d.Of {
			return o
		}
	}
	*list = append(*list, newOutcome(d.Name, d.Of))
	return (*list)[len(*list)-1]
}

// placed says from which file the worst row comes.
func (c *comparing) placed(d OutputDifference) OutputDifference {
	if c.named != nil && len(d.Worst) > 0 {
		d.WorstFrom = c.named(d.WorstRun, d.Worst[0])
	}
	return d
}

// finish says what was compared, and with which limit.
func (c *comparing) finish() (*Comparison, error) {
	r := c.result
	for _, o := range c.outputs {
		r.Outputs = append(r.Outputs, c.placed(o.end()))
	}
	for _, o := range c.expected {
		r.Expected = append(r.Expected, c.placed(o.end()))
	}
	var err error
	if r.Scores, err = agreements(c.scorings, c.o.Labels); err != nil {
		return nil, err
	}
	if c.elements == 0 && !c.o.Lenient && !slices.ContainsFunc(r.Outputs, func(d OutputDifference) bool { return !d.Passed || d.Left > 0 }) {
		return nil, &onnxio.Hint{Err: errors.New("comparing models: no output holds an element, so nothing was compared"), Advice: "give inputs that are not empty: --inputs, --dim"}
	}
	if c.blind {
		r.NoiseFloor = math.NaN()
	}
	r.Rule = c.rule(c.blind)
	switch {
	case c.o.fixed():
		r.Rule = ruleAsked
	case len(c.o.Tolerances) > 0:
		r.Rule = r.Outputs[0].Rule
		for _, d := range r.Outputs {
			r.RTol, r.ATol = max(r.RTol, d.RTol), max(r.ATol, d.ATol)
			if d.Rule != r.Rule {
				r.Rule = ruleEach
			}
		}
	}
	for _, d := range r.Outputs {
		switch {
		case d.Elements == 0 && d.Passed:
			r.Vacuous = append(r.Vacuous, fmt.Sprintf("output %q held no element in any run", d.Name))
		case !d.Finite && d.Passed:
			r.Vacuous = append(r.Vacuous, fmt.Sprintf("output %q of the reference holds no finite number", d.Name))
		}
	}
	return r, nil
}
