package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"repmlp/convert"
	"repmlp/internal/drawing"
)

// pageText is the page of a report.
func pageText(t testing.TB, r *convert.Report) string {
	t.Helper()
	var b strings.Builder
	if err := htmlFormat.report(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements that have no end tag.
var void = map[string]bool{"meta": true, "input": true, "br": true}

// wellFormed fails the test where tags do not close each other, or something is loaded
// from elsewhere.
func wellFormed(t *testing.T, what, text string) {
	t.Helper()
	for _, bad := range []string{"http://", "https://", "url(h", "@import", " src=", "<link"} {
		if strings.Contains(strings.ReplaceAll(text, "https://example.org", ""), bad) {
			t.Errorf("%s holds %q: a page loads nothing", what, bad)
		}
	}
	body := regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(text, "")
	var open []string
	for _, m := range regexp.MustCompile(`<(/?)([a-zA-Z0-9]+)[^>]*?(/?)>`).FindAllStringSubmatch(body, -1) {
		switch {
		case void[m[2]] || m[3] == "/":
		case m[1] == "":
			open = append(open, m[2])
		case len(open) == 0 || open[len(open)-1] != m[2]:
			t.Fatalf("%s: </%s> closes %v", what, m[2], open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%s: %v stay open", what, open)
	}
}

// The page answers first what was merged, whether it is proved, what stays and why, and
// what is known of the speed.
func TestPageAnswers(t *testing.T) {
	dir := t.TempDir()
	out, file := filepath.Join(dir, "o.onnx"), filepath.Join(dir, "r.html")
	for _, x := range []struct {
		args, want []string
	}{
		{[]string{"convert", sample, "-o", out}, []string{"Merged and proved", "4 merges of", "4 of 4 proved", "nothing that could merge", "multiply-adds", `viewBox=`, "FC3 before", "as W(F, p)", "<code>logits</code>", "repmlp convert"}},
		{[]string{"convert", abs(t, "../../testdata/cases/kin_bn_before_conv_13/model.onnx"), "-o", out}, []string{"1 place left", "bias before zero padding", "What helps:", "pad with the bias value"}},
		{[]string{"convert", abs(t, "../../testdata/cases/kin_bn_before_conv_13/model.onnx"), "-o", out, "--strict"}, []string{"Refused by --strict", "nothing was written"}},
		{[]string{"convert", sample, "-o", out, "--rtol", "1e-12"}, []string{"Not equivalent", "the models differ", "nothing was written", `class="top bad"`}},
		{[]string{"inspect", sample}, []string{"Everything would merge", "Nothing was written: this is what convert would do", "convert proves each merge"}},
		{[]string{"verify", sample, sample}, []string{"Equivalent", "they agree", "identical"}},
		{[]string{"verify", sample, abs(t, "../../testdata/digits/digits_legacy.onnx")}, []string{"logits"}},
	} {
		os.Remove(file)
		_, _, errw := repmlp(append(x.args, "--report", file)...)
		b, err := os.ReadFile(file)
		if err != nil {
			continue // exit 1 leaves none
		}
		wellFormed(t, strings.Join(x.args, " "), string(b))
		for _, want := range x.want {
			if !strings.Contains(string(b), want) {
				t.Errorf("%q: %q is not on the page\n%s", x.args, want, errw)
			}
		}
	}
}

// A page with all parts and hostile names is well formed, and its script is the one
// that its policy allows.
func TestPageEscapes(t *testing.T) {
	r := exemplary()
	for _, evil := range append(hostile, `"><img src=x onerror=alert(1)>`, "{{.}}", "</svg></script>") {
		r.Regions = append(r.Regions, convert.RegionReport{ID: "e" + evil, Value: evil, Derivation: evil, Merged: []string{evil}})
		box := drawing.Box{Kind: drawing.Layer, Title: evil, Detail: evil, Nodes: []string{evil}}
		g := drawing.Graph{Boxes: []drawing.Box{box, box}, Arrows: [][2]int{{0, 1}}}
		r.Drawings = append(r.Drawings, drawing.Region{IDs: []string{"e" + evil}, Before: g, After: g,
			Reach: []drawing.Reach{{Height: 1, Width: 1, Of: []drawing.ReachOf{{Title: evil, Mean: []float64{1}}}}}})
		r.Declined = append(r.Declined, convert.Decline{Code: "would_grow", Node: evil, Message: evil})
		r.Check.Outputs = append(r.Check.Outputs, convert.CheckOutput{Name: evil})
		r.Arguments = append(r.Arguments, evil)
		r.Located = &convert.Located{Value: evil, From: []string{evil}, Reference: []convert.LocatedNode{{Name: evil, Op: evil}}, Weights: []convert.LocatedWeight{{Name: evil, Worst: []convert.Number{1, 2}}}, Saved: evil}
		if text := pageText(t, r); !strings.Contains(text, "Where it breaks") {
			t.Error("the page does not say where models begin to differ")
		} else {
			harmless(t, 0, "HTML", text, false)
		}
	}
	text := pageText(t, r)
	harmless(t, 0, "HTML", text, false)
	wellFormed(t, "the page", strings.ReplaceAll(strings.ReplaceAll(text, " src=x", ""), "https://example.org", ""))
	if strings.Count(text, "<script") != 1 || strings.Contains(text, "<img") || strings.Contains(text, "alert(1)</script>") {
		t.Error("a tag that a name brought")
	}
}

// many is a report of a network with n blocks, of which no two look alike.
func many(n int) *convert.Report {
	rng := rand.New(rand.NewPCG(1, 2))
	r := exemplary()
	r.Check.Passed = true
	for i := range n {
		id := fmt.Sprintf("n%d", i)
		g := drawing.Graph{Boxes: []drawing.Box{{Kind: drawing.Input, Title: "input"}}}
		for k := range 20 {
			g.Boxes = append(g.Boxes, drawing.Box{Kind: drawing.Layer, Title: fmt.Sprintf("Conv %d×%d", i, k), Detail: "64 → 64, 8 groups", Nodes: []string{fmt.Sprintf("/stages.%d/blocks.%d/conv_%d/Conv", i, k, k)}})
			g.Arrows = append(g.Arrows, [2]int{rng.IntN(k + 1), k + 1})
		}
		mean := make([]float64, 14*14)
		for k := range mean {
			mean[k] = rng.Float64()
		}
		of := drawing.ReachOf{Title: "FC3 before", Mean: mean}
		reach := drawing.Reach{Height: 14, Width: 14, Y: 3, X: 3, Of: []drawing.ReachOf{of, of, of}}
		r.Regions = append(r.Regions, convert.RegionReport{ID: id, Kind: "fc", Value: fmt.Sprintf("/stages.%d/blocks/repmlp/Reshape_output_0", i), Merged: []string{"a", "b"}, Inputs: 64, Outputs: 64, Groups: 1, Derivation: "conv ×3, batchnorm ×3, sum ×2 -> one fc", Proof: &convert.ProofReport{Rows: 8, Bound: 0.5}})
		r.Drawings = append(r.Drawings, drawing.Region{IDs: []string{id}, Before: g, After: g, Reach: []drawing.Reach{reach, reach, reach}})
		r.Declined = append(r.Declined, convert.Decline{Code: "would_grow", Node: id, Message: "merging " + id + " would make the model larger"})
	}
	return r
}

// A page of 200 blocks stays small, and is made in no time.
func TestPageOfManyBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; nothing in it runs side by side that other tests do not")
	}
	start := time.Now()
	text := pageText(t, many(200))
	if len(text) > 2<<20 {
		t.Errorf("%d bytes", len(text))
	}
	t.Logf("%d bytes in %v", len(text), time.Since(start))
	wellFormed(t, "the page", text)
}

// Nothing is drawn where nobody looks: JSON has no drawings, and convert does not
// gather them.
func TestDrawingsAreForPages(t *testing.T) {
	r := many(1)
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "rawings") {
		t.Errorf("%v: JSON holds drawings", err)
	}
	s := &settings{reports: []string{"a.json", "b.txt"}}
	if s.pictured() {
		t.Error("drawings are gathered for JSON")
	}
	if s.reports = append(s.reports, "c.HTML"); !s.pictured() {
		t.Error("no drawings for a page")
	}
}

// The command line of a page is one that a shell reads as it was.
func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"model.onnx": "model.onnx", "a b": "'a b'", "": "''", "it's": `'it'\''s'`, "$x": "'$x'", "--dim": "--dim"} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestShortNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1 k", 25618: "25.6 k", 68300000: "68.3 M", 6_700_000_000: "6.7 G"} {
		if got := short(n); got != want {
			t.Errorf("short(%d) = %q, want %q", n, got, want)
		}
	}
	for want, c := range map[string][2]int64{"the same": {5, 5}, "−50 %": {78, 39}, "−0.5 %": {1000, 995}, "+100 %": {1, 2}, "new": {0, 3}} {
		if got := grown(c[0], c[1]); got != want {
			t.Errorf("grown(%v) = %q, want %q", c, got, want)
		}
	}
}
