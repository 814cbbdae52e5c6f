package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// sample draws up to n mutants that compile, evenly over files and operators: files
// take turns, and each gives one of the operator that was drawn least so far.
func sample(pkgs []*Package, n int, seed uint64) []*Mutant {
	rng := rand.New(rand.NewPCG(seed, 1))
	var pools []pool
	for _, p := range pkgs {
		for _, f := range p.Files {
			if b := newPool(f, rng); len(b) > 0 {
				pools = append(pools, b)
			}
		}
	}
	rng.Shuffle(len(pools), func(i, j int) { pools[i], pools[j] = pools[j], pools[i] })
	drawn := map[string]int{}
	var out []*Mutant
	for len(pools) > 0 && len(out) < n {
		for i := 0; i < len(pools) && len(out) < n; i++ {
			if m := pools[i].draw(drawn); m != nil {
				drawn[m.Operator]++
				out = append(out, m)
			}
		}
		pools = slices.DeleteFunc(pools, func(b pool) bool { return len(b) == 0 })
	}
	return out
}

// A pool is the mutants of a file by operator, in the order in which they are
// drawn.
type pool map[string][]*Mutant

func newPool(f *File, rng *rand.Rand) pool {
	b := pool{}
	for _, m := range f.mutants() {
		b[m.Operator] = append(b[m.Operator], m)
	}
	for _, op := range operators { // in a defined order
		ms := b[op.name]
		rng.Shuffle(len(ms), func(i, j int) { ms[i], ms[j] = ms[j], ms[i] })
	}
	return b
}

// draw takes a mutant that compiles out of the pool; nil where there is none left.
func (b pool) draw(drawn map[string]int) *Mutant {
	for len(b) > 0 {
		var left []string
		for _, op := range operators {
			if len(b[op.name]) > 0 {
				left = append(left, op.name)
			}
		}
		op := slices.MinFunc(left, func(x, y string) int { return cmp.Compare(drawn[x], drawn[y]) })
		m := b[op][0]
		if b[op] = b[op][1:]; len(b[op]) == 0 {
			delete(b, op)
		}
		if m.File.compiles(m.Source()) {
			return m
		}
	}
	return nil
}
