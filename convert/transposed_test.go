package convert_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// transposedKind are blocks of transposed convs that become one layer.
var transposedKind = randomKind{
	name:  "transposed",
	rare:  2,
	exact: func(seed uint64) randomCase { return randomTransposed(seed).trial() },
	broken: func(seed uint64) randomCase {
		s := randomTransposed(seed)
		s.Break = transposedBreaks[seed%uint64(len(transposedBreaks))]
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"type: float32, float64, float16, bfloat16", "opset: 11, 13, 17, 20, 22", "rank: 3, 4, 5", "sizes: named batch, named", "readers: several",
		"layer: ConvTranspose 1-d, ConvTranspose 2-d, ConvTranspose 3-d, ConvTranspose dense, ConvTranspose grouped, Conv dense, Conv grouped",
		"pads: NOTSET, SAME_UPPER, SAME_LOWER, output_shape, output_padding", "around: conv before, conv behind, scale before, bias behind, norm behind, channels last",
		"join: Add, Sub", "merged into: conv",
	},
	breaks: []string{"broken: " + strings.Join(transposedBreaks, ", ")},
}

// trial is the block with what is expected of it.
func (s transposedSpec) trial() randomCase {
	c := randomCase{spec: s, build: s.build, tags: []string{"pads: " + s.Auto}}
	for tag, has := range map[string]bool{"pads: output_shape": s.Wanted != nil, "pads: output_padding": slices.Max(s.Branches[0].Extra) > 0,
		"around: conv before": s.Mid > 0, "around: conv behind": s.Behind > 0, "around: scale before": s.ScaleFirst, "around: bias behind": s.BiasAfter,
		"around: norm behind": s.NormAfter, "around: channels last": s.Last, "broken: " + s.Break: s.Break != ""} {
		if has {
			c.tags = append(c.tags, tag)
		}
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		ops := countOps(res.Model)
		delete(ops, "Conv>1")
		if ops["Conv"]+ops["ConvTranspose"] != 1 || len(ops)-min(ops["Transpose"], 1) != 2 || res.Verdict != convert.Fused {
			return "not one layer"
		}
		return ""
	}
	return c
}

// A transposedSpec is one random block of transposed convs that becomes one layer: one
// or more of them on one map, with scales, biases, BatchNorms and 1×1 convs around.
type transposedSpec struct {
	Seed       uint64
	C, O, G    int
	Sizes      []int // of the map
	Dynamic    bool  // they are names
	Elem       onnxio.DType
	Opset      int64
	Stride     []int
	Branches   []transposedBranch
	Wanted     []int // output_shape, nil for none
	Auto       string
	Mid        int  // channels of a 1×1 conv before, 0 for none
	Behind     int  // channels of the map before a 1×1 conv behind, 0 for none
	ScaleFirst bool // a scale before all
	BiasAfter  bool
	NormAfter  bool
	Last       bool // channels last, between two Transposes
	Break      string
}

type transposedBranch struct {
	Kernel, Dilation  []int
	Begin, End, Extra []int
	Bias, Norm, Minus bool
}

func randomTransposed(seed uint64) transposedSpec {
	rng := rand.New(rand.NewPCG(seed, 81))
	s := transposedSpec{Seed: seed, G: 1 + rng.IntN(3), Dynamic: rng.IntN(2) == 0, Auto: "NOTSET",
		Elem:  []onnxio.DType{onnxio.Float32, onnxio.Float32, onnxio.Float32, onnxio.Float64, onnxio.Float16, onnxio.BFloat16}[rng.IntN(6)],
		Opset: []int64{11, 13, 17, 20, 22}[rng.IntN(5)]}
	s.C, s.O = s.G*(1+rng.IntN(3)), s.G*(1+rng.IntN(3))
	if rng.IntN(3) == 0 { // depthwise
		s.C = 2 + rng.IntN(5)
		s.G, s.O = s.C, s.C
	}
	axes := 1 + rng.IntN(3)
	b := transposedBranch{Bias: rng.IntN(2) == 0, Norm: rng.IntN(2) == 0}
	for range axes {
		stride, k, d := 1+rng.IntN(3), 1+rng.IntN(4), 1
		if rng.IntN(4) == 0 {
			d = 2
		}
		if rng.IntN(3) == 0 { // windows that do not overlap
			k, d = stride, 1
		}
		begin := rng.IntN(min((k-1)*d, 3) + 1)
		s.Sizes, s.Stride = append(s.Sizes, 3+rng.IntN(4)), append(s.Stride, stride)
		b.Kernel, b.Dilation, b.Begin = append(b.Kernel, k), append(b.Dilation, d), append(b.Begin, begin)
		b.End, b.Extra = append(b.End, rng.IntN(min((k-1)*d, 2)+1)), append(b.Extra, rng.IntN(stride))
	}
	s.Branches = []transposedBranch{b}
	switch rng.IntN(6) {
	case 0:
		s.Auto = []string{"SAME_UPPER", "SAME_LOWER"}[rng.IntN(2)]
		for i := range axes {
			b.Kernel[i], b.Dilation[i] = max(b.Kernel[i], s.Stride[i]), 1
			b.Begin[i], b.End[i] = 0, 0
		}
	case 1:
		s.Dynamic = false
		for i := range axes {
			full := (s.Sizes[i]-1)*s.Stride[i] + (b.Kernel[i]-1)*b.Dilation[i] + 1 + b.Extra[i]
			s.Wanted = append(s.Wanted, full-rng.IntN((b.Kernel[i]-1)*b.Dilation[i]+b.Extra[i]+1))
			b.Begin[i], b.End[i] = 0, 0
		}
	default: // pads as they are
		for range rng.IntN(3) {
			s.Branches = append(s.Branches, s.beside(rng, b))
		}
		rng.Shuffle(len(s.Branches), func(i, j int) { s.Branches[i], s.Branches[j] = s.Branches[j], s.Branches[i] })
		s.Branches[0].Minus = false
	}
	if rng.IntN(4) == 0 {
		s.Mid = s.C * (1 + rng.IntN(2))
	}
	if rng.IntN(4) == 0 {
		s.Behind = s.O * (1 + rng.IntN(2))
	}
	s.ScaleFirst, s.BiasAfter, s.NormAfter, s.Last = rng.IntN(4) == 0, rng.IntN(4) == 0, rng.IntN(3) == 0, rng.IntN(5) == 0
	if s.Mid == 0 && s.Behind == 0 && len(s.Branches) == 1 && !b.Norm && !s.ScaleFirst && !s.BiasAfter {
		s.NormAfter = true // something to merge
	}
	return s
}

// beside is a branch whose taps lie among those of b and whose map is as large.
func (s transposedSpec) beside(rng *rand.Rand, b transposedBranch) transposedBranch {
	o := transposedBranch{Bias: rng.IntN(2) == 0, Norm: rng.IntN(2) == 0, Minus: rng.IntN(5) == 0}
	for i, k := range b.Kernel {
		d := b.Dilation[i]
		cut := b.End[i] - b.Extra[i] // pads at the end less output_padding
		less := rng.IntN(k)
		if less > 0 {
			// less taps, of which some are left out at the begin: those ahead of the pads.
			begin := max(b.Begin[i]-rng.IntN(less+1)*d, (b.Begin[i]-less*d+d*k)%d)
			if (b.Begin[i]-begin)%d != 0 {
				begin = b.Begin[i]
			}
			rest := cut - less*d + b.Begin[i] - begin
			if -rest < s.Stride[i] {
				o.Kernel, o.Dilation, o.Begin = append(o.Kernel, k-less), append(o.Dilation, d), append(o.Begin, begin)
				o.End, o.Extra = append(o.End, max(rest, 0)), append(o.Extra, max(-rest, 0))
				continue
			}
		}
		o.Kernel, o.Dilation, o.Begin = append(o.Kernel, k), append(o.Dilation, d), append(o.Begin, b.Begin[i])
		o.End, o.Extra = append(o.End, b.End[i]), append(o.Extra, b.Extra[i])
	}
	return o
}

// transposedBreaks are conditions that an adversary takes away. What is left may merge
// in part; the outputs have to stay.
var transposedBreaks = []string{"norm before", "activation", "used elsewhere", "other stride", "other input", "weights from data", "cut off before a padded conv", "bias between", "scale of positions", "other groups"}

func (s transposedSpec) build() (*onnxio.Model, error) {
	b := &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 82)), elem: s.Elem}
	if s.Elem.Bits() == 16 {
		b.scale = 0.25
	}
	axes := len(s.Sizes)
	ones := slices.Repeat([]int{1}, axes)
	perChannel := func(c int) []int { return slices.Concat([]int{1, c}, ones) }
	batch, channels := onnxio.Named("N"), onnxio.Known(int64(s.C))
	dims, x := []onnxio.Dim{batch, channels}, "x"
	for i, n := range s.Sizes {
		if s.Dynamic {
			dims = append(dims, onnxio.Named([]string{"depth", "height", "width"}[i]))
		} else {
			dims = append(dims, onnxio.Known(int64(n)))
		}
	}
	if s.Last {
		dims = append(slices.Delete(slices.Clone(dims), 1, 2), channels)
		perm := []int64{0, int64(axes + 1)}
		for i := range axes {
			perm = append(perm, int64(i+1))
		}
		x = b.transpose(x, perm...)
	}
	if s.ScaleFirst {
		x = b.op("Mul", []string{x, b.normal(perChannel(s.C)...)})
	}
	in := s.C
	conv := func(x string, in, out int, bias bool) string {
		inputs := []string{x, b.normal(slices.Concat([]int{out, in / s.G}, ones)...)}
		if bias {
			inputs = append(inputs, b.normal(out))
		}
		return b.op("Conv", inputs, onnxio.IntAttr("group", int64(s.G)))
	}
	if s.Mid > 0 {
		x, in = conv(x, s.C, s.Mid, s.Break == "bias between"), s.Mid
	}
	if s.Break == "norm before" {
		x = b.norm(x, in)
	}
	out := s.O
	if s.Behind > 0 {
		out = s.Behind
	}
	sum := ""
	for i, br := range s.Branches {
		from, group, stride := x, s.G, slices.Clone(s.Stride)
		last := i == len(s.Branches)-1
		if last && s.Break == "other input" {
			from = b.op("Sigmoid", []string{x})
		}
		if last && s.Break == "other groups" {
			group = 1
		}
		inputs := []string{from, b.normal(slices.Concat([]int{in, out / group}, br.Kernel)...)}
		if last && s.Break == "weights from data" {
			inputs[1] = b.op("Mul", []string{inputs[1], b.op("ReduceMax", []string{"x"}, onnxio.IntAttr("keepdims", 0))})
		}
		if br.Bias {
			inputs = append(inputs, b.normal(out))
		}
		attrs := []*onnxio.Attr{onnxio.IntsAttr("strides", attrs64(stride...)), onnxio.IntsAttr("dilations", attrs64(br.Dilation...)), onnxio.IntAttr("group", int64(group)),
			onnxio.IntsAttr("output_padding", attrs64(br.Extra...))}
		switch {
		case s.Wanted != nil:
			attrs = append(attrs, onnxio.IntsAttr("output_shape", attrs64(s.Wanted...)))
		case s.Auto != "NOTSET":
			attrs = append(attrs, onnxio.StringAttr("auto_pad", s.Auto))
		default:
			attrs = append(attrs, onnxio.IntsAttr("pads", attrs64(slices.Concat(br.Begin, br.End)...)))
		}
		y := b.op("ConvTranspose", inputs, attrs...)
		if last {
			switch s.Break {
			case "activation":
				y = b.op("Relu", []string{y})
			case "used elsewhere":
				b.outs = append(b.outs, onnxio.NewValue(y, s.Elem))
			case "scale of positions":
				y = b.op("Mul", []string{y, b.op("Softmax", []string{y}, onnxio.IntAttr("axis", 1))})
			}
		}
		if br.Norm {
			y = b.norm(y, out)
		}
		switch {
		case sum == "":
			sum = y
		case br.Minus:
			sum = b.op("Sub", []string{sum, y})
		default:
			sum = b.op("Add", []string{y, sum})
		}
	}
	if s.Break == "other stride" { // beside the first stride, on a map of one position
		y := b.op("ConvTranspose", []string{b.op("GlobalAveragePool", []string{x}), b.normal(slices.Concat([]int{in, out}, ones)...)}, onnxio.IntsAttr("strides", attrs64(slices.Repeat([]int{5}, axes)...)))
		sum = b.op("Add", []string{sum, y})
	}
	if s.Break == "cut off before a padded conv" {
		three := slices.Repeat([]int{3}, axes)
		sum = b.op("Conv", []string{sum, b.normal(slices.Concat([]int{out, out}, three)...)}, onnxio.IntsAttr("pads", attrs64(slices.Repeat([]int{1}, 2*axes)...)))
	}
	if s.BiasAfter {
		sum = b.op("Add", []string{sum, b.normal(perChannel(out)...)})
	}
	if s.Behind > 0 {
		sum = conv(sum, out, s.O, true)
	}
	if s.NormAfter {
		sum = b.norm(sum, s.O)
	}
	if s.Last {
		perm := []int64{0}
		for i := range axes {
			perm = append(perm, int64(i+2))
		}
		sum = b.transpose(sum, append(perm, 1)...)
	}
	y := b.op("LeakyRelu", []string{sum}, onnxio.FloatAttr("alpha", 0.5)) // 16-bit floats round what a Relu leaves of a negative map
	return onnxio.NewModel(onnxio.Parts{Opset: s.Opset, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", s.Elem, dims...)},
		Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue(y, s.Elem)}, b.outs...), Nodes: b.nodes, Inits: b.inits})
}

// Every weight of a merged transposed conv counts on the piece of the map that is looked
// at.
func TestNudgedTransposedWeightFails(t *testing.T) {
	s := transposedSpec{Seed: 3, C: 2, O: 2, G: 1, Sizes: []int{23, 19}, Elem: onnxio.Float32, Opset: 17, Stride: []int{2, 3}, Auto: "NOTSET", NormAfter: true,
		Branches: []transposedBranch{{Kernel: []int{4, 3}, Dilation: []int{1, 1}, Begin: []int{1, 0}, End: []int{1, 1}, Extra: []int{0, 2}},
			{Kernel: []int{2, 3}, Dilation: []int{1, 1}, Begin: []int{0, 0}, End: []int{0, 1}, Extra: []int{0, 2}, Norm: true}}}
	m, err := s.build()
	if err != nil {
		t.Fatal(err)
	}
	res := convertModel(t, m)
	r := res.Plan.Regions[0]
	if res.Proofs[r.ID].Rows != 1 {
		t.Fatalf("the proof ran on %d samples: not on a piece of the map", res.Proofs[r.ID].Rows)
	}
	i := slices.IndexFunc(res.Model.Graph().Inits(), func(x *onnxio.Tensor) bool { return x.Name() == r.Value+".weight" })
	for k := range int(res.Model.Graph().Inits()[i].Len()) {
		if _, err := convert.Convert(context.Background(), m, convert.Options{Prover: &elementNudger{element: k}}); !errors.Is(err, convert.ErrNotEquivalent) {
			t.Fatalf("weight %d is off and nobody notices: %v", k, err)
		}
	}
}
