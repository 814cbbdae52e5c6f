package main

import (
	"encoding/xml"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert"
)

// exemplary is a report with all parts, and names that mean something to the
// formats.
func exemplary() *convert.Report {
	return &convert.Report{
		Schema: convert.Schema, Tool: convert.Tool{Name: "repmlp", Version: "1.2.3"}, Command: "convert", Verdict: convert.Partial,
		Input:  &convert.FileFacts{Path: "a|b.onnx", SHA256: "00ff", Bytes: 123456, IRVersion: 8, Opset: map[string]int64{"": 17}, Producer: "pytorch 2.9", Nodes: 12, Parameters: 30000},
		Output: &convert.FileFacts{Path: "o.onnx", SHA256: "ff00", Bytes: 100000, IRVersion: 8, Opset: map[string]int64{"": 17}, Nodes: 7, Parameters: 25000},
		Blocks: []convert.Block{{Name: "/b1/fc", Kind: "RepMLP", Detail: "FC3 128 -> 128; local perceptron 1×1, 3×3", Becomes: "one FC3", Region: "r1"}},
		Regions: []convert.RegionReport{
			{ID: "r1", Kind: "fc", Value: "y_1", Merged: []string{"fc3", "conv*1"}, Into: []string{"y_1.fc"}, Inputs: 128, Outputs: 128, Groups: 2, Rows: 4, Before: 9088, After: 8320, Derivation: "FC + Conv", Proof: &convert.ProofReport{Rows: 16, MaxAbs: 1e-7, Bound: 0.6}},
			{ID: "r2", Kind: "conv", Value: "`z`", Merged: []string{"conv", "bn"}, Into: []string{"z"}, Inputs: 3, Outputs: 8, Groups: 1, Before: 250, After: 224, Derivation: "Conv, BatchNormalization", Proof: &convert.ProofReport{Rows: 1, MaxAbs: 2e-7, Bound: convert.Number(math.Inf(1))}},
		},
		Declined: []convert.Decline{{Code: "activation_between", Node: "relu", Nodes: []string{"relu"}, Message: `"relu" stands between "conv_1" and "bn|2"; see https://example.org/x or ask @someone`}},
		Left:     []convert.Left{{Code: "no_layer", Node: "<scale>", Message: "no layer takes *it*"}},
		Warnings: []convert.Warning{{Code: "newer_opset", Message: "opset 99 is newer than what is known"}},
		Ops:      &convert.OpCounts{Before: map[string]int{"Conv": 4, "BatchNormalization": 3, "Relu": 1}, After: map[string]int{"Conv": 2, "Relu": 1}},
		Check: &convert.Check{Engine: "go", Seed: 3, Runs: 2, Samples: 2, RTol: 1e-5, Passed: false, NoiseFloor: 1e-7, Outputs: []convert.CheckOutput{
			{Name: "logits", Shape: []int{2, 10}, MaxAbs: 1e-6, MaxRel: 2e-7, WorstIndex: []int{0, 3}, Elements: 40, Compared: 40, Passed: true, Is: "rounding", Limit: 1e-5, Ratio: 0.1},
			{Name: "features", Shape: []int{2, 64}, MaxAbs: 0.5, MaxRel: 0.25, WorstIndex: []int{1, 7}, Elements: 256, Compared: 256, Is: "different", Limit: 2e-5, Ratio: 25000},
		}},
		Seconds: map[string]float64{"load": 0.25, "plan": 0.5},
	}
}

// What a report with all parts is in formats that other programs show.
func TestFormatGoldens(t *testing.T) {
	for _, f := range []format{markdownFormat, junitFormat} {
		golden := filepath.Join("testdata", "report."+f.extension)
		var b strings.Builder
		if err := f.report(&b, exemplary()); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := readDoc(t, golden); b.String() != want {
			t.Errorf("%s is another; go test ./cmd/repmlp -run Goldens -update\n%s", golden, b.String())
		}
	}
}

// junitNumbers are the counts that build servers read.
func junitNumbers(t *testing.T, text string) (numbers [4]int, names map[string]junitCase) {
	t.Helper()
	var j junitSuites
	if err := xml.Unmarshal([]byte(text), &j); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	names = map[string]junitCase{}
	count := 0
	for _, s := range j.Suites {
		if s.Tests != len(s.Cases) || s.Tests == 0 {
			t.Errorf("suite %s says %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
		count += len(s.Cases)
		for _, c := range s.Cases {
			names[c.Class+" "+c.Name] = c
		}
	}
	if count != j.Tests || len(names) != count {
		t.Errorf("%d tests, %d names, %d said", count, len(names), j.Tests)
	}
	return [4]int{j.Tests, j.Failures, j.Errors, j.Skipped}, names
}

// JUnit XML has a test for the run, each merge, each output and each decline, and
// says of each whether it failed.
func TestJUnit(t *testing.T) {
	dir := t.TempDir()
	partial, out, file := abs(t, "../../testdata/cases/kin_bn_before_conv_13/model.onnx"), filepath.Join(dir, "o.onnx"), filepath.Join(dir, "r.xml")
	for _, x := range []struct {
		args []string
		want [4]int // tests, failures, errors, skipped
	}{
		{[]string{"convert", partial, "-o", out}, [4]int{5, 0, 0, 1}},
		{[]string{"convert", partial, "-o", out, "--strict"}, [4]int{4, 2, 0, 0}},
		{[]string{"inspect", partial}, [4]int{4, 0, 0, 3}},
		{[]string{"verify", sample, sample}, [4]int{2, 0, 0, 0}},
		{[]string{"verify", partial, partial, "--rtol", "0"}, [4]int{2, 0, 0, 0}},
		{[]string{"convert", sample, "-o", out, "--rtol", "1e-12"}, [4]int{6, 2, 0, 0}},
	} {
		_, _, errw := repmlp(append(x.args, "--report", file)...)
		if have, names := junitNumbers(t, readDoc(t, file)); have != x.want {
			t.Errorf("%q: %v tests, failures, errors, skipped, want %v: %v\n%s", x.args, have, x.want, names, errw)
		}
	}
}

// Whatever a name is, a row of a table has as many cells as its head, and nothing in
// it is markup.
func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"plain_name/x:0":  "`plain_name/x:0`",
		"a|b":             "<code>a&#124;b</code>",
		"`tick`":          "<code>&#96;tick&#96;</code>",
		"<b>":             "<code>&#60;b&#62;</code>",
		" padded":         "<code> padded</code>",
		"":                "",
		"a\nb":            `<code>a&#92;nb</code>`,
		"\u202etxt":       `<code>&#92;u202etxt</code>`,
		"::error::x":      `<code>&#92;u003a&#58;error&#58;&#58;x</code>`,
		"https://x.org/y": "`https://x.org/y`",
	} {
		if got := mdCode(in); got != want {
			t.Errorf("mdCode(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		`node "a_b" of "c|d" fails`:   "node `a_b` of <code>c&#124;d</code> fails",
		"a code_with_words, _not_ *":  "a code_with_words, &#95;not&#95; &#42;",
		"1 -> 2 > 1 <script>":         "1 -> 2 &#62; 1 &#60;script&#62;",
		"see https://x.org and @team": "see `https://x.org` and `@team`",
		`a lone " quote`:              `a lone " quote`,
		"> quote":                     "&#62; quote",
	} {
		if got := mdText(in); got != want {
			t.Errorf("mdText(%q) = %q, want %q", in, got, want)
		}
	}
	var b strings.Builder
	r := exemplary()
	for _, evil := range hostile {
		r.Regions = append(r.Regions, convert.RegionReport{ID: evil, Value: evil + "|" + evil})
		r.Declined = append(r.Declined, convert.Decline{Code: evil, Node: "|" + evil, Message: `"` + evil + `" | ` + evil})
		r.Check.Outputs = append(r.Check.Outputs, convert.CheckOutput{Name: "`" + evil + "|"})
	}
	evil := hostile[0]
	r.Located = &convert.Located{Value: evil, From: []string{evil}, Reference: []convert.LocatedNode{{Name: evil, Op: evil}}, Weights: []convert.LocatedWeight{{Name: evil, Worst: []convert.Number{1, 2}}}, Saved: evil}
	if err := writeMarkdown(&b, r); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "\nWhere it breaks\n") {
		t.Error("the report does not say where models begin to differ")
	}
	harmless(t, 0, "Markdown", b.String(), false)
	cells := 0
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		if n := strings.Count(line, "|"); cells != 0 && n != cells {
			t.Errorf("%d cells, want %d: %s", n, cells, line)
		} else {
			cells = n
		}
		if strings.Contains(line, "<script") {
			t.Errorf("a tag: %s", line)
		}
	}
	// A long table is cut.
	many := exemplary()
	for range markdownRows + 10 {
		many.Regions = append(many.Regions, many.Regions[0])
	}
	b.Reset()
	if err := writeMarkdown(&b, many); err != nil || !strings.Contains(b.String(), "| and 12 more |") {
		t.Errorf("%v: a long table is not cut", err)
	}
}
