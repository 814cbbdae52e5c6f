package main

import (
	"fmt"

	"repmlp/convert"
)

// check tells what the comparison of whole models showed.
func (t *text) check() {
	c := t.report.Check
	if c == nil {
		return
	}
	if t.report.Command != "verify" { // whose last line says it
		word := "agree"
		if !c.Passed {
			word = "DIFFER"
		}
		within := ""
		for _, o := range c.Outputs {
			within += fmt.Sprintf("; %s within %.2g of its largest value", name(o.Name), float64(o.MaxRel))
		}
		t.line("whole model: outputs %s%s (allowed %s, %s, %s)", word, within, c.Allowance(), noise(c), runs(c))
	}
	if t.depth == everything {
		for _, o := range c.Outputs {
			at := ""
			if len(o.WorstIndex) > 0 {
				at = fmt.Sprintf(" at %v", o.WorstIndex)
			}
			t.line("  output %s %v: differs by at most %.3g%s, %.3g of its largest value", name(o.Name), o.Shape, float64(o.MaxAbs), at, float64(o.MaxRel))
		}
		t.line("  allowed: %.3g + %.3g of the largest value of an output (%s); engine %s, seed %d", float64(c.ATol), float64(c.RTol), message(c.Rule), c.Engine, c.Seed)
	}
}

// runs says how much was compared.
func runs(c *convert.Check) string {
	if c.Samples == c.Runs {
		return plural(c.Runs, "run")
	}
	return fmt.Sprintf("%s in %s", plural(c.Samples, "sample"), plural(c.Runs, "run"))
}

// equivalence is the last line of verify.
func equivalence(c *convert.Check) string {
	word := "equivalent"
	if !c.Passed {
		word = "NOT equivalent"
	}
	worst := fmt.Sprintf("%.3g of the largest output", worstRel(c))
	if c.ATol > 0 {
		worst = fmt.Sprintf("%.3g, %s", worstAbs(c), worst)
	}
	return fmt.Sprintf("%s: %s, largest difference %s, allowed %s (%s)", word, runs(c), worst, c.Allowance(), noise(c))
}

func worstRel(c *convert.Check) float64 {
	w := 0.0
	for _, o := range c.Outputs {
		w = max(w, float64(o.MaxRel))
	}
	return w
}

func worstAbs(c *convert.Check) float64 {
	w := 0.0
	for _, o := range c.Outputs {
		w = max(w, float64(o.MaxAbs))
	}
	return w
}
