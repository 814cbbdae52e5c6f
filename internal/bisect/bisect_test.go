package bisect

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func holds(set []int, all ...int) bool {
	return !slices.ContainsFunc(all, func(x int) bool { return !slices.Contains(set, x) })
}

// A single culprit is found in log2(n) + 3 tests, wherever it stands.
func TestSingle(t *testing.T) {
	for n := 1; n <= 130; n++ {
		for bad := range n {
			runs := 0
			r, err := Find(n, func(set []int) (Outcome, error) {
				runs++
				if holds(set, bad) {
					return Bad, nil
				}
				return Good, nil
			})
			if err != nil || r.Verdict != Found || !slices.Equal(r.Set, []int{bad}) || runs != r.Runs || float64(runs) > math.Log2(float64(n))+3 {
				t.Fatalf("%d of %d: %+v in %d tests, %v", bad, n, r, runs, err)
			}
		}
	}
}

// Sets that fail only together are found whole, and nothing else with them.
func TestTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 2 + rng.IntN(60)
		bad := rng.Perm(n)[:1+rng.IntN(min(n, 4))]
		slices.Sort(bad)
		r, err := Find(n, func(set []int) (Outcome, error) {
			if holds(set, bad...) {
				return Bad, nil
			}
			return Good, nil
		})
		if err != nil || r.Verdict != Found || r.Open || !slices.Equal(r.Set, bad) || float64(r.Runs) > float64(len(bad)+2)*(math.Log2(float64(n))+4) {
			t.Fatalf("%v of %d: %+v, %v", bad, n, r, err)
		}
	}
}

// Of several culprits one is found, whatever it is, and sets of which nothing is said do
// not lead astray.
func TestOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for k := range 3000 {
		n := 1 + rng.IntN(30)
		a, b := rng.IntN(n), rng.IntN(n)
		skips := map[int]bool{}
		for range rng.IntN(4) {
			skips[1+rng.IntN(n)] = k%2 == 1
		}
		outcome := func(set []int) Outcome {
			switch {
			case len(set) < n && skips[len(set)]:
				return Skip
			case slices.Contains(set, a) || slices.Contains(set, b):
				return Bad
			}
			return Good
		}
		r, err := Find(n, func(set []int) (Outcome, error) { return outcome(set), nil })
		if err != nil || r.Verdict != Found || outcome(r.Set) != Bad {
			t.Fatalf("%d or %d of %d: %+v, %v", a, b, n, r, err)
		}
		for i := range r.Set {
			o := outcome(slices.Delete(slices.Clone(r.Set), i, i+1))
			if len(r.Set) > 1 && (o == Bad || o == Skip && !r.Open) {
				t.Fatalf("%d or %d of %d, skips %v: %+v can be smaller", a, b, n, skips, r)
			}
		}
	}
}

func TestNoSearch(t *testing.T) {
	for _, c := range []struct {
		none, some Outcome
		want       Verdict
	}{{Good, Good, NothingFails}, {Bad, Bad, AlwaysFails}, {Skip, Good, Untestable}, {Good, Skip, Untestable}} {
		for n := range 20 {
			r, err := Find(n, func(set []int) (Outcome, error) {
				if len(set) == 0 {
					return c.none, nil
				}
				return c.some, nil
			})
			want := c.want
			if n == 0 && c.none == Good {
				want = NothingFails
			}
			if err != nil || r.Verdict != want {
				t.Errorf("%+v of %d: %+v, %v", c, n, r, err)
			}
		}
	}
	stop := errors.New("stop")
	if _, err := Find(5, func([]int) (Outcome, error) { return Good, stop }); err != stop {
		t.Errorf("%v", err)
	}
}
