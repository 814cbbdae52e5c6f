package fuse

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// bigRows is how many numbers a row has whose memory is watched.
const bigRows = 1 << 20

// Scales write over rows that nobody else reads, the first op's too.
func TestScalesWriteOver(t *testing.T) {
	p := &Program{Sizes: []int{bigRows, 1, 1}, Input: []Label{0}}
	two := &Array{Load: func() ([]float64, error) { return []float64{2}, nil }}
	p.Ops = []Op{
		{Kind: Link, Args: []int{-1}, Out: []Label{1}},
		{Kind: Diagonal, Args: []int{0}, Scale: two},
		{Kind: Diagonal, Args: []int{1}, Shift: two},
		{Kind: Diagonal, Args: []int{2}, Scale: two},
	}
	x := slices.Repeat([]float64{1}, bigRows)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	y, err := p.Push(x, 1, []Label{0, 1})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 3*8*bigRows/2 {
		t.Errorf("pushing a row of %d through a link and scales took %d bytes", bigRows, used)
	}
	if y[0] != 8 || x[0] != 1 {
		t.Errorf("the result begins with %g, the input with %g", y[0], x[0])
	}
}

// Rows that nobody reads any more are given back while the program runs.
func TestRowsAreGivenBack(t *testing.T) {
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	p := &Program{Sizes: []int{1, bigRows}, Input: []Label{0}}
	var before, at uint64
	p.Ops = []Op{
		{Kind: Link, Args: []int{-1}, Out: []Label{1}}, // many numbers
		{Kind: Link, Args: []int{0}, In: []Label{1}},   // one
		{Kind: Diagonal, Args: []int{1}, Scale: &Array{Load: func() ([]float64, error) { at = held(); return []float64{2}, nil }}},
	}
	before = held()
	y, err := p.Push([]float64{1}, 1, []Label{0})
	if err != nil {
		t.Fatal(err)
	}
	if at > before+4*bigRows {
		t.Errorf("%d bytes are held behind a row that nobody reads any more", at-before)
	}
	if y[0] != 2*bigRows {
		t.Errorf("%g, want %d", y[0], 2*bigRows)
	}
}

// Pieces that are folded one after the other use the same room.
func TestPiecesUseRoomAgain(t *testing.T) {
	for seed := range uint64(20) {
		p, f := randomProgram(rand.New(rand.NewPCG(seed, 71)))
		fold := p.folding(f, ByOutput, 10, 4)
		ready, err := fold.prepare()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range ready.branches {
			if b.stored != nil {
				continue // a copy of what lies close together is new
			}
			space, dst := &scratch{}, make([]float64, fold.Len())
			if n := testing.AllocsPerRun(10, func() { b.add(dst, 0, nil, space) }); n > 3 {
				t.Errorf("seed %d: adding a branch again makes %g allocations", seed, n)
			}
		}
	}
}

func TestRoom(t *testing.T) {
	v := make([]float64, 5)
	first := &v[0]
	for _, n := range []int{0, 4, 5} {
		if r := room(&v, n); len(r) != n || n > 0 && &r[0] != first {
			t.Errorf("%d of 5 numbers: %d new ones", n, len(r))
		}
	}
	if r := room(&v, 6); len(r) != 6 || len(v) != 6 {
		t.Errorf("6 of 5 numbers: %d, %d are kept", len(r), len(v))
	}
}
