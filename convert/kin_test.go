package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// kinKind are blocks of kin: they become one conv.
var kinKind = randomKind{
	name:  "kin",
	exact: func(seed uint64) randomCase { return randomKin(seed).trial() },
	broken: func(seed uint64) randomCase {
		s := randomKin(seed)
		s.Break = kinBreaks[seed%uint64(len(kinBreaks))]
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"type: float32, float64", "sizes: named batch, named", "readers: several", "layer: Conv dense, Conv grouped, Conv depthwise, BatchNormalization",
		"join: Add, Sub", "passed: AveragePool, Pad constant", "branch: conv, identity, pool, series, dbb, dilated, minus, scale", "stride: 1, 2", "merged into: conv",
	},
	breaks: []string{"broken: " + strings.Join(kinBreaks, ", ")},
}

// trial is the block with what is expected of it.
func (s kinSpec) trial() randomCase {
	c := randomCase{spec: s, build: s.build, tags: []string{fmt.Sprint("stride: ", s.Stride)}}
	if s.Break != "" {
		c.tags = append(c.tags, "broken: "+s.Break)
	}
	padded := false
	for _, l := range s.Branches {
		c.tags = append(c.tags, "branch: "+l.Kind)
		padded = padded || l.Kind == "dbb"
		for tag, has := range map[string]bool{"dilated": l.DH > 1 || l.DW > 1, "minus": l.Minus, "scale": l.Scale} {
			if has {
				c.tags = append(c.tags, "branch: "+tag)
			}
		}
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		ops := countOps(res.Model)
		// The exporter rounds the image of zero; where few weights are summed that
		// may be more than the proof allows, and the branch stays.
		if padded && slices.ContainsFunc(res.Plan.Declined, func(d convert.Decline) bool { return d.Code == "bias_before_zero_padding" }) {
			return ""
		}
		if ops["Conv"] != 1 || ops["Relu"] != 1 || len(ops)-min(ops["Conv>1"], 1) != 2 || res.Verdict != convert.Fused {
			return "not one Conv"
		}
		return ""
	}
	return c
}

// A kinSpec is one random block whose branches become one conv: every family of
// convert.Families and what lies between them.
type kinSpec struct {
	Seed       uint64
	C, O, G    int // channels, groups
	K          int // the kernel that holds all others
	Stride     int
	H, W       int
	Dynamic    bool // height and width are names
	Elem       onnxio.DType
	Branches   []limbSpec
	NormAfter  bool
	ScaleAfter bool
	Break      string
}

// A limbSpec is one branch.
type limbSpec struct {
	Kind       string // conv, identity, pool, series, dbb
	KH, KW     int
	DH, DW     int
	Top, Left  int // where the kernel lies inside K
	Bias, Norm bool
	Scale      bool
	Minus      bool
}

func randomKin(seed uint64) kinSpec {
	rng := rand.New(rand.NewPCG(seed, 31))
	s := kinSpec{Seed: seed, K: []int{3, 3, 3, 5, 7}[rng.IntN(5)], Stride: 1 + rng.IntN(4)/3, Elem: onnxio.Float32}
	if rng.IntN(4) == 0 {
		s.Elem = onnxio.Float64
	}
	s.H, s.W = 8+rng.IntN(5), 8+rng.IntN(5)
	s.Dynamic = rng.IntN(2) == 0
	s.G = 1 + rng.IntN(3)
	s.C, s.O = s.G*(1+rng.IntN(3)), s.G*(1+rng.IntN(3))
	if rng.IntN(3) == 0 { // depthwise
		s.C = 2 + rng.IntN(6)
		s.G, s.O = s.C, s.C
	}
	s.Branches = []limbSpec{{Kind: "conv", KH: s.K, KW: s.K, DH: 1, DW: 1, Bias: rng.IntN(2) == 0, Norm: rng.IntN(3) > 0}}
	for range 1 + rng.IntN(4) {
		l := limbSpec{Kind: "conv", DH: 1, DW: 1, Bias: rng.IntN(2) == 0, Norm: rng.IntN(3) > 0, Scale: rng.IntN(5) == 0, Minus: rng.IntN(6) == 0}
		switch rng.IntN(8) {
		case 0:
			if s.C == s.O && s.Stride == 1 {
				l.Kind = "identity"
			}
		case 1:
			if s.C == s.O {
				l.Kind = "pool"
			}
		case 2:
			l.Kind = "series"
		case 3:
			if s.G == 1 && s.Elem == onnxio.Float32 {
				l.Kind = "dbb"
			}
		}
		if l.Kind == "conv" {
			l.KH, l.KW = 1+rng.IntN(s.K), 1+rng.IntN(s.K)
			if rng.IntN(3) == 0 {
				l.KH, l.KW = 1, 1
			}
			if (l.KH-1)*2+1 <= s.K && rng.IntN(3) == 0 {
				l.DH = 2
			}
			if (l.KW-1)*2+1 <= s.K && rng.IntN(3) == 0 {
				l.DW = 2
			}
			l.Top, l.Left = rng.IntN(s.K-(l.KH-1)*l.DH), rng.IntN(s.K-(l.KW-1)*l.DW)
			if half := s.K / 2; l.Top > half || l.Left > half || l.Top+(l.KH-1)*l.DH < half || l.Left+(l.KW-1)*l.DW < half {
				l.Top, l.Left, l.KH, l.KW = half, half, 1, 1 // padding is not negative
			}
		}
		s.Branches = append(s.Branches, l)
	}
	rng.Shuffle(len(s.Branches), func(i, j int) { s.Branches[i], s.Branches[j] = s.Branches[j], s.Branches[i] })
	s.Branches[0].Minus = false
	s.NormAfter, s.ScaleAfter = rng.IntN(3) == 0, rng.IntN(5) == 0
	return s
}

// kinBreaks are conditions that an adversary takes away. What is left may merge
// in part; the outputs have to stay.
var kinBreaks = []string{"bias before padding", "pool without its padding", "shifted window", "activation", "reflected border", "used elsewhere", "other stride", "other input"}

func (s kinSpec) build() (*onnxio.Model, error) {
	b := &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 32)), elem: s.Elem}
	half := s.K / 2
	branch := func(l limbSpec) string {
		strides := onnxio.IntsAttr("strides", attrs64(s.Stride, s.Stride))
		conv := func(x string, in, out, g int, kh, kw, dh, dw int, pads []int64, bias bool, more ...*onnxio.Attr) string {
			inputs := []string{x, b.normal(out, in/g, kh, kw)}
			if bias {
				inputs = append(inputs, b.normal(out))
			}
			return b.op("Conv", inputs, append(more, onnxio.IntsAttr("pads", pads), onnxio.IntsAttr("dilations", attrs64(dh, dw)), onnxio.IntAttr("group", int64(g)))...)
		}
		x, out := "x", s.O
		switch l.Kind {
		case "conv":
			spanH, spanW := (l.KH-1)*l.DH+1, (l.KW-1)*l.DW+1
			top, left := half-l.Top, half-l.Left
			// The far padding follows from the size of the output.
			x = conv(x, s.C, s.O, s.G, l.KH, l.KW, l.DH, l.DW, attrs64(top, left, spanH-1-top, spanW-1-left), l.Bias, strides)
		case "identity":
		case "pool":
			x = b.op("AveragePool", []string{x}, onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1)), onnxio.IntAttr("count_include_pad", 1), strides)
		case "series":
			mid := s.G * 2
			x = conv(x, s.C, mid, s.G, 1, 1, 1, 1, attrs64(0, 0, 0, 0), false)
			x = conv(x, mid, s.O, s.G, s.K, s.K, 1, 1, attrs64(half, half, half, half), l.Bias, strides)
		case "dbb":
			x = s.imageOfZero(b, conv, half)
			x = conv(x, s.C, s.O, 1, s.K, s.K, 1, 1, attrs64(0, 0, 0, 0), false, strides)
		}
		if l.Norm {
			x = b.norm(x, out)
		}
		if l.Scale {
			x = b.op("Mul", []string{x, b.normal(1, out, 1, 1)})
		}
		if s.Break == "activation" && l.Kind != "identity" && x != "x" {
			x = b.op("Relu", []string{x})
		}
		return x
	}
	sum := ""
	for i, l := range s.Branches {
		one := s
		if i != len(s.Branches)-1 {
			one.Break = ""
		}
		keep := s.Break
		s.Break = one.Break
		x := branch(l)
		s.Break = keep
		if i == len(s.Branches)-1 {
			x = s.broken(b, x, half)
		}
		switch {
		case sum == "":
			sum = x
		case l.Minus:
			sum = b.op("Sub", []string{sum, x})
		case b.rng.IntN(2) == 0:
			sum = b.op("Add", []string{x, sum})
		default:
			sum = b.op("Add", []string{sum, x})
		}
	}
	if s.NormAfter {
		sum = b.norm(sum, s.O)
	}
	if s.ScaleAfter {
		sum = b.op("Mul", []string{sum, b.normal(1, s.O, 1, 1)})
	}
	y := b.op("Relu", []string{sum})
	h, w := onnxio.Known(int64(s.H)), onnxio.Known(int64(s.W))
	if s.Dynamic {
		h, w = onnxio.Named("height"), onnxio.Named("width")
	}
	inputs := []*onnxio.ValueInfo{onnxio.NewValue("x", s.Elem, onnxio.Named("N"), onnxio.Known(int64(s.C)), h, w)}
	if s.Break == "other input" {
		inputs = append(inputs, onnxio.NewValue("x2", s.Elem, onnxio.Named("N"), onnxio.Known(int64(s.C)), h, w))
	}
	return onnxio.NewModel(onnxio.Parts{Inputs: inputs, Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue(y, s.Elem)}, b.outs...), Nodes: b.nodes, Inits: b.inits})
}

// imageOfZero is 1×1 and BN, padded with what BN makes of zero, as exporters
// write it: the value, in float32, is subtracted and added again.
func (s kinSpec) imageOfZero(b *graphBuilder, conv func(x string, in, out, g int, kh, kw, dh, dw int, pads []int64, bias bool, more ...*onnxio.Attr) string, half int) string {
	x := conv("x", s.C, s.C, 1, 1, 1, 1, 1, attrs64(0, 0, 0, 0), false)
	x = b.norm(x, s.C)
	n := len(b.inits)
	read := func(back int) []float64 {
		v, err := b.inits[n-back].Float64s()
		if err != nil {
			panic(err)
		}
		return v
	}
	gamma, beta, mean, variance := read(4), read(3), read(2), read(1)
	i := -1
	v := b.weight(func() float64 {
		i++
		scale := float32(gamma[i]) / float32(math.Sqrt(float64(float32(variance[i])+1e-5)))
		return float64(float32(beta[i]) - float32(mean[i])*scale)
	}, 1, s.C, 1, 1)
	x = b.op("Sub", []string{x, v})
	x = b.op("Pad", []string{x, b.ints(0, 0, half, half, 0, 0, half, half)})
	return b.op("Add", []string{x, v})
}

// broken replaces the last branch by one that must not be taken for what it
// looks like.
func (s kinSpec) broken(b *graphBuilder, x string, half int) string {
	strides := onnxio.IntsAttr("strides", attrs64(s.Stride, s.Stride))
	all := onnxio.IntsAttr("pads", attrs64(half, half, half, half))
	kernel := func(in string) string {
		return b.op("Conv", []string{in, b.normal(s.O, s.C/s.G, s.K, s.K)}, all, strides, onnxio.IntAttr("group", int64(s.G)))
	}
	switch s.Break {
	case "bias before padding":
		return kernel(b.norm("x", s.C))
	case "pool without its padding":
		p := b.op("AveragePool", []string{"x"}, onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1)), strides)
		return b.op("Conv", []string{p, b.normal(s.O, s.C/s.G, 1, 1)}, onnxio.IntAttr("group", int64(s.G)))
	case "shifted window":
		return b.op("Conv", []string{"x", b.normal(s.O, s.C/s.G, s.K, s.K)}, onnxio.IntsAttr("pads", attrs64(s.K-1, 0, 0, s.K-1)), strides, onnxio.IntAttr("group", int64(s.G)))
	case "reflected border":
		p := b.op("Pad", []string{"x", b.ints(0, 0, half, half, 0, 0, half, half)}, onnxio.StringAttr("mode", "reflect"))
		return b.op("Conv", []string{p, b.normal(s.O, s.C/s.G, s.K, s.K)}, strides, onnxio.IntAttr("group", int64(s.G)))
	case "used elsewhere":
		b.outs = append(b.outs, onnxio.NewValue(x, s.Elem))
	case "other stride":
		// Twice as dense, every second position dropped from an odd one on.
		y := b.op("Conv", []string{"x", b.normal(s.O, s.C/s.G, s.K, s.K)}, onnxio.IntsAttr("pads", attrs64(half+s.Stride, half, half, half)), strides, onnxio.IntAttr("group", int64(s.G)))
		return b.op("Slice", []string{y, b.ints(1), b.ints(1 << 30), b.ints(2)})
	case "other input":
		return kernel("x2")
	}
	return x
}

// Blocks are recognised by structure.
func TestFamilies(t *testing.T) {
	for name, want := range map[string]string{
		"kin_acnet_13": "ACNet", "kin_bn_shared_13": "RepVGG", "kin_csla_13": "constant-scale addition", "kin_dbb_13": "DBB",
		"kin_mobileone_timm_net_13": "MobileOne", "kin_repghost_timm_13": "RepGhost", "kin_replk_13": "RepLKNet", "kin_repmixer_13": "RepMixer",
		"kin_repvgg_timm_net_17": "RepVGG", "kin_repvit_dw_13": "RepViT", "kin_unireplk_17": "dilated re-parameterisation", "kin_seq33_outer_pad_13": "parallel convs",
	} {
		plan, err := convert.PlanModel(testCase{Name: name}.load(t), convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Blocks) == 0 {
			t.Errorf("%s: no block was recognised", name)
		}
		for _, b := range plan.Blocks {
			if b.Kind != want {
				t.Errorf("%s: %s is taken for %s, want %s", name, b.Name, b.Kind, want)
			}
		}
	}
}

func TestFamiliesPage(t *testing.T) {
	isPage(t, "../docs/families.md", convert.FamiliesPage())
}

func ExampleFamilies() {
	for _, f := range convert.Families() {
		fmt.Println(f.Name)
	}
	// Output:
	// RepMixer
	// DBB
	// ACNet
	// dilated re-parameterisation
	// RepLKNet
	// conditional positional encoding
	// RepGhost
	// RepViT
	// MobileOne
	// constant-scale addition
	// QARepVGG
	// RepVGG
	// parallel transposed convs
	// parallel convs
}
