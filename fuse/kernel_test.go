package fuse

import (
	"math/rand/v2"
	"testing"
)

// naive applies a kernel to a map of c×h×w, zero outside, giving oh×ow
// positions: the definition, one number at a time.
func naive(k *Kernel, x []float64, h, w, oh, ow int) []float64 {
	first, count := make([]int, k.Out), make([]int, k.Out)
	for o := range k.Out {
		count[o] = k.In / k.Groups
		first[o] = o / (k.Out / k.Groups) * count[o]
		if k.Reads != nil {
			first[o], count[o] = k.Reads[o].First, k.Reads[o].Count
		}
	}
	y := make([]float64, k.Out*oh*ow)
	weights := k.W
	for o := range k.Out {
		taps := k.Taps[0] * k.Taps[1]
		for p := range oh {
			for q := range ow {
				s := k.B[o]
				for c := range count[o] {
					for a := range k.Taps[0] {
						for b := range k.Taps[1] {
							i := p*k.Stride[0] + k.Lo[0] + a*k.Step[0]
							j := q*k.Stride[1] + k.Lo[1] + b*k.Step[1]
							if k.Up != nil {
								if i%k.Up[0] != 0 || j%k.Up[1] != 0 {
									continue // a zero between positions
								}
								i, j = i/k.Up[0], j/k.Up[1]
							}
							if i < 0 || i >= h || j < 0 || j >= w {
								continue
							}
							s += weights[c*taps+a*k.Taps[1]+b] * x[((first[o]+c)*h+i)*w+j]
						}
					}
				}
				y[(o*oh+p)*ow+q] = s
			}
		}
		weights = weights[count[o]*taps:]
	}
	return y
}

func randomKernel(rng *rand.Rand, in, out, groups int, stride int, padded bool) *Kernel {
	k := &Kernel{Window: Window{Out: out, In: in, Groups: groups}}
	for range 2 {
		taps, step := 1+rng.IntN(3), 1+rng.IntN(2)
		lo := 0
		if padded {
			lo = -rng.IntN((taps-1)*step + 1)
		}
		k.Lo, k.Taps = append(k.Lo, lo), append(k.Taps, taps)
		k.Step, k.Stride = append(k.Step, step), append(k.Stride, stride)
	}
	k.W, _ = values(rng, k.Size())()
	k.B, _ = values(rng, out)()
	return k
}

func TestKernelThenAgainstNaive(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 11))
		g1, g2 := []int{1, 2, 4}[rng.IntN(3)], []int{1, 2, 4}[rng.IntN(3)]
		a := randomKernel(rng, 4, 8, g1, 1+rng.IntN(2), true)
		b := randomKernel(rng, 8, 4, g2, 1+rng.IntN(2), false) // unpadded: always exact
		h, w := 14, 15
		x, _ := values(rng, 4*h*w)()
		mh, mw := 5+rng.IntN(3), 5+rng.IntN(3)
		mid := naive(a, x, h, w, mh, mw)
		reach := func(i, m int) int {
			return (m-1-b.Lo[i]-(b.Taps[i]-1)*b.Step[i])/b.Stride[i] + 1
		}
		oh, ow := reach(0, mh), reach(1, mw)
		if oh < 1 || ow < 1 {
			continue
		}
		want := naive(b, mid, mh, mw, oh, ow)
		got := naive(a.Then(b), x, h, w, oh, ow)
		if err := closeTo(got, want); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestAddKernelsAgainstNaive(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 13))
		stride := 1 + rng.IntN(2)
		var ks []*Kernel
		var coef []float64
		for range 2 + rng.IntN(3) {
			ks = append(ks, randomKernel(rng, 4, 4, []int{1, 2, 4}[rng.IntN(3)], stride, true))
			coef = append(coef, rng.NormFloat64())
		}
		if stride == 1 {
			ks, coef = append(ks, Identity(4, 2)), append(coef, 1)
		}
		sum, ok := AddKernels(ks, coef)
		if !ok {
			t.Fatalf("seed %d: the kernels do not fit", seed)
		}
		h, w, oh, ow := 7, 6, 5, 5
		x, _ := values(rng, 4*h*w)()
		want := make([]float64, 4*oh*ow)
		for i, k := range ks {
			for j, v := range naive(k, x, h, w, oh, ow) {
				want[j] += coef[i] * v
			}
		}
		if err := closeTo(naive(sum, x, h, w, oh, ow), want); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestWindowsThatDoNotAdd(t *testing.T) {
	a, b := IdentityWindow(4, 2), IdentityWindow(4, 2)
	b.Stride = []int{2, 2}
	if _, ok := a.Plus(b); ok {
		t.Error("windows of different stride were added")
	}
}
