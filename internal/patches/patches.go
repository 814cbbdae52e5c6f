// Package patches applies the examples of docs/patches, each a change of a size
// that an everyday task has, without touching the tree.
package patches

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Patch is an example: what it shows, the tests that hold it, and a unified diff.
type Patch struct {
	Name  string   // of the file, without its extension
	Shows string   // its first line
	Test  []string // arguments of go test, from its second line, "test: ..."
	Files []string // that it changes or makes, relative to the root of the module
	diff  []byte
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
	args, ok := strings.CutPrefix(string(test), "test: ")
	if !ok || len(shows) == 0 {
		return nil, fmt.Errorf("reading patch %q: it begins with a line of what it shows and a line test: PACKAGES -run NAMES", path)
	}
	p.Shows, p.Test = string(shows), strings.Fields(args)
	for line := range strings.Lines(string(rest)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "+++ b/"); ok {
			p.Files = append(p.Files, name)
		}
	}
	if len(p.Files) == 0 {
		return nil, fmt.Errorf("reading patch %q: it changes nothing", path)
	}
	return p, nil
}

// Code lists the files that are no tests and no pages.
func (p *Patch) Code() []string {
	return slices.DeleteFunc(slices.Clone(p.Files), func(f string) bool {
		return strings.HasSuffix(f, "_test.go") || filepath.Ext(f) != ".go"
	})
}

// Overlay applies the patch to copies in dir and returns the file that go build
// -overlay takes.
func (p *Patch) Overlay(root, dir string) (string, error) {
	replace := map[string]string{}
	for _, f := range p.Files {
		to := filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return "", err
		}
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f)))
		if err == nil {
			err = os.WriteFile(to, b, 0o644)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(f))] = to
	}
	cmd := exec.Command("git", "apply", "--unidiff-zero", "-")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(p.diff)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_DIR="+filepath.Join(dir, "none"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("applying patch %q: %w: %s", p.Name, err, out)
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, b, 0o644)
}
