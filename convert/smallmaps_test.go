package convert_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// onMap builds a graph around a map x of known size.
func onMap(t *testing.T, seed uint64, n onnxio.Dim, c, h, w int, f func(b *graphBuilder) string) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{rng: rand.New(rand.NewPCG(seed, 5)), elem: onnxio.Float32}
	out := f(b)
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, n, onnxio.Known(int64(c)), onnxio.Known(int64(h)), onnxio.Known(int64(w)))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32)},
		Nodes:   b.nodes, Inits: b.inits,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// onlyConv converts m and returns the kernel's shape of the one node that is left.
func onlyConv(t *testing.T, what any, seed uint64, m *onnxio.Model) []int64 {
	t.Helper()
	res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{Seed: seed}})
	if err != nil {
		t.Errorf("%+v: %v", what, err)
		return nil
	}
	g := res.Model.Graph()
	if len(g.Nodes()) != 1 || g.Nodes()[0].OpType() != "Conv" {
		t.Errorf("%+v became %v", what, countOps(res.Model))
		return nil
	}
	sameModel(t, what, seed, m, res.Model)
	for _, x := range g.Inits() {
		if x.Name() == g.Nodes()[0].Inputs()[1] {
			return x.Dims()
		}
	}
	return nil
}

// Depthwise convs on maps of one and four positions became Transpose and batched
// MatMul, five to eleven times slower: they stay convs, with the taps that touch the
// map.
func TestConvsOnSmallMapsStayConvs(t *testing.T) {
	free := onnxio.Named("N")
	for _, c := range []struct {
		what                   string
		n                      onnxio.Dim
		channels, kernel, size int
		depthwise              bool
		taps                   int64
	}{
		{"depthwise 5×5 on one position", free, 8, 5, 1, true, 1},
		{"depthwise 5×5 on 2×2", free, 8, 5, 2, true, 3},
		{"depthwise 5×5 on 2×2, one sample", onnxio.Known(1), 8, 5, 2, true, 3},
		{"dense 3×3 on one position", free, 6, 3, 1, false, 1},
		{"dense 7×7 on 3×3", free, 3, 7, 3, false, 5},
		{"dense 3×3 on 4×4", free, 3, 3, 4, false, 3},
		{"depthwise 3×3 on 8×8", free, 3, 3, 8, true, 3},
	} {
		for _, branches := range []bool{false, true} {
			m := onMap(t, 1, c.n, c.channels, c.size, c.size, func(b *graphBuilder) string {
				per, group := c.channels, int64(1)
				if c.depthwise {
					per, group = 1, int64(c.channels)
				}
				y := b.norm(b.conv("x", per, c.channels, c.kernel, c.kernel/2, onnxio.IntAttr("group", group)), c.channels)
				if branches {
					y = b.op("Add", []string{y, b.norm(b.conv("x", per, c.channels, 1, 0, onnxio.IntAttr("group", group)), c.channels)})
					y = b.op("Add", []string{y, b.norm("x", c.channels)})
				}
				return y
			})
			if w := onlyConv(t, c.what, 1, m); w != nil && (w[2] != c.taps || w[3] != c.taps) {
				t.Errorf("%s, branches %v: the kernel is %v", c.what, branches, w)
			}
		}
	}
}

// Random windows on maps smaller than them, and uneven ones, keep their outputs.
func TestRandomWindowsBeyondTheMap(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 6))
		var s struct{ H, W, KH, KW, Pad0, Pad1, Pad2, Pad3, Stride, Dilation, Group int }
		s.H, s.W, s.KH, s.KW = 1+rng.IntN(4), 1+rng.IntN(4), 1+rng.IntN(6), 1+rng.IntN(6)
		s.Stride, s.Dilation, s.Group = 1+rng.IntN(3), 1+rng.IntN(3), []int{1, 2, 4}[rng.IntN(3)]
		s.Pad0, s.Pad1, s.Pad2, s.Pad3 = rng.IntN(5), rng.IntN(5), rng.IntN(5), rng.IntN(5)
		for s.H+s.Pad0+s.Pad2 < (s.KH-1)*s.Dilation+1 {
			s.Pad2++
		}
		for s.W+s.Pad1+s.Pad3 < (s.KW-1)*s.Dilation+1 {
			s.Pad1++
		}
		m := onMap(t, seed, onnxio.Named("N"), 4, s.H, s.W, func(b *graphBuilder) string {
			y := b.op("Conv", []string{"x", b.normal(4, 4/s.Group, s.KH, s.KW)}, onnxio.IntAttr("group", int64(s.Group)),
				onnxio.IntsAttr("pads", attrs64(s.Pad0, s.Pad1, s.Pad2, s.Pad3)), onnxio.IntsAttr("strides", attrs64(s.Stride, s.Stride)), onnxio.IntsAttr("dilations", attrs64(s.Dilation, s.Dilation)))
			return b.norm(y, 4)
		})
		w := onlyConv(t, s, seed, m)
		if w != nil && (w[2] > int64(s.KH) || w[3] > int64(s.KW)) {
			t.Errorf("%+v: the kernel grew to %v", s, w)
		}
	}
}

// SpaceToDepth and a 1×1 conv beside a 2×2 conv at stride 2 became a Gemm between
// six nodes of layout: it is one conv, whatever stands behind the blocks.
func TestSpaceToDepthIsAConv(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var s struct {
			C, B, H, W, K  int
			Beside, Scaled bool
		}
		s.C, s.B, s.K = 1+rng.IntN(3), 2+rng.IntN(2), []int{1, 3}[rng.IntN(2)]
		s.H, s.W = s.B*(1+rng.IntN(4)), s.B*(1+rng.IntN(4))
		s.Beside, s.Scaled = rng.IntN(2) == 0, rng.IntN(3) == 0 && s.K == 1
		m := onMap(t, seed, onnxio.Named("N"), s.C, s.H, s.W, func(b *graphBuilder) string {
			y := b.op("SpaceToDepth", []string{"x"}, onnxio.IntAttr("blocksize", int64(s.B)))
			if s.Scaled {
				y = b.norm(y, s.C*s.B*s.B)
			}
			y = b.norm(b.conv(y, s.C*s.B*s.B, 5, s.K, s.K/2), 5)
			if s.Beside {
				z := b.conv("x", s.C, 5, s.B, 0, onnxio.IntsAttr("strides", attrs64(s.B, s.B)))
				y = b.op("Add", []string{y, z})
			}
			return y
		})
		onlyConv(t, s, seed, m)
	}
}

// A BatchNormalization before SpaceToDepth and a padded conv is not taken into the
// conv: outside of the map there are zeros.
func TestSpaceToDepthKnowsWhatIsOutside(t *testing.T) {
	m := onMap(t, 3, onnxio.Named("N"), 2, 4, 4, func(b *graphBuilder) string {
		y := b.op("SpaceToDepth", []string{b.norm("x", 2)}, onnxio.IntAttr("blocksize", 2))
		return b.norm(b.conv(y, 8, 5, 3, 1), 5)
	})
	res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	if ops := countOps(res.Model); ops["Conv"] != 1 || ops["BatchNormalization"]+ops["Mul"] == 0 {
		t.Errorf("%v", ops)
	}
	sameModel(t, "BatchNormalization before blocks", 3, m, res.Model)
}

// A conv of a map that was laid out in a line became a product between Transposes,
// a quarter slower: it is a 1×1 conv of the map as it stands.
func TestConvsOfUnrolledMapsStayInPlace(t *testing.T) {
	for _, depthwise := range []bool{false, true} {
		m := onMap(t, 2, onnxio.Named("N"), 6, 4, 4, func(b *graphBuilder) string {
			per, group := 6, int64(1)
			if depthwise {
				per, group = 1, 6
			}
			y := b.op("Conv", []string{b.reshape("x", 0, 6, 16), b.normal(6, per, 1)}, onnxio.IntAttr("group", group))
			return b.norm(b.reshape(y, 0, 6, 4, 4), 6)
		})
		onlyConv(t, depthwise, 2, m)
	}
}

// A Conv whose BatchNormalization stands behind a DepthToSpace became a Gemm between
// two Transposes, a fifth slower than what was there: it stays.
func TestConvBeforeDepthToSpaceStays(t *testing.T) {
	m := onMap(t, 1, onnxio.Known(1), 8, 8, 8, func(b *graphBuilder) string {
		y := b.conv("x", 8, 16, 1, 0)
		b.nodes = append(b.nodes, onnxio.NewNode("", "DepthToSpace", []string{y}, []string{"wide"}, onnxio.IntAttr("blocksize", 2)))
		return b.norm("wide", 4)
	})
	res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	if ops := countOps(res.Model); ops["Conv"] != 1 || ops["Transpose"] > 0 {
		t.Errorf("became %v", ops)
	}
}
