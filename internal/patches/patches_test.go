package patches

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wanted are the tasks that have an example.
var wanted = []string{"linear-op", "engine-op", "shape-rule", "constant-operator", "fc-spelling", "report-format", "shared-flag", "family"}

// Each example of docs/patches still applies, is as small as the page says, and its
// tests pass. With -short it is only applied.
func TestPatches(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../../docs/patches/*.patch")
	if err != nil || len(paths) != len(wanted) {
		t.Errorf("%d patches, want %d, %v", len(paths), len(wanted), err)
	}
	page, err := os.ReadFile("../../docs/development.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range wanted {
		t.Run(name, func(t *testing.T) {
			p, err := Read(filepath.Join(root, "docs/patches", name+".patch"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(page), "(patches/"+name+".patch)") {
				t.Errorf("docs/development.md does not show it")
			}
			if code := p.Code(); len(code) > 2 {
				t.Errorf("it touches %q, more than two files", code)
			}
			for _, line := range p.Added {
				if entry := strings.HasSuffix(line, ",") && strings.Trim(line, "{}(),") != ""; entry && !strings.Contains(string(page), line) {
					t.Errorf("docs/development.md does not show its line %q", line)
				}
			}
			tree, err := p.Apply(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if testing.Short() {
				return
			}
			passed, err := tree.Test()
			if err != nil {
				t.Fatal(err)
			}
			if tests := strings.Count(p.Run, "|") + 1; passed < tests {
				t.Errorf("%d tests passed, want the %d of %q", passed, tests, p.Run)
			}
		})
	}
}

// A patch that applies nowhere, files that are no patches, a patch that does not compile
// and one whose test fails.
func TestBrokenPatches(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, body string) string {
		return "--- /dev/null\n+++ b/internal/dims/" + name + "\n@@ -0,0 +1 @@\n+package dims; " + body + "\n"
	}
	for content, part := range map[string]string{
		"": "begins", "something\nnothing\n": "begins", "something\ntest: ./...\n": "begins",
		"something\ntest: ./internal/dims -run X\nno diff\n":                                                                                "changes nothing",
		"something\ntest: ./internal/dims -run X\n--- a/go.mod\n+++ b/go.mod\n@@ -1 +1 @@\n-module elsewhere\n+module here\n":               "applying",
		"something\ntest: ./internal/dims -run X\n" + file("x.go", "func"):                                                                  "vetting",
		"something\ntest: ./internal/dims -run TestX\n" + file("x_test.go", `import "testing"; func TestX(t *testing.T) { t.Error("no") }`): "testing",
	} {
		path := filepath.Join(dir, "p.patch")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := Read(path)
		if err == nil {
			var tree *Tree
			if tree, err = p.Apply(root, t.TempDir()); err == nil {
				_, err = tree.Test()
			}
		}
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
