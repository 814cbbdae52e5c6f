package fuse

import (
	"math/rand/v2"
	"testing"
)

// Pushing the identity from the result back gives the transposed matrix.
func TestTransposed(t *testing.T) {
	for seed := range uint64(200) {
		b := block(rand.New(rand.NewPCG(seed, 8)))
		f := Form{Group: []Label{b.group}, Out: []Label{b.perOut, b.oh, b.ow}, In: []Label{b.perGroup, b.h, b.w}}
		q := b.p.linear()
		want := make([]float64, b.p.size(f.Group)*b.p.size(f.Out)*b.p.size(f.In))
		if err := b.p.pushIdentity(f, q, want, false); err != nil {
			t.Fatal(err)
		}
		have := make([]float64, len(want))
		if err := b.p.pushIdentity(Form{Group: f.Group, Out: f.In, In: f.Out}, q.transposed(), have, true); err != nil {
			t.Fatal(err)
		}
		if err := closeTo(have, want); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// What some paths run through, and the rest of the paths, is the whole.
func TestOnlySomePaths(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 9))
		b := block(rng)
		f := Form{Group: []Label{b.group}, Out: []Label{b.perOut, b.oh, b.ow}, In: []Label{b.perGroup, b.h, b.w}}
		paths, ok := b.p.paths(len(b.p.Ops)-1, 1)
		if !ok {
			t.Fatal("too many paths")
		}
		rng.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		cut := 1 + rng.IntN(len(paths))
		some, rest := paths[:cut], paths[cut:]
		have := make([]float64, b.p.size(f.Group)*b.p.size(f.Out)*b.p.size(f.In))
		want := make([]float64, len(have))
		if err := b.p.pushIdentity(f, b.p.linear(), want, false); err != nil {
			t.Fatal(err)
		}
		q, covered := b.p.only(some, rest)
		if err := b.p.pushIdentity(f, q, have, false); err != nil {
			t.Fatal(err)
		}
		for i := range rest {
			if covered[i] {
				continue
			}
			q, _ := b.p.only([]path{rest[i]}, nil)
			if err := b.p.pushIdentity(f, q, have, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := closeTo(have, want); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
