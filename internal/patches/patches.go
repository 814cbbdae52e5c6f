// Package patches applies the examples of docs/patches, each a change of a size
// that an everyday task has, without touching the tree.
package patches

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Patch is an example: what it shows, the tests that hold it, and a unified diff.
type Patch struct {
	Name     string   // of the file, without its extension
	Shows    string   // its first line
	Packages []string // whose tests hold it, from its second line: "test: PACKAGES -run NAMES"
	Run      string   // those tests, as go test -run takes them
	Files    []string // that it changes or makes, relative to the root of the module
	Added    []string // lines that it adds to files that there are, without their indentation
	diff     []byte
}

// Read reads a patch file.
func Read(path string) (*Patch, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &Patch{Name: strings.TrimSuffix(filepath.Base(path), ".patch"), diff: b}
	shows, rest, _ := bytes.Cut(b, []byte("\n"))
	test, rest, _ := bytes.Cut(rest, []byte("\n"))
	tests, ok := strings.CutPrefix(string(test), "test: ")
	packages, run, named := strings.Cut(tests, " -run ")
	if !ok || !named || len(shows) == 0 {
		return nil, fmt.Errorf("reading patch %q: it begins with a line of what it shows and a line test: PACKAGES -run NAMES", path)
	}
	p.Shows, p.Packages, p.Run = string(shows), strings.Fields(packages), run
	known := false // code that is there already
	for line := range strings.Lines(string(rest)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "--- ") {
			known = line != "--- /dev/null"
			continue
		}
		if name, ok := strings.CutPrefix(line, "+++ b/"); ok {
			p.Files = append(p.Files, name)
			known = known && isCode(name)
			continue
		}
		if added, ok := strings.CutPrefix(line, "+"); ok && known {
			p.Added = append(p.Added, strings.TrimSpace(added))
		}
	}
	if len(p.Files) == 0 {
		return nil, fmt.Errorf("reading patch %q: it changes nothing", path)
	}
	return p, nil
}

// Code lists the files that are no tests and no pages.
func (p *Patch) Code() []string {
	return slices.DeleteFunc(slices.Clone(p.Files), func(f string) bool { return !isCode(f) })
}

func isCode(file string) bool {
	return strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go")
}
