package fuse

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// benchBlock is a tile of 4 groups of 32×7×7 with an FC and a convolution, both
// with BatchNorm; stored weights are read in runs.
func benchBlock(stored bool) (*tile, Form) {
	rng := rand.New(rand.NewPCG(2, 2))
	t := newTile(rng)
	t.p.Sizes = []int{4, 32, 7, 7, 32, 7, 7}
	t.G, t.C, t.H, t.W, t.O = 4, 32, 7, 7, 32
	fc := t.norm(rng, t.fc(rng), t.perOut)
	cv := t.norm(rng, t.conv(rng, -1, t.perGroup, t.perOut, t.h, t.w, t.oh, t.ow), t.perOut)
	t.add(Op{Kind: Sum, Args: []int{fc, cv}, Coef: []float64{1, 1}, Rename: []map[Label]Label{nil, nil}})
	if stored {
		storeWeights(t.p)
	}
	return t, Form{Group: []Label{t.group}, Out: []Label{t.perOut, t.oh, t.ow}, In: []Label{t.perGroup, t.h, t.w}}
}

// storeWeights makes the weights of all links stored ones.
func storeWeights(p *Program) {
	for i := range p.Ops {
		if w := p.Ops[i].W; w != nil {
			load := w.Load
			w.Open = func() (Values, error) {
				v, err := load()
				return memory(v), err
			}
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for _, stored := range []bool{false, true} {
		for _, order := range []Order{ByOutput, ByInput} {
			b.Run([]string{"small", "stored"}[btoi(stored)]+[]string{"ByOutput", "ByInput"}[order], func(b *testing.B) {
				t, f := benchBlock(stored)
				dst := make([]float64, t.p.Folding(f, order).Len())
				b.SetBytes(int64(8 * len(dst)))
				for b.Loop() {
					fold := t.p.Folding(f, order)
					for i := range fold.Pieces() {
						from, to := fold.Piece(i)
						if err := fold.Fold(i, dst[from:to]); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

func BenchmarkPush(b *testing.B) {
	for _, stored := range []bool{false, true} {
		b.Run([]string{"small", "stored"}[btoi(stored)], func(b *testing.B) {
			t, f := benchBlock(stored)
			row := slices.Repeat([]float64{1}, t.p.size(t.p.Input))
			for b.Loop() {
				if _, err := t.p.Push(row, 1, slices.Concat(f.Group, f.Out)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFoldByIdentity(b *testing.B) {
	t := newTile(rand.New(rand.NewPCG(1, 1)))
	t.p.Sizes = []int{2, 8, 7, 7, 8, 7, 7}
	t.G, t.C, t.H, t.W, t.O = 2, 8, 7, 7, 8
	rng := rand.New(rand.NewPCG(2, 2))
	t.norm(rng, t.conv(rng, -1, t.perGroup, t.perOut, t.h, t.w, t.oh, t.ow), t.perOut)
	f := Form{Group: []Label{t.group}, Out: []Label{t.perOut, t.oh, t.ow}, In: []Label{t.perGroup, t.h, t.w}}
	for b.Loop() {
		if _, err := t.p.FoldByIdentity(f); err != nil {
			b.Fatal(err)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
