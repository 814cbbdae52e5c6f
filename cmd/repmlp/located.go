package main

import (
	"fmt"
	"strings"

	"repmlp/convert"
)

// pieceNodes is how many nodes of a piece are named.
const pieceNodes = 6

// located tells where two models begin to differ.
func (t *text) located() {
	l := t.report.Located
	if l == nil {
		return
	}
	t.line("first value that differs: %s %v", name(l.Value), l.Shape)
	t.line("  %s", apart(l))
	list := func(nodes []convert.LocatedNode) string {
		var parts []string
		for i, n := range nodes {
			if i == pieceNodes && t.depth < everything && len(nodes) > pieceNodes+1 {
				parts = append(parts, fmt.Sprintf("and %d more (-v lists all)", len(nodes)-i))
				break
			}
			if n.Name == n.Op || strings.HasPrefix(n.Name, n.Op+" -> ") { // it has none
				parts = append(parts, name(n.Name))
			} else {
				parts = append(parts, fmt.Sprintf("%s (%s)", name(n.Name), name(n.Op)))
			}
		}
		return strings.Join(parts, ", ")
	}
	t.line("  in the reference by %s", list(l.Reference))
	t.line("  in the candidate by %s", list(l.Candidate))
	t.line("  of %s", names(l.From))
	for _, w := range l.Weights {
		t.line("  constant %s differs by %.3g at %v (%g and %g)", name(w.Name), float64(w.MaxAbs), w.WorstIndex, float64(w.Worst[0]), float64(w.Worst[1]))
	}
	if l.Alone {
		t.line("  this piece alone differs, from equal inputs")
	} else {
		t.line("  no piece alone differs by more than its own rounding: the difference grows from value to value")
	}
	if l.Paired {
		t.line("  values were paired by their place in both models, and are called here as in the reference")
	}
	if l.Reshaped > 0 {
		t.line("  %s in both models for values of two shapes or types; values were compared by their names", plural(l.Reshaped, "name")+" stand")
	}
	if l.Saved != "" {
		t.line("  saved; repmlp verify %s/reference.onnx %s/candidate.onnx --inputs %s/test_data_set_0", name(l.Saved), name(l.Saved), name(l.Saved))
	}
}

// whereOf is what located tells, line by line.
func whereOf(r *convert.Report) []string { return linesOf(r, (*text).located) }

// linesOf is a part of the text of a report, line by line.
func linesOf(r *convert.Report, tell func(*text)) (list []string) {
	t := &text{report: r, depth: everything}
	tell(t)
	for line := range strings.Lines(t.String()) {
		list = append(list, strings.TrimSpace(line))
	}
	return list
}

// apart says how far a value differs.
func apart(l *convert.Located) string {
	switch {
	case l.Other != nil:
		return fmt.Sprintf("its shape is %v in the reference and %v in the candidate", l.Shape, l.Other)
	case l.Opposed > 0:
		return fmt.Sprintf("%s NaN or infinite in one of them alone, or infinite with opposite signs; at %v it is %g and %g", countOpposed(l.Opposed), l.WorstIndex, float64(l.Worst[0]), float64(l.Worst[1]))
	case len(l.Worst) == 2:
		return fmt.Sprintf("differs by %.3g at %v (%g and %g), %.3g of its largest value; allowed %.3g, rounding noise of the reference there %.2g",
			float64(l.MaxAbs), l.WorstIndex, float64(l.Worst[0]), float64(l.Worst[1]), float64(l.MaxRel), float64(l.Allowed), float64(l.Noise))
	}
	return "differs"
}

func countOpposed(n int64) string {
	if n == 1 {
		return "1 element is"
	}
	return fmt.Sprintf("%d elements are", n)
}
