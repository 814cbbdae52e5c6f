package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report prints the shares of mutants that were killed, by package and by operator,
// and each survivor.
func report(w io.Writer, trials []Trial) {
	table(w, "package", trials, func(t Trial) string { return t.File.pkg.Path })
	table(w, "operator", trials, func(t Trial) string { return t.Operator })
	survivors := 0
	for _, t := range trials {
		if t.Verdict == Survived || t.Verdict == Unrun {
			survivors++
		}
	}
	fmt.Fprintf(w, "%d survived\n", survivors)
	for _, t := range trials {
		how := ""
		switch t.Verdict {
		case Unrun:
			how = ", no test runs it"
		case Survived:
		default:
			continue
		}
		before, after := t.Change()
		file, function, _ := strings.Cut(t.Name(), " ")
		fmt.Fprintf(w, "%s:%d %s (%s%s)\n    %s\n  → %s\n", file, t.Line, function, t.Operator, how, before, after)
	}
}

// table counts verdicts by a property of the mutants; those that are equivalent do
// not count.
func table(w io.Writer, what string, trials []Trial, of func(Trial) string) {
	type counts struct{ killed, survived, equivalent int }
	by := map[string]*counts{}
	add := func(name string, v Verdict) {
		c := by[name]
		if c == nil {
			c = &counts{}
			by[name] = c
		}
		switch v {
		case Killed:
			c.killed++
		case Survived, Unrun:
			c.survived++
		case Same, Excused:
			c.equivalent++
		}
	}
	const all = "all"
	for _, t := range trials {
		add(of(t), t.Verdict)
		add(all, t.Verdict)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(by)), func(n string) bool { return n == all })
	fmt.Fprintf(w, "| %s | mutants | killed | survived | equivalent | killed of the others |\n|---|---|---|---|---|---|\n", what)
	for _, name := range append(names, all) {
		c := by[name]
		if c == nil {
			continue
		}
		n := c.killed + c.survived
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %.1f %% |\n", name, n+c.equivalent, c.killed, c.survived, c.equivalent, 100*float64(c.killed)/float64(max(n, 1)))
	}
	fmt.Fprintln(w)
}
