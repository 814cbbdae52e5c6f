package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mattn/go-shellwords"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"

	"repmlp/internal/nudge"
	"repmlp/onnxio"
	"repmlp/verify/ort"
)

// told are the pages whose commands are run. A command is a line of a block of code that
// starts with repmlp, or go run ./cmd/repmlp; "# exit 3" behind it is the code that it
// ends with, and lines below it are lines of what it prints, in that order, ... for lines
// between them. <!-- not run: WHY --> before a block, or <!-- needs ONNX Runtime -->, says
// that it cannot be run, or not everywhere; its flags exist nevertheless.
var told = []string{"README.md", "docs/start.md", "docs/install.md", "docs/exporting.md", "docs/pipelines.md", "docs/deploying.md", "docs/faq.md", "docs/verify.md", "docs/report.md"}

// pageModels are the files that pages speak of, each a copy of one in testdata.
var pageModels = map[string]string{
	"testdata/digits/digits_legacy.onnx": "digits/digits_legacy.onnx",
	"testdata/digits/digits_test_x.npy":  "digits/digits_test_x.npy",
	"model.onnx":                         "pictures.onnx",
	"training.onnx":                      "pictures.onnx",
	"repmlpnet_b224.onnx":                "pictures.onnx",
	"digits.onnx":                        "digits/digits_legacy.onnx",
	"images.npy":                         "digits/digits_test_x.npy",
	"labels.npy":                         "digits/digits_test_y.npy",
	"export/detector.onnx":               "pictures.onnx",
	"export/digits.onnx":                 "digits/digits_dynamo.onnx",
	"REFERENCE.onnx":                     "digits/digits_legacy.onnx",
	"CANDIDATE.onnx":                     "digits/digits_dynamo.onnx",
	"forgotten_eval.onnx":                "training.onnx",
	"half.onnx":                          "cases/leg_v1_f16_17/model.onnx",
	"outside.onnx":                       "cases/dyn_v1_dynN_ext/model.onnx",
	"model.onnx.data":                    "cases/dyn_v1_dynN_ext/model.onnx.data",
	"relu_inside.onnx":                   "cases/kin_relu_branch_13/model.onnx",
}

// Commands that pages show end as the pages say, and print what they show.
func TestPageCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every command of the pages")
	}
	_, err := ort.Open(ort.Find("", os.Getenv))
	runtime := err == nil
	for _, name := range told {
		blocks, err := blocksOf([]byte(readDoc(t, filepath.Join("../..", name))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			layModels(t)
			n := 0
			for _, b := range blocks {
				for _, s := range b.steps {
					n++
					if err := checkFlags(s.args); err != nil {
						t.Errorf("%s: %v", s.line, err)
					}
					if b.whyNot != "" || b.runtime && !runtime {
						continue
					}
					code, out, errw := repmlp(s.args...)
					if err := s.judge(code, out, errw); err != nil {
						t.Errorf("%s: %v", s.line, err)
					}
				}
			}
			if n == 0 {
				t.Error("the page has no command")
			}
		})
	}
}

// No other page has commands that nobody runs.
func TestPagesWithCommands(t *testing.T) {
	for _, page := range pages(t) {
		name := strings.TrimPrefix(filepath.ToSlash(page), "../../")
		if slices.Contains(told, name) || strings.HasPrefix(name, "docs/reference/") || name == "docs/walk.md" { // made from the command, both
			continue
		}
		blocks, err := blocksOf([]byte(readDoc(t, page)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, b := range blocks {
			t.Errorf("%s has commands and is not among those that are run: %s", name, b.steps[0].line)
		}
	}
}

// layModels copies the models of the pages to a new folder and goes there.
func layModels(t *testing.T) {
	t.Helper()
	dir, data := t.TempDir(), abs(t, "../../testdata")
	for name, from := range pageModels {
		b := readDoc(t, filepath.Join(data, from))
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	layOther(t, filepath.Join(data, "digits", "digits_legacy.onnx"), filepath.Join(dir, "other.onnx"))
	t.Chdir(dir)
}

// layOther writes a model of which one weight is another.
func layOther(t *testing.T, from, to string) {
	t.Helper()
	m, err := onnxio.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	weights := m.Graph().Inits()
	at := slices.IndexFunc(weights, func(w *onnxio.Tensor) bool { return w.Name() == "head.weight" })
	if at < 0 {
		t.Fatal("the classifier has no head.weight")
	}
	o, err := nudge.Weight(m, weights[at], 0, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Save(to); err != nil {
		t.Fatal(err)
	}
}

// block is a block of code with commands in it.
type block struct {
	steps   []step
	whyNot  string // it is not run
	runtime bool   // it needs ONNX Runtime
}

type step struct {
	line  string
	args  []string
	exit  int
	shown []string
}

var (
	ended = regexp.MustCompile(`\s+# exit (\d+)$`)
	other = regexp.MustCompile(`^(go|pip|python3?|docker|npm|export|CGO_ENABLED=0) `)
)

// blocksOf reads a page.
func blocksOf(page []byte) ([]block, error) {
	var list []block
	tree := goldmark.DefaultParser().Parse(source.NewReader(page))
	err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if k := n.Kind(); !entering || k != ast.KindCodeBlock && k != ast.KindFencedCodeBlock {
			return ast.WalkContinue, nil
		}
		var b block
		if c, ok := n.PreviousSibling().(*ast.HTMLBlock); ok {
			said := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(c.Lines().Value(page))), "<!--"), "-->"))
			why, not := strings.CutPrefix(said, "not run:")
			switch b.whyNot = strings.TrimSpace(why); {
			case said == "needs ONNX Runtime":
				b.runtime, b.whyNot = true, ""
			case !not || b.whyNot == "":
				return 0, fmt.Errorf("nobody knows what <!-- %s --> says of a block", said)
			}
		}
		var err error
		b.steps, err = stepsOf(strings.ReplaceAll(string(n.Lines().Value(page)), "\\\n", " "))
		if len(b.steps) > 0 {
			list = append(list, b)
		}
		return ast.WalkContinue, err
	})
	return list, err
}

func stepsOf(code string) ([]step, error) {
	var list []step
	for line := range strings.Lines(code) {
		line = strings.TrimSpace(line)
		command, is := strings.CutPrefix(line, "go run ./cmd/repmlp ")
		if !is {
			command, is = strings.CutPrefix(line, "repmlp ")
		}
		switch {
		case is:
			s := step{line: line}
			if m := ended.FindStringSubmatch(command); m != nil {
				s.exit, _ = strconv.Atoi(m[1])
			}
			command, _, _ = strings.Cut(command, " # ")
			p := shellwords.NewParser()
			args, err := p.Parse(command)
			if err != nil || p.Position >= 0 { // stopped at a pipe and the like
				return nil, fmt.Errorf("%q is more than a command (%v)", line, err)
			}
			s.args = args
			list = append(list, s)
		case other.MatchString(line):
			list = append(list, step{}) // what it prints is not looked at
		case len(list) > 0 && line != "" && line != "...":
			s := &list[len(list)-1]
			s.shown = append(s.shown, line)
		}
	}
	return slices.DeleteFunc(list, func(s step) bool { return s.line == "" }), nil
}

// checkFlags says whether there is such a command with such flags.
func checkFlags(args []string) error {
	a := &app{out: &stdout{to: &strings.Builder{}}, err: &strings.Builder{}}
	cmd, rest, err := a.root().Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	return err
}

// judge compares what a command did with what the page says.
func (s step) judge(code int, out, errw string) error {
	if code != s.exit {
		return fmt.Errorf("exit %d, the page says %d:\n%s", code, s.exit, errw)
	}
	printed := map[string][]string{"output": steady(out), "error": steady(errw)}
	for _, line := range s.shown {
		want := steady(line)[0]
		found := false
		for _, stream := range slices.Sorted(maps.Keys(printed)) {
			if i := slices.Index(printed[stream], want); i >= 0 {
				printed[stream], found = printed[stream][i+1:], true
				break
			}
		}
		if !found {
			return fmt.Errorf("the page shows\n%s\nbut it prints\n%s%s", line, errw, out)
		}
	}
	return nil
}

// varies is what differs from processor to processor: small numbers, and how many times
// the noise something is.
var varies = regexp.MustCompile(`\b\d(\.\d+)?e[+-]\d\d|\b0?\.\d+|[\d.]+ in the (reference|candidate)`)

// steady are the lines of a text without what varies, the width of columns neither.
func steady(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		list = append(list, strings.Join(strings.Fields(varies.ReplaceAllString(line, " N ")), " "))
	}
	return list
}

// A page that is wrong is found.
func TestPageCommandsAreJudged(t *testing.T) {
	for page, want := range map[string]string{
		"    repmlp engines\n":                                              "",
		"    repmlp engines --none\n":                                       "unknown flag",
		"<!-- not run: none here -->\n\n    repmlp engines --none\n":        "unknown flag",
		"<!-- not run: -->\n\n    repmlp engines\n":                         "nobody knows",
		"<!-- ran -->\n\n    repmlp engines\n":                              "nobody knows",
		"    repmlp engines | head\n":                                       "more than a command",
		"    repmlp inspect none.onnx\n":                                    "exit 1",
		"    repmlp inspect none.onnx # exit 1\n    repmlp: error: never\n": "the page shows",
		"```\nrepmlp version\nrepmlp\n```\n":                                "the page shows",
		"- a\n\n      repmlp --none\n":                                      "unknown flag",
	} {
		blocks, err := blocksOf([]byte(page))
		for _, b := range blocks {
			for _, s := range b.steps {
				if err == nil {
					err = checkFlags(s.args)
				}
				if err == nil && b.whyNot == "" {
					err = s.judge(repmlp(s.args...))
				}
			}
		}
		if want == "" && (err != nil || len(blocks) != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", page, err)
		}
	}
}
