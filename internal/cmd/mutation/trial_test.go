package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// module is a small module: b is built from a, and some of a is tested there alone.
var module = map[string]string{
	"go.mod":      "module example\n\ngo 1.26\n",
	"a/a.go":      "package a\n\nfunc Tested(n int) int { return n + 1 }\n\nfunc Elsewhere(n int) int { return n * 3 }\n\nfunc Unrun(n int) int { return n - 1 }\n\nfunc Loose(n int) int { return n * 5 }\n\nfunc Endless(n int) int {\n\tfor n < 3 {\n\t\tn++\n\t}\n\treturn n\n}\n\nfunc Same(n int) int {\n\tconst unused = 7\n\treturn n\n}\n",
	"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestTested(t *testing.T) {\n\tif Tested(1) != 2 {\n\t\tt.Fatal()\n\t}\n}\n\nfunc TestRest(t *testing.T) { Loose(1); Endless(2); Same(1); Elsewhere(1) }\n",
	"b/b.go":      "package b\n\nimport \"example/a\"\n\nfunc Nine() int { return a.Elsewhere(3) }\n",
	"b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestNine(t *testing.T) {\n\tif Nine() != 9 {\n\t\tt.Fatal()\n\t}\n}\n",
}

// One of each verdict, from the source of a module to the table.
func TestTrials(t *testing.T) {
	table, err := filepath.Abs("testdata/report.golden")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range module {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	pkgs, err := load([]string{"./a"})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{tests: []string{"./..."}, factor: 1}
	r, err := j.runner(pkgs, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var trials []Trial
	tried := map[string]bool{}
	for _, m := range sample(pkgs, 1<<10, 1) {
		if m.Func == "Endless" && m.Operator != "step" || m.Func == "Same" && m.Operator != "constant" {
			continue // one endless loop is enough
		}
		if m.Operator == "result" || tried[m.Func+m.Operator] {
			continue
		}
		tried[m.Func+m.Operator] = true
		trial, err := r.try(m, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		trials = append(trials, trial)
	}
	want := map[string]string{
		"Tested arithmetic":    "killed a TestTested",
		"Tested constant":      "killed a TestTested",
		"Elsewhere arithmetic": "killed b TestNine",
		"Elsewhere constant":   "killed b TestNine",
		"Unrun arithmetic":     "not run ",
		"Unrun constant":       "not run ",
		"Loose arithmetic":     "survived ",
		"Loose constant":       "survived ",
		"Endless step":         "killed a out of time",
		"Same constant":        "same code ",
	}
	seen := map[string]bool{}
	for _, x := range trials {
		name := x.Func + " " + x.Operator
		seen[name] = true
		if have := x.Verdict.String() + " " + x.By; have != want[name] {
			t.Errorf("%s: %q, want %q", name, have, want[name])
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d kinds of mutants, want %d: %v", len(seen), len(want), seen)
	}
	var out strings.Builder
	report(&out, trials)
	golden(t, table, out.String())

	// Of its own package's tests alone, what b kills survives.
	r.Own = true
	for _, m := range sample(pkgs, 1<<10, 1) {
		if m.Func == "Elsewhere" && m.Operator == "arithmetic" {
			if x, err := r.try(m, t.TempDir()); err != nil || x.Verdict != Survived {
				t.Errorf("%v, %v", x.Verdict, err)
			}
		}
	}
	if data, err := os.ReadFile("a/a.go"); err != nil || string(data) != module["a/a.go"] {
		t.Error("the source changed")
	}
}

// Tests that fail by themselves are an error.
func TestFailingTests(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": module["go.mod"], "p.go": "package p\n", "p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestNothing(t *testing.T) { t.Fatal(1) }\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	pkgs, err := load([]string{"."})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{tests: []string{"."}}
	if _, err := j.runner(pkgs, t.TempDir()); err == nil || !strings.Contains(err.Error(), "without a mutation") {
		t.Errorf("%v", err)
	}
}

func TestExcuses(t *testing.T) {
	ms := source(t, "logic.go").Files[0].mutants()
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte("# a note\n\n"+key(ms[1])+" — for a reason\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := readExcuses(file)
	if err != nil || len(e) != 1 || e[key(ms[1])] != "for a reason" {
		t.Errorf("%v, %v", e, err)
	}
	if err := os.WriteFile(file, []byte("a line of another form\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readExcuses(file); err == nil {
		t.Error("a line of another form was taken")
	}
}

// The list that is kept names files and functions that there are.
func TestKeptExcuses(t *testing.T) {
	e, err := readExcuses("equivalent.txt")
	if err != nil {
		t.Fatal(err)
	}
	for k := range e {
		place, change, _ := strings.Cut(k, ": ")
		file, _, _ := strings.Cut(place, " ")
		src, err := os.ReadFile(filepath.Join("../../..", file))
		if err != nil {
			t.Error(err)
			continue
		}
		before, _, _ := strings.Cut(change, arrow)
		if !strings.Contains(strings.Join(strings.Fields(string(src)), " "), before) {
			t.Errorf("%s has no line %q", file, before)
		}
	}
}

func TestCoverage(t *testing.T) {
	c, err := parseCoverage([]byte("mode: set\nmodule/testdata/logic.go:3.36,3.60 1 0\nmodule/testdata/step.go:3.24,4.12 1 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string, line, column int) *Mutant {
		return &Mutant{File: &File{Name: name, pkg: &Package{Path: "module/testdata"}}, Line: line, Column: column}
	}
	for _, x := range []struct {
		m    *Mutant
		runs bool
	}{
		{at("logic.go", 3, 36), false}, {at("logic.go", 3, 60), false}, {at("logic.go", 3, 61), true}, {at("logic.go", 3, 35), true},
		{at("logic.go", 2, 40), true}, {at("logic.go", 4, 40), true}, {at("step.go", 3, 30), true}, {at("other.go", 3, 40), true},
	} {
		if have := c.runs(x.m); have != x.runs {
			t.Errorf("%s:%d.%d runs %v", x.m.File.Name, x.m.Line, x.m.Column, have)
		}
	}
	if _, err := parseCoverage([]byte("nothing\n")); err == nil {
		t.Error("a line of another form was taken")
	}
}

// What killed before goes first, then quick tests.
func TestStages(t *testing.T) {
	s := &Suite{kills: map[string]int{}, tests: []test{{"TestSlow", 5e9}, {"TestQuick", 1e8}, {"TestOther", 2e8}, {"TestLong", 3e9}}}
	order := func() string {
		var out []string
		for _, stage := range s.stages() {
			var names []string
			for _, x := range stage {
				names = append(names, strings.TrimPrefix(x.name, "Test"))
			}
			out = append(out, strings.Join(names, " "))
		}
		return strings.Join(out, ", ")
	}
	if have := order(); have != "Quick Other, Slow Long" {
		t.Error(have)
	}
	s.count("TestLong")
	s.count("TestOther")
	s.count("TestOther")
	if have := order(); have != "Other Long, Quick, Slow" {
		t.Error(have)
	}
	for i := range 5 {
		s.tests = append(s.tests, test{fmt.Sprint("TestNew", i), 1e8})
		s.count(fmt.Sprint("TestNew", i))
	}
	if have := order(); have != "Other New0 New1 New2, Quick New3 New4, Slow Long" {
		t.Error(have)
	}
}

// What runs for ever is ended by the processor time that it takes, what waits for ever by
// the clock; what fails by itself in that time has failed by itself.
func TestRunsWithoutEnd(t *testing.T) {
	s := &Suite{Dir: t.TempDir()}
	for name, c := range map[string]struct {
		text  string
		limit time.Duration
		want  string
	}{
		"a loop":    {"while :; do :; done", time.Second, errTime.Error()},
		"a wait":    {"exec sleep 60", 50 * time.Millisecond, errTime.Error()},
		"a failure": {"exit 3", time.Second, "exit status 3"},
		"no limit":  {"exit 3", 0, "exit status 3"},
		"success":   {"exit 0", time.Second, "<nil>"},
	} {
		file := filepath.Join(s.Dir, "run.sh")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+c.text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := s.run(file, c.limit); fmt.Sprint(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestTail(t *testing.T) {
	var x tail
	for range 10 {
		if _, err := x.Write(make([]byte, tailSize/2)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if b := x.Bytes(); len(b) > 3*tailSize+3 || !strings.HasSuffix(string(b), "end") {
		t.Errorf("%d bytes are kept", len(b))
	}
}
