package move

import (
	"maps"
	"math"
	"math/rand/v2"
	"testing"
)

// Equations that have a solution are solved, with unknowns of small rank where there is a
// choice; those of which one is off are not.
func TestSolveRows(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 5))
		n := 2 + rng.IntN(7)
		hidden, rank := make([]float64, n), make([]int, n)
		for i := range hidden {
			hidden[i], rank[i] = rng.NormFloat64(), rng.IntN(3)
		}
		var rows []row
		for range 1 + rng.IntN(n) {
			r := row{}
			for k := range n {
				if f := float64(rng.IntN(3) - 1); f != 0 && rng.IntN(2) == 0 {
					r.at, r.by = append(r.at, k), append(r.by, f)
					r.is += f * hidden[k]
				}
			}
			rows = append(rows, r)
		}
		rows = append(rows, rows[0]) // says nothing new
		of, ok := solveRows(rows, n, rank, 1e-9)
		if !ok {
			t.Fatalf("seed %d: no solution of %v", seed, rows)
		}
		for _, r := range rows {
			is := 0.0
			for i, k := range r.at {
				is += r.by[i] * of[k]
			}
			if math.Abs(is-r.is) > 1e-9 {
				t.Errorf("seed %d: %v gives %g of %v", seed, r, is, of)
			}
		}
		bad := rows[0]
		bad.is++
		if _, ok := solveRows(append(rows, bad), n, rank, 1e-9); ok {
			t.Errorf("seed %d: two equations that contradict each other are solved", seed)
		}
	}
	of, ok := solveRows([]row{{[]int{0, 1, 2}, []float64{1, 1, 2}, 4}}, 3, []int{2, 1, 0}, 1e-9)
	if !ok || of[0] != 0 || of[1] != 0 || of[2] != 2 {
		t.Errorf("a choice gives %v", of)
	}
}

// Numbers that are known multiples of each other are told by one, and nothing else holds
// of them.
func TestUnion(t *testing.T) {
	u := newUnion(5)
	for _, j := range []struct {
		i, k int
		by   float64
		fits bool
	}{{0, 1, 2, true}, {2, 3, -0.5, true}, {1, 3, 4, true}, {0, 2, -16, true}, {0, 2, -8, false}, {4, 4, 1, true}, {4, 4, -1, false}} {
		if have := u.join(j.i, j.k, j.by); have != j.fits {
			t.Errorf("%d as %g times %d: %v", j.i, j.by, j.k, have)
		}
	}
}

// Signs that an odd or even number of unknowns has are found, and contradictions with them.
func TestSolveSigns(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		n := 2 + rng.IntN(6)
		hidden, known := make([]bool, n), map[int]bool{}
		for i := range hidden {
			if hidden[i] = rng.IntN(2) == 0; rng.IntN(3) == 0 {
				known[i] = hidden[i]
			}
		}
		make := func(odd bool) (list []parity) {
			r := rand.New(rand.NewPCG(seed, 7))
			for range n {
				p := parity{of: map[int]bool{}}
				for range 3 {
					k := r.IntN(n)
					p.toggle(k)
					p.odd = p.odd != hidden[k]
				}
				list = append(list, p)
			}
			p := parity{map[int]bool{}, odd}
			for k := range list[0].of {
				p.toggle(k)
			}
			p.odd = p.odd != list[0].odd
			return append(list, p)
		}
		found := maps.Clone(known)
		if !solveSigns(make(false), found) {
			t.Fatalf("seed %d: no solution", seed)
		}
		for _, p := range make(false) {
			odd := false
			for k := range p.of {
				odd = odd != found[k]
			}
			if odd != p.odd {
				t.Errorf("seed %d: %v does not hold of %v", seed, p, found)
			}
		}
		if solveSigns(make(true), maps.Clone(known)) {
			t.Errorf("seed %d: a contradiction is solved", seed)
		}
	}
}

// A field has no more numbers than there is room for.
func TestMeasureIsBounded(t *testing.T) {
	f := &field{order: []*spot{{sizes: []int{1, maxSpread - 3, 1}}, {sizes: []int{3}}}}
	if !f.measure() || f.order[0].base != 0 || f.order[1].base != maxSpread-3 || f.numbers() != maxSpread {
		t.Errorf("%d numbers, from %d on", f.numbers(), f.order[1].base)
	}
	if f.order = append(f.order, &spot{sizes: []int{1}}); f.measure() {
		t.Error("one more")
	}
}
