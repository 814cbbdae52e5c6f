package fuse

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// scattered is a transposed convolution as ONNX defines it: every position of x under
// every tap of w[In, Out/Groups, taps...] goes to position·up + tap·step - begin.
func scattered(k *Kernel, w []float64, begin [2]int, x []float64, h, width, oh, ow int) []float64 {
	per, each := k.In/k.Groups, k.Out/k.Groups
	y := make([]float64, k.Out*oh*ow)
	for c := range k.In {
		for j := range each {
			o := c/per*each + j
			for p := range h {
				for q := range width {
					for a := range k.Taps[0] {
						for b := range k.Taps[1] {
							r, s := p*k.Up[0]+a*k.Step[0]-begin[0], q*k.Up[1]+b*k.Step[1]-begin[1]
							if r >= 0 && r < oh && s >= 0 && s < ow {
								y[(o*oh+r)*ow+s] += w[((c*each+j)*k.Taps[0]+a)*k.Taps[1]+b] * x[(c*h+p)*width+q]
							}
						}
					}
				}
			}
		}
	}
	return y
}

// A transposed convolution is the convolution with turned weights of a map with zeros
// between its positions, and turning twice changes nothing.
func TestTurnedAgainstNaive(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 61))
		g := []int{1, 2, 4}[rng.IntN(3)]
		k := randomKernel(rng, 4, 8, g, 1, false)
		k.B, k.Up = make([]float64, 8), []int{1 + rng.IntN(3), 1 + rng.IntN(3)}
		begin := [2]int{rng.IntN(4), rng.IntN(4)}
		for i := range k.Lo {
			k.Lo[i] = begin[i] - (k.Taps[i]-1)*k.Step[i]
		}
		w, _ := values(rng, k.Size())()
		k.W = Turned(w, g, 4/g, 8/g, k.taps())
		if !slices.Equal(Turned(k.W, g, 8/g, 4/g, k.taps()), w) {
			t.Fatalf("seed %d: turned twice is not the same", seed)
		}
		h, width, oh, ow := 1+rng.IntN(4), 1+rng.IntN(4), 1+rng.IntN(12), 1+rng.IntN(12)
		x, _ := values(rng, 4*h*width)()
		if err := closeTo(naive(k, x, h, width, oh, ow), scattered(k, w, begin, x, h, width, oh, ow)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// Kernels compose and add where maps are spread before, between and not at all.
func TestSpreadKernelsAgainstNaive(t *testing.T) {
	spread := func(rng *rand.Rand, k *Kernel) {
		if rng.IntN(3) > 0 {
			k.Up = []int{1 + rng.IntN(3), 1 + rng.IntN(3)}
		}
	}
	between := 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 63))
		a := randomKernel(rng, 4, 8, []int{1, 2, 4}[rng.IntN(3)], 1, true)
		b := randomKernel(rng, 8, 4, []int{1, 2, 4}[rng.IntN(3)], 1+rng.IntN(2), false)
		spread(rng, a)
		spread(rng, b)
		if rng.IntN(6) == 0 {
			a, b = Identity(4, 2), randomKernel(rng, 4, 8, 2, 1, false)
			spread(rng, b)
		}
		up := []int{1, 1}
		if b.Up != nil {
			clear(a.B) // zeros stay zeros
			up = b.Up
			between++
		}
		h, w, mh, mw := 5, 6, 6+rng.IntN(3), 6+rng.IntN(3)
		x, _ := values(rng, 4*h*w)()
		reach := func(i, m int) int {
			return ((m-1)*up[i]-b.Lo[i]-(b.Taps[i]-1)*b.Step[i])/b.Stride[i] + 1
		}
		oh, ow := reach(0, mh), reach(1, mw)
		if oh < 1 || ow < 1 {
			continue
		}
		mid := naive(a, x, h, w, mh, mw)
		if err := closeTo(naive(a.Then(b), x, h, w, oh, ow), naive(b, mid, mh, mw, oh, ow)); err != nil {
			t.Fatalf("seed %d: %+v then %+v: %v", seed, a.Window, b.Window, err)
		}
		other := randomKernel(rng, a.In, a.Out, 2, 1, true)
		other.Up = slices.Clone(a.Up)
		sum, ok := AddKernels([]*Kernel{a, other}, []float64{2, -0.5})
		if !ok {
			t.Fatalf("seed %d: the kernels do not fit", seed)
		}
		want := naive(a, x, h, w, oh, ow)
		for i, v := range naive(other, x, h, w, oh, ow) {
			want[i] = 2*want[i] - 0.5*v
		}
		if err := closeTo(naive(sum, x, h, w, oh, ow), want); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if other.Up = []int{4, 1}; a.Up != nil {
			other.Up = nil
		}
		if _, ok := a.Plus(other.Window); ok {
			t.Fatalf("seed %d: windows that spread differently were added", seed)
		}
	}
	if between < 200 {
		t.Errorf("only %d maps were spread between kernels", between)
	}
}

// What is spread between kernels is no scale of channels, and is no longer than it has
// to be: one tap has no step.
func TestSpreadWindows(t *testing.T) {
	w := IdentityWindow(3, 1)
	w.Up = []int{2}
	if w.Pointwise() || w.diagonal() {
		t.Errorf("%+v only scales channels", w)
	}
	a, b := IdentityWindow(3, 1), IdentityWindow(3, 1)
	b.Up = []int{5}
	if c := a.Then(b); c.Step[0] != 1 || c.Up[0] != 5 || a.Up != nil {
		t.Errorf("%+v", c)
	}
	b.Taps = []int{3}
	if c := b.Then(b); c.Up[0] != 25 || c.Taps[0] != 13 || c.Step[0] != 1 || b.Up[0] != 5 || b.Step[0] != 1 {
		t.Errorf("%+v then itself is %+v", b, c)
	}
}

// The entries of an axis are what the definition says, whatever is cut off.
func TestSpreadEntries(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 65))
		in, out, kernel, stride, dilation, begin := 1+rng.IntN(5), 1+rng.IntN(9), 1+rng.IntN(4), 1+rng.IntN(3), 1+rng.IntN(3), rng.IntN(6)
		want := map[Entry]bool{}
		for i := range in {
			for k := range kernel {
				if o := i*stride + k*dilation - begin; o >= 0 && o < out {
					want[Entry{Out: o, In: i, Tap: k, Weight: 1}] = true
				}
			}
		}
		list := SpreadEntries(in, out, kernel, stride, dilation, begin)
		for range 2 {
			have := list()
			if len(have) != len(want) {
				t.Fatalf("seed %d: %v, want %v", seed, have, want)
			}
			for _, e := range have {
				if !want[e] {
					t.Fatalf("seed %d: %v, want %v", seed, have, want)
				}
			}
		}
	}
}
