package patches

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each example of docs/patches still applies, is as small as the page says, and its
// tests pass.
func TestPatches(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../../docs/patches/*.patch")
	if err != nil || len(paths) < 2 {
		t.Fatalf("%d patches, %v", len(paths), err)
	}
	page, err := os.ReadFile("../../docs/development.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		p, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(p.Name, func(t *testing.T) {
			if !strings.Contains(string(page), "patches/"+p.Name+".patch") {
				t.Errorf("docs/development.md does not show it")
			}
			if code := p.Code(); len(code) > 2 {
				t.Errorf("it touches %q, more than two files", code)
			}
			overlay, err := p.Overlay(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("go", append([]string{"test", "-v", "-count=1", "-overlay", overlay}, p.Test...)...)
			cmd.Dir = root
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS") {
				t.Errorf("go test %v: %v\n%s", p.Test, err, out)
			}
		})
	}
}

// A patch that applies nowhere, and files that are no patches.
func TestBrokenPatches(t *testing.T) {
	dir := t.TempDir()
	for content, part := range map[string]string{
		"": "begins", "something\nnothing\n": "begins", "something\ntest: ./...\nno diff\n": "changes nothing",
		"something\ntest: ./...\n--- a/go.mod\n+++ b/go.mod\n@@ -1 +1 @@\n-module elsewhere\n+module here\n": "applying",
	} {
		path := filepath.Join(dir, "p.patch")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Read(path)
		if err == nil {
			_, err = p.Overlay("../..", t.TempDir())
		}
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
