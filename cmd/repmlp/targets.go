package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// targets are the files that a command will write. Nothing that it reads, and
// nothing but a regular file, is ever written over.
type targets []target

// A target is one of them, with the flag that names it.
type target struct{ flag, path string }

// outputs are the reports as targets.
func (f *reportFlags) outputs() (out targets) {
	for _, p := range f.files {
		out = append(out, target{"--report", p})
	}
	return out
}

// check refuses, before any work, targets that cannot be written, that are one
// file, or that are among the files which are read, of which the model comes
// first.
func (w targets) check(reads []string) error {
	for i, t := range w {
		if err := t.check(); err != nil {
			return err
		}
		for _, u := range w[:i] {
			if sameFile(t.path, u.path) {
				return fmt.Errorf("%s %q and %s %q are one file; give each a name of its own", u.flag, u.path, t.flag, t.path)
			}
		}
		if t.flag == "-o" && sameFile(t.path, reads[0]) {
			return fmt.Errorf("the output %q is the input itself; choose another with -o", t.path)
		}
	}
	return w.spare(reads)
}

// spare refuses targets that are among the files which are read.
func (w targets) spare(reads []string) error {
	for _, t := range w {
		for _, p := range reads {
			if sameFile(p, t.path) {
				return fmt.Errorf("%s %q would write over %q, which is read; choose another name", t.flag, t.path, p)
			}
		}
	}
	return nil
}

// check refuses a target that cannot be written.
func (t target) check() error {
	fail := func(advice, format string, args ...any) error {
		return &onnxio.Hint{Err: fmt.Errorf("%s %q: %w", t.flag, t.path, fmt.Errorf(format, args...)), Advice: advice}
	}
	switch {
	case t.path == "":
		return fail("name a file", "an empty name")
	case t.path == "-":
		return fail("name a file; a file called - is ./-", "writing to standard output is not possible")
	}
	st, err := os.Lstat(t.path)
	switch {
	case strings.HasSuffix(t.path, string(filepath.Separator)) || err == nil && st.IsDir():
		return fail("name a file in it, such as "+filepath.Join(t.path, "NAME"), "this is a folder")
	case err == nil && st.Mode()&fs.ModeSymlink != 0:
		to, _ := os.Readlink(t.path)
		return fail("name the file itself", "this is a symbolic link to %q, which is not written through", to)
	case err == nil && !st.Mode().IsRegular():
		return fail("", "this is no regular file, and is not written over")
	}
	return t.checkFolder()
}

// checkFolder makes and removes a file where the target will be.
func (t target) checkFolder() error {
	dir := filepath.Dir(t.path)
	f, err := os.CreateTemp(dir, ".repmlp-")
	if err == nil {
		f.Close()
		return os.Remove(f.Name())
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err // the name of the temporary file is nobody's business
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &onnxio.Hint{Err: fmt.Errorf("%s %q: there is no folder %q", t.flag, t.path, dir), Advice: "make it first"}
	}
	return fmt.Errorf("%s %q: the folder %q cannot be written: %w", t.flag, t.path, dir, err)
}

// externalPaths lists the files that hold the weights of the model at path.
func externalPaths(m *onnxio.Model, path string) []string {
	var out []string
	for _, loc := range m.ExternalFiles() {
		out = append(out, filepath.Join(filepath.Dir(path), filepath.FromSlash(strings.ReplaceAll(loc, `\`, "/"))))
	}
	return out
}

// inputFiles lists the files of real inputs; a folder holds several.
func inputFiles(inputs []string) []string {
	files := slices.Clone(inputs)
	for _, p := range inputs {
		if inside, err := filepath.Glob(filepath.Join(p, "*.pb")); err == nil {
			files = append(files, inside...)
		}
	}
	return files
}

// sameFile reports whether two paths name one file, links included; of files
// that do not exist yet, the folders are compared.
func sameFile(a, b string) bool {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(sa, sb)
	}
	return (errA == nil) == (errB == nil) && place(a) == place(b)
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
