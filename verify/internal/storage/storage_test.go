package storage

import (
	"math/rand/v2"
	"testing"
)

// Storage gives zeros that nobody else holds, from the heap and from slabs.
func TestStorage(t *testing.T) {
	for name, s := range map[string]*Storage{"heap": New(1 << 20), "slabs": NewSlabs()} {
		rng := rand.New(rand.NewPCG(5, 6))
		held := map[float64][]float64{}
		id := 0.0
		for range 4000 {
			if len(held) > 20 {
				for k, v := range held {
					for i, x := range v {
						if x != k {
							t.Fatalf("%s: number %d of %d was %g and is %g", name, i, len(v), k, x)
						}
					}
					s.f64.put(v)
					delete(held, k)
					break
				}
			}
			v := s.f64.take(1 + rng.IntN(1<<rng.IntN(17)))
			id++
			for i, x := range v {
				if x != 0 {
					t.Fatalf("%s: number %d of %d is %g", name, i, len(v), x)
				}
				v[i] = id
			}
			held[id] = v
		}
		if s.f64.bytes > s.f64.keep {
			t.Errorf("%s: %d bytes are kept, %d allowed", name, s.f64.bytes, s.f64.keep)
		}
	}
	s := NewSlabs()
	if s.f64.take(slabSize / 8); len(s.f64.rest) != 0 {
		t.Errorf("%d bytes of a slab are left after all of it was taken", len(s.f64.rest))
	}
	if s.f64.take(slabSize/8 + 1); len(s.f64.rest) != 0 {
		t.Error("a slice longer than a slab came from one")
	}
}

// What is given back is taken again, of either type, and comes as zeros.
func TestTakeAndPut(t *testing.T) {
	for name, s := range map[string]*Storage{"heap": New(1 << 20), "slabs": NewSlabs()} {
		a, b := s.Take(4096), s.Take32(4096)
		for i := range a {
			a[i], b[i] = 1, 2
		}
		s.Put(a)
		s.Put32(b)
		c, d := s.Take(4000), s.Take32(4000)
		if &c[0] != &a[0] || &d[0] != &b[0] {
			t.Errorf("%s: what was given back is not taken", name)
		}
		for i := range c {
			if c[i] != 0 || d[i] != 0 {
				t.Fatalf("%s: number %d is %g, %g", name, i, c[i], d[i])
			}
		}
	}
}
