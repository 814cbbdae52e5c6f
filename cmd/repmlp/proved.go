package main

import (
	"fmt"
	"math"
	"strings"

	"repmlp/convert"
)

// An evidence counts how the merges of a report were proved.
type evidence struct {
	merges, proved, failed int
	complete, moved        int     // of those proved: by every coefficient, and off a model in which scales moved
	read                   int64   // coefficients and biases
	rows                   int     // at least, where they are random
	worst                  float64 // share of the bound, of those on random rows
}

// evidenceOf counts the proofs of a report.
func evidenceOf(r *convert.Report) evidence {
	e := evidence{merges: len(r.Regions)}
	for _, g := range r.Regions {
		p := g.Proof
		switch {
		case p == nil:
			continue
		case !(p.Bound < 1):
			e.failed++
			continue
		}
		e.proved++
		if p.Complete {
			e.complete++
			e.read += p.Read
		} else {
			e.worst = max(e.worst, float64(p.Bound))
			if e.rows == 0 || p.Rows < e.rows {
				e.rows = p.Rows
			}
		}
		if p.Moved {
			e.moved++
		}
	}
	return e
}

// short says how the merges were proved, nothing where none was tried.
func (e evidence) short() string {
	rows := fmt.Sprintf("on random rows (worst %.2g of the bound)", e.worst)
	switch {
	case e.proved+e.failed == 0:
		return ""
	case e.failed > 0 || e.proved < e.merges:
		return fmt.Sprintf(", %d of them proved", e.proved)
	case e.complete == e.proved:
		return ", proved for all inputs"
	case e.complete == 0:
		return ", proved " + rows
	}
	return fmt.Sprintf(", %d proved for all inputs and %d %s", e.complete, e.proved-e.complete, rows)
}

// sentences say it at length, for a report in which all were proved.
func (e evidence) sentences() string {
	each := "Each of the " + plural(e.proved, "merge") + " was"
	if e.proved == 1 {
		each = "The merge was"
	}
	var parts []string
	numbers := fmt.Sprintf("%s of the weights as they were written", thousands(e.read)+" coefficients and biases")
	bound := fmt.Sprintf("the worst differs by %.2g of what rounding allows", e.worst)
	switch sampled := e.proved - e.complete; {
	case sampled == 0 && e.read == 0:
		parts = append(parts, fmt.Sprintf("%s proved for all inputs.", each))
	case sampled == 0:
		parts = append(parts, fmt.Sprintf("%s proved for all inputs: %s were compared with what the original makes of single inputs, in float64, and each is its value there, rounded once.", each, numbers))
	case e.complete == 0:
		parts = append(parts, fmt.Sprintf("%s proved on random rows in float64, on the weights as they were written: %s.", each, bound))
	default:
		parts = append(parts, fmt.Sprintf("%d of %s were proved for all inputs: %s are what the original makes of single inputs, rounded once. The others were proved on random rows in float64: %s.", e.complete, plural(e.proved, "merge"), numbers, bound))
	}
	if e.moved > 0 {
		parts = append(parts, fmt.Sprintf("That the original equals itself with scales moved, off which %s read, was shown on random rows in float64.", plural(e.moved, "merge")+" "+map[bool]string{true: "was", false: "were"}[e.moved == 1]))
	}
	if e.complete < e.proved {
		parts = append(parts, fmt.Sprintf("One coefficient that is off by ten times the bound of its output passes %s with a probability of %g at most.", plural(e.rows, "random row"), math.Pow(0.1, float64(e.rows))))
	}
	return strings.Join(parts, " ")
}

// proofOf says how one merge was proved.
func proofOf(p *convert.ProofReport) string {
	switch {
	case !p.Complete:
		return plural(p.Rows, "random row")
	case p.Read == 0:
		return "all inputs"
	}
	return "all inputs, " + thousands(p.Read) + " numbers read"
}

// ofBound prints a part of a bound: one that is kept is not said to be used up.
func ofBound(x float64) string {
	if x < 1 && x > 0.994 {
		return "0.99"
	}
	return fmt.Sprintf("%.2g", x)
}
