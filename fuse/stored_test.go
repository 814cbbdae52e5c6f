package fuse

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// counter is a stored weight that counts how it is read, and how copies of parts of
// it are.
type counter struct {
	memory
	own, near *tally
}

type tally struct{ calls, numbers int }

func (c counter) Read(dst []float64, at int) {
	c.own.add(len(dst))
	c.memory.Read(dst, at)
}

func (c counter) AddScaled(dst []float64, scale float64, at int) {
	c.own.add(len(dst))
	c.memory.AddScaled(dst, scale, at)
}

func (c counter) Near(at, n int) (Values, func()) {
	c.own.add(n)
	near, release := c.memory.Near(at, n)
	return counter{memory: near.(memory), own: c.near}, release
}

func (r *tally) add(n int) { r.calls, r.numbers = r.calls+1, r.numbers+n }

// storedLayer is an FC with 2400 outputs and 160 inputs whose weight lies in the
// order of the given labels: 0, 1 are the output's, 2, 3 the input's.
func storedLayer(order ...Label) (*Program, Form, counter) {
	p := &Program{Sizes: []int{24, 100, 40, 4}, Input: []Label{2, 3}}
	v, _ := values(rand.New(rand.NewPCG(1, 61)), p.size(order))()
	c := counter{v, &tally{}, &tally{}}
	p.Ops = []Op{{Kind: Link, Args: []int{-1}, In: []Label{2, 3}, Out: []Label{0, 1}, W: &Array{
		Labels: order, Load: func() ([]float64, error) { return v, nil }, Open: func() (Values, error) { return c, nil },
	}}}
	return p, Form{Out: []Label{0, 1}, In: []Label{2, 3}}, c
}

// Stored weights are read once and in runs as long as their order allows, short ones
// from a copy of what lies close together.
func TestStoredWeightsAreReadInRuns(t *testing.T) {
	for _, c := range []struct {
		order    []Label
		byOutput tally // folded in pieces of 16384
		near     tally // copies that the folding reads
		byInput  tally
		push     tally // one row
		pushNear tally
	}{
		{order: []Label{0, 1, 2, 3}, byOutput: tally{24, 384000}, byInput: tally{96000, 384000}, push: tally{2400, 384000}},
		{order: []Label{2, 3, 0, 1}, byOutput: tally{3840, 384000}, byInput: tally{40, 384000}, push: tally{160, 384000}},
		{order: []Label{0, 2, 1, 3}, byOutput: tally{24, 384000}, near: tally{96000, 384000}, byInput: tally{96000, 384000}, push: tally{24, 384000}, pushNear: tally{96000, 384000}},
		{order: []Label{1, 0, 3, 2}, byOutput: tally{9600, 384000}, byInput: tally{384000, 384000}, push: tally{100, 384000}, pushNear: tally{9600, 384000}},
		{order: []Label{3, 1, 2, 0}, byOutput: tally{384000, 384000}, byInput: tally{16000, 384000}, push: tally{4, 384000}, pushNear: tally{16000, 384000}},
	} {
		for _, order := range []Order{ByOutput, ByInput} {
			p, f, read := storedLayer(c.order...)
			if _, err := foldPieces(p.folding(f, order, 1<<14, 10)); err != nil {
				t.Fatal(err)
			}
			want, near := c.byOutput, c.near
			if order == ByInput {
				want, near = c.byInput, tally{}
			}
			if *read.own != want || *read.near != near {
				t.Errorf("a weight in order %v folded in order %d is read in %+v, copies in %+v; want %+v and %+v", c.order, order, *read.own, *read.near, want, near)
			}
		}
		p, f, read := storedLayer(c.order...)
		x, _ := values(rand.New(rand.NewPCG(2, 61)), 160)()
		if _, err := p.push(x, 1, f.Out, 10); err != nil {
			t.Fatal(err)
		}
		if *read.own != c.push || *read.near != c.pushNear {
			t.Errorf("a weight in order %v is read for a row in %+v, copies in %+v; want %+v and %+v", c.order, *read.own, *read.near, c.push, c.pushNear)
		}
	}
}

// A Near copy is taken only where short runs lie close together and there are many.
func TestSpan(t *testing.T) {
	for _, c := range []struct {
		loops []stretch
		run   int
		n     int
		dense bool
	}{
		{nil, 5, 5, false},                                      // one run
		{[]stretch{{7, 0}}, 5, 5, false},                        // the same one again
		{[]stretch{{3, 5}}, 5, 15, true},                        // one behind the other
		{[]stretch{{3, 11}}, 5, 27, true},                       // half of it is read
		{[]stretch{{4, 12}}, 5, 41, false},                      // less
		{[]stretch{{4, 10}, {2, 5}, {9, 0}}, 5, 40, true},       // two loops
		{[]stretch{{4 * pieceSize, 1}}, 1, 4 * pieceSize, true}, // as much as there may be
		{[]stretch{{4*pieceSize + 1, 1}}, 1, 4*pieceSize + 1, false},
	} {
		if n, dense := span(c.loops, c.run); n != c.n || dense != c.dense {
			t.Errorf("runs of %d over %v span %d, close together %v; want %d, %v", c.run, c.loops, n, dense, c.n, c.dense)
		}
	}
}

// A weight that is used at many positions is read once for each, in runs.
func TestRepeatedWeightIsReadInRuns(t *testing.T) {
	p := &Program{Sizes: []int{60, 50, 7, 7}, Input: []Label{1, 2}}
	v, _ := values(rand.New(rand.NewPCG(1, 62)), 3000)()
	read := counter{v, &tally{}, &tally{}}
	p.Ops = []Op{
		{Kind: Link, Args: []int{-1}, In: []Label{1}, Out: []Label{0}, W: &Array{Labels: []Label{0, 1}, Open: func() (Values, error) { return read, nil }}},
		{Kind: Sum, Args: []int{0}, Coef: []float64{1}, Rename: []map[Label]Label{{2: 3}}},
	}
	if _, err := foldPieces(p.folding(Form{Out: []Label{0, 3}, In: []Label{1, 2}}, ByOutput, 1<<20, 10)); err != nil {
		t.Fatal(err)
	}
	whole, runs := tally{1, 3000}, tally{7 * 60, 7 * 3000}
	if *read.own != whole || *read.near != runs {
		t.Errorf("read in %+v, the copy in %+v; want %+v and %+v", *read.own, *read.near, whole, runs)
	}
}

// The same for a row, and for many rows.
func TestRepeatedWeightIsPushedInRuns(t *testing.T) {
	p := &Program{Sizes: []int{60, 50, 7}, Input: []Label{1, 2}}
	v, _ := values(rand.New(rand.NewPCG(1, 63)), 3000)()
	read := counter{v, &tally{}, &tally{}}
	p.Ops = []Op{{Kind: Link, Args: []int{-1}, In: []Label{1}, Out: []Label{0}, W: &Array{Labels: []Label{0, 1}, Open: func() (Values, error) { return read, nil }}}}
	x, _ := values(rand.New(rand.NewPCG(1, 64)), 350)()
	if _, err := p.push(x, 1, []Label{0, 2}, 10); err != nil {
		t.Fatal(err)
	}
	whole, runs := tally{1, 3000}, tally{60, 3000}
	if *read.own != whole || *read.near != runs {
		t.Errorf("read in %+v, the copy in %+v; want %+v and %+v", *read.own, *read.near, whole, runs)
	}
}

// A weight of one number is a stored one, too, where all are.
func TestStoredNumber(t *testing.T) {
	p := &Program{Sizes: []int{1, 3, 1}, Input: []Label{0, 1}}
	p.Ops = []Op{{Kind: Link, Args: []int{-1}, In: []Label{0}, Out: []Label{2}, W: &Array{Labels: []Label{0, 2}, Open: func() (Values, error) { return memory{5}, nil }}}}
	y, err := p.push([]float64{1, 2, 3}, 1, []Label{1, 2}, 0)
	if err != nil || !slices.Equal(y, []float64{5, 10, 15}) {
		t.Errorf("%v, %v", y, err)
	}
	w, err := foldPieces(p.folding(Form{Group: []Label{1}, Out: []Label{2}, In: []Label{0}}, ByOutput, 10, 0))
	if err != nil || !slices.Equal(w, []float64{5, 5, 5}) {
		t.Errorf("%v, %v", w, err)
	}
}

// Numbers up to maxGap apart are read together, others one by one: here those of one
// group of several.
func TestGapsInStoredWeights(t *testing.T) {
	for groups, calls := range map[int]int{maxGap: 1, maxGap + 1: 3000} {
		p := &Program{Sizes: []int{500, groups, 6}, Input: []Label{1, 0}}
		v, _ := values(rand.New(rand.NewPCG(1, 65)), 3000*groups)()
		read := counter{v, &tally{}, &tally{}}
		p.Ops = []Op{{Kind: Link, Args: []int{-1}, In: []Label{0}, Out: []Label{2}, W: &Array{Labels: []Label{2, 0, 1}, Open: func() (Values, error) { return read, nil }}}}
		w, err := foldPieces(p.FoldingOf(Form{Group: []Label{1}, Out: []Label{2}, In: []Label{0}}, ByOutput, 3))
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range w {
			if x != v[i*groups+3] {
				t.Fatalf("%d groups: weight %d is %g, want %g", groups, i, x, v[i*groups+3])
			}
		}
		if read.own.calls+read.near.calls != calls {
			t.Errorf("%d groups: read in %+v and %+v, want %d calls", groups, *read.own, *read.near, calls)
		}
	}
}
