package output

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A new folder is one that is empty or not there; all else is refused before any work.
func TestNewFolder(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	put(t, in("file"), "x", 0o644)
	for _, err := range []error{os.Mkdir(in("empty"), 0o755), os.MkdirAll(in("full/inner"), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !linked(t, in("empty"), in("link")) {
		t.Skip("no links here")
	}
	for path, want := range map[string]string{in("new"): "", in("new") + "/": "", in("empty"): "", in("full"): `holds "inner"`, in("link"): "symbolic link", in("link") + "/": "symbolic link",
		in("file"): "no folder", in("none/new"): "there is no folder", "": "a name that no folder has"} {
		err := CheckFolder(Target{"--save-case", path})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, c := range []struct {
		to   string
		fine bool
	}{{"new", true}, {"empty", true}, {"full", false}, {"file", false}, {"link", false}} {
		f, err := CreateFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(f.Path, "content"), "y", 0o644)
		if err := f.Commit(in(c.to)); (err == nil) != c.fine {
			t.Errorf("%s: %v", c.to, err)
		}
		f.Remove()
		if c.fine {
			holds(t, filepath.Join(in(c.to), "content"), "y")
			if st, err := os.Stat(in(c.to)); err != nil || st.Mode().Perm()&0o055 == 0 {
				t.Errorf("%s: %v, %v", c.to, st.Mode(), err)
			}
		}
	}
	if got := list(t, dir); got != "empty file full link new" {
		t.Errorf("the folder holds %s", got)
	}
}
