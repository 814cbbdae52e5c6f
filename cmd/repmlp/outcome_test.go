package main

import (
	"strings"
	"testing"

	"repmlp/convert"
)

// One of a kind is told as one.
func TestCounted(t *testing.T) {
	for n, want := range map[int64]string{0: "0 nodes", 1: "1 node", 2: "2 nodes", 12345: "12,345 nodes"} {
		if got := counted(n, "node"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	x := &text{}
	if x.model("", &convert.FileFacts{Path: "m.onnx", Nodes: 1, Parameters: 1, Opset: map[string]int64{"": 17}}); !strings.HasPrefix(x.String(), "m.onnx: 1 node, 1 parameter, ") {
		t.Errorf("%q", x.String())
	}
}

// The last line of a report says what came of it, and no more.
func TestOutcome(t *testing.T) {
	in := &convert.FileFacts{Path: "m.onnx", Nodes: 9, Opset: map[string]int64{"": 17}}
	same := &convert.FileFacts{Path: "o.onnx", Nodes: 9, Identical: true}
	fresh := &convert.FileFacts{Path: "o.onnx", Nodes: 5}
	merge := []convert.RegionReport{{ID: "r1", Merged: []string{"a", "b"}}}
	stays := []convert.Decline{{Code: "batch_statistics"}, {Code: "dropout_training"}, {Code: "batch_statistics"}, {Code: "would_grow"}}
	grows := []convert.Decline{{Code: "would_grow"}, {Code: "kernel_would_grow"}}
	check := &convert.Check{Passed: true, Samples: 1}
	near := &convert.Check{Passed: true, Samples: 1, Outputs: []convert.CheckOutput{{Name: "y", MaxRel: 1e-7}}}
	proven := []convert.RegionReport{{ID: "r1", Merged: []string{"a", "b"}, Proof: &convert.ProofReport{Bound: 0.5}}}
	totals := &convert.Totals{Nodes: convert.Change{Before: 9, After: 5}, Bytes: convert.Change{Before: 2000000, After: 999000}, MultiplyAdds: &convert.MultiplyAdds{Before: 10, After: 5}}
	failure := &convert.Failure{Message: "no\nroom"}
	for want, r := range map[string]*convert.Report{
		"wrote o.onnx: fused, 9 -> 5 nodes; 1 merge of 2 nodes":                                                                    {Command: "convert", Verdict: convert.Fused, Input: in, Output: fresh, Regions: merge, Declined: grows},
		"wrote o.onnx: partial, 9 -> 5 nodes; 1 merge of 2 nodes; 1 place declined (nonlinear_branch)":                             {Command: "convert", Verdict: convert.Partial, Input: in, Output: fresh, Regions: merge, Declined: []convert.Decline{{Code: "nonlinear_branch"}}},
		"nothing left to merge; wrote o.onnx with the same bytes":                                                                  {Command: "convert", Verdict: convert.Unchanged, Input: in, Output: same},
		"nothing left to merge; wrote o.onnx with training switched off":                                                           {Command: "convert", Verdict: convert.Unchanged, Input: in, Output: fresh},
		"nothing left to merge; wrote o.onnx and o.data with the same weights":                                                     {Command: "convert", Verdict: convert.Unchanged, Input: in, Output: &convert.FileFacts{Path: "o.onnx", External: []string{"o.data"}}},
		"nothing was merged: 2 merges would make the model larger (--allow-growth); wrote o.onnx with the same bytes":              {Command: "convert", Verdict: convert.Unchanged, Input: in, Output: same, Declined: grows},
		"nothing was merged, because 3 places declined (batch_statistics 2, dropout_training 1); wrote o.onnx with the same bytes": {Command: "convert", Verdict: convert.Declined, Input: in, Output: same, Declined: stays},
		"nothing would be merged, because 3 places declined (batch_statistics 2, dropout_training 1)":                              {Command: "inspect", Verdict: convert.Declined, Input: in, Declined: stays},
		"nothing left to merge": {Command: "inspect", Verdict: convert.Unchanged, Input: in},
		"wrote o.onnx: fused, 9 -> 5 nodes; 1 merge of 2 nodes, proved on random rows (worst 0.5 of the bound); outputs agree within 1e-07 of the largest; 2.0 MB -> 999 kB, multiply-adds -50 %": {Command: "convert", Verdict: convert.Fused, Input: in, Output: fresh, Regions: proven, Check: near, Totals: totals},
		"would fuse: 1 merge of 2 nodes; 9 -> 5 nodes; 2.0 MB -> 999 kB, multiply-adds -50 %":                                                                                                     {Command: "inspect", Verdict: convert.WouldFuse, Input: in, Regions: merge, Totals: totals},
		"would fuse: 1 merge of 2 nodes":                          {Command: "inspect", Verdict: convert.WouldFuse, Input: in, Regions: merge},
		`nothing was written: no\nroom`:                           {Command: "convert", Verdict: convert.Failed, Input: in, Error: failure},
		`nothing was written: no\nroom ` + "":                     {Command: "convert", Verdict: convert.Partial, Input: in, Regions: merge, Error: &convert.Failure{Message: "no\nroom "}},
		`failed: no\nroom`:                                        {Command: "verify", Verdict: convert.Failed, Input: in, Output: fresh, Error: failure},
		"equivalent: " + equivalence(check)[len("equivalent: "):]: {Command: "verify", Verdict: convert.Equivalent, Input: in, Output: fresh, Check: check},
	} {
		if got := outcome(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
