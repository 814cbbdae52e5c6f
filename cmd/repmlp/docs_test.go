package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"repmlp/convert"
)

func readDoc(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pages are the README and all pages under docs.
func pages(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/*/*.md")
	if err != nil || len(list)+len(more) < 8 {
		t.Fatalf("%d pages, %v", len(list)+len(more), err)
	}
	return append(append(list, more...), "../../README.md")
}

// unsteady are the numbers that vary with the processor.
var unsteady = regexp.MustCompile(`\d(\.\d+)?e-\d\d|proved \d?\.?\d+ *|worst \d?\.?\d+`)

// A reader who runs the README's first command sees what it shows: line by line,
// with ... for lines left out, apart from the last digits of differences.
func TestReadme(t *testing.T) {
	text := readDoc(t, "../../README.md")
	_, text, found := strings.Cut(text, "stands for more of the same):\n\n")
	sample, _, end := strings.Cut(text, "\n\n")
	if !found || !end {
		t.Fatal("the sample was not found")
	}
	dir := t.TempDir()
	file := filepath.Join("testdata", "digits", "digits_legacy.onnx")
	model := readDoc(t, filepath.Join("../..", file))
	t.Chdir(dir)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(model), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errw := repmlp("convert", file)
	if code != exitDone || errw != "" {
		t.Fatalf("exit %d: %s", code, errw)
	}
	out = strings.ReplaceAll(out, string(filepath.Separator), "/")
	seen := strings.Split(unsteady.ReplaceAllString(strings.TrimSuffix(out, "\n"), "N"), "\n")
	skip := false
	for line := range strings.Lines(sample) {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "    ")
		if strings.TrimSpace(line) == "..." {
			skip = true
			continue
		}
		want := unsteady.ReplaceAllString(line, "N")
		i := slices.Index(seen, want)
		if i < 0 || i > 0 && !skip {
			t.Fatalf("the README shows\n%s\nand here comes\n%s", want, strings.Join(seen, "\n"))
		}
		seen, skip = seen[i+1:], false
	}
	if len(seen) > 0 {
		t.Errorf("the README leaves out %q", seen)
	}
}

// Every row of a table has as many cells as its head: a | within code cuts it.
func TestTables(t *testing.T) {
	for _, page := range pages(t) {
		cells := 0
		for i, line := range strings.Split(readDoc(t, page), "\n") {
			if !strings.HasPrefix(line, "|") {
				cells = 0
				continue
			}
			n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if cells != 0 && n != cells {
				t.Errorf("%s:%d has %d cells, its table %d", page, i+1, n-1, cells-1)
			}
			cells = n
		}
	}
}

// Files that pages link to, and tests and scripts that the table of faults names,
// are there.
func TestPagesNameWhatThereIs(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(readDoc(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
	tests := ""
	for _, pattern := range []string{"*_test.go", "../../*/*_test.go", "../../*/*/*_test.go", "../../*/*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			tests += readDoc(t, f)
		}
	}
	_, faults, _ := strings.Cut(readDoc(t, "../../docs/development.md"), "once said or did wrong")
	faults, _, _ = strings.Cut(faults, "\n## ")
	names := regexp.MustCompile("`(Test\\w+|\\w+\\.txtar)`").FindAllStringSubmatch(faults, -1)
	if len(names) < 10 {
		t.Fatalf("%d tests are named", len(names))
	}
	for _, m := range names {
		if strings.HasPrefix(m[1], "Test") {
			if !strings.Contains(tests, "func "+m[1]+"(t ") {
				t.Errorf("docs/development.md names %s, which is no test", m[1])
			}
		} else if _, err := os.Stat(filepath.Join("testdata/script", m[1])); err != nil {
			t.Error(err)
		}
	}
}

// Flags that the README and the pages for users name exist.
func TestPagesNameFlagsThatThereAre(t *testing.T) {
	known := map[string]bool{"--version": true, "--help": true}
	a := &app{out: &stdout{to: &strings.Builder{}}}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = true })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { known["--"+f.Name] = true })
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(a.root())
	flag := regexp.MustCompile("`[^`]*`")
	for _, page := range pages(t) {
		if strings.Contains(page, "benchmarks") || strings.Contains(page, "development") || strings.Contains(page, "reference") {
			continue // flags of other programs too; or made from the flags
		}
		for _, code := range flag.FindAllString(readDoc(t, page), -1) {
			for _, word := range strings.Fields(strings.Trim(code, "`")) {
				if strings.HasPrefix(word, "--") && !known[strings.TrimRight(strings.SplitN(word, "=", 2)[0], ".,")] {
					t.Errorf("%s names %s", page, word)
				}
			}
		}
	}
}

// A script that is started without arguments says what it takes, before it looks
// for packages that a machine may not have.
func TestScriptsSayTheirUsage(t *testing.T) {
	scripts, err := filepath.Glob("../../bench/*.py")
	if err != nil || len(scripts) < 5 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, s := range append(scripts, "../../.ci/ort_check.py") {
		text := readDoc(t, s)
		head, _, found := strings.Cut(text, "raise SystemExit(__doc__)")
		_, imports, doc := strings.Cut(head, "\nusage: "+filepath.Base(s))
		if !found || !doc || !strings.Contains(imports, "len(sys.argv) <") {
			t.Errorf("%s does not say its usage", s)
		}
		for line := range strings.Lines(imports) {
			if (strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "from ")) && line != "import sys\n" {
				t.Errorf("%s imports before it says its usage: %s", s, line)
			}
		}
	}
}

// The page about the report names every key that a report can have, and every
// verdict.
func TestReportPage(t *testing.T) {
	page := readDoc(t, "../../docs/report.md")
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(v reflect.Type) {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct || seen[v] || v.Implements(reflect.TypeFor[json.Marshaler]()) {
			return
		}
		seen[v] = true
		for f := range v.Fields() {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if key == "-" {
				continue
			}
			if !strings.Contains(page, "`"+key+"`") {
				t.Errorf("docs/report.md does not name %q of %s", key, v)
			}
			visit(f.Type)
		}
	}
	visit(reflect.TypeFor[convert.Report]())
	for _, verdict := range []string{convert.Fused, convert.Partial, convert.Declined, convert.Unchanged, convert.Would(convert.Fused), convert.Would(convert.Partial), convert.Equivalent, convert.NotEquivalent, convert.Failed, convert.Same, convert.Different} {
		if !strings.Contains(page, "`"+verdict+"`") {
			t.Errorf("docs/report.md does not name the verdict %q", verdict)
		}
	}
}
