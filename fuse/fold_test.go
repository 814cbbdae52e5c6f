package fuse

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// foldTolerance covers the reordering of float64 sums of a few thousand terms.
const foldTolerance = 1e-11

func values(rng *rand.Rand, n int) func() ([]float64, error) {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return func() ([]float64, error) { return v, nil }
}

// tile is a program for one tile of a RepMLP block: C×h×w inputs, O×h×w outputs.
type tile struct {
	p                *Program
	h, w             Label
	C, H, W, O, G    int
	group            Label
	perGroup, perOut Label
	oh, ow           Label
}

// newTile labels the channels as group × channel within the group, so that
// grouped layers nest.
func newTile(rng *rand.Rand) *tile {
	t := &tile{G: 1 + rng.IntN(3), H: 1 + rng.IntN(4), W: 1 + rng.IntN(4), C: 1 + rng.IntN(3), O: 1 + rng.IntN(3)}
	p := &Program{}
	label := func(n int) Label { p.Sizes = append(p.Sizes, n); return Label(len(p.Sizes) - 1) }
	t.group, t.perGroup, t.h, t.w = label(t.G), label(t.C), label(t.H), label(t.W)
	t.perOut, t.oh, t.ow = label(t.O), label(t.H), label(t.W)
	p.Input = []Label{t.group, t.perGroup, t.h, t.w}
	t.p = p
	return t
}

func (t *tile) add(op Op) int {
	t.p.Ops = append(t.p.Ops, op)
	return len(t.p.Ops) - 1
}

func (t *tile) label(n int) Label {
	t.p.Sizes = append(t.p.Sizes, n)
	return Label(len(t.p.Sizes) - 1)
}

// fc is a grouped FC of the whole tile.
func (t *tile) fc(rng *rand.Rand) int {
	n := t.G * t.O * t.H * t.W * t.C * t.H * t.W
	return t.add(Op{Kind: Link, Args: []int{-1}, In: []Label{t.perGroup, t.h, t.w}, Out: []Label{t.perOut, t.oh, t.ow},
		W: &Array{Labels: []Label{t.group, t.perOut, t.oh, t.ow, t.perGroup, t.h, t.w}, Load: values(rng, n)}})
}

// conv is a grouped convolution that keeps the tile's size.
func (t *tile) conv(rng *rand.Rand, from int, in Label, out Label, h, w, oh, ow Label) int {
	kh, kw := 1+rng.IntN(4), 1+rng.IntN(4)
	dil := 1 + rng.IntN(2)
	th, tw := t.label(kh), t.label(kw)
	n := t.G * t.p.Sizes[out] * t.p.Sizes[in] * kh * kw
	return t.add(Op{Kind: Link, Args: []int{from}, In: []Label{in}, Out: []Label{out},
		W: &Array{Labels: []Label{t.group, out, in, th, tw}, Load: values(rng, n)},
		Axes: []Axis{
			{In: []Label{h}, Out: []Label{oh}, Tap: []Label{th}, Entries: ConvEntries(t.H, t.H, kh, 1, dil, rng.IntN(kh))},
			{In: []Label{w}, Out: []Label{ow}, Tap: []Label{tw}, Entries: ConvEntries(t.W, t.W, kw, 1, 1, rng.IntN(kw))},
		}})
}

// norm is a BatchNorm over all channels.
func (t *tile) norm(rng *rand.Rand, from int, ch Label) int {
	n := t.G * t.p.Sizes[ch]
	ls := []Label{t.group, ch}
	return t.add(Op{Kind: Diagonal, Args: []int{from}, Scale: &Array{Labels: ls, Load: values(rng, n)}, Shift: &Array{Labels: ls, Load: values(rng, n)}})
}

// block builds a random RepMLP tile: FC3 and BN, convs with BN before and
// after, serial convs, an identity where channels allow it.
func block(rng *rand.Rand) *tile {
	t := newTile(rng)
	if rng.IntN(2) == 0 {
		t.O = t.C
		t.p.Sizes[t.perOut] = t.C
	}
	args := []int{t.norm(rng, t.fc(rng), t.perOut)}
	coef := []float64{1}
	names := []map[Label]Label{nil}
	for range rng.IntN(3) {
		from := -1
		if rng.IntN(2) == 0 {
			from = t.norm(rng, -1, t.perGroup)
		}
		k := t.conv(rng, from, t.perGroup, t.perOut, t.h, t.w, t.oh, t.ow)
		if rng.IntN(2) == 0 {
			k = t.norm(rng, k, t.perOut)
		}
		if rng.IntN(3) == 0 { // a second conv behind the first
			out, oh, ow := t.label(t.O), t.label(t.H), t.label(t.W)
			k = t.conv(rng, k, t.perOut, out, t.oh, t.ow, oh, ow)
			args, coef = append(args, k), append(coef, -1)
			names = append(names, map[Label]Label{out: t.perOut, oh: t.oh, ow: t.ow})
			continue
		}
		args, coef = append(args, k), append(coef, rng.NormFloat64())
		names = append(names, nil)
	}
	if t.O == t.C && rng.IntN(2) == 0 {
		args, coef = append(args, -1), append(coef, 1)
		names = append(names, map[Label]Label{t.perGroup: t.perOut, t.h: t.oh, t.w: t.ow})
	}
	t.add(Op{Kind: Sum, Args: args, Coef: coef, Rename: names})
	t.norm(rng, len(t.p.Ops)-1, t.perOut)
	return t
}

func closeTo(a, b []float64) error {
	scale := 1.0
	for _, x := range b {
		scale = max(scale, math.Abs(x))
	}
	for i := range a {
		if !(math.Abs(a[i]-b[i]) <= foldTolerance*scale) {
			return fmt.Errorf("element %d is %g, want %g", i, a[i], b[i])
		}
	}
	return nil
}

// The direct form W(F, p) equals the identity pushed through (paper, Eq. 15),
// and both equal running the program on random rows.
func TestFoldAgainstIdentity(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		b := block(rng)
		f := Form{Group: []Label{b.group}, Out: []Label{b.perOut, b.oh, b.ow}, In: []Label{b.perGroup, b.h, b.w}}
		direct, err := b.p.Fold(f)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		pushed, err := b.p.FoldByIdentity(f)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := closeTo(direct.W, pushed.W); err != nil {
			t.Fatalf("seed %d: weight: %v", seed, err)
		}
		if err := closeTo(direct.B, pushed.B); err != nil {
			t.Fatalf("seed %d: bias: %v", seed, err)
		}
		x, _ := values(rng, b.p.size(b.p.Input))()
		y, err := b.p.Push(x, 1, slices.Concat(f.Group, f.Out))
		if err != nil {
			t.Fatal(err)
		}
		in, out := b.C*b.H*b.W, b.p.size(f.Out)
		want := slices.Clone(direct.B)
		for g := range b.G {
			for o := range out {
				for i := range in {
					want[g*out+o] += direct.W[(g*out+o)*in+i] * x[g*in+i]
				}
			}
		}
		if err := closeTo(y, want); err != nil {
			t.Fatalf("seed %d: running the program: %v", seed, err)
		}
	}
}

// A nudged weight shows: the comparison above can fail.
func TestFoldNoticesNudge(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 7))
	b := block(rng)
	f := Form{Group: []Label{b.group}, Out: []Label{b.perOut, b.oh, b.ow}, In: []Label{b.perGroup, b.h, b.w}}
	direct, _ := b.p.Fold(f)
	pushed, _ := b.p.FoldByIdentity(f)
	direct.W[len(direct.W)/2] += 1e-9
	if closeTo(direct.W, pushed.W) == nil {
		t.Error("a weight off by 1e-9 was not noticed")
	}
}

func TestFoldRefusesWrongWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	b := block(rng)
	b.p.Ops[0].W.Load = values(rng, 1)
	if _, err := b.p.Fold(Form{Group: []Label{b.group}, Out: []Label{b.perOut, b.oh, b.ow}, In: []Label{b.perGroup, b.h, b.w}}); err == nil {
		t.Error("a weight with too few values was accepted")
	}
}

// memory is a weight in memory that counts as a stored one.
type memory []float64

func (m memory) Len() int                   { return len(m) }
func (m memory) Read(dst []float64, at int) { copy(dst, m[at:]) }
func (m memory) Near(at, n int) (Values, func()) {
	return slices.Clone(m[at:][:n]), func() {}
}
func (m memory) AddScaled(dst []float64, scale float64, at int) {
	for i := range dst {
		dst[i] += scale * m[at+i]
	}
}

// Pieces of any size, in both orders, of weights in memory and stored ones, are
// the whole.
func TestFoldingInPieces(t *testing.T) {
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 9))
		b := block(rng)
		p := b.p
		result := p.Result()
		form := Form{Group: []Label{b.group}, In: []Label{b.perGroup, b.h, b.w}}
		for _, l := range result {
			if l != b.group {
				form.Out = append(form.Out, l)
			}
		}
		want, err := p.FoldByIdentity(form)
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 { // stored weights
			storeWeights(p)
		}
		row := make([]float64, p.size(p.Input)) // stored weights are read in runs
		for i := range row {
			row[i] = rng.NormFloat64()
		}
		whole, err := p.push(row, 1, result, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		runs, err := p.push(row, 1, result, rng.IntN(20))
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range whole {
			if math.Abs(runs[i]-x) > foldTolerance {
				t.Fatalf("seed %d: a row gives %g at %d, want %g", seed, runs[i], i, x)
			}
		}
		outs, ins := p.size(form.Out), p.size(form.In)
		for g := range p.size(form.Group) { // one group alone
			fold := p.FoldingOf(form, ByOutput, g)
			have := make([]float64, fold.Len())
			for i := range fold.Pieces() {
				from, to := fold.Piece(i)
				if err := fold.Fold(i, have[from:to]); err != nil {
					t.Fatal(err)
				}
			}
			for i, x := range want.W[g*outs*ins:][:outs*ins] {
				if math.Abs(have[i]-x) > foldTolerance {
					t.Fatalf("seed %d, group %d: weight %d is %g, want %g", seed, g, i, have[i], x)
				}
			}
		}
		for _, order := range []Order{ByOutput, ByInput} {
			fold := p.folding(form, order, 1+rng.IntN(300), rng.IntN(20))
			have := make([]float64, fold.Len())
			end := 0
			for i := range fold.Pieces() {
				from, to := fold.Piece(i)
				if from != end || to <= from {
					t.Fatalf("seed %d: piece %d is %d to %d after %d", seed, i, from, to, end)
				}
				end = to
				if err := fold.Fold(i, have[from:to]); err != nil {
					t.Fatal(err)
				}
			}
			if end != len(have) {
				t.Fatalf("seed %d: the pieces end at %d of %d", seed, end, len(have))
			}
			bias, err := fold.Bias()
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range want.B {
				if math.Abs(bias[i]-x) > foldTolerance {
					t.Fatalf("seed %d: bias %d is %g, want %g", seed, i, bias[i], x)
				}
			}
			for i, x := range want.W {
				g, o, k := i/(outs*ins), i/ins%outs, i%ins
				at := i
				if order == ByInput {
					at = (g*ins+k)*outs + o
				}
				if math.Abs(have[at]-x) > foldTolerance {
					t.Fatalf("seed %d, order %d: W[%d,%d,%d] is %g, want %g", seed, order, g, o, k, have[at], x)
				}
			}
		}
	}
}

// A weight that cannot be read, or has another size, is an error on every way that
// reads it.
func TestWeightsThatFail(t *testing.T) {
	read := 0
	for seed := range uint64(60) {
		for k := 0; ; k++ {
			b := block(rand.New(rand.NewPCG(seed, 17))) // the same every time
			var arrays []*Array
			for i := range b.p.Ops {
				for _, a := range []*Array{b.p.Ops[i].Scale, b.p.Ops[i].Shift, b.p.Ops[i].W} {
					if a != nil {
						arrays = append(arrays, a)
					}
				}
			}
			if k == len(arrays) {
				break
			}
			f := Form{Group: []Label{b.group}, Out: []Label{b.perOut, b.oh, b.ow}, In: []Label{b.perGroup, b.h, b.w}}
			asked := false
			none := func() ([]float64, error) { asked = true; return nil, errors.New("a broken weight") }
			n := b.p.size(arrays[k].Labels)
			for i, a := range []Array{
				{Load: none},
				{Load: func() ([]float64, error) { asked = true; return make([]float64, n+1), nil }},
				{Load: none, Open: func() (Values, error) { asked = true; return nil, errors.New("a broken weight") }},
				{Load: none, Open: func() (Values, error) { asked = true; return memory(make([]float64, n+1)), nil }},
				{Load: none, Open: func() (Values, error) { return nil, nil }},
			} {
				a.Labels = arrays[k].Labels
				*arrays[k] = a
				for way, f := range []func() error{
					func() error { _, err := foldPieces(b.p.folding(f, ByOutput, 100, 0)); return err },
					func() error { _, err := b.p.folding(f, ByOutput, 100, 0).Bias(); return err },
					func() error { _, err := b.p.Fold(f); return err },
					func() error { _, err := b.p.FoldByIdentity(f); return err },
					func() error {
						_, err := b.p.push(slices.Repeat([]float64{1}, b.p.size(b.p.Input)), 1, b.p.Result(), 0)
						return err
					},
				} {
					asked = false
					if err := f(); (err != nil) != asked {
						t.Fatalf("seed %d: weight %d fails as %d, is asked for on way %d: %v, and the error is %v", seed, k, i, way, asked, err)
					}
					if asked {
						read++
					}
				}
			}
		}
	}
	if read < 8000 {
		t.Errorf("only %d weights were asked for", read)
	}
}

// Rows and labels that do not fit are errors.
func TestPushRefuses(t *testing.T) {
	p := &Program{Sizes: []int{2, 3, 6}, Input: []Label{0, 1}}
	if _, err := p.Push(make([]float64, 11), 2, p.Input); err == nil {
		t.Error("eleven numbers for two rows of six")
	}
	for _, out := range [][]Label{{0}, {0, 2}, {0, 1, 2}, {0, 0}, {}} {
		if _, err := p.Push(make([]float64, 6), 1, out); err == nil {
			t.Errorf("the result [0 1] as %v", out)
		}
	}
	y, err := p.Push([]float64{1, 2, 3, 4, 5, 6}, 1, []Label{1, 0})
	if err != nil || !slices.Equal(y, []float64{1, 4, 2, 5, 3, 6}) {
		t.Errorf("%v, %v", y, err)
	}
}

// More columns than are pushed at a time, from both sides.
func TestManyColumns(t *testing.T) {
	const outs, ins = identityBatch + 3, identityBatch + 7
	rng := rand.New(rand.NewPCG(1, 18))
	v, _ := values(rng, outs*ins)()
	p := &Program{Sizes: []int{outs, ins}, Input: []Label{1}, Ops: []Op{{Kind: Link, Args: []int{-1}, In: []Label{1}, Out: []Label{0},
		W: &Array{Labels: []Label{0, 1}, Load: func() ([]float64, error) { return v, nil }}}}}
	f := Form{Out: []Label{0}, In: []Label{1}}
	folded, err := p.FoldByIdentity(f)
	if err != nil || !slices.Equal(folded.W, v) {
		t.Errorf("by the identity of the inputs: other weights, %v", err)
	}
	have := make([]float64, len(v))
	if err := p.foldIdentity(f, p, have); err != nil || !slices.Equal(have, v) {
		t.Errorf("by the identity of the outputs: other weights, %v", err)
	}
}

// A program without any label is one number.
func TestFoldOneNumber(t *testing.T) {
	number := func(x float64) *Array {
		return &Array{Load: func() ([]float64, error) { return []float64{x}, nil }}
	}
	p := &Program{Ops: []Op{{Kind: Diagonal, Args: []int{-1}, Scale: number(3), Shift: number(5)}}}
	for _, order := range []Order{ByOutput, ByInput} {
		fold := p.Folding(Form{}, order)
		if fold.Len() != 1 || fold.Pieces() != 1 {
			t.Fatalf("%d weights in %d pieces", fold.Len(), fold.Pieces())
		}
		w, err := foldPieces(fold)
		if err != nil || w[0] != 3 {
			t.Errorf("weight %v, %v", w, err)
		}
		if b, err := fold.Bias(); err != nil || !slices.Equal(b, []float64{5}) {
			t.Errorf("bias %v, %v", b, err)
		}
	}
}

// A program without ops is the identity.
func TestFoldNothing(t *testing.T) {
	p := &Program{Sizes: []int{3}, Input: []Label{0}}
	f, err := p.Fold(Form{Group: []Label{0}})
	if err != nil || !slices.Equal(f.W, []float64{1, 1, 1}) || !slices.Equal(f.B, []float64{0, 0, 0}) {
		t.Errorf("%+v, %v", f, err)
	}
}

// doubled is a program of n sums of its input with itself: 2^n paths.
func doubled(n int) *Program {
	p := &Program{Sizes: []int{2, 2}, Input: []Label{0}}
	for k := range n {
		p.Ops = append(p.Ops, Op{Kind: Sum, Args: []int{k - 1, k - 1}, Coef: []float64{0.75, 0.5}, Rename: []map[Label]Label{nil, nil}})
	}
	p.Ops = append(p.Ops, Op{Kind: Link, Args: []int{n - 1}, In: []Label{0}, Out: []Label{1}})
	return p
}

// Paths are listed up to a number, beyond it all go together.
func TestManyPaths(t *testing.T) {
	for n, want := range map[int]bool{0: true, 1: true, 8: true, 9: false, 40: false} {
		p := doubled(n)
		paths, ok := p.paths(len(p.Ops)-1, 1)
		if ok != want || ok && len(paths) != 1<<n {
			t.Errorf("%d sums: %d paths, %v", n, len(paths), ok)
		}
		w, err := foldPieces(p.Folding(Form{In: []Label{0}, Out: []Label{1}}, ByOutput))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range w {
			if want := math.Pow(1.25, float64(n)); math.Abs(x-want) > 1e-12*want {
				t.Errorf("%d sums: weight %g, want %g", n, x, want)
			}
		}
	}
}
