package convert_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A windowSpec is one random layer on a map whose size the file fixes: windows of
// any kind along one to three axes, with pads that auto_pad makes of that size.
type windowSpec struct {
	Seed     uint64
	Sizes    []int
	Branches []windowBranch
	Last     bool // channels last, between two Transposes
	Other    bool // the sum has an operand that is no linear function of the map
	N        int
}

type windowBranch struct {
	Op                       string
	Kernel, Stride, Dilation []int
	Pads                     []int // begins, then ends
	Auto                     string
	Ceil, Include            bool
}

// windowKind are convs and poolings of any padding: SAME pads of strides above one differ between
// sizes of the map, and a proof on a smaller map refused right merges. All windows
// merge, and are proved on a piece of the map.
var windowKind = randomKind{
	name:  "windows",
	rare:  4,
	exact: func(seed uint64) randomCase { return randomWindow(seed).trial() },
	shows: []string{
		"rank: 3, 4, 5", "window: NOTSET, VALID, SAME_UPPER, SAME_LOWER, ceil, padding counts, two, channels last", "layer: Conv 1-d, Conv 2-d, Conv 3-d",
		"passed: AveragePool", "merged into: conv",
	},
}

// trial is the model with what is expected of it.
func (s windowSpec) trial() randomCase {
	c := randomCase{spec: s, build: s.build}
	for _, b := range s.Branches {
		for tag, has := range map[string]bool{b.Auto: true, "ceil": b.Ceil, "padding counts": b.Include, "two": len(s.Branches) > 1, "channels last": s.Last} {
			if has {
				c.tags = append(c.tags, "window: "+tag)
			}
		}
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		if countOps(res.Model)["BatchNormalization"] > 0 {
			return "a BatchNormalization is left"
		}
		for _, r := range res.Plan.Regions {
			if r.Kind == "conv" && res.Proofs[r.ID].Rows != 1 {
				return "the proof of " + r.ID + " ran on the whole map"
			}
		}
		return ""
	}
	return c
}

func randomWindow(seed uint64) windowSpec {
	rng := rand.New(rand.NewPCG(seed, 71))
	s := windowSpec{Seed: seed, N: 2, Last: rng.IntN(5) == 0}
	axes := 1 + rng.IntN(3)
	for range axes {
		s.Sizes = append(s.Sizes, 3+rng.IntN(20-5*axes))
	}
	b := windowBranch{Op: "Conv", Auto: []string{"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}[rng.IntN(4)]}
	if rng.IntN(4) == 0 {
		b.Op, b.Include, b.Ceil = "AveragePool", rng.IntN(2) == 0, rng.IntN(3) == 0
	}
	for i := range axes {
		k, d := 1+rng.IntN(4), 1+rng.IntN(2)
		if (k-1)*d+1 > s.Sizes[i] {
			k, d = 1, 1
		}
		if b.Op == "AveragePool" {
			d = 1
		}
		b.Kernel, b.Dilation, b.Stride = append(b.Kernel, k), append(b.Dilation, d), append(b.Stride, 1+rng.IntN(3))
	}
	b.Pads = make([]int, 2*axes)
	if b.Auto == "NOTSET" {
		for i := range b.Pads {
			b.Pads[i] = rng.IntN(b.Kernel[i%axes])
		}
	}
	s.Branches = []windowBranch{b}
	if same := b.Auto == "SAME_UPPER" || b.Auto == "SAME_LOWER"; same && b.Op == "Conv" && rng.IntN(2) == 0 {
		// Another window with outputs of the same size.
		other := b
		other.Auto = []string{"SAME_UPPER", "SAME_LOWER"}[rng.IntN(2)]
		other.Kernel = make([]int, axes)
		for i := range axes {
			other.Kernel[i] = 1 + rng.IntN(b.Kernel[i])
		}
		s.Branches = append(s.Branches, other)
		s.Other = rng.IntN(2) == 0
	}
	return s
}

const windowChannels = 4

// build makes the model.
func (s windowSpec) build() (*onnxio.Model, error) {
	b := &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 72)), elem: onnxio.Float32}
	axes := len(s.Sizes)
	dims, x := []onnxio.Dim{onnxio.Known(int64(s.N)), onnxio.Known(windowChannels)}, "x"
	for _, n := range s.Sizes {
		dims = append(dims, onnxio.Known(int64(n)))
	}
	if s.Last {
		dims = append(slices.Delete(dims, 1, 2), onnxio.Known(windowChannels))
		perm := []int64{0, int64(axes + 1)}
		for i := range axes {
			perm = append(perm, int64(i+1))
		}
		x = b.transpose(x, perm...)
	}
	sum := ""
	for _, w := range s.Branches {
		attrs := []*onnxio.Attr{onnxio.IntsAttr("kernel_shape", attrs64(w.Kernel...)), onnxio.IntsAttr("strides", attrs64(w.Stride...)), onnxio.StringAttr("auto_pad", w.Auto)}
		if w.Auto == "NOTSET" {
			attrs = append(attrs, onnxio.IntsAttr("pads", attrs64(w.Pads...)))
		}
		y := x
		if w.Op == "Conv" {
			y = b.op("Conv", []string{x, b.normal(slices.Concat([]int{windowChannels, windowChannels}, w.Kernel)...)}, append(attrs, onnxio.IntsAttr("dilations", attrs64(w.Dilation...)))...)
		} else {
			flag := map[bool]int64{true: 1}
			y = b.op("AveragePool", []string{x}, append(attrs, onnxio.IntAttr("ceil_mode", flag[w.Ceil]), onnxio.IntAttr("count_include_pad", flag[w.Include]))...)
			y = b.op("Conv", []string{y, b.normal(append([]int{windowChannels, windowChannels}, slices.Repeat([]int{1}, axes)...)...)})
		}
		y = b.norm(y, windowChannels)
		if sum != "" {
			y = b.op("Add", []string{sum, y})
		}
		sum = y
	}
	if s.Other {
		w := s.Branches[0]
		y := b.op("Conv", []string{x, b.normal(slices.Concat([]int{windowChannels, windowChannels}, w.Kernel)...)},
			onnxio.IntsAttr("strides", attrs64(w.Stride...)), onnxio.StringAttr("auto_pad", w.Auto), onnxio.IntsAttr("dilations", attrs64(w.Dilation...)))
		sum = b.op("Add", []string{b.op("Relu", []string{y}), sum})
	}
	out := b.op("Relu", []string{sum})
	if s.Last {
		perm := []int64{0}
		for i := range axes {
			perm = append(perm, int64(i+2))
		}
		out = b.transpose(out, append(perm, 1)...)
	}
	return onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, dims...)}, Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32)}, Nodes: b.nodes, Inits: b.inits})
}

// Every weight of a merged layer counts on the piece of the map that is looked at.
func TestNudgedWeightFailsOnAPiece(t *testing.T) {
	s := windowSpec{Seed: 1, N: 2, Sizes: []int{31, 28}, Branches: []windowBranch{
		{Op: "Conv", Auto: "SAME_UPPER", Kernel: []int{3, 2}, Stride: []int{2, 3}, Dilation: []int{1, 1}},
		{Op: "Conv", Auto: "SAME_LOWER", Kernel: []int{2, 3}, Stride: []int{2, 3}, Dilation: []int{1, 1}},
	}}
	m, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	res := convertModel(t, m)
	r := res.Plan.Regions[0]
	if res.Proofs[r.ID].Rows != 1 {
		t.Fatalf("the proof ran on %d samples: not on a piece of the map", res.Proofs[r.ID].Rows)
	}
	n := 0
	for _, x := range res.Model.Graph().Inits() {
		if x.Name() == r.Value+".weight" {
			n = int(x.Len())
		}
	}
	for k := range n {
		_, err := convert.Convert(context.Background(), m, convert.Options{Prover: &elementNudger{element: k}})
		if !errors.Is(err, convert.ErrNotEquivalent) {
			t.Fatalf("weight %d of %d is off and nobody notices: %v", k, n, err)
		}
	}
}

// An elementNudger moves one element of the merged weight.
type elementNudger struct {
	verify.Prover
	element int
}

func (n *elementNudger) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	name := c.Output + ".weight"
	for _, x := range c.After.Graph().Inits() {
		if x.Name() != name {
			continue
		}
		b, err := x.Bytes()
		if err != nil {
			return verify.Proof{}, err
		}
		b = slices.Clone(b)
		at := b[4*n.element:]
		binary.LittleEndian.PutUint32(at, math.Float32bits(math.Float32frombits(binary.LittleEndian.Uint32(at))+nudgeSize))
		moved, err := onnxio.NewTensor(name, x.DType(), x.Dims(), b)
		if err != nil {
			return verify.Proof{}, err
		}
		if c.After, err = c.After.Apply(onnxio.Edit{DropInits: []*onnxio.Tensor{x}, AddInits: []*onnxio.Tensor{moved}}); err != nil {
			return verify.Proof{}, err
		}
		return n.Prover.Prove(ctx, c)
	}
	return verify.Proof{}, fmt.Errorf("no weight %q", name)
}
