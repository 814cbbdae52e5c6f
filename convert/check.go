package convert

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify"
)

// A Check is the comparison of two whole models.
type Check struct {
	Engine     string        `json:"engine"`
	Seed       uint64        `json:"seed"`
	Runs       int           `json:"runs"`
	Samples    int           `json:"samples"` // in all runs
	Inputs     []string      `json:"inputs,omitempty"`
	RTol       Number        `json:"rtol"`
	ATol       Number        `json:"atol"`
	Rule       string        `json:"rule,omitempty"` // where the tolerance comes from, in words
	Passed     bool          `json:"passed"`
	NoiseFloor Number        `json:"noise_floor"`
	Outputs    []CheckOutput `json:"outputs"`
	Expected   []CheckOutput `json:"expected,omitempty"` // against the outputs that the inputs came with
}

// CheckOutput is one output of a Check.
type CheckOutput struct {
	Name       string `json:"name"`
	Shape      []int  `json:"shape"`
	MaxAbs     Number `json:"max_abs"`
	MaxRel     Number `json:"max_rel"`
	WorstIndex []int  `json:"worst_index,omitempty"`

	Of          string `json:"of,omitempty"`           // of expected outputs: whose outputs differ from them, "reference" or "candidate"
	Elements    int64  `json:"elements"`               // in all runs
	NotFinite   int64  `json:"not_finite,omitempty"`   // NaN or infinite, and the same in both
	Opposed     int64  `json:"opposed,omitempty"`      // NaN or infinite in one of them alone, or infinite with opposite signs
	NotCompared int64  `json:"not_compared,omitempty"` // the original itself jumps there
}

// Allowance is the tolerance that was applied, in words.
func (c *Check) Allowance() string { return allowance(float64(c.ATol), float64(c.RTol)) }

// weakness says why a comparison shows less than it seems to.
func weakness(c *verify.Comparison, o verify.CompareOptions) (notes []Warning) {
	note := func(code, format string, args ...any) {
		notes = append(notes, Warning{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if c.NoiseFloor > verify.TellingNoise && !o.Fixed {
		note("noisy_model", "rounding alone changes the outputs of the original by %.2g of the largest one, so comparing whole models shows little; try --inputs with real data", c.NoiseFloor)
	}
	for _, n := range c.Notes {
		note("declared_sizes", "%s", n)
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
	for _, o := range slices.Concat(c.Expected, c.Outputs) {
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
		return fmt.Sprintf("%s differs by %.3g at %v (relative to its largest value %.3g, allowed %s)", what, o.MaxAbs, o.Worst, o.MaxRel, allowance(c.ATol, c.RTol))
	}
	return ""
}

// shown refuses to call models equivalent of which nothing was compared.
func shown(c *Check) error {
	if slices.ContainsFunc(c.Outputs, func(o CheckOutput) bool { return o.Elements > o.NotCompared }) {
		return nil
	}
	return &onnxio.Hint{Err: errors.New("nothing was compared: all outputs of the reference itself change when inputs or weights move by a rounding"), Advice: "give real inputs with --inputs"}
}

func countElements(n int64) string {
	if n == 1 {
		return "1 element is"
	}
	return fmt.Sprintf("%d elements are", n)
}

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
		Rule: c.Rule, Passed: c.Passed, NoiseFloor: Number(c.NoiseFloor)}
	for _, d := range c.Outputs {
		out.Outputs = append(out.Outputs, describeOutput(d))
	}
	for _, d := range c.Expected {
		out.Expected = append(out.Expected, describeOutput(d))
	}
	return out
}

func describeOutput(d verify.OutputDifference) CheckOutput {
	return CheckOutput{Name: d.Name, Of: d.Of, Shape: d.Shape, MaxAbs: Number(d.MaxAbs), MaxRel: Number(d.MaxRel), WorstIndex: d.Worst,
		Elements: d.Elements, NotFinite: d.NotFinite, Opposed: d.Opposed, NotCompared: d.Left}
}
