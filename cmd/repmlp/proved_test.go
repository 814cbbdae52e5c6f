package main

import (
	"strings"
	"testing"

	"repmlp/convert"
)

// What is said of proofs: for all inputs or on random rows, and never of one that failed or was
// not tried.
func TestEvidence(t *testing.T) {
	all := &convert.ProofReport{Complete: true, Read: 1200, Rows: 2, Bound: 0.9996}
	moved := &convert.ProofReport{Complete: true, Moved: true, Read: 34, Rows: 2, Bound: 0.5}
	rows := &convert.ProofReport{Rows: 2, Bound: 0.25}
	failed := &convert.ProofReport{Rows: 2, Bound: 3}
	for _, c := range []struct {
		proofs      []*convert.ProofReport
		short, long string // parts of what is said
	}{
		{[]*convert.ProofReport{nil}, "", ""},
		{[]*convert.ProofReport{all}, ", proved for all inputs", "The merge was proved for all inputs: 1,200 coefficients and biases of the weights as they were written were compared"},
		{[]*convert.ProofReport{all, moved}, ", proved for all inputs", "off which 1 merge was read, was shown on random rows"},
		{[]*convert.ProofReport{rows, rows}, ", proved on random rows (worst 0.25 of the bound)", "Each of the 2 merges was proved on random rows in float64"},
		{[]*convert.ProofReport{all, rows, all}, ", 2 proved for all inputs and 1 on random rows (worst 0.25 of the bound)", "2 of 3 merges were proved for all inputs: 2,400 coefficients"},
		{[]*convert.ProofReport{all, nil}, ", 1 of them proved", ""},
		{[]*convert.ProofReport{all, failed}, ", 1 of them proved", ""},
	} {
		r := &convert.Report{}
		for _, p := range c.proofs {
			r.Regions = append(r.Regions, convert.RegionReport{Proof: p})
		}
		e := evidenceOf(r)
		if e.short() != c.short {
			t.Errorf("%q, want %q", e.short(), c.short)
		}
		if c.long != "" && !strings.Contains(e.sentences(), c.long) {
			t.Errorf("%q lacks %q", e.sentences(), c.long)
		}
	}
	for want, p := range map[string]*convert.ProofReport{"all inputs, 1,200 numbers read": all, "2 random rows": rows, "all inputs": {Complete: true}} {
		if got := proofOf(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if a, b := ofBound(0.9996), ofBound(1.2); a != "0.99" || b != "1.2" {
		t.Errorf("%s and %s", a, b)
	}
}
