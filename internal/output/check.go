package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Target is a file that a run will write, with the flag that names it.
type Target struct{ Flag, Path string }

// Check refuses, before any work, targets that cannot be written, that are one
// file, or that are among the files which the run reads.
func Check(reads []string, targets ...Target) error {
	for i, t := range targets {
		if err := t.check(); err != nil {
			return err
		}
		for _, u := range targets[:i] {
			if SameFile(t.Path, u.Path) {
				return fmt.Errorf("%s %q and %s %q are one file; give each a name of its own", u.Flag, u.Path, t.Flag, t.Path)
			}
		}
	}
	return Spare(reads, targets...)
}

// Spare refuses targets that are among the files which the run reads.
func Spare(reads []string, targets ...Target) error {
	for _, t := range targets {
		for _, p := range reads {
			if SameFile(p, t.Path) {
				return fmt.Errorf("%s %q would write over %q, which is read; choose another name", t.Flag, t.Path, p)
			}
		}
	}
	return nil
}

// check refuses a target that cannot be written.
func (t Target) check() error {
	fail := func(advice, format string, args ...any) error {
		return &Refusal{fmt.Errorf("%s %q: %w", t.Flag, t.Path, fmt.Errorf(format, args...)), advice}
	}
	switch {
	case t.Path == "":
		return fail("name a file", "an empty name")
	case t.Path == "-":
		return fail("name a file; a file called - is ./-", "writing to standard output is not possible")
	case strings.ContainsRune(t.Path, 0):
		return fail("name a file", "a name with a NUL byte")
	}
	st, err := os.Lstat(t.Path)
	switch {
	case os.IsPathSeparator(t.Path[len(t.Path)-1]) || err == nil && st.IsDir():
		return fail("name a file in it, such as "+filepath.Join(t.Path, "NAME"), "this is a folder")
	case err == nil && st.Mode()&fs.ModeSymlink != 0:
		to, _ := os.Readlink(t.Path)
		return fail("name the file itself", "this is a symbolic link to %q, which is not written through", to)
	case err == nil && !st.Mode().IsRegular():
		return fail("name a regular file, or one that is not there yet", "this is %s, no regular file, and is not written over", Kind(st.Mode()))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fail("", "%w", unnamed(err))
	}
	return t.checkFolder()
}

// checkFolder makes and removes a file where the target will be.
func (t Target) checkFolder() error {
	dir := filepath.Dir(t.Path)
	f, err := create(dir, 0o600)
	if err == nil {
		return f.Close()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &Refusal{fmt.Errorf("%s %q: there is no folder %q", t.Flag, t.Path, dir), "make it first"}
	}
	return fmt.Errorf("%s %q: the folder %q cannot be written: %w", t.Flag, t.Path, dir, err)
}

// Kind says in a word what is no regular file.
func Kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "a special file"
}

// Regular refuses to read anything but a regular file, before it is opened:
// opening a pipe may wait for ever, opening a device may do anything.
func Regular(path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = &Refusal{fmt.Errorf("%q is %s, not a regular file", path, Kind(st.Mode())), "name a regular file"}
	}
	return err
}

// SameFile reports whether two paths name one file, links included; of files
// that do not exist yet, the folders and names are compared.
func SameFile(a, b string) bool {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(sa, sb)
	}
	if (errA == nil) != (errB == nil) {
		return false
	}
	a, b = place(a), place(b)
	return a == b || strings.EqualFold(a, b) && folds(filepath.Dir(a))
}

// place is an absolute path with the links of its folder followed.
func place(path string) string {
	dir := filepath.Dir(path)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Join(dir, filepath.Base(path))
}

// folds reports whether the file system takes names in capitals for the same.
func folds(dir string) bool {
	f, err := CreateFolder(dir)
	if err != nil {
		return false
	}
	defer f.Remove()
	_, err = os.Lstat(filepath.Join(dir, strings.ToUpper(filepath.Base(f.Path))))
	return err == nil
}
