// Package output writes the files that a run makes. One rule holds for all of
// them: a file is made beside its place under no name, or under one that a later
// run recognises, and gets its name in one step when it is whole. Only regular
// files are ever replaced, and nothing that a run reads is.
package output

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A Refusal says why a file is not written, and what its reader can do about it.
type Refusal struct {
	Err    error
	Advice string
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// A File is an output that does not carry its name yet. It is locked while it is
// open, so that no other run takes it for one that was left behind.
type File struct {
	*os.File
	path  string // the place it is made for
	temp  string // its name until then, "" where it has none
	named bool
}

// Options say how a file is made.
type Options struct {
	// Like names a file whose permissions a new file takes, such as the input
	// that it is made from; writing stays allowed to the owner. A file that is
	// replaced hands its own on.
	Like string
}

// Create makes a file for path. Close it at the end, whatever happens.
func Create(path string, o Options) (*File, error) {
	dir := filepath.Dir(path)
	sweep(dir)
	mode, exact := permissions(path, o.Like)
	f, err := create(dir, mode)
	if err != nil {
		return nil, err
	}
	f.path = path
	if exact {
		if err := f.Chmod(mode); err != nil {
			f.Close()
			return nil, unnamed(err)
		}
	}
	return f, nil
}

// permissions are those of the file that is replaced, exactly, or else those of
// the file like, which the system's mask may narrow.
func permissions(path, like string) (mode fs.FileMode, exact bool) {
	if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() {
		return st.Mode().Perm(), true
	}
	if like != "" {
		if st, err := os.Stat(like); err == nil {
			return st.Mode().Perm()&0o666 | 0o600, false
		}
	}
	return 0o666, false
}

// create makes a locked file in a folder, without a name where the system can.
func create(dir string, mode fs.FileMode) (*File, error) {
	if f := anonymous(dir, mode); f != nil {
		if lock(f) == nil || !locks {
			return &File{File: f}, nil
		}
		f.Close()
	}
	for {
		temp := temporary(dir)
		f, err := openNew(temp, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, unnamed(err)
		}
		// A sweep may have come between; its file is gone then.
		if lock(f) != nil && locks || !names(temp, f) {
			f.Close()
			continue
		}
		return &File{File: f, temp: temp}, nil
	}
}

// Temporary names do not depend on the target's, which may be as long as the
// system allows.
const (
	prefix  = ".repmlp-"
	suffix  = ".tmp"
	letters = "abcdefghijklmnopqrstuvwxyz234567"
	random  = 8
)

func temporary(dir string) string {
	name := make([]byte, random)
	for i := range name {
		name[i] = letters[rand.IntN(len(letters))]
	}
	return filepath.Join(dir, prefix+string(name)+suffix)
}

// names reports whether path is a name of f.
func names(path string, f *os.File) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// unnamed takes the names of temporary files out of an error: they are nobody's
// business.
func unnamed(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}

// Source is a name under which the file can be opened now.
func (f *File) Source() string {
	switch {
	case f.named:
		return f.path
	case f.temp != "":
		return f.temp
	}
	return f.descriptor()
}

// Place says where else in its folder the file will go.
func (f *File) Place(path string) { f.path = path }

// keepName gives a file without a name a temporary one.
func (f *File) keepName() error {
	for f.temp == "" {
		temp := temporary(filepath.Dir(f.path))
		err := f.link(temp)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		f.temp = temp
	}
	return nil
}

// Link gives the file one more name for a while, as for programs that read files
// by name; the caller removes it.
func (f *File) Link(path string) error {
	if err := f.keepName(); err != nil {
		return unnamed(err)
	}
	return unnamed(os.Link(f.temp, path))
}

// Commit syncs the file to disk and gives it its name, in place of the regular
// file that had it.
func (f *File) Commit() error {
	if f.named {
		return nil
	}
	if st, err := os.Lstat(f.path); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%q is no regular file any more, and is not written over", f.path)
	}
	if err := f.Sync(); err != nil {
		return unnamed(err)
	}
	if err := f.keepName(); err != nil {
		return unnamed(err)
	}
	if err := rename(f.temp, f.path); err != nil {
		return unnamed(err)
	}
	f.named = true
	return syncFolder(filepath.Dir(f.path))
}

// CommitNew is Commit where nothing may be replaced: fs.ErrExist says that there
// is something.
func (f *File) CommitNew() error {
	if f.named {
		return nil
	}
	if err := f.Sync(); err != nil {
		return unnamed(err)
	}
	if f.temp == "" {
		if err := f.link(f.path); err != nil {
			return unnamed(err)
		}
	} else if err := renameNew(f.temp, f.path); err != nil {
		return unnamed(err)
	}
	f.named = true
	return syncFolder(filepath.Dir(f.path))
}

// Close removes the file unless it got its name, and unlocks it.
func (f *File) Close() error {
	if f.File == nil {
		return nil
	}
	if f.temp != "" && !f.named {
		os.Remove(f.temp)
	}
	file := f.File
	f.File = nil
	return file.Close()
}

// renameNew renames a file unless there is one already.
func renameNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// Some file systems have no second names.
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return rename(from, to)
}

// syncFolder makes names last through a loss of power, where the system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil // a folder that may be written, not read
	}
	defer d.Close()
	_ = d.Sync() // not every file system has it
	return nil
}
