package convert

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/verify"
)

// A Check is the comparison of two whole models.
type Check struct {
	Engine     string        `json:"engine"`
	Seed       uint64        `json:"seed"`
	Runs       int           `json:"runs"`    // without those on stress inputs
	Samples    int           `json:"samples"` // in all runs
	Inputs     []string      `json:"inputs,omitempty"`
	RTol       Number        `json:"rtol"`
	ATol       Number        `json:"atol"`
	Rule       string        `json:"rule,omitempty"` // where the tolerance comes from, in words
	Passed     bool          `json:"passed"`
	NoiseFloor Number        `json:"noise_floor"`
	Outputs    []CheckOutput `json:"outputs"`
	Expected   []CheckOutput `json:"expected,omitempty"` // against the outputs that the inputs came with
	Stress     []CheckStress `json:"stress,omitempty"`
	Scores     []CheckScores `json:"scores,omitempty"` // of outputs that have the form of class scores
	Saved      []string      `json:"saved,omitempty"`  // files that hold what was fed and what came out
}

// CheckOutput is one output of a Check. Statistics are of |a−b| over the elements that
// were compared: finite in both, and not left to rounding.
type CheckOutput struct {
	Name       string   `json:"name"`
	Shape      []int    `json:"shape"`
	MaxAbs     Number   `json:"max_abs"`
	MaxRel     Number   `json:"max_rel"` // relative to the largest value of the reference
	WorstIndex []int    `json:"worst_index,omitempty"`
	Worst      []Number `json:"worst_values,omitempty"` // of the reference and of the candidate there
	WorstRun   int      `json:"worst_run"`              // counted from 0

	WorstFrom string `json:"worst_from,omitempty"` // the file that the row comes from, where it is one of many

	Of          string `json:"of,omitempty"`           // of expected outputs: whose outputs differ from them, "reference" or "candidate"
	Elements    int64  `json:"elements"`               // in all runs
	NotFinite   int64  `json:"not_finite,omitempty"`   // NaN or infinite, and the same in both
	Opposed     int64  `json:"opposed,omitempty"`      // NaN or infinite in one of them alone, or infinite with opposite signs
	NotCompared int64  `json:"not_compared,omitempty"` // the original itself jumps there

	Passed    bool   `json:"passed"`
	Is        string `json:"is"`        // identical, rounding, tolerated, different, not_compared: see verify.Closeness
	Explained bool   `json:"explained"` // by rounding, whatever was allowed
	Limit     Number `json:"limit"`     // what |a−b| was allowed to be, in the run that came nearest to it or went farthest beyond
	Ratio     Number `json:"limit_ratio"`
	RTol      Number `json:"rtol"`
	ATol      Number `json:"atol"`
	Rule      string `json:"rule"` // where the limit comes from, in words
	Noise     Number `json:"noise_floor"`
	OwnNoise  Number `json:"candidate_noise,omitempty"` // of a candidate that rounds more coarsely than the reference
	Compared  int64  `json:"compared"`
	Equal     int64  `json:"equal"` // the same number
	// What follows is absent where nothing was compared, and Cosine where an output is
	// zero everywhere.
	Mean      *Number `json:"mean_abs,omitempty"`
	P99       *Number `json:"p99_abs,omitempty"` // what 99 of 100 elements do not exceed
	RMS       *Number `json:"rms,omitempty"`
	Cosine    *Number `json:"cosine,omitempty"`
	Histogram []Bin   `json:"histogram,omitempty"` // of the differences that are not zero, by powers of two

	NaN      []int64 `json:"nan,omitempty"`      // how many in the reference and in the candidate
	Infinite []int64 `json:"infinite,omitempty"` // likewise
}

// A Bin is how many differences are at least From and below To.
type Bin struct {
	From  Number `json:"from"`
	To    Number `json:"to"`
	Count int64  `json:"count"`
}

// CheckStress is a comparison on inputs that are hard on a model.
type CheckStress struct {
	Name    string        `json:"name"`
	Says    string        `json:"says"` // what was fed, in words
	Passed  bool          `json:"passed"`
	Outputs []CheckOutput `json:"outputs"`
}

// CheckScores is how two classifiers decide, in numbers of rows.
type CheckScores struct {
	Name    string       `json:"name"` // of the output
	Classes int          `json:"classes"`
	Rows    int64        `json:"rows"`
	Top1    int64        `json:"top1_agree"`           // the same class first
	Top5    *int64       `json:"top5_agree,omitempty"` // the same five classes first, in any order; with more than five classes
	Labels  *CheckLabels `json:"labels,omitempty"`
}

// CheckLabels is how often two classifiers are right.
type CheckLabels struct {
	Rows      int64    `json:"rows"`
	Reference Accuracy `json:"reference"`
	Candidate Accuracy `json:"candidate"`
}

// An Accuracy counts the rows whose label is the first class, and among the first five.
type Accuracy struct {
	Top1 int64  `json:"top1"`
	Top5 *int64 `json:"top5,omitempty"`
}

// Allowance is the tolerance that was applied, in words.
func (c *Check) Allowance() string { return allowance(float64(c.ATol), float64(c.RTol)) }

// namedUnread is how many files that nothing was taken from are named.
const namedUnread = 5

// weakness says why a comparison shows less than it seems to.
func weakness(c *verify.Comparison, o verify.CompareOptions) (notes []Warning) {
	note := func(code, format string, args ...any) {
		notes = append(notes, Warning{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if c.NoiseFloor > verify.TellingNoise && !o.Fixed {
		note("noisy_model", "rounding alone changes the outputs of the original by %.2g of the largest one, so comparing whole models shows little; try --inputs with real data", c.NoiseFloor)
	}
	for _, n := range c.Paired {
		note("paired", "%s", n)
	}
	for _, n := range c.Notes {
		note("declared_sizes", "%s", n)
	}
	if n := len(c.Unread); n > 0 {
		more := ""
		if n > namedUnread {
			more = fmt.Sprintf(" and %d more", n-namedUnread)
		}
		note("unread_input", "nothing was taken from %q%s", c.Unread[:min(n, namedUnread)], more)
	}
	if len(c.Outputs) == 0 {
		note("empty_output", "the models have no outputs, so there was nothing to compare")
	}
	for _, d := range c.Outputs {
		switch {
		case !d.Finite:
			note("not_finite", "output %q of the original holds no finite number, so comparing it shows nothing; try --inputs with real data", d.Name)
		case d.NotFinite > 0:
			note("not_finite", "%d of %d elements of output %q are NaN or infinite, and the same in both models", d.NotFinite, d.Elements, d.Name)
		}
		switch {
		case d.Left > 0 && d.Left >= d.Elements:
			note("noisy_output", "output %q of the original itself changes everywhere, or in its size, when inputs or weights move by a rounding, so it was not compared; try --inputs with real data", d.Name)
		case d.Left > 0:
			note("noisy_output", "%d of %d elements of output %q were not compared: the original itself jumps there when inputs or weights move by a rounding", d.Left, d.Elements, d.Name)
		case d.Elements == 0:
			note("empty_output", "output %q held no element in any run, so it was not compared", d.Name)
		}
	}
	return notes
}

// worstOutput says in what two models differ.
func worstOutput(c *verify.Comparison) string {
	if said := worstOf(slices.Concat(c.Outputs, c.Expected)); said != "" {
		return said
	}
	for _, s := range c.Stress {
		if said := worstOf(s.Outputs); said != "" {
			return fmt.Sprintf("on stress inputs %s (%s): %s", s.Name, s.Says, said)
		}
	}
	return ""
}

func worstOf(list []verify.OutputDifference) string {
	for _, o := range list {
		if o.Passed {
			continue
		}
		what, first, second := fmt.Sprintf("output %q", o.Name), "the reference", "the candidate"
		if o.Of != "" {
			what, first, second = fmt.Sprintf("output %q of the %s against the expected outputs", o.Name, o.Of), "the expected outputs", "the "+o.Of
		}
		switch {
		case o.Other != nil:
			return fmt.Sprintf("%s: its shape is %v in %s and %v in %s", what, o.Shape, first, o.Other, second)
		case o.Opposed > 0:
			return fmt.Sprintf("%s: %s NaN or infinite in one of them alone, or infinite with opposite signs; at %v it is %g in %s and %g in %s", what, countElements(o.Opposed), o.Worst, o.Values[0], first, o.Values[1], second)
		}
		if o.Of != "" {
			return fmt.Sprintf("%s differs by %.3g at %v (%g instead of %g)", what, o.MaxAbs, o.Worst, o.Values[1], o.Values[0])
		}
		return fmt.Sprintf("%s differs by %.3g at %v (relative to its largest value %.3g, allowed %s)", what, o.MaxAbs, o.Worst, o.MaxRel, allowance(o.ATol, o.RTol))
	}
	return ""
}

// vacuous refuses to call models equivalent of which an output showed nothing, or all
// together did.
func vacuous(c *verify.Comparison) error {
	switch {
	case len(c.Vacuous) > 0:
		return &onnxio.Hint{Err: fmt.Errorf("nothing was compared in some outputs: %s", strings.Join(c.Vacuous, "; ")), Advice: "give inputs on which every output holds numbers: --inputs, --val-range, --dim"}
	case !c.Shown:
		return &onnxio.Hint{Err: errors.New("nothing was compared: all outputs of the reference itself change when inputs or weights move by a rounding"), Advice: "give real inputs with --inputs"}
	}
	return nil
}

func countElements(n int64) string {
	if n == 1 {
		return "1 element is"
	}
	return fmt.Sprintf("%d elements are", n)
}

// Allowance is the tolerance of the output, in words.
func (o *CheckOutput) Allowance() string { return allowance(float64(o.ATol), float64(o.RTol)) }

// allowance is a tolerance in words.
func allowance(atol, rtol float64) string {
	switch {
	case atol == 0:
		return fmt.Sprintf("%.3g", rtol)
	case rtol == 0:
		return fmt.Sprintf("%.3g absolute", atol)
	}
	return fmt.Sprintf("%.3g absolute and %.3g of the largest value", atol, rtol)
}

func describeCheck(c *verify.Comparison, engine string, o verify.CompareOptions) *Check {
	out := &Check{Engine: engine, Seed: o.Seed, Runs: c.Runs, Samples: c.Samples, Inputs: o.Inputs, RTol: Number(c.RTol), ATol: Number(c.ATol),
		Rule: c.Rule, Passed: c.Passed, NoiseFloor: Number(c.NoiseFloor), Outputs: describeOutputs(c.Outputs), Expected: describeOutputs(c.Expected)}
	if o.SaveInputs != "" {
		out.Saved = append(out.Saved, o.SaveInputs)
	}
	if o.SaveOutputs != "" {
		out.Saved = append(out.Saved, verify.SavedOutputs(o.SaveOutputs)...)
	}
	for _, s := range c.Stress {
		out.Stress = append(out.Stress, CheckStress{Name: s.Name, Says: s.Says, Passed: s.Passed, Outputs: describeOutputs(s.Outputs)})
	}
	for _, s := range c.Scores {
		out.Scores = append(out.Scores, describeScores(s))
	}
	return out
}

func describeOutputs(list []verify.OutputDifference) (out []CheckOutput) {
	for _, d := range list {
		out = append(out, describeOutput(d))
	}
	return out
}

func describeOutput(d verify.OutputDifference) CheckOutput {
	o := CheckOutput{Name: d.Name, Of: d.Of, Shape: d.Shape, MaxAbs: Number(d.MaxAbs), MaxRel: Number(d.MaxRel), WorstIndex: d.Worst, WorstRun: d.WorstRun, WorstFrom: d.WorstFrom,
		Elements: d.Elements, NotFinite: d.NotFinite, Opposed: d.Opposed, NotCompared: d.Left,
		Passed: d.Passed, Is: string(d.Is), Explained: d.Explained, Limit: Number(d.Limit), Ratio: Number(d.Ratio), RTol: Number(d.RTol), ATol: Number(d.ATol), Rule: d.Rule,
		Noise: Number(d.Noise), OwnNoise: Number(d.OwnNoise), Compared: d.Compared, Equal: d.Equal}
	if d.Worst != nil {
		o.Worst = []Number{Number(d.Values[0]), Number(d.Values[1])}
	}
	if d.Compared > 0 {
		o.Mean, o.P99, o.RMS = number(d.Mean), number(d.P99), number(d.RMS)
		if !math.IsNaN(d.Cosine) {
			o.Cosine = number(d.Cosine)
		}
	}
	for _, b := range d.Histogram {
		o.Histogram = append(o.Histogram, Bin{Number(b.From), Number(b.To), b.Count})
	}
	if d.NaN != [2]int64{} {
		o.NaN = d.NaN[:]
	}
	if d.Infinite != [2]int64{} {
		o.Infinite = d.Infinite[:]
	}
	return o
}

func number(v float64) *Number { n := Number(v); return &n }

// describeScores leaves out five classes where a model has no more.
func describeScores(s verify.ScoreAgreement) CheckScores {
	five := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	out := CheckScores{Name: s.Output, Classes: s.Classes, Rows: s.Rows, Top1: s.Top1, Top5: five(s.Top5)}
	if s.Labels > 0 {
		out.Labels = &CheckLabels{s.Labels, Accuracy{s.RefTop1, five(s.RefTop5)}, Accuracy{s.CandTop1, five(s.CandTop5)}}
	}
	return out
}
