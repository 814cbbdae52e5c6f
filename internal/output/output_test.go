package output

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// list is what a folder holds.
func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func put(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s holds %q, %v, want %q", filepath.Base(path), b, err, want)
	}
}

// both runs a test with files that have no name, where there are such, and with
// files that have a temporary one.
func both(t *testing.T, test func(t *testing.T, create func(path string) *File)) {
	for _, named := range []bool{false, true} {
		t.Run(map[bool]string{false: "anonymous", true: "named"}[named], func(t *testing.T) {
			test(t, func(path string) *File {
				f, err := Create(path, Options{})
				if err == nil && named {
					err = f.keepName()
				}
				if err != nil {
					t.Fatal(err)
				}
				return f
			})
		})
	}
}

// A file appears whole, in place of the old one; one that is not committed
// leaves nothing.
func TestCommit(t *testing.T) {
	both(t, func(t *testing.T, create func(string) *File) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		put(t, path, "old", 0o644)
		f := create(path)
		f.WriteString("new")
		holds(t, path, "old")
		holds(t, f.Source(), "new")
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		holds(t, path, "new")
		f.Close()
		f.Close()
		g := create(path)
		g.WriteString("never")
		g.Close()
		holds(t, path, "new")
		if got := list(t, dir); got != "a.txt" {
			t.Errorf("the folder holds %s", got)
		}
	})
}

// CommitNew replaces nothing.
func TestCommitNew(t *testing.T) {
	both(t, func(t *testing.T, create func(string) *File) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		for i, want := range []error{nil, fs.ErrExist} {
			f := create(path)
			f.Write([]byte{byte('1' + i)})
			if err := f.CommitNew(); !errors.Is(err, want) {
				t.Errorf("%d: %v", i, err)
			}
			f.Close()
		}
		holds(t, path, "1")
		if got := list(t, dir); got != "a.txt" {
			t.Errorf("the folder holds %s", got)
		}
	})
}

// A second name for a while does not stand in the way of the first.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	f, err := Create(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("x")
	other, err := CreateFolder(dir)
	if err == nil {
		err = f.Link(filepath.Join(other.Path, "b.txt"))
	}
	if err != nil {
		t.Fatal(err)
	}
	holds(t, filepath.Join(other.Path, "b.txt"), "x")
	other.Remove()
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir); got != "a.txt" {
		t.Errorf("the folder holds %s", got)
	}
}

// A target that became a link or a folder meanwhile is left alone.
func TestTargetThatChanged(t *testing.T) {
	both(t, func(t *testing.T, create func(string) *File) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.txt")
		f := create(path)
		if !linked(t, "nowhere", path) {
			f.Close()
			t.Skip("no links here")
		}
		if err := f.Commit(); err == nil {
			t.Error("a link was replaced")
		}
		f.Close()
		if got := list(t, dir); got != "a.txt" {
			t.Errorf("the folder holds %s", got)
		}
	})
}

// linked makes a symbolic link and reports whether the system has them; only Windows may lack them.
func linked(t *testing.T, to, path string) bool {
	t.Helper()
	err := os.Symlink(to, path)
	if st, statErr := os.Lstat(path); err == nil && statErr == nil && st.Mode()&fs.ModeSymlink != 0 {
		return true
	}
	if runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	os.Remove(path)
	return false
}

// A new file takes the permissions of the one it is made from; a file that is
// replaced hands its own on.
func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of Unix")
	}
	both(t, func(t *testing.T, create func(string) *File) {
		dir := t.TempDir()
		secret := filepath.Join(dir, "secret")
		for _, c := range []struct{ like, old, want fs.FileMode }{
			{0o600, 0, 0o600}, {0o640, 0, 0o640}, {0o400, 0, 0o600}, {0o755, 0, 0o644}, {0o600, 0o664, 0o664}, {0o644, 0o440, 0o440},
		} {
			os.Remove(secret)
			put(t, secret, "", c.like)
			path := filepath.Join(dir, "out")
			os.Remove(path)
			if c.old != 0 {
				put(t, path, "", c.old)
			}
			f, err := Create(path, Options{Like: secret})
			if err == nil {
				err = f.Commit()
			}
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if st, _ := os.Stat(path); st.Mode().Perm() != c.want {
				t.Errorf("made from %v over %v: %v, want %v", c.like, c.old, st.Mode().Perm(), c.want)
			}
		}
	})
}

// The longest name that a file can have is no problem: temporary names are short.
func TestLongNames(t *testing.T) {
	both(t, func(t *testing.T, create func(string) *File) {
		path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
		f := create(path)
		defer f.Close()
		if err := f.Commit(); err != nil {
			t.Error(err)
		}
	})
}

// What a killed run left is removed by the next one; what a living one has, or
// only looks like it, is not.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	names := []string{".repmlp-aaaaaaaa.tmp", ".repmlp-aaaa.tmp", ".repmlp-aaaaaaaa.tmp.x", "repmlp-aaaaaaaa.tmp"}
	stay := []string{".repmlp-aaaa.tmp", ".repmlp-aaaaaaaa.tmp.x", " repmlp-aaaaaaaa.tmp"}
	if !folds(dir) {
		names, stay = append(names, ".repmlp-AAAAAAAA.tmp"), append(stay, ".repmlp-AAAAAAAA.tmp")
	}
	for _, name := range names {
		put(t, filepath.Join(dir, name), "left", 0o600)
	}
	if linked(t, "nowhere", filepath.Join(dir, ".repmlp-bbbbbbbb.tmp")) {
		stay = append(stay, ".repmlp-bbbbbbbb.tmp")
	}
	if err := os.MkdirAll(filepath.Join(dir, ".repmlp-cccccccc.tmp", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	living, err := Create(filepath.Join(dir, "a"), Options{})
	if err == nil {
		err = living.keepName()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	folder, err := CreateFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	next, err := Create(filepath.Join(dir, "b"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	next.Close()
	got := list(t, dir)
	for _, name := range append(stay, filepath.Base(living.temp), filepath.Base(folder.Path)) {
		if !strings.Contains(got, name) {
			t.Errorf("%q was removed; left %s", name, got)
		}
	}
	if strings.Contains(got, ".repmlp-aaaaaaaa.tmp ") || strings.Contains(got, "cccccccc") {
		t.Errorf("what was left behind is still there: %s", got)
	}
	folder.Remove()
}

// Two targets of one name, and what is read, are found through links.
func TestCheckFindsOneFile(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	put(t, in("model"), "m", 0o644)
	for _, err := range []error{os.Link(in("model"), in("hard")), os.Mkdir(in("sub"), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !linked(t, dir, in("same")) {
		t.Skip("no links here")
	}
	for _, c := range []struct {
		reads, writes string
		want          string
	}{
		{"model", "hard", "which is read"}, {"model", "same/model", "which is read"}, {"model", "sub/../model", "which is read"},
		{"hard", "model", "which is read"}, {"", "new sub/../new", "one file"}, {"", "new same/new", "one file"}, {"", "hard model", "one file"},
		{"model", "new other", ""}, {"nowhere", "new", ""},
	} {
		var reads []string
		if c.reads != "" {
			reads = append(reads, in(c.reads))
		}
		var targets []Target
		for _, w := range strings.Fields(c.writes) {
			targets = append(targets, Target{"-o", dir + "/" + w})
		}
		err := Check(reads, targets...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("reading %q, writing %q: %v", c.reads, c.writes, err)
		}
	}
	if got := list(t, dir); got != "hard model same sub" {
		t.Errorf("checking left %s", got)
	}
}

// Names that differ in capitals are one file where the file system says so.
func TestCapitals(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "probe"), "", 0o644)
	_, err := os.Stat(filepath.Join(dir, "PROBE"))
	if got := folds(dir); got != (err == nil) {
		t.Errorf("folds says %v", got)
	}
	if got := SameFile(filepath.Join(dir, "a"), filepath.Join(dir, "A")); got != (err == nil) {
		t.Errorf("a and A are one file: %v", got)
	}
}

// Large contents go through unchanged.
func TestContent(t *testing.T) {
	both(t, func(t *testing.T, create func(string) *File) {
		path := filepath.Join(t.TempDir(), "a")
		f := create(path)
		defer f.Close()
		want := bytes.Repeat([]byte("0123456789"), 1<<17)
		f.Write(want)
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
