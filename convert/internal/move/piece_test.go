package move

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// at are the scale and shift of one position, whichever axes repeat.
func (p *piece) at(place []int) [2]float64 {
	k := 0
	for axis, n := range p.sizes {
		k *= n
		if n > 1 {
			k += place[axis]
		}
	}
	out := [2]float64{1, 0}
	if p.scale != nil {
		out[0] = p.scale[k]
	}
	if p.shift != nil {
		out[1] = p.shift[k]
	}
	return out
}

// places lists all positions of a value.
func places(sizes []int) [][]int {
	out := [][]int{nil}
	for _, n := range sizes {
		var longer [][]int
		for _, p := range out {
			for i := range n {
				longer = append(longer, append(slices.Clone(p), i))
			}
		}
		out = longer
	}
	return out
}

// randomPiece is a piece of a value of some sizes, with small integers.
func randomPiece(rng *rand.Rand, value []int) *piece {
	p := &piece{sizes: slices.Clone(value)}
	for i := range p.sizes {
		if rng.IntN(2) == 0 {
			p.sizes[i] = 1
		}
	}
	numbers := func() []float64 {
		v := make([]float64, affine.Size(p.sizes))
		for i := range v {
			v[i] = float64(rng.IntN(7) - 3)
		}
		return v
	}
	if rng.IntN(4) > 0 {
		p.scale = numbers()
	}
	if rng.IntN(4) > 0 {
		p.shift = numbers()
	}
	return p
}

// check compares a piece of a value with what it should do at each position.
func check(p *piece, value []int, want func(place []int) [2]float64) error {
	for axis, n := range p.sizes {
		if n != 1 && n != value[axis] {
			return fmt.Errorf("sizes %v of a value of %v", p.sizes, value)
		}
	}
	for _, v := range [][]float64{p.scale, p.shift} {
		if v != nil && len(v) != affine.Size(p.sizes) {
			return fmt.Errorf("%d numbers over %v", len(v), p.sizes)
		}
	}
	for _, place := range places(value) {
		if have := p.at(place); have != want(place) {
			return fmt.Errorf("%v at %v: %g, want %g", p, place, have, want(place))
		}
	}
	return nil
}

// What is made of random pieces does at each position what one would do there by hand.
func TestPieces(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 9))
		value := make([]int, 1+rng.IntN(3))
		for i := range value {
			value[i] = 1 + rng.IntN(4)
		}
		axis := rng.IntN(len(value))
		p, q := randomPiece(rng, value), randomPiece(rng, value)
		told := func(what string, err error) {
			if err != nil {
				t.Errorf("seed %d: %s: %v", seed, what, err)
			}
		}

		both, ok := q.after(p)
		if !ok {
			t.Fatalf("seed %d: %v does not meet %v", seed, p, q)
		}
		told("one after another", check(both, value, func(at []int) [2]float64 {
			a, b := p.at(at), q.at(at)
			return [2]float64{b[0] * a[0], b[0]*a[1] + b[1]}
		}))
		equal := true
		for _, at := range places(value) {
			equal = equal && p.at(at) == q.at(at)
		}
		if p.equal(q) != equal || !p.equal(p.plain().narrowed()) {
			t.Errorf("seed %d: %v is %v: %v", seed, p, q, !equal)
		}
		told("narrowed", check(p.narrowed(), value, p.at))
		for axis, n := range p.narrowed().sizes { // it needs each of its axes
			alike := true
			for _, at := range places(value) {
				first := slices.Clone(at)
				first[axis] = 0
				alike = alike && p.at(at) == p.at(first)
			}
			if n > 1 && alike && p.narrowed().plain().sizes[axis] != 1 {
				t.Errorf("seed %d: %v varies along axis %d", seed, p.narrowed(), axis)
			}
		}

		picked := make([]int, 1+rng.IntN(4))
		for i := range picked {
			picked[i] = rng.IntN(value[axis])
		}
		of := slices.Clone(value)
		of[axis] = len(picked)
		part, ok := p.part(axis, len(picked), func(i int) int { return picked[i] })
		if !ok {
			t.Fatalf("seed %d: no part", seed)
		}
		told("a part", check(part, of, func(at []int) [2]float64 {
			from := slices.Clone(at)
			from[axis] = picked[at[axis]]
			return p.at(from)
		}))

		few := randomPiece(rng, of)
		spread, ok := few.spread(axis, value[axis], len(picked), func(i int) int { return picked[i] })
		twice := slices.Sorted(slices.Values(picked))
		if once := len(slices.Compact(twice)) == len(picked); ok != once {
			t.Errorf("seed %d: %v spread over %v: %v", seed, few, picked, ok)
		}
		if ok {
			told("spread", check(spread, value, func(at []int) [2]float64 {
				from := slices.Clone(at)
				if from[axis] = slices.Index(picked, at[axis]); from[axis] < 0 {
					return [2]float64{1, 0}
				}
				return few.at(from)
			}))
		}

		other := slices.Clone(value)
		other[axis] = 1 + rng.IntN(3)
		r := randomPiece(rng, other)
		whole := slices.Clone(value)
		whole[axis] += other[axis]
		joined, ok := joined(axis, []*piece{p, r}, []int{value[axis], other[axis]})
		if !ok {
			t.Fatalf("seed %d: %v is not joined with %v", seed, p, r)
		}
		told("joined", check(joined, whole, func(at []int) [2]float64 {
			if at[axis] < value[axis] {
				return p.at(at)
			}
			from := slices.Clone(at)
			from[axis] -= value[axis]
			return r.at(from)
		}))

		perm := rng.Perm(len(value))
		turned := make([]int, len(value))
		for i, k := range perm {
			turned[i] = value[k]
		}
		told("permuted", check(p.permuted(perm), turned, func(at []int) [2]float64 {
			from := make([]int, len(at))
			for i, k := range perm {
				from[k] = at[i]
			}
			return p.at(from)
		}))
		told("permuted and back", check(p.permuted(perm).permuted(inverse(perm)), value, p.at))

		flat, ok := p.recut(dims(value), dims([]int{affine.Size(value)}))
		if !ok {
			t.Fatalf("seed %d: %v is not flat", seed, p)
		}
		told("flat", check(flat, []int{affine.Size(value)}, func(at []int) [2]float64 { return p.at(places(value)[at[0]]) }))
		again, ok := flat.recut(dims([]int{affine.Size(value)}), dims(value))
		if !ok {
			t.Fatalf("seed %d: %v is not cut again", seed, flat)
		}
		told("cut again", check(again, value, p.at))

		if back, ok := p.scaledBack(); ok && p.shift != nil && !slices.Contains(p.scale, 0) {
			both, _ := p.onlyScale().after(back)
			for _, at := range places(value) {
				a, b := both.at(at), p.at(at)
				if d := a[1] - b[1]; a[0] != b[0] || max(d, -d) > 1e-12 {
					t.Errorf("seed %d: %v behind %v at %v", seed, p.onlyScale(), back, at)
				}
			}
		}
		if !slices.Contains(p.scale, 0) {
			both, ok := p.inverse().after(p)
			for _, at := range places(value) {
				a := both.at(at)
				if !ok || max(a[0]-1, 1-a[0], a[1], -a[1]) > 1e-12 {
					t.Errorf("seed %d: %v and back at %v: %g", seed, p, at, a)
				}
			}
		}
	}
}

func dims(sizes []int) []graph.Dim {
	out := make([]graph.Dim, len(sizes))
	for i, n := range sizes {
		out[i] = graph.Size(int64(n))
	}
	return out
}

// Pieces whose sizes do not meet, and those that would have too many numbers, are refused.
func TestPiecesThatDoNotMeet(t *testing.T) {
	line := func(sizes ...int) *piece {
		p := &piece{sizes: sizes, scale: make([]float64, affine.Size(sizes))}
		for i := range p.scale {
			p.scale[i] = float64(2 + i)
		}
		return p
	}
	largest := func(axes ...int) bool { // whether a row and a column of such sizes meet
		_, ok := line(axes[0], 1).after(line(1, axes[1]))
		return ok
	}
	if !largest(maxNumbers/2, 2) || largest(maxNumbers/2, 3) {
		t.Error("a row and a column do not meet up to the largest size")
	}
	for name, ok := range map[string]bool{
		"ranks":        second(line(2).after(line(2, 1))),
		"sizes":        second(line(2).after(line(3))),
		"joined sizes": second(joined(0, []*piece{line(1, 2), line(1, 3)}, []int{1, 1})),
		"joined count": second(joined(0, []*piece{line(2, 2), line(1, 2)}, []int{3, 1})),
		"joined large": second(joined(0, []*piece{line(2, 1), line(1, 1)}, []int{2, maxNumbers})),
		"no part":      second(line(2, 2).part(0, 0, func(i int) int { return i })),
		"large part":   second(line(2, 2).part(0, maxNumbers/2+1, func(int) int { return 0 })),
		"nothing":      second(line(2, 2).spread(0, 3, 0, func(i int) int { return i })),
		"twice":        second(line(2, 2).spread(0, 3, 2, func(int) int { return 1 })),
		"large":        second(line(1, 2).spread(0, maxNumbers/2+1, 1, func(i int) int { return i })),
		"too large":    second(line(1, 1).spread(0, maxNumbers+1, 1, func(i int) int { return i })),
		"recut":        second(line(2).recut(dims([]int{2}), dims([]int{3}))),
		"recut rank":   second(line(2).recut(dims([]int{1, 2}), dims([]int{2}))),
		"recut large":  second(line(2, 1).recut(dims([]int{2, maxNumbers}), dims([]int{2 * maxNumbers}))),
		"no scale":     second((&piece{sizes: []int{2}, scale: []float64{0, 1}, shift: []float64{1, 1}}).scaledBack()),
	} {
		if ok {
			t.Errorf("%s: not refused", name)
		}
	}
	for name, ok := range map[string]bool{
		"joined":       second(joined(0, []*piece{line(2, 1), line(1, 1)}, []int{2, maxNumbers - 2})),
		"part":         second(line(2, 2).part(0, maxNumbers/2, func(int) int { return 0 })),
		"one position": second(line(1, 2).part(0, maxNumbers+1, func(int) int { return 0 })),
		"spread":       second(line(1, 2).spread(0, maxNumbers/2, 1, func(i int) int { return i })),
		"recut":        second(line(2, 1).recut(dims([]int{2, maxNumbers / 2}), dims([]int{maxNumbers}))),
		"recut kept":   second(line(2, 1).recut([]graph.Dim{graph.Size(2), graph.Symbol("n")}, []graph.Dim{graph.Size(2), graph.Size(1), graph.Symbol("n")})),
	} {
		if !ok {
			t.Errorf("%s: refused", name)
		}
	}
}

func second(_ *piece, ok bool) bool { return ok }

// A search looks at as many nodes as it may, and no further.
func TestSteps(t *testing.T) {
	s := &search{steps: 2}
	for i, want := range []bool{true, true, false} {
		if have := s.step(); have != want {
			t.Errorf("step %d of 2: %v", i+1, have)
		}
	}
}
