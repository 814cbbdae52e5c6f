package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Verdict is what became of a mutant.
type Verdict uint8

// The verdicts.
const (
	Survived Verdict = iota
	Unrun            // survived, and no test runs its place
	Killed
	Same    // the compiler makes the same code of it
	Excused // survived, and a list says why it is equivalent
)

func (v Verdict) String() string {
	return [...]string{"survived", "not run", "killed", "same code", "equivalent"}[v]
}

// A Trial is a mutant and what became of it.
type Trial struct {
	*Mutant
	Verdict Verdict
	By      string // what killed it, or why it is equivalent
}

// A Runner tries mutants.
type Runner struct {
	Suites []*Suite
	Factor float64 // of the time without a mutation, see Suite.kill
	Own    bool    // a mutant's own package alone
}

// try builds and runs the tests that a mutant's place is run by: those of its own
// package first, until one fails. work is a folder of its own.
func (r *Runner) try(m *Mutant, work string) (Trial, error) {
	overlay, err := write(m, work)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Mutant: m, Verdict: Unrun}
	for _, s := range r.inOrder(m) {
		if !s.covers.runs(m) {
			continue
		}
		t.Verdict = Survived
		binary := filepath.Join(work, "mutant.test")
		if err := build(s.Path, binary, "-overlay="+overlay); err != nil {
			return Trial{}, fmt.Errorf("%s:%d: %w", m.Name(), m.Line, err)
		}
		data, err := os.ReadFile(binary)
		if err != nil {
			return Trial{}, err
		}
		if sha256.Sum256(data) == s.binary {
			continue // nothing that the tests do can differ
		}
		if by := s.kill(binary, r.Factor); by != "" {
			t.Verdict, t.By = Killed, below(s.Path)+" "+by
			return t, nil
		}
	}
	same, err := sameCode(m, overlay)
	if same {
		t.Verdict = Same
	}
	return t, err
}

// sameCode reports whether the compiler makes the same of the mutant's package.
func sameCode(m *Mutant, overlay string) (bool, error) {
	before, err := content(m.File.pkg.Path)
	if err != nil {
		return false, err
	}
	after, err := content(m.File.pkg.Path, "-overlay="+overlay)
	return before == after, err
}

// content is the hash of a compiled package: what follows the last / of its build ID.
func content(pkg string, flags ...string) (string, error) {
	all, err := goList(slices.Concat([]string{"-export"}, flags, []string{pkg})...)
	if err != nil || len(all) != 1 {
		return "", err
	}
	return all[0].BuildID[strings.LastIndexByte(all[0].BuildID, '/')+1:], nil
}

// inOrder is the suites that a mutant's package is part of, its own first.
func (r *Runner) inOrder(m *Mutant) []*Suite {
	var own, others []*Suite
	for _, s := range r.Suites {
		switch {
		case s.Path == m.File.pkg.Path:
			own = append(own, s)
		case s.deps[m.File.pkg.Path] && !r.Own:
			others = append(others, s)
		}
	}
	return append(own, others...)
}

// write puts the mutated file and the overlay that names it into a folder.
func write(m *Mutant, work string) (overlay string, err error) {
	file := filepath.Join(work, "mutant.go")
	if err := os.WriteFile(file, m.Source(), 0o644); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(m.File.pkg.Dir, m.File.Name): file}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(work, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o644)
}
