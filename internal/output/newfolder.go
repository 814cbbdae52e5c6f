package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// CheckFolder refuses, before any work, a target that is to become a folder of files: it
// may be an empty folder, or nothing yet.
func CheckFolder(t Target) error {
	fail := func(advice, format string, args ...any) error {
		return &Refusal{fmt.Errorf("%s %q: %w", t.Flag, t.Path, fmt.Errorf(format, args...)), advice}
	}
	if t.Path == "" || strings.ContainsRune(t.Path, 0) {
		return fail("name a folder", "a name that no folder has")
	}
	t.Path = filepath.Clean(t.Path)
	st, err := os.Lstat(t.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return t.checkFolder()
	case err != nil:
		return fail("", "%w", unnamed(err))
	case st.Mode()&fs.ModeSymlink != 0:
		to, _ := os.Readlink(t.Path)
		return fail("name the folder itself", "this is a symbolic link to %q, which is not written through", to)
	case !st.IsDir():
		return fail("name a folder that is empty, or not there yet", "this is no folder, and is not written over")
	}
	entries, err := os.ReadDir(t.Path)
	if err != nil {
		return fail("", "%w", unnamed(err))
	}
	if len(entries) > 0 {
		return fail("name a folder that is empty, or not there yet", "the folder holds %q already, and nothing in it is written over", entries[0].Name())
	}
	return t.checkFolder()
}

// Commit gives a temporary folder its name, which an empty folder may have.
func (f *Folder) Commit(path string) error {
	path = filepath.Clean(path)
	if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return unnamed(err)
	}
	st, err := os.Lstat(path)
	if err == nil && !st.IsDir() {
		return fmt.Errorf("%q is no folder any more, and is not written over", path)
	}
	if err == nil {
		err = os.Chmod(f.Path, st.Mode().Perm())
	}
	if err == nil {
		err = os.Remove(path) // not one that holds anything
	}
	if err == nil {
		err = os.Rename(f.Path, path)
	}
	if err != nil {
		return unnamed(err)
	}
	f.Path = ""
	return syncFolder(filepath.Dir(path))
}
