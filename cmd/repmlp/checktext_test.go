package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
)

// compared is the report of a comparison.
func compared(c *convert.Check) *convert.Report {
	v := convert.Equivalent
	if !c.Passed {
		v = convert.NotEquivalent
	}
	c.Engine, c.Runs, c.Samples = "go", 1, 1
	return &convert.Report{Command: "verify", Verdict: v, Input: &convert.FileFacts{Path: "a.onnx"}, Output: &convert.FileFacts{Path: "b.onnx"}, Check: c}
}

func outputOfText(change func(*convert.CheckOutput)) convert.CheckOutput {
	o := convert.CheckOutput{Name: "y", Shape: []int{2, 3}, Elements: 6, Compared: 6, Passed: true, Is: "identical", Explained: true, RTol: 1e-5, Limit: 1e-5}
	if change != nil {
		change(&o)
	}
	return o
}

// forms are the report as text, Markdown, JUnit and page.
func forms(t *testing.T, r *convert.Report) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range []format{textFormat, markdownFormat, junitFormat, htmlFormat} {
		var b strings.Builder
		if err := f.report(&b, r); err != nil {
			t.Fatal(err)
		}
		out[f.extension] = b.String()
	}
	return out
}

// Two models that agree, of which one or both do not give what was expected, are not called
// the same numbers and no more.
func TestExpectedOutputsThatAreNotMet(t *testing.T) {
	far := func(of string, passed bool) convert.CheckOutput {
		return outputOfText(func(o *convert.CheckOutput) {
			o.Of, o.Passed, o.Is, o.Explained, o.MaxAbs, o.MaxRel, o.Ratio, o.WorstIndex, o.Worst = of, passed, "different", false, 0.5, 0.25, 50, []int{1, 2}, []convert.Number{1, 1.5}
			if passed {
				o.Is, o.Explained, o.Ratio = "rounding", true, 0.5
			}
		})
	}
	rounding := outputOfText(func(o *convert.CheckOutput) { o.Is, o.MaxAbs, o.MaxRel, o.Ratio = "rounding", 1e-7, 1e-7, 0.1 })
	tolerated := outputOfText(func(o *convert.CheckOutput) { o.Is, o.Explained, o.MaxRel = "tolerated", false, 1e-3 })
	for _, c := range []struct {
		output         convert.CheckOutput
		ref, cand      bool // give what was expected
		want, mustMiss string
	}{
		{outputOfText(nil), false, false, "neither model gives what was expected, and the two give the same numbers", "the outputs are"},
		{rounding, true, false, "the candidate does not give what was expected, and the two differ by rounding", "this is"},
		{tolerated, false, true, "the reference does not give what was expected, and the two differ by less than is allowed", "this is"},
		{outputOfText(nil), true, true, "largest difference 0 of the largest output, allowed 1e-05 (rounding noise of the original 0); the outputs are the same numbers", "expected"},
	} {
		k := &convert.Check{Passed: c.ref && c.cand, Outputs: []convert.CheckOutput{c.output}, Expected: []convert.CheckOutput{far("reference", c.ref), far("candidate", c.cand)}}
		if said := equivalence(compared(k).Check); !strings.Contains(said, c.want) || strings.Contains(said, c.mustMiss) {
			t.Errorf("%s, want %s", said, c.want)
		}
		r := compared(k)
		if k.Passed {
			continue
		}
		for ext, words := range map[string]string{"md": "The outputs agree, but are not what was expected", "html": "<b>agree, but are not what was expected</b>"} {
			if text := forms(t, r)[ext]; !strings.Contains(text, words) {
				t.Errorf("%s: %q is missing in\n%s", ext, words, text)
			}
		}
		if md := forms(t, r)["md"]; !strings.Contains(md, "against the expected outputs") || !strings.Contains(md, "`y` of the candidate") {
			t.Errorf("no table of what was expected in\n%s", md)
		}
	}
}

// Where something is NaN in one model alone, no number is said to be the difference there.
func TestNaNIsNoDistance(t *testing.T) {
	nan := outputOfText(func(o *convert.CheckOutput) {
		o.Passed, o.Is, o.Explained, o.Opposed, o.NaN, o.Compared = false, "different", false, 2, []int64{2, 0}, 4
		o.WorstIndex, o.Worst = []int{0, 1}, []convert.Number{convert.Number(math.NaN()), 1.5}
	})
	for _, c := range []struct {
		max  convert.Number
		want map[string]string
	}{
		{0, map[string]string{"txt": "output y [2 3]: differs at [0 1]: NaN in the reference, 1.5 in the candidate\n", "xml": "2 elements are NaN or infinite in one of them alone, or infinite with opposite signs; allowed", "html": "2 elements are NaN or infinite in one of them alone"}},
		{0.25, map[string]string{"txt": "NaN in the reference, 1.5 in the candidate; numbers by at most 0.25\n", "xml": "numbers differ by at most 0.25; allowed", "md": "numbers by at most 0.25"}},
	} {
		nan.MaxAbs, nan.MaxRel = c.max, c.max
		got := forms(t, compared(&convert.Check{Outputs: []convert.CheckOutput{nan}}))
		for ext, want := range c.want {
			if !strings.Contains(got[ext], want) {
				t.Errorf("%s: %q is missing in\n%s", ext, want, got[ext])
			}
			if strings.Contains(got[ext], "differs by at most") {
				t.Errorf("%s: a difference is said\n%s", ext, got[ext])
			}
		}
		if !strings.Contains(got["txt"], "2 elements are NaN or infinite in one of them alone, numbers") {
			t.Errorf("the last line: %s", got["txt"])
		}
	}
}

// What classifiers decide, stress inputs and saved files stand in the text and in Markdown.
func TestMarkdownHasTheComparison(t *testing.T) {
	five := int64(6)
	k := &convert.Check{Passed: true, Outputs: []convert.CheckOutput{outputOfText(nil)}, Saved: []string{"in.npz"},
		Scores: []convert.CheckScores{{Name: "y", Classes: 9, Rows: 8, Top1: 7, Top5: &five, Labels: &convert.CheckLabels{Rows: 8, Reference: convert.Accuracy{Top1: 5}, Candidate: convert.Accuracy{Top1: 4}}}},
		Stress: []convert.CheckStress{{Name: "zeros", Says: "0 everywhere", Passed: true, Outputs: []convert.CheckOutput{outputOfText(nil)}}}}
	got := forms(t, compared(k))
	for _, want := range []string{"the same class first in 7 of 8", "the reference is right in 5 of 8", "stress zeros (0 everywhere): outputs are the same numbers"} {
		for _, ext := range []string{"txt", "md"} {
			if !strings.Contains(got[ext], want) {
				t.Errorf("%s: %q is missing in\n%s", ext, want, got[ext])
			}
		}
	}
	if !strings.Contains(got["txt"], "saved in in.npz") {
		t.Errorf("%s", got["txt"])
	}
}

// Blocks of one structure are told of apart where only some of them are merged.
func TestBlocksThatStay(t *testing.T) {
	b := func(name, becomes string) convert.Block {
		return convert.Block{Name: name, Kind: "RepMLP", Detail: "FC3", Becomes: becomes}
	}
	r := &convert.Report{Command: "inspect", Verdict: convert.WouldBePartial, Input: &convert.FileFacts{Path: "a.onnx"}, Blocks: []convert.Block{b("b1", "one FC3"), b("b2", ""), b("b3", "one FC3")}}
	t1 := &text{report: r}
	t1.blocks()
	if got := slices.Collect(strings.Lines(t1.String())); len(got) != 5 || got[0] != "  block RepMLP ×2: b1, b3\n" || got[2] != "      becomes one FC3\n" || got[3] != "  block RepMLP: b2\n" {
		t.Errorf("%q", got)
	}
}
