package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"repmlp/convert"
	"repmlp/onnxio"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"/b1/fc/Conv":           "/b1/fc/Conv",
		`C:\a\b "quoted" 1×1`:   `C:\a\b "quoted" 1×1`,
		"日本語 é":                 "日本語 é",
		"a\nb\tc\rd":            `a\nb\tc\rd`,
		"\x1b[2J\x07\x7f":       `\x1b[2J\x07\x7f`,
		"\u0085\u009b":          `\u0085\u009b`,
		"a\u202eb\u2066c":       `a\u202eb\u2066c`,
		"a\u200bb\ufeffc\u00ad": `a\u200bb\ufeffc\u00ad`,
		"\U000e0041\u3164":      `\U000e0041\u3164`,
		"v\ufe0f":               `v\ufe0f`,
		"bad\xffutf8":           `bad\xffutf8`,
		"real \uFFFD":           "real \uFFFD",
		"::error::x":            `\u003a:error::x`,
		"  ::error::x":          `  \u003a:error::x`,
		"a::b":                  "a::b",
		"##vso[task.x]":         `#\u0023vso[task.x]`,
		"a ##[error]":           `a #\u0023[error]`,
		"one # only":            "one # only",
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
		if again := escape(escape(in)); again != escape(in) {
			t.Errorf("escape is not stable for %q: %q", in, again)
		}
	}
}

func TestLongNamesAreCutInTheMiddle(t *testing.T) {
	long := "begin" + strings.Repeat("é", 1<<20) + "end"
	got := name(long)
	if n := utf8.RuneCountInString(got); n != nameLength || !strings.HasPrefix(got, "begin") || !strings.HasSuffix(got, "end") || !strings.Contains(got, "…") {
		t.Errorf("%d characters: %q", n, got)
	}
	if fits := strings.Repeat("é", nameLength); name(fits) != fits {
		t.Errorf("a name that fits was cut: %q", name(fits))
	}
	if got := message("node " + long + " fails"); len(got) > 2*messageLength || !strings.HasPrefix(got, "node begin") || !strings.HasSuffix(got, "fails") {
		t.Errorf("%q", got)
	}
}

func TestLongListsAreCut(t *testing.T) {
	list := slices.Repeat([]string{"a\n"}, listedNames)
	if got := names(list); strings.Count(got, `a\n`) != listedNames || strings.Contains(got, "more") {
		t.Errorf("%q", got)
	}
	if got := names(append(list, "b", "c")); !strings.HasSuffix(got, `a\n and 2 more`) {
		t.Errorf("%q", got)
	}
}

// Several errors are one sentence; a line break in a name stays escaped.
func TestSentence(t *testing.T) {
	joined := errors.Join(errors.New("one"), fmt.Errorf("two: %w", errors.New("a\nb")))
	for want, err := range map[string]error{
		`one; two: a\nb`:    joined,
		`coded one`:         coded(exitFailed, errors.New("coded one")),
		`around: one\ntwo`:  fmt.Errorf("around: %w", errors.Join(errors.New("one"), errors.New("two"))),
		`two: a\nb and one`: fmt.Errorf("%w and %w", fmt.Errorf("two: %w", errors.New("a\nb")), errors.New("one")),
	} {
		if got := sentence(&onnxio.Hint{Err: err}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// hostile are names that forge a line of the report, drive the terminal, speak
// to build servers, close a tag, hide, or go on and on.
var hostile = []string{
	"a\nwrote x.onnx: fused\r\n::error file=a::forged\n##vso[task.complete result=Failed]",
	"::error::first", "##vso[task.setvariable variable=x]y", "##[error]z",
	"\x1b[2J\x1b]0;title\x07\u009b31m\x7f", "\u202egnp.exe\u2066\u200b\u2028\u2029\ufeff\U000e0041",
	"</code><script>alert(1)</script>", strings.Repeat("long", 50000),
}

// hostileModel has a hostile name at every place: a conv with a BatchNormalization
// to merge, one that is left in training mode, a foreign operator, a producer.
func hostileModel(t *testing.T, evil string, more ...*onnxio.Node) *onnxio.Model {
	t.Helper()
	tensor := func(name string, v float64, dims ...int64) *onnxio.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		data := make([]float64, n)
		for i := range data {
			data[i] = v + float64(i%3)
		}
		raw, err := onnxio.EncodeFloat64(data, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		w, err := onnxio.NewTensor(name, onnxio.Float32, dims, raw)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	v := func(s string) string { return s + evil }
	shape := []onnxio.Dim{{Param: v("N")}, onnxio.Known(2), onnxio.Known(4), onnxio.Known(4)}
	norm := func(in, out string, attrs ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode(evil+out, "BatchNormalization", []string{in, v("s"), v("b"), v("m"), v("v")}, []string{out}, attrs...)
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue(v("x"), onnxio.Float32, shape...)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(v("y"), onnxio.Float32, shape...), onnxio.NewValue(v("z"), onnxio.Float32, shape...)},
		Nodes: append(more,
			onnxio.NewNode(evil, "Conv", []string{v("x"), v("w")}, []string{v("c")}),
			norm(v("c"), v("y")),
			onnxio.NewNode(evil+"2", "Conv", []string{v("x"), v("w")}, []string{v("d")}),
			norm(v("d"), v("z"), onnxio.IntAttr("training_mode", 1)),
		),
		Inits: []*onnxio.Tensor{tensor(v("w"), 1, 2, 2, 1, 1), tensor(v("s"), 1, 2), tensor(v("b"), 1, 2), tensor(v("m"), 1, 2), tensor(v("v"), 1, 2)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Whatever names a model has, nothing that is printed or written as a report
// holds a character that is not seen, a line that the command did not begin, or
// more of a name than a reader needs.
func TestHostileNames(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long; nothing in it runs side by side that other tests do not")
	}
	for i, evil := range hostile {
		dir := t.TempDir()
		file, out := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "o.onnx")
		foreign := filepath.Join(dir, "f.onnx")
		stranger := onnxio.NewNode(evil+"f", "Odd"+evil, []string{"x" + evil}, []string{"u" + evil}, onnxio.IntAttr(evil, 1))
		for path, m := range map[string]*onnxio.Model{file: hostileModel(t, evil), foreign: hostileModel(t, evil, stranger)} {
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
		}
		reports := []string{"--report", filepath.Join(dir, "r.txt"), "--report", filepath.Join(dir, "r.html"), "--report", filepath.Join(dir, "r.json"), "--report", filepath.Join(dir, "r.md"), "--report", filepath.Join(dir, "r.xml")}
		for _, args := range [][]string{
			{"inspect", file}, {"inspect", "-v", file}, {"inspect", "--json", file},
			append([]string{"convert", "-v", "--no-check", file, "-o", out}, reports...),
			{"convert", "--strict", file, "-o", out + "2"}, {"convert", file, "-o", out + "2"},
			{"verify", "-v", file, file}, {"verify", file, out, "--rtol", "0"}, {"verify", file, file, "--dim", evil + "=3"},
			{"verify", foreign, file}, {"verify", foreign, foreign, "--dim", "x=3"}, {"convert", foreign, "-o", out + "3"}, {"inspect", foreign},
			{"verify", file, filepath.Join(dir, evil)}, {"inspect", evil, evil}, {"convert", "--" + evil, file}, {evil, file}, {"rules", evil},
			{"bench", "--engine", "go", "--runs", "1", "--warmup", "0", "--per-op", file},
		} {
			_, o, e := repmlp(args...)
			harmless(t, i, strings.Join(args[:2], " "), o, args[len(args)-2] == "--json")
			harmless(t, i, strings.Join(args[:2], " ")+", standard error", e, false)
		}
		for _, name := range []string{"r.txt", "r.html", "r.json", "r.md", "r.xml"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatalf("name %d: %v", i, err)
			}
			harmless(t, i, name, string(b), name == "r.json")
			if name == "r.json" {
				var r convert.Report
				if err := json.Unmarshal(b, &r); err != nil || len(r.Declined) != 1 || r.Declined[0].Node != evil+"z"+evil {
					t.Errorf("name %d: the JSON report does not keep it: %v", i, err)
				}
			}
			if name == "r.html" && bytes.Count(b, []byte("<script")) != 1 { // the page's own
				t.Errorf("name %d: a tag in the HTML report", i)
			}
		}
	}
}

// harmless looks at what was printed, line by line.
func harmless(t *testing.T, i int, what, text string, whole bool) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		start := strings.TrimSpace(line)
		bad := strings.HasPrefix(start, "::") || strings.HasPrefix(start, "##") || strings.HasPrefix(start, "wrote x.onnx")
		if !whole {
			bad = bad || strings.Contains(line, "##") || len(line) > 5*messageLength
		}
		for _, r := range line {
			bad = bad || r == utf8.RuneError || !unicode.IsPrint(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
		}
		if bad {
			t.Errorf("name %d: %s prints %.300q", i, what, line)
		}
	}
}
