package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert"
)

var update = flag.Bool("update", false, "rewrite docs/walk.md")

// The page that follows one block through all stages shows what --dump writes.
func TestWalk(t *testing.T) {
	const page, model = "../../docs/walk.md", "testdata/cases/dyn_v1_op18/model.onnx"
	dir := t.TempDir()
	code, _, errw := repmlp("convert", filepath.Join("../..", model), "-o", filepath.Join(dir, "o.onnx"), "--dump", dir)
	if code != exitDone {
		t.Fatalf("exit %d: %s", code, errw)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# One block from file to file

A RepMLP block on its way through the stages of a conversion. Each has a value that nobody changes afterwards, and here stands what
--dump writes of it; [architecture.md](architecture.md) says which package makes what.

    repmlp convert %s -o deploy.onnx --dump DIR

This page is made by a test: `+"`go test ./cmd/repmlp -run Walk -update`.\n", model)
	before := ""
	for i, s := range convert.Stages() {
		name := fmt.Sprintf("%02d-%s.txt", i+1, s.Name)
		fmt.Fprintf(&b, "\n## %s\n%s.\n\n", name, upper(s.Is))
		text := readDoc(t, filepath.Join(dir, name))
		if text == before {
			b.WriteString("Here it is the one before.\n")
			continue
		}
		for line := range strings.Lines(text) {
			b.WriteString("    " + line)
		}
		before = text
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if b.String() != readDoc(t, page) {
		t.Errorf("%s is not what --dump writes; run with -update", page)
	}
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
