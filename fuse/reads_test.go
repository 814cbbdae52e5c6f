package fuse

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// joined puts results of one size beside each other.
func joined(parts ...[]float64) []float64 { return slices.Concat(parts...) }

// Picks, joins, sums and compositions are what they are defined as, however their channels
// lie.
func TestChannelsAgainstNaive(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 17))
		const in, h, w = 6, 9, 8
		x, _ := values(rng, in*h*w)()
		stride := 1 + rng.IntN(2)
		// Branches of one map: picks, and convs of what was picked.
		var ks []*Kernel
		var want []float64
		mh, mw := 4, 3
		for range 1 + rng.IntN(3) {
			from := make([]int, 2*(1+rng.IntN(3)))
			for o := range from {
				from[o] = rng.IntN(in)
			}
			if rng.IntN(2) == 0 { // a run, as Split makes them
				first := rng.IntN(in - len(from) + 1)
				for o := range from {
					from[o] = first + o
				}
			}
			k := Ones(Picking(from, in, 2))
			picked := make([]float64, 0, len(from)*h*w)
			for _, c := range from {
				picked = append(picked, x[c*h*w:][:h*w]...)
			}
			if err := closeTo(naive(k, x, h, w, h, w), picked); err != nil {
				t.Fatalf("seed %d: picking %v: %v", seed, from, err)
			}
			next := randomKernel(rng, len(from), 2*(1+rng.IntN(2)), []int{1, 2}[rng.IntN(2)], stride, true)
			k = k.Then(next)
			y := naive(next, picked, h, w, mh, mw)
			if err := closeTo(naive(k, x, h, w, mh, mw), y); err != nil {
				t.Fatalf("seed %d: picking %v, then a conv: %v", seed, from, err)
			}
			ks, want = append(ks, k), joined(want, y)
		}
		all, ok := JoinKernels(ks)
		if !ok {
			t.Fatalf("seed %d: the branches do not fit", seed)
		}
		if err := closeTo(naive(all, x, h, w, mh, mw), want); err != nil {
			t.Fatalf("seed %d: joined: %v", seed, err)
		}
		// What follows: a conv of all, and something added to it.
		last := randomKernel(rng, all.Out, 4, 1, 1, false)
		last.Lo, last.Taps, last.W = []int{0, 0}, []int{1, 1}, last.W[:4*all.Out]
		end := all.Then(last)
		y := naive(last, want, mh, mw, mh, mw)
		if err := closeTo(naive(end, x, h, w, mh, mw), y); err != nil {
			t.Fatalf("seed %d: joined, then a conv: %v", seed, err)
		}
		other := randomKernel(rng, in, all.Out, 1, stride, true)
		sum, ok := AddKernels([]*Kernel{all, other, all}, []float64{2, -1, 3})
		if !ok {
			t.Fatalf("seed %d: the sum does not fit", seed)
		}
		beside := naive(other, x, h, w, mh, mw)
		for i := range want {
			beside[i] = 5*want[i] - beside[i]
		}
		if err := closeTo(naive(sum, x, h, w, mh, mw), beside); err != nil {
			t.Fatalf("seed %d: added: %v", seed, err)
		}
		scale, _ := values(rng, all.Out)()
		shift, _ := values(rng, all.Out)()
		scaled := slices.Clone(want)
		for i := range scaled {
			o := i / (mh * mw)
			scaled[i] = scale[o]*scaled[i] + shift[o]
		}
		if err := closeTo(naive(all.Scaled(scale, shift), x, h, w, mh, mw), scaled); err != nil {
			t.Fatalf("seed %d: scaled: %v", seed, err)
		}
		regular := all.Over(all.Regular())
		if regular.Reads != nil || len(regular.W) != regular.Size() {
			t.Fatalf("seed %d: %d weights in %+v", seed, len(regular.W), regular.Window)
		}
		if err := closeTo(naive(regular, x, h, w, mh, mw), want); err != nil {
			t.Fatalf("seed %d: as a convolution: %v", seed, err)
		}
	}
}

// Channels need as few weights of a convolution as there can be, and no list where groups
// say the same.
func TestGroupsOfChannels(t *testing.T) {
	depthwise := func(c, taps int) Window {
		w := IdentityWindow(c, 1)
		w.Taps = []int{taps}
		return w
	}
	dense := func(in, out int) Window {
		w := IdentityWindow(in, 1)
		w.Out, w.Groups = out, 1
		return w
	}
	beside := func(ws ...Window) Window {
		w, ok := Beside(ws...)
		if !ok {
			t.Fatal("they do not fit")
		}
		return w
	}
	low, high := Picking([]int{0, 1}, 4, 1), Picking([]int{2, 3}, 4, 1)
	for name, c := range map[string]struct {
		w           Window
		groups, len int
		reads       []Span
	}{
		"all":                        {Picking([]int{0, 1, 2}, 3, 1), 3, 3, nil},
		"turned":                     {Picking([]int{2, 1, 0}, 3, 1), 1, 9, []Span{{2, 1}, {1, 1}, {0, 1}}},
		"turned in halves":           {Picking([]int{1, 0, 3, 2}, 4, 1), 2, 8, []Span{{1, 1}, {0, 1}, {3, 1}, {2, 1}}},
		"each twice":                 {Picking([]int{0, 0, 1, 1}, 2, 1), 2, 4, nil},
		"all twice":                  {Picking([]int{0, 1, 0, 1}, 2, 1), 1, 8, []Span{{0, 1}, {1, 1}, {0, 1}, {1, 1}}},
		"one of one":                 {Picking([]int{0, 0, 0}, 1, 1), 1, 3, nil},
		"some":                       {low, 1, 8, []Span{{0, 1}, {1, 1}}},
		"others":                     {high, 1, 8, []Span{{2, 1}, {3, 1}}},
		"halves, back again":         {beside(Picking([]int{0, 1}, 4, 1), high), 4, 4, nil},
		"halves, each in groups":     {beside(low.Then(depthwise(2, 3)), high.Then(depthwise(2, 5))), 4, 20, nil},
		"halves, each dense":         {beside(low.Then(dense(2, 2)), high.Then(dense(2, 2))), 2, 8, nil},
		"halves the other way":       {beside(high, low), 1, 16, []Span{{2, 1}, {3, 1}, {0, 1}, {1, 1}}},
		"and then back":              {beside(high, low).Then(Picking([]int{2, 3, 0, 1}, 4, 1)), 4, 4, nil},
		"two convs of all":           {beside(dense(3, 2), dense(3, 4)), 1, 18, nil},
		"uneven halves":              {beside(Picking([]int{0}, 4, 1), Picking([]int{1, 2, 3}, 4, 1)), 4, 4, nil},
		"a conv behind a turn":       {Picking([]int{1, 0}, 2, 1).Then(dense(2, 3)), 1, 6, nil},
		"groups behind a turn":       {Picking([]int{1, 0, 3, 2}, 4, 1).Then(Window{Out: 2, In: 4, Groups: 2, Lo: []int{0}, Taps: []int{1}, Step: []int{1}, Stride: []int{1}}), 2, 4, nil},
		"what a sum reads":           {must(t)(low.Plus(Picking([]int{1, 0}, 4, 1))), 1, 8, []Span{{0, 2}, {0, 2}}},
		"what a sum reads of others": {must(t)(low.Plus(high)), 1, 8, []Span{{0, 3}, {1, 3}}},
	} {
		if c.w.Groups != c.groups || c.w.Size() != c.len || !reflect.DeepEqual(c.w.Reads, c.reads) {
			t.Errorf("%s: %d groups, %d weights, reads %v, want %d, %d, %v", name, c.w.Groups, c.w.Size(), c.w.Reads, c.groups, c.len, c.reads)
		}
	}
	if high.diagonal() || !low.Then(IdentityWindow(2, 1)).Pointwise() {
		t.Error("picks are taken for scales")
	}
}

func must(t *testing.T) func(w Window, ok bool) Window {
	return func(w Window, ok bool) Window {
		t.Helper()
		if !ok {
			t.Fatal("they do not fit")
		}
		return w
	}
}

// A join holds the taps of all, and is none of maps of other channels or strides.
func TestBeside(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 52))
		a, b := lineWindow(rng, 4, 4, 1+rng.IntN(2)), lineWindow(rng, 4, 2, 1+rng.IntN(2))
		c, ok := Beside(a, b)
		if ok != (a.Stride[0] == b.Stride[0]) {
			t.Fatalf("seed %d: %+v beside %+v: %v", seed, a, b, ok)
		}
		if !ok {
			continue
		}
		positions := slices.Concat(a.reaches(), b.reaches())
		if !within(positions, c.reaches()) || !smallest(c.reaches(), positions) || c.Out != 6 || c.In != 4 || c.Stride[0] != a.Stride[0] {
			t.Fatalf("seed %d: %+v beside %+v is %+v", seed, a, b, c)
		}
		for o := range c.Out {
			want := Span{}
			if o < 4 {
				want = a.reads(o)
			} else {
				want = b.reads(o - 4)
			}
			if c.reads(o) != want {
				t.Fatalf("seed %d: channel %d reads %v, want %v", seed, o, c.reads(o), want)
			}
		}
	}
	a, b := Identity(4, 1), Identity(3, 1)
	if _, ok := JoinKernels([]*Kernel{a, b}); ok {
		t.Error("kernels of 4 and 3 channels were joined")
	}
	if _, ok := a.Plus(Picking([]int{0, 1}, 4, 1)); ok {
		t.Error("4 and 2 channels were added")
	}
	if s := fmt.Sprint(a.Regular()); s != fmt.Sprint(a.Window) {
		t.Errorf("%s is not regular", s)
	}
}
