package main

import (
	"slices"
	"testing"
)

// The draw is even over files and over operators, the same for a seed, and holds
// only what compiles, each once.
func TestSample(t *testing.T) {
	names := []string{"arithmetic.go", "comparison.go", "constant.go", "loop.go", "result.go", "statement.go"}
	p, err := parse(listed{ImportPath: "module/testdata", Dir: "testdata", GoFiles: names}, nil)
	if err != nil {
		t.Fatal(err)
	}
	draw := func(n int, seed uint64) []*Mutant { return sample([]*Package{p}, n, seed) }
	lines := func(ms []*Mutant) []string {
		var out []string
		for _, m := range ms {
			out = append(out, line(m))
		}
		return out
	}
	ms := draw(30, 1)
	files, ops := map[string]int{}, map[string]int{}
	seen := map[string]bool{}
	for _, m := range ms {
		files[m.File.Name]++
		ops[m.Operator]++
		if !m.File.compiles(m.Source()) {
			t.Errorf("%s does not compile", line(m))
		}
		place := m.File.Name + string(m.Source())
		if seen[place] {
			t.Errorf("%s was drawn twice", line(m))
		}
		seen[place] = true
	}
	for _, name := range names {
		if files[name] != 5 {
			t.Errorf("%d of 30 mutants are of %s", files[name], name)
		}
	}
	for op, n := range ops {
		if n > 6 {
			t.Errorf("%d of 30 mutants are of the operator %s", n, op)
		}
	}
	if !slices.Equal(lines(ms), lines(draw(30, 1))) {
		t.Error("one seed gave two draws")
	}
	if slices.Equal(lines(ms), lines(draw(30, 2))) {
		t.Error("two seeds gave one draw")
	}
	if all := draw(1<<20, 1); len(all) < 60 || len(all) != len(draw(len(all), 3)) {
		t.Errorf("%d mutants in all", len(all))
	}
}
