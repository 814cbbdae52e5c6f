package fuse

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Taps that never touch the map are left out, those that do stay: against all
// positions of random windows, one axis at a time.
func TestTouching(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	left := 0
	for range 20000 {
		w := Window{Out: 1, In: 1, Groups: 1, Lo: []int{rng.IntN(14) - 9}, Taps: []int{1 + rng.IntN(7)}, Step: []int{1 + rng.IntN(4)}, Stride: []int{1 + rng.IntN(4)}}
		in, out := 1+rng.IntN(6), 1+rng.IntN(4)
		c := w.Touching([]int{in}, []int{out})
		k := &Kernel{w, make([]float64, w.Taps[0]), []float64{1}}
		for i := range k.W {
			k.W[i] = float64(i + 1)
		}
		part := k.Within(c)
		if c.Taps[0] > w.Taps[0] || w.Lo[0] <= 0 && c.Lo[0] > 0 {
			t.Fatalf("%+v on %d became %+v", w, in, c)
		}
		if c.Taps[0] < w.Taps[0] {
			left++
		}
		for o := range out {
			if have, want := reads(part, o, in), reads(k, o, in); !slices.Equal(have, want) {
				t.Fatalf("%+v on %d: output %d reads %v, the part %+v reads %v", w, in, o, want, c, have)
			}
		}
	}
	if left < 1000 {
		t.Errorf("only %d windows were larger than what they touch", left)
	}
	w := Window{Out: 1, In: 1, Groups: 1, Lo: []int{-2, -2}, Taps: []int{5, 5}, Step: []int{1, 1}, Stride: []int{1, 1}}
	if c := w.Touching([]int{1, 0}, []int{1, 0}); !slices.Equal(c.Taps, []int{1, 5}) {
		t.Errorf("an axis of unknown size was cropped: %v", c.Taps)
	}
	// Two taps before the map; one behind them would be on it.
	w = Window{Out: 1, In: 1, Groups: 1, Lo: []int{-4}, Taps: []int{2}, Step: []int{2}, Stride: []int{1}}
	if c := w.Touching([]int{3}, []int{1}); c.Taps[0] != 2 || c.Lo[0] != -4 {
		t.Errorf("a window that touches nothing became %+v", c)
	}
}

// reads is the weight with which an output position reads each position of the map.
func reads(k *Kernel, o, in int) []float64 {
	v := make([]float64, in)
	for t, x := range k.W {
		if at := o*k.Stride[0] + k.Lo[0] + t*k.Step[0]; at >= 0 && at < in {
			v[at] += x
		}
	}
	return v
}
