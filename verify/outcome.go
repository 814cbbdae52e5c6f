package verify

import "math"

// An outcome is what all runs so far showed of one output.
type outcome struct {
	d      OutputDifference
	t      tally
	runs   int
	beyond bool // farther off than rounding explains, in some run
}

func newOutcome(name, of string) *outcome {
	return &outcome{d: OutputDifference{Name: name, Of: of, Passed: true}}
}

// take adds a run.
func (o *outcome) take(run int, f finding) {
	d := f.d
	d.WorstRun = run
	d.Limit, d.Ratio = f.limit, ratio(d.MaxAbs, f.limit)
	if o.runs == 0 || d.Ratio > o.d.Ratio {
		o.d.Limit, o.d.Ratio = d.Limit, d.Ratio
	}
	o.d.merge(d)
	o.d.RTol, o.d.ATol = max(o.d.RTol, f.rtol), max(o.d.ATol, f.atol)
	if o.d.Rule == "" || !f.blind {
		o.d.Rule = f.rule
	}
	switch {
	case f.blind:
		o.d.Noise = math.NaN()
	case f.measured:
		o.d.Noise = max(o.d.Noise, f.noise) // NaN stays
	}
	o.d.OwnNoise = max(o.d.OwnNoise, f.own)
	o.beyond = o.beyond || d.MaxAbs > f.explained || d.Opposed > 0 || d.Other != nil
	if d.Other == nil && d.Left < max(d.Elements, 1) {
		o.t.add(f.a, f.b, f.leaves())
	}
	o.runs++
}

// end is the outcome of all runs.
func (o *outcome) end() OutputDifference {
	d := o.d
	o.t.into(&d)
	d.Explained = !o.beyond
	switch {
	case !d.Passed:
		d.Is = Different
	case !d.Finite || d.Elements == d.Left:
		d.Is = NotCompared
	case d.Equal == d.Elements-d.Left:
		d.Is = Identical
	case o.beyond:
		d.Is = Tolerated
	default:
		d.Is = Rounding
	}
	return d
}

// ratio is a difference in units of what it may be.
func ratio(diff, limit float64) float64 {
	if diff == 0 {
		return 0
	}
	return diff / limit
}
