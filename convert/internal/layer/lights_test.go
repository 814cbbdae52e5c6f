package layer

import (
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/fuse"
)

// Positions that light up together are read by no output at once, and all together show
// every tap that some output reads inside of the map.
func TestLights(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	found, none := 0, 0
	for range 3000 {
		n, m, up := 1+rng.IntN(9), 1+rng.IntN(9), 1+rng.IntN(2)
		w := fuse.Window{Taps: []int{1 + rng.IntN(5)}, Step: []int{1 + rng.IntN(3)}, Stride: []int{1 + rng.IntN(3)}, Lo: []int{-rng.IntN(5)}}
		if up > 1 {
			w.Up = []int{up}
		}
		reads := func(o, p int) (tap int, ok bool) {
			at := p*up - o*w.Stride[0] - w.Lo[0]
			return at / w.Step[0], at >= 0 && at%w.Step[0] == 0 && at/w.Step[0] < w.Taps[0]
		}
		shown := map[int]bool{}
		for o := range m {
			for p := range n {
				if tap, ok := reads(o, p); ok {
					shown[tap] = true
				}
			}
		}
		sets, ok := lights(w, 0, n, m)
		if ok != (len(shown) == w.Taps[0]) {
			t.Fatalf("%+v, %d to %d: %v, of %d taps %d are read", w, n, m, ok, w.Taps[0], len(shown))
		}
		if !ok {
			none++
			continue
		}
		found++
		for _, set := range sets {
			for o := range m {
				var by []int
				for _, p := range set {
					if tap, ok := reads(o, p); ok {
						by = append(by, p)
						delete(shown, tap)
					}
				}
				if len(by) > 1 {
					t.Fatalf("%+v, %d to %d: output %d reads positions %v of one set", w, n, m, o, by)
				}
			}
		}
		if len(shown) > 0 {
			t.Fatalf("%+v, %d to %d: %v show not taps %v", w, n, m, sets, shown)
		}
		if slices.ContainsFunc(sets, func(s []int) bool { return len(s) == 0 }) {
			t.Fatalf("%+v: an empty set", w)
		}
	}
	if found < 500 || none < 500 {
		t.Errorf("%d windows are shown, %d are not", found, none)
	}
}
