package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"repmlp/convert"
	"repmlp/verify"
)

// check tells what the comparison of whole models showed.
func (t *text) check() {
	c := t.report.Check
	if c == nil {
		return
	}
	if t.report.Command == "verify" { // whose last line says it
		t.comparison(c)
		return
	}
	word := "agree"
	if !c.Passed {
		word = "DIFFER"
	}
	within := ""
	for _, o := range c.Outputs {
		within += fmt.Sprintf("; %s within %.2g of its largest value", name(o.Name), float64(o.MaxRel))
	}
	t.line("whole model: outputs %s%s (allowed %s, %s, %s)", word, within, c.Allowance(), noise(c), runs(c))
	if t.depth == everything {
		t.comparison(c)
	}
}

// comparison is the statistics of every output, and where it differs most.
func (t *text) comparison(c *convert.Check) {
	shown := c.Outputs
	if t.depth < everything {
		shown = farthest(shown)
	}
	t.outputs("output", shown)
	if n := len(c.Outputs) - len(shown); n > 0 {
		t.line("... and %s, nearer to the reference than these in units of the limit (-v lists all)", plural(n, "more output"))
	}
	if len(c.Expected) > 0 {
		t.outputs("expected", c.Expected)
	}
	for _, o := range slices.Concat(shown, c.Expected) {
		t.worst(o, t.report.Command == "verify" && len(c.Outputs) == 1 && len(c.Expected) == 0)
	}
	for _, s := range c.Scores {
		t.scores(s)
	}
	t.stress(c.Stress)
	if len(c.Saved) > 0 {
		t.line("  saved in %s", names(c.Saved))
	}
	if t.depth == everything {
		t.line("  engine %s, seed %d, %s", c.Engine, c.Seed, runs(c))
	}
}

// Of many outputs those are shown that are farthest off.
const (
	listedOutputs = 12
	fewOutputs    = listedOutputs + 2
)

// farthest are the outputs that came nearest to their limit or went farthest beyond,
// in the order of the model.
func farthest(all []convert.CheckOutput) []convert.CheckOutput {
	if len(all) <= fewOutputs {
		return all
	}
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b convert.CheckOutput) int {
		switch x, y := rank(a), rank(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	var out []convert.CheckOutput
	for _, o := range all {
		if slices.ContainsFunc(order[:listedOutputs], func(p convert.CheckOutput) bool { return p.Name == o.Name }) {
			out = append(out, o)
		}
	}
	return out
}

func rank(o convert.CheckOutput) float64 {
	if !o.Passed && o.Ratio <= 1 { // a shape, or something that is no number
		return math.Inf(1)
	}
	return float64(o.Ratio)
}

// outputs are the statistics as a table.
func (t *text) outputs(what string, list []convert.CheckOutput) {
	if len(list) == 0 {
		return
	}
	g := &grid{columns: []column{{title: what, cuts: true}, {title: "elements", right: true}, {title: "max"}, {title: "p99"}, {title: "mean"}, {title: "RMS"},
		{title: "of largest"}, {title: "cosine"}, {title: "of limit"}, {}}}
	for _, o := range list {
		called := name(o.Name)
		if o.Of != "" {
			called += " of the " + o.Of
		}
		g.add(called, fmt.Sprint(o.Elements), fmt.Sprintf("%.3g", float64(o.MaxAbs)), figure("%.3g", o.P99), figure("%.3g", o.Mean), figure("%.3g", o.RMS),
			fmt.Sprintf("%.2g", float64(o.MaxRel)), figure("%.6f", o.Cosine), share(o), t.look.paint(shade(o), closeness(o)))
	}
	t.table("", g, nil)
}

// shade is the colour of how far two outputs are apart.
func shade(o convert.CheckOutput) colour {
	switch verify.Closeness(o.Is) {
	case verify.Identical, verify.Rounding:
		return good
	case verify.Tolerated, verify.NotCompared:
		return caution
	}
	return bad
}

// figure is a number, or a dash where there is none.
func figure(format string, n *convert.Number) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf(format, float64(*n))
}

// share is the largest difference in units of the limit.
func share(o convert.CheckOutput) string {
	switch r := float64(o.Ratio); {
	case o.Compared == 0:
		return "-"
	case math.IsInf(r, 0):
		return "none allowed"
	default:
		return fmt.Sprintf("%.2g", r)
	}
}

// closeness says in words how far two outputs are apart.
func closeness(o convert.CheckOutput) string {
	switch verify.Closeness(o.Is) {
	case verify.Identical:
		return "the same numbers"
	case verify.Rounding:
		return "rounding"
	case verify.Tolerated:
		return "tolerated, more than rounding"
	case verify.NotCompared:
		return "not compared"
	}
	return "DIFFERENT"
}

// worst says where an output differs most, what was allowed there and why, and what
// is not a number. Where alone is said, the last line tells the limit.
func (t *text) worst(o convert.CheckOutput, alone bool) {
	called := name(o.Name)
	if o.Of != "" {
		called += " of the " + o.Of
	}
	first, second := "the reference", "the candidate"
	if o.Of != "" {
		first, second = "what was expected", "the "+o.Of
	}
	if len(o.Worst) == 2 && o.Is != string(verify.Identical) {
		run := ""
		if t.report.Check.Runs > 1 {
			run = fmt.Sprintf(" of run %d", o.WorstRun)
		}
		if o.WorstFrom != "" {
			run += fmt.Sprintf(" (%s)", name(o.WorstFrom))
		}
		there := fmt.Sprintf("at %v%s: %.9g in %s, %.9g in %s", o.WorstIndex, run, float64(o.Worst[0]), first, float64(o.Worst[1]), second)
		switch {
		case o.Opposed == 0:
			t.line("  output %s %v: differs by at most %.3g %s", called, o.Shape, float64(o.MaxAbs), there)
		case o.MaxAbs > 0: // the place is that of something that is no number
			t.line("  output %s %v: differs %s; numbers by at most %.3g", called, o.Shape, there, float64(o.MaxAbs))
		default:
			t.line("  output %s %v: differs %s", called, o.Shape, there)
		}
	}
	if o.Elements > o.NotCompared && (t.depth == everything || !alone) {
		t.line("  allowed: %s %.3g, which is %.3g + %.3g of its largest value (%s)", called, float64(o.Limit), float64(o.ATol), float64(o.RTol), message(o.Rule))
	}
	if n := notNumbers(o); n != "" {
		t.line("  %s: %s", called, n)
	}
	if o.NotCompared > 0 {
		t.line("  %s: %d of %d elements were left out, since the reference itself jumps there", called, o.NotCompared, o.Elements)
	}
}

// farOff says how far an output is off, in one line.
func farOff(o convert.CheckOutput) string {
	if o.Opposed > 0 {
		said := countOpposed(o.Opposed) + " NaN or infinite in one of them alone, or infinite with opposite signs"
		if o.MaxAbs > 0 {
			said += fmt.Sprintf("; numbers differ by at most %.3g", float64(o.MaxAbs))
		}
		return said
	}
	return fmt.Sprintf("differs by at most %.3g, %.3g of its largest value", float64(o.MaxAbs), float64(o.MaxRel))
}

// notNumbers counts NaN and infinities.
func notNumbers(o convert.CheckOutput) string {
	var parts []string
	for _, kind := range []struct {
		what string
		n    []int64
	}{{"NaN", o.NaN}, {"infinite", o.Infinite}} {
		if len(kind.n) == 2 {
			parts = append(parts, fmt.Sprintf("%d and %d elements are %s", kind.n[0], kind.n[1], kind.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(" in the one and in the other, of %d; %d are the same in both, %d are not", o.Elements, o.NotFinite, o.Opposed)
}

// scores says how two classifiers decide.
func (t *text) scores(s convert.CheckScores) {
	of := func(n int64) string {
		return fmt.Sprintf("%d of %d (%.2f %%)", n, s.Rows, 100*float64(n)/float64(s.Rows))
	}
	five := ""
	if s.Top5 != nil {
		five = fmt.Sprintf("; the same first five: %s", of(*s.Top5))
	}
	t.line("  %s as scores of %d classes: the same class first in %s rows%s", name(s.Name), s.Classes, of(s.Top1), five)
	if s.Labels == nil {
		return
	}
	right := func(a convert.Accuracy) string {
		text := of(a.Top1)
		if a.Top5 != nil {
			text += fmt.Sprintf(", among the first five in %s", of(*a.Top5))
		}
		return text
	}
	t.line("  %s against the labels: the reference is right in %s; the candidate in %s", name(s.Name), right(s.Labels.Reference), right(s.Labels.Candidate))
}

// stress says what inputs that are hard on a model showed.
func (t *text) stress(list []convert.CheckStress) {
	for _, s := range list {
		word := "agree"
		if !s.Passed {
			word = "DIFFER"
		}
		worst, most, same := 0.0, 0.0, len(s.Outputs) > 0
		var n, opposed, compared, left int64
		for _, o := range s.Outputs {
			worst = max(worst, float64(o.MaxRel))
			most = max(most, float64(o.Ratio))
			same = same && o.Is == string(verify.Identical)
			n += o.NotFinite
			opposed += o.Opposed
			compared += o.Compared
			left += o.NotCompared
		}
		said := fmt.Sprintf("outputs %s within %.2g of the largest value", word, worst)
		switch {
		case opposed > 0:
			said = fmt.Sprintf("outputs DIFFER: %s NaN or infinite in one of the models alone", plural(int(opposed), "element")+areIs(opposed))
		case compared == 0 && s.Passed:
			said = "outputs show nothing"
		case same:
			said = "outputs are the same numbers"
		case !s.Passed:
			said = fmt.Sprintf("outputs DIFFER by %.2g of the largest value, %.2g times what is allowed", worst, most)
		}
		if n > 0 {
			said += fmt.Sprintf(", %d elements are NaN or infinite in both", n)
		}
		if left > 0 {
			said += fmt.Sprintf(", %d were left out", left)
		}
		t.line("  stress %s (%s): %s", name(s.Name), message(s.Says), said)
	}
}

func areIs(n int64) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// runs says how much was compared.
func runs(c *convert.Check) string {
	if c.Samples == c.Runs {
		return plural(c.Runs, "run")
	}
	return fmt.Sprintf("%s in %s", plural(c.Samples, "sample"), plural(c.Runs, "run"))
}

// equivalence is the last line of verify: it tells of the output that came nearest to
// its limit, or went farthest beyond.
func equivalence(c *convert.Check) string {
	word := "equivalent"
	if !c.Passed {
		word = "NOT equivalent"
	}
	d := decisive(c)
	if s := failedStress(c); s != "" {
		return fmt.Sprintf("%s: on stress inputs %s alone; %s, largest difference %.3g of the largest output, allowed %s (%s)", word, s, runs(c), float64(d.MaxRel), d.Allowance(), noise(c))
	}
	if d == nil {
		return fmt.Sprintf("%s: %s, nothing was compared", word, runs(c))
	}
	worst := fmt.Sprintf("%.3g of the largest output", float64(d.MaxRel))
	if len(c.Outputs) > 1 {
		worst = fmt.Sprintf("%.3g of the largest value of %s", float64(d.MaxRel), name(d.Name))
	}
	if d.ATol > 0 {
		worst = fmt.Sprintf("%.3g, %s", float64(d.MaxAbs), worst)
	}
	if d.Opposed > 0 {
		worst = countOpposed(d.Opposed) + " NaN or infinite in one of them alone, numbers " + worst + " apart"
	} else {
		worst = "largest difference " + worst
	}
	if d.Of != "" && unexpected(c) {
		return fmt.Sprintf("%s: %s, against what was expected: %s, allowed %s; %s", word, runs(c), worst, d.Allowance(), notExpected(c))
	}
	return fmt.Sprintf("%s: %s, %s, allowed %s (%s)%s", word, runs(c), worst, d.Allowance(), noise(c), isNoise(c, d))
}

// failedStress names the stress inputs on which models differ that agree on all others.
func failedStress(c *convert.Check) string {
	if slices.ContainsFunc(slices.Concat(c.Outputs, c.Expected), func(o convert.CheckOutput) bool { return !o.Passed }) {
		return ""
	}
	var failed []string
	for _, s := range c.Stress {
		if !s.Passed {
			failed = append(failed, name(s.Name))
		}
	}
	return strings.Join(failed, ", ")
}

// decisive is the output that came nearest to its limit or went farthest beyond, of the
// models against what was expected where that alone is not met.
func decisive(c *convert.Check) (d *convert.CheckOutput) {
	all := slices.Clone(c.Outputs)
	if len(all) == 0 || unexpected(c) {
		all = slices.Clone(c.Expected)
	}
	for i := range all {
		if d == nil || rank(all[i]) > rank(*d) {
			d = &all[i]
		}
	}
	return d
}

// unexpected reports whether two models agree, and not with what was expected.
func unexpected(c *convert.Check) bool {
	failed := func(o convert.CheckOutput) bool { return !o.Passed }
	return slices.ContainsFunc(c.Expected, failed) && !slices.ContainsFunc(c.Outputs, failed)
}

// agreement says in a word or a few whether outputs agree.
func agreement(c *convert.Check) string {
	switch stress := failedStress(c); {
	case c.Passed:
		return "agree"
	case unexpected(c):
		return "agree, but are not what was expected"
	case stress != "":
		return "agree, but differ on stress inputs " + stress
	}
	return "differ"
}

// notExpected says which of two models that agree does not give what was expected.
func notExpected(c *convert.Check) string {
	of := func(which string) bool {
		return slices.ContainsFunc(c.Expected, func(o convert.CheckOutput) bool { return o.Of == which && !o.Passed })
	}
	who := "neither model gives"
	switch {
	case !of("candidate"):
		who = "the reference does not give"
	case !of("reference"):
		who = "the candidate does not give"
	}
	between := "differ by less than is allowed"
	switch is := func(ok func(convert.CheckOutput) bool) bool {
		return !slices.ContainsFunc(c.Outputs, func(o convert.CheckOutput) bool { return !ok(o) })
	}; {
	case is(func(o convert.CheckOutput) bool { return o.Is == string(verify.Identical) }):
		between = "give the same numbers"
	case is(func(o convert.CheckOutput) bool { return o.Explained }):
		between = "differ by rounding"
	}
	return fmt.Sprintf("%s what was expected, and the two %s", who, between)
}

// isNoise says whether the differences are rounding, and else how many times that.
func isNoise(c *convert.Check, d *convert.CheckOutput) string {
	all := func(is func(convert.CheckOutput) bool) bool {
		return !slices.ContainsFunc(c.Outputs, func(o convert.CheckOutput) bool { return !is(o) })
	}
	times := ""
	if n := float64(d.Noise + d.OwnNoise); n > 0 && d.Opposed == 0 {
		times = fmt.Sprintf(": %.2g times the noise", float64(d.MaxRel)/n)
	}
	switch {
	case all(func(o convert.CheckOutput) bool { return o.Is == string(verify.Identical) }):
		return "; the outputs are the same numbers"
	case all(func(o convert.CheckOutput) bool { return o.Is == string(verify.NotCompared) }):
		return "; nothing was compared"
	case all(func(o convert.CheckOutput) bool { return o.Explained }) && d.Passed:
		return "; this is rounding"
	case d.Passed:
		return "; this is more than rounding explains" + times
	case d.Explained:
		return "; this is rounding, and more than was allowed"
	}
	return "; this is not rounding" + times
}
