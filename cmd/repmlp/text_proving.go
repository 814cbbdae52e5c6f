package main

import (
	"fmt"

	"repmlp/convert"
)

// shownPieces is how many pieces are shown that need no attention.
const shownPieces = 8

// sameness says how much of a model is the same in another.
func sameness(n convert.Identical) string {
	return fmt.Sprintf("%s; %s of %s, to the bit", plural(n.Nodes, "node"), plural(n.Tensors, "tensor"), bytesOf(n.Bytes))
}

// identical says how much of a converted model is the original's.
func (t *text) identical() {
	if n := t.report.Identical; n != nil && t.depth == everything {
		t.line("  not merged, and identical: %s", sameness(*n))
	}
}

// proving lists what is the same in two models, and the pieces in which they differ.
func (t *text) proving() {
	p := t.report.Proving
	if p == nil {
		return
	}
	t.line("  identical: %s", sameness(p.Identical))
	left := 0
	for i, x := range p.Pieces {
		if t.depth < everything && x.Complete && i >= shownPieces {
			left++
			continue
		}
		t.piece(x)
	}
	if left > 0 {
		t.line("  and %s more like these (-v lists all)", plural(left, "piece"))
	}
}

// piece says of one piece what became of it.
func (t *text) piece(x convert.ProvedPiece) {
	to := name(x.Value)
	if x.New != "" {
		to += " as " + name(x.New)
	}
	what := fmt.Sprintf("%s -> %s", plural(len(x.Original), "node"), plural(len(x.Converted), "node"))
	switch {
	case !x.Linear:
		t.line("  %s: %s; NOT LINEAR: compared on %s only, largest difference %.2g", to, what, plural(x.Rows, "sample"), float64(x.MaxAbs))
	case !x.Complete:
		t.line("  %s: %s; compared on %s only, within %s (%s)", to, what, plural(x.Rows, "row"), plural(x.Roundings, "rounding"), x.Method)
	default:
		t.line("  %s: %s; proved within %s, %s read", to, what, plural(x.Roundings, "rounding"), plural(int(x.Coefficients), "coefficient"))
	}
	if t.depth == everything {
		t.line("    from %s", names(x.From))
		t.line("    original %s", names(x.Original))
		t.line("    converted %s", names(x.Converted))
	}
}

// conclusion is the last line of a proof.
func conclusion(r *convert.Report) string {
	word := "proved for all inputs"
	if r.Verdict == convert.Compared {
		word = "proved in part"
	}
	return word + ": " + message(r.Proving.Sentence)
}
