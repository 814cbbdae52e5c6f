package fuse

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// lineWindow is a random window along one axis with the given stride.
func lineWindow(rng *rand.Rand, in, out, stride int) Window {
	groups := []int{1, 2}[rng.IntN(2)]
	return Window{Out: out, In: in, Groups: groups, Lo: []int{rng.IntN(9) - 5}, Taps: []int{1 + rng.IntN(4)}, Step: []int{1 + rng.IntN(4)}, Stride: []int{stride}}
}

// reaches lists the positions that output position 0 reads, from low to high.
func (w Window) reaches() []int {
	var out []int
	for k := range w.Taps[0] {
		out = append(out, w.Lo[0]+k*w.Step[0])
	}
	return out
}

func within(part, all []int) bool {
	return !slices.ContainsFunc(part, func(x int) bool { return !slices.Contains(all, x) })
}

// smallest reports whether evenly spaced taps are the fewest that hold some positions.
func smallest(taps, positions []int) bool {
	lo, hi := slices.Min(positions), slices.Max(positions)
	if taps[0] != lo || taps[len(taps)-1] != hi {
		return false
	}
	for step := hi - lo; step > 1; step-- { // the widest step that meets all of them
		if !slices.ContainsFunc(positions, func(x int) bool { return (x-lo)%step != 0 }) {
			return len(taps) == (hi-lo)/step+1
		}
	}
	return len(taps) == hi-lo+1
}

// The window of two, one after the other, holds what both read together, and no
// more; that of a sum what either reads.
func TestWindowsHoldWhatIsRead(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 51))
		a, b := lineWindow(rng, 4, 4, 1+rng.IntN(3)), lineWindow(rng, 4, 4, 1+rng.IntN(3))
		var positions []int
		for _, m := range b.reaches() { // output position 0 reads m of the middle
			for _, x := range a.reaches() {
				positions = append(positions, m*a.Stride[0]+x)
			}
		}
		c := a.Then(b)
		if !within(positions, c.reaches()) || c.Stride[0] != a.Stride[0]*b.Stride[0] {
			t.Fatalf("seed %d: %+v then %+v is %+v", seed, a, b, c)
		}
		if slices.Sort(positions); c.Taps[0] > 1 && !smallest(c.reaches(), positions) {
			t.Fatalf("seed %d: %+v then %+v is %+v, larger than %v", seed, a, b, c, positions)
		}
		d, ok := a.Plus(b)
		if ok != (a.Stride[0] == b.Stride[0]) {
			t.Fatalf("seed %d: %+v plus %+v: %v", seed, a, b, ok)
		}
		if !ok {
			continue
		}
		positions = slices.Concat(a.reaches(), b.reaches())
		if !within(positions, d.reaches()) || !smallest(d.reaches(), positions) || d.Stride[0] != a.Stride[0] {
			t.Fatalf("seed %d: %+v plus %+v is %+v", seed, a, b, d)
		}
		if d.Groups != min(a.Groups, b.Groups) || d.Step[0] < 1 {
			t.Fatalf("seed %d: %+v plus %+v is %+v", seed, a, b, d)
		}
	}
}

func TestWindowsOfOtherChannelsDoNotAdd(t *testing.T) {
	a := IdentityWindow(4, 1)
	for _, b := range []Window{{Out: 2, In: 4}, {Out: 4, In: 2}} {
		b.Groups, b.Lo, b.Taps, b.Step, b.Stride = 2, a.Lo, a.Taps, a.Step, a.Stride
		if _, ok := a.Plus(b); ok {
			t.Errorf("windows of %d→%d and 4→4 channels were added", b.In, b.Out)
		}
	}
	k, l := Identity(4, 1), Identity(4, 1)
	l.Stride = []int{2}
	if _, ok := AddKernels([]*Kernel{k, k, l}, []float64{1, 1, 1}); ok {
		t.Error("kernels of different stride were added")
	}
}

// Windows that change nothing or scale channels alone.
func TestPointwise(t *testing.T) {
	same := IdentityWindow(3, 2)
	if !same.Pointwise() || !same.diagonal() || same.Size() != 3 {
		t.Errorf("%+v: %v, %v, %d", same, same.Pointwise(), same.diagonal(), same.Size())
	}
	for _, axis := range []int{0, 1} {
		for _, change := range []func(w *Window){
			func(w *Window) { w.Taps[axis] = 2 }, func(w *Window) { w.Lo[axis] = -1 }, func(w *Window) { w.Lo[axis] = 1 }, func(w *Window) { w.Stride[axis] = 2 },
		} {
			w := Window{Out: 3, In: 3, Groups: 3, Lo: []int{0, 0}, Taps: []int{1, 1}, Step: []int{1, 1}, Stride: []int{1, 1}}
			change(&w)
			if w.Pointwise() || w.diagonal() {
				t.Errorf("%+v reads its own position alone", w)
			}
		}
	}
	for _, c := range []Window{{Out: 3, In: 3, Groups: 1}, {Out: 6, In: 3, Groups: 3}, {Out: 3, In: 6, Groups: 3}} {
		c.Lo, c.Taps, c.Step, c.Stride = same.Lo, same.Taps, same.Step, same.Stride
		if !c.Pointwise() || c.diagonal() {
			t.Errorf("%+v only scales channels", c)
		}
	}
	// Groups survive what only scales channels.
	g := Window{Out: 6, In: 6, Groups: 2, Lo: []int{0}, Taps: []int{3}, Step: []int{1}, Stride: []int{1}}
	d := IdentityWindow(6, 1)
	if n := g.Then(d).Groups; n != 2 {
		t.Errorf("two groups, then a scale: %d groups", n)
	}
	if n := d.Then(g).Groups; n != 2 {
		t.Errorf("a scale, then two groups: %d groups", n)
	}
}

func TestWindowSize(t *testing.T) {
	w := Window{Out: 6, In: 4, Groups: 2, Taps: []int{3, 5}}
	if w.Size() != 6*2*15 || w.taps() != 15 {
		t.Errorf("%d weights, %d taps", w.Size(), w.taps())
	}
	w.Taps = []int{1 << 40, 1 << 40}
	if w.Size() != maxSize {
		t.Errorf("%d weights, want %d", w.Size(), maxSize)
	}
}

func TestScaled(t *testing.T) {
	k := &Kernel{Window{Out: 2, In: 2, Groups: 1, Lo: []int{0}, Taps: []int{2}, Step: []int{1}, Stride: []int{1}}, []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{9, 10}}
	for _, c := range []struct{ scale, shift, w, b []float64 }{
		{nil, nil, []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{9, 10}},
		{[]float64{2, 3}, nil, []float64{2, 4, 6, 8, 15, 18, 21, 24}, []float64{18, 30}},
		{nil, []float64{1, 2}, []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{10, 12}},
		{[]float64{2, 3}, []float64{1, 2}, []float64{2, 4, 6, 8, 15, 18, 21, 24}, []float64{19, 32}},
	} {
		if s := k.Scaled(c.scale, c.shift); !slices.Equal(s.W, c.w) || !slices.Equal(s.B, c.b) {
			t.Errorf("scaled by %v, shifted by %v: %v, %v", c.scale, c.shift, s.W, s.B)
		}
	}
	if k.W[0] != 1 || k.B[0] != 9 {
		t.Error("scaling changed the kernel itself")
	}
	if s := (&Kernel{}).Scaled([]float64{}, nil); len(s.W) != 0 {
		t.Error("a kernel without channels has weights")
	}
}
