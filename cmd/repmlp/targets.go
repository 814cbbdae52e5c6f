package main

import (
	"fmt"
	"slices"

	"repmlp/convert"
	"repmlp/internal/output"
)

// targets are the files that a command will write. Nothing that it reads, and
// nothing but a regular file, is ever written over.
type targets []output.Target

// outputs are the reports and stages as targets.
func (s *settings) outputs() (out targets) {
	for _, p := range s.reports {
		out = append(out, output.Target{Flag: "--report", Path: p})
	}
	for _, f := range newDump(s.dump).files(true) {
		out = append(out, output.Target{Flag: "--dump", Path: f.path})
	}
	return out
}

// reads lists the files that a command reads, its models first.
func (s *settings) reads(o convert.Options, models ...string) []string {
	files := slices.Concat(models, o.Reads())
	if s.ortLib != "" {
		files = append(files, s.ortLib)
	}
	return files
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
