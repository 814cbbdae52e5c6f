package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"repmlp/internal/output"
)

// targets are the files that a command will write. Nothing that it reads, and
// nothing but a regular file, is ever written over.
type targets []output.Target

// outputs are the reports as targets.
func (f *reportFlags) outputs() (out targets) {
	for _, p := range f.files {
		out = append(out, output.Target{Flag: "--report", Path: p})
	}
	return out
}

// check refuses, before any work, targets that cannot be written, that are one
// file, or that are among the files which are read, of which the model comes
// first.
func (w targets) check(reads []string) error {
	for _, t := range w {
		if t.Flag == "-o" && output.SameFile(t.Path, reads[0]) {
			return fmt.Errorf("the output %q is the input itself; choose another with -o", t.Path)
		}
	}
	return output.Check(reads, w...)
}

// spare refuses targets that are among the files which are read.
func (w targets) spare(reads []string) error { return output.Spare(reads, w...) }

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
