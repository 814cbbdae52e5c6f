package main

import (
	"strings"
	"testing"

	"repmlp/convert"
)

// What stays without being a place for a merge is folded by its reason, the first nodes
// named; with -v each says why.
func TestLeftIsFolded(t *testing.T) {
	r := &convert.Report{Command: "inspect", Verdict: convert.Unchanged, Left: []convert.Left{
		{Code: "no_linear_neighbour", Node: "a", Message: "why a"}, {Code: "sign_depends", Node: "b\x1b", Message: "why b\x1b"},
		{Code: "no_linear_neighbour", Node: "c", Message: "why c"}, {Code: "no_linear_neighbour", Node: "d", Message: "why d"},
		{Code: "no_linear_neighbour", Node: "e", Message: "why e"}, {Code: "no_linear_neighbour", Node: "f", Message: "why f"}}}
	last := "nothing left to merge\n"
	for d, want := range map[depth]string{
		brief:      last,
		plain:      "  stays no_linear_neighbour: a, c, d and 2 more (-v says why)\n  stays sign_depends: b\\x1b\n" + last,
		everything: "  stays no_linear_neighbour: why a\n  stays sign_depends: why b\\x1b\n  stays no_linear_neighbour: why c\n  stays no_linear_neighbour: why d\n  stays no_linear_neighbour: why e\n  stays no_linear_neighbour: why f\n" + last,
	} {
		var b strings.Builder
		if err := writeText(&b, r, d, look{}); err != nil || b.String() != want {
			t.Errorf("%v: %q, want %q", err, b.String(), want)
		}
	}
	var b strings.Builder
	if err := htmlFormat.report(&b, r); err != nil || !strings.Contains(b.String(), "<code>no_linear_neighbour</code> <span class=\"tag \">5</span>") || !strings.Contains(b.String(), "<code>a</code></td><td>why a</td>") || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%v: %s", err, b.String())
	}
}
