package fuse

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// visits lists where a nest stands, its inner loops run out.
func visits(from pushAt, loops []loop[pushAt]) (at []pushAt, weights []float64) {
	nest(from, loops, func(x pushAt, weight float64, last loop[pushAt]) {
		for range last.n {
			at, weights = append(at, x), append(weights, weight)
			x = x.plus(last.stride)
		}
	})
	return at, weights
}

// counted lists the same by counting through all combinations.
func counted(from pushAt, loops []loop[pushAt]) (at []pushAt, weights []float64) {
	total := 1
	for _, l := range loops {
		total *= l.n
	}
	for k := range total {
		x, weight := from, 1.0
		for i := len(loops) - 1; i >= 0; i-- {
			l := loops[i]
			step := k % l.n
			k /= l.n
			if l.jumps != nil {
				x, weight = x.plus(l.jumps[step].to), weight*l.jumps[step].weight
				continue
			}
			for range step {
				x = x.plus(l.stride)
			}
		}
		at, weights = append(at, x), append(weights, weight)
	}
	return at, weights
}

// A nest, merged or not, stands everywhere once and in order.
func TestNest(t *testing.T) {
	shorter := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 41))
		var loops []loop[pushAt]
		n := rng.IntN(5)
		inner := pushAt{1, rng.IntN(2), rng.IntN(3)}
		for k := range n {
			l := loop[pushAt]{n: 1 + rng.IntN(3), stride: pushAt{rng.IntN(4), rng.IntN(4), rng.IntN(4)}}
			if rng.IntN(2) == 0 { // goes on where the ones inside end
				l.stride = inner
			}
			inner = l.stride.times(l.n)
			if k > 0 && rng.IntN(4) == 0 { // never the last
				for range l.n {
					l.jumps = append(l.jumps, jump[pushAt]{pushAt{rng.IntN(9), rng.IntN(9), rng.IntN(9)}, float64(1 + rng.IntN(9))})
				}
			}
			loops = slices.Insert(loops, 0, l)
		}
		from := pushAt{rng.IntN(9), rng.IntN(9), rng.IntN(9)}
		want, weights := counted(from, loops)
		have, given := visits(from, loops)
		if !slices.Equal(have, want) || !slices.Equal(given, weights) {
			t.Fatalf("seed %d: %+v stands at %v with %v, want %v with %v", seed, loops, have, given, want, weights)
		}
		single := 0
		for _, l := range loops {
			if l.n == 1 && l.jumps == nil {
				single++
			}
		}
		m := merged(slices.Clone(loops))
		if len(m) < len(loops)-single {
			shorter++
		}
		for i, l := range m {
			if l.jumps == nil && (l.n == 1 || i > 0 && m[i-1].jumps == nil && m[i-1].stride == l.stride.times(l.n)) {
				t.Fatalf("seed %d: %+v was merged to %+v only", seed, loops, m)
			}
		}
		if len(m) > 0 && m[len(m)-1].jumps != nil {
			m = append(m, loop[pushAt]{n: 1})
		}
		have, given = visits(from, m)
		if !slices.Equal(have, want) || !slices.Equal(given, weights) {
			t.Fatalf("seed %d: %+v merged to %+v stands at %v, want %v", seed, loops, m, have, want)
		}
	}
	if shorter < 200 {
		t.Errorf("only %d nests became shorter", shorter)
	}
}

func TestPositions(t *testing.T) {
	a, b := foldAt{w: 1, pre: 2, weight: 3, post: 4}, foldAt{w: 10, pre: 20, weight: 30, post: 40}
	if have, want := a.times(3).plus(b), (foldAt{13, 26, 39, 52}); have != want {
		t.Errorf("three steps and another are %+v, want %+v", have, want)
	}
	c, d := pushAt{out: 1, in: 2, weight: 3}, pushAt{out: 10, in: 20, weight: 30}
	if have, want := c.times(3).plus(d), (pushAt{13, 26, 39}); have != want {
		t.Errorf("three steps and another are %+v, want %+v", have, want)
	}
}
