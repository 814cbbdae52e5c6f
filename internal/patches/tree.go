package patches

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Tree is the module with a patch: the files of the patch, links to all others. Tests
// read their data here; the go command compiles the module itself with the overlay, so
// that what the patch leaves alone is not compiled again.
type Tree struct {
	Dir     string // where it begins
	Overlay string // a file as go build -overlay takes it
	root    string
	patch   *Patch
}

// Apply makes a tree of the module at root in dir, which is empty.
func (p *Patch) Apply(root, dir string) (*Tree, error) {
	t := &Tree{Dir: filepath.Join(dir, "tree"), Overlay: filepath.Join(dir, "overlay.json"), root: root, patch: p}
	own := map[string]bool{} // folders that are no links
	for _, f := range slices.Concat(p.Files, p.Packages) {
		f = path.Clean(f)
		if strings.HasSuffix(f, ".go") || path.Ext(f) != "" {
			f = path.Dir(f)
		}
		for ; !own[f]; f = path.Dir(f) {
			own[f] = true
		}
	}
	if err := t.link(".", own); err != nil {
		return nil, err
	}
	cmd := exec.Command("git", "apply", "--unidiff-zero", "-")
	cmd.Dir, cmd.Stdin = t.Dir, bytes.NewReader(p.diff)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+dir, "GIT_DIR="+filepath.Join(dir, "none"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("applying patch %q: %w: %s", p.Name, err, out)
	}
	replace := map[string]string{}
	for _, f := range p.Files {
		if path.Ext(f) == ".go" {
			replace[filepath.Join(root, filepath.FromSlash(f))] = filepath.Join(t.Dir, filepath.FromSlash(f))
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	return t, os.WriteFile(t.Overlay, b, 0o644)
}

// link makes a folder of the tree: files of the patch are copied, everything else is a
// link, but for folders in own.
func (t *Tree) link(folder string, own map[string]bool) error {
	from := filepath.Join(t.root, filepath.FromSlash(folder))
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Join(t.Dir, filepath.FromSlash(folder)), 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		to := filepath.Join(t.Dir, filepath.FromSlash(name))
		switch {
		case name == ".git":
		case own[name]:
			err = t.link(name, own)
		case slices.Contains(t.patch.Files, name):
			var b []byte
			if b, err = os.ReadFile(filepath.Join(from, e.Name())); err == nil {
				err = os.WriteFile(to, b, 0o644)
			}
		default:
			err = os.Symlink(filepath.Join(from, e.Name()), to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Test compiles and vets the packages of the patch, and runs its tests in the tree.
// passed counts them.
func (t *Tree) Test() (passed int, err error) {
	vet := exec.Command("go", append([]string{"vet", "-overlay", t.Overlay}, t.patch.Packages...)...)
	vet.Dir = t.root
	if out, err := vet.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("vetting patch %q: %w: %s", t.patch.Name, err, out)
	}
	for _, p := range t.patch.Packages {
		binary := t.Overlay + ".test"
		build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", t.Overlay, "-o", binary, p)
		build.Dir = t.root
		if out, err := build.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("compiling the tests of patch %q: %w: %s", t.patch.Name, err, out)
		}
		run := exec.Command(binary, "-test.v", "-test.run", "^("+t.patch.Run+")$")
		run.Dir = filepath.Join(t.Dir, filepath.FromSlash(p))
		out, err := run.CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("testing patch %q in %s: %w: %s", t.patch.Name, p, err, out)
		}
		passed += bytes.Count(out, []byte("\n--- PASS: "))
		if bytes.HasPrefix(out, []byte("--- PASS: ")) {
			passed++
		}
	}
	return passed, nil
}
