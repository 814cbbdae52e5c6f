package main

import (
	"fmt"
	"strings"

	"repmlp/convert"
)

// outcome is the last line of a report: what came of it.
func outcome(r *convert.Report) string {
	switch {
	case r.Verdict == convert.NotEquivalent && r.Check != nil && r.Command == "verify":
		return equivalence(r.Check)
	case r.Verdict == convert.Failed, r.Verdict == convert.NotEquivalent, r.Error != nil:
		why := "failed"
		if r.Error != nil {
			why = message(r.Error.Message)
		}
		if r.Command == "convert" {
			return "nothing was written: " + why
		}
		return "failed: " + why
	case r.Command == "verify":
		return equivalence(r.Check)
	case r.Command == "prove":
		return conclusion(r)
	case r.Difference != nil:
		return contrast(r)
	case r.Command == "inspect":
		return prospect(r)
	}
	return written(r)
}

// written is the last line of a conversion that wrote its model.
func written(r *convert.Report) string {
	to := name(r.Output.Path)
	if len(r.Output.External) > 0 {
		to += " and " + names(r.Output.External)
	}
	if len(r.Regions) > 0 {
		return fmt.Sprintf("wrote %s: %s, %d -> %d nodes; %s", to, r.Verdict, r.Input.Nodes, r.Output.Nodes, summary(r))
	}
	what := "with the same bytes"
	switch {
	case r.Output.Identical:
	case len(r.Output.External) > 0:
		what = "with the same weights"
	default:
		what = "with training switched off"
	}
	return fmt.Sprintf("%s; wrote %s %s", nothing(r, "was"), to, what)
}

// prospect is the last line of inspect.
func prospect(r *convert.Report) string {
	if len(r.Regions) == 0 {
		return nothing(r, "would be")
	}
	return said(r.Verdict) + ": " + summary(r)
}

// summary says in a few words what was merged, what stayed, whether it is proved, how
// far the outputs are apart, and what it saves.
func summary(r *convert.Report) string {
	merged := map[string]bool{} // a sum of which several parts are merged is named by each
	for _, g := range r.Regions {
		for _, n := range g.Merged {
			merged[n] = true
		}
	}
	parts := []string{fmt.Sprintf("%s of %s%s", plural(len(r.Regions), "merge"), plural(len(merged), "node"), evidenceOf(r).short())}
	if because, _ := declines(r); because != "" {
		parts = append(parts, because)
	}
	if c := r.Check; c != nil {
		word := "agree"
		if !c.Passed {
			word = "DIFFER"
		}
		parts = append(parts, fmt.Sprintf("outputs %s within %.2g of the largest", word, farthestOff(c)))
	}
	if n := r.Totals; n != nil {
		if r.Command == "inspect" {
			parts = append(parts, fmt.Sprintf("%d -> %d nodes", n.Nodes.Before, n.Nodes.After))
		}
		size := fmt.Sprintf("%s -> %s", bytesOf(n.Bytes.Before), bytesOf(n.Bytes.After))
		if n.Bytes.Before == 0 {
			size = bytesOf(n.Bytes.After)
		}
		if m := n.MultiplyAdds; m != nil {
			if p := percent(convert.Change{Before: m.Before, After: m.After}); p != "" {
				size += ", multiply-adds " + p
			}
		}
		parts = append(parts, size)
	}
	if said := speed(r.Timings); said != "" {
		parts = append(parts, said)
	}
	return strings.Join(parts, "; ")
}

// speed says how many times as fast the second model is as the first, at each batch
// size.
func speed(t *convert.Timings) string {
	var parts []string
	if t != nil {
		for _, x := range t.Results {
			if x.Ratio != nil {
				parts = append(parts, fmt.Sprintf("%.2f× as fast (%.2f to %.2f) at batch %d", x.Ratio.Value, x.Ratio.Low, x.Ratio.High, x.Batch))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// farthestOff is the largest difference, in units of the largest value of its output.
func farthestOff(c *convert.Check) float64 {
	w := 0.0
	for _, o := range c.Outputs {
		w = max(w, float64(o.MaxRel))
	}
	return w
}

// nothing says why nothing was merged.
func nothing(r *convert.Report, was string) string {
	because, grow := declines(r)
	switch {
	case because != "":
		return fmt.Sprintf("nothing %s merged, because %s", was, because)
	case grow > 0:
		return fmt.Sprintf("nothing %s merged: %s would make the model larger (--allow-growth)", was, plural(grow, "merge"))
	}
	return "nothing left to merge"
}

// declines counts the places that declined, by code, and apart from them those
// that are about size alone.
func declines(r *convert.Report) (places string, grow int) {
	var codes []string
	count := map[string]int{}
	total := 0
	for _, d := range r.Declined {
		if d.Growth() {
			grow++
			continue
		}
		total++
		if count[d.Code]++; count[d.Code] == 1 {
			codes = append(codes, d.Code)
		}
	}
	if total == 0 {
		return "", grow
	}
	for i, c := range codes {
		if len(codes) > 1 {
			codes[i] = fmt.Sprintf("%s %d", c, count[c])
		}
	}
	return fmt.Sprintf("%s declined (%s)", plural(total, "place"), strings.Join(codes, ", ")), grow
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// counted is plural of a number that may be large.
func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// warnOfTraining says on standard error that a model was exported before it was
// switched to inference: what it computes depends on its batch or on chance, and
// nothing can be merged into it.
func (a *app) warnOfTraining(notes []convert.Warning) {
	for _, w := range notes {
		if w.Code == "training_mode" {
			a.warn(w.Message, "export after model.eval(), or take the nodes as inference nodes with --batch-stats-as-inference")
		}
	}
}
