package convert_test

import (
	"math/rand/v2"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// fanKind are scales and shifts of what no layer makes, read by several layers through
// views, joins, selections, averages and activations: all readers take them.
var fanKind = randomKind{
	name:  "fans",
	rare:  2,
	exact: func(seed uint64) randomCase { return randomFan(seed).trial() },
	broken: func(seed uint64) randomCase {
		s := randomFan(seed)
		s.Break = fanBreaks[seed%uint64(len(fanBreaks))]
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"type: float32, float64, float16, bfloat16", "opset: 11, 13, 17, 18, 21, 23", "rank: 2, 3, 4, 5", "sizes: named batch, named", "readers: several", "outputs: several",
		"layer: Conv 1-d, Conv 2-d, Conv 3-d, Conv dense, Conv grouped, ConvTranspose dense, Gemm, MatMul, Einsum, BatchNormalization",
		"join: Concat", "selection: Slice, Split, Gather, SpaceToDepth", "passed: MaxPool, AveragePool, GlobalAveragePool, Resize",
		"view: Reshape, Unsqueeze, Transpose, Identity", "activated: Relu, LeakyRelu", "constant beside: Mul, Div, Add, Sub",
		"scaled: in another rank, channels last, beside, by a BatchNormalization", "merged into: conv, fc, what moved",
	},
	breaks: []string{"broken: " + strings.Join(fanBreaks, ", ")},
}

// fanBreaks are conditions that an adversary takes away.
var fanBreaks = []string{"output", "activation", "weights from data", "positions", "a reader without a layer", "signs and borders"}

// A fanSpec is one random fan.
type fanSpec struct {
	treeSpec
	Readers int
}

func randomFan(seed uint64) fanSpec {
	s := fanSpec{treeSpec: randomTree(seed)}
	rng := rand.New(rand.NewPCG(seed, 95))
	s.Readers = 1 + rng.IntN(3)
	s.Channels = 2 * (1 + rng.IntN(3))
	s.Products = s.Last
	return s
}

func (s fanSpec) build() (*onnxio.Model, *tree, error) {
	t := &tree{graphBuilder: &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 96)), elem: s.Elem, scale: 0.5}, treeSpec: s.treeSpec, tags: map[string]bool{}, before: map[string]map[int]bool{}}
	m := may{t.rng.IntN(2) == 0, t.rng.IntN(2) == 0}
	x := t.input(s.Channels, s.Sizes)
	x.name = t.op("Sigmoid", []string{x.name})
	x = t.scaled(x, m, false)
	if s.Break == "signs and borders" {
		m = may{}
	}
	for range s.Readers {
		y := x
		for range t.rng.IntN(3) {
			y = t.towards(y, m)
		}
		var out string
		if s.Break == "a reader without a layer" && t.rng.IntN(2) == 0 {
			out = t.op("Tanh", []string{y.name})
		} else {
			out = t.op("Sigmoid", []string{t.reader(y, m)})
		}
		t.outs = append(t.outs, onnxio.Untyped(out, s.Elem))
	}
	t.sabotage("")
	seen := map[string]bool{}
	t.outs = slices.DeleteFunc(t.outs, func(v *onnxio.ValueInfo) bool { again := seen[v.Name()]; seen[v.Name()] = true; return again })
	model, err := onnxio.NewModel(onnxio.Parts{Opset: s.Opset, Inputs: t.inputs, Outputs: t.outs, Nodes: t.nodes, Inits: t.inits})
	return model, t, err
}

func (s fanSpec) trial() randomCase { return treeTrial(s, s.Break, s.build) }

// towards is what stands between what is scaled and a layer that reads it.
func (t *tree) towards(x branch, m may) branch {
	axes, c := len(x.sizes), x.channels
	first := !t.Last && axes > 0
	window := []*onnxio.Attr{onnxio.IntsAttr("kernel_shape", attrs64(slices.Repeat([]int{3}, axes)...)), onnxio.IntsAttr("pads", attrs64(slices.Repeat([]int{1}, 2*axes)...))}
	k := t.rng.IntN(12)
	if t.before[x.name] == nil {
		t.before[x.name] = map[int]bool{}
	}
	if t.before[x.name][k] || x.joined && k < 2 {
		return x // an equal node, or a part that may hold nothing of what is scaled
	}
	t.before[x.name][k] = true
	switch {
	case k == 0 && c > 1:
		n := 1 + t.rng.IntN(c-1)
		x.name, x.channels = t.op("Slice", []string{x.name, t.ints(0), t.ints(n), t.ints(t.channelAxis())}), n
	case k == 1 && c > 1:
		n := 1 + t.rng.IntN(c-1)
		inputs, attrs := []string{x.name}, []*onnxio.Attr{onnxio.IntAttr("axis", int64(t.channelAxis()))}
		if t.Opset < 13 {
			attrs = append(attrs, onnxio.IntsAttr("split", attrs64(n, c-n)))
		} else {
			inputs = append(inputs, t.ints(n, c-n))
		}
		x.name, x.channels = t.outputs("Split", 2, inputs, attrs...)[0], n
	case k == 2:
		x.name = t.op("Gather", []string{x.name, t.ints(t.rng.Perm(c)...)}, onnxio.IntAttr("axis", int64(t.channelAxis())))
	case k == 3: // beside what is not scaled
		n := 1 + t.rng.IntN(2)
		parts := []string{x.name, t.op("Cos", []string{t.input(n, x.sizes).name})}
		x.joined = true
		if t.rng.IntN(2) == 0 {
			slices.Reverse(parts)
		}
		x.name, x.channels = t.op("Concat", parts, onnxio.IntAttr("axis", int64(t.channelAxis()))), c+n
	case k == 4 && first && !m.negative:
		x.name = t.op("MaxPool", []string{x.name}, window...)
	case k == 5 && first:
		x.name = t.op("AveragePool", []string{x.name}, window...)
	case k == 6 && first && !t.Open && product(x.sizes) > 1:
		x.name, x.sizes = t.op("GlobalAveragePool", []string{x.name}), slices.Repeat([]int{1}, axes)
	case k == 7 && !m.shift && !m.negative:
		x.name = t.op("Relu", []string{x.name})
	case k == 8 && !m.shift && !m.negative:
		x.name = t.op("LeakyRelu", []string{x.name}, onnxio.FloatAttr("alpha", 0.25))
	case k == 9 && first && !t.Open && product(x.sizes) <= 16:
		scales, i := append([]float64{1, 1}, slices.Repeat([]float64{2}, axes)...), -1
		at := t.weightOf(onnxio.Float32, func() float64 { i++; return scales[i] }, len(scales))
		roi := ""
		if t.Opset < 13 {
			roi = t.weightOf(onnxio.Float32, func() float64 { return 0 }, 0)
		}
		x.name = t.op("Resize", []string{x.name, roi, at}, onnxio.StringAttr("mode", "nearest"), onnxio.StringAttr("coordinate_transformation_mode", "asymmetric"), onnxio.StringAttr("nearest_mode", "floor"))
		x.sizes = slices.Clone(x.sizes)
		for i := range x.sizes {
			x.sizes[i] *= 2
		}
	case k == 10 && first && !t.Open && axes == 2 && !slices.ContainsFunc(x.sizes, func(n int) bool { return n%2 > 0 }):
		x.name, x.channels = t.op("SpaceToDepth", []string{x.name}, onnxio.IntAttr("blocksize", 2)), 4*c
		x.sizes = []int{x.sizes[0] / 2, x.sizes[1] / 2}
	case k == 11:
		x.name = t.op("Identity", []string{x.name})
	}
	return x
}

// reader is a layer that takes what is before it: a shift none that pads with zeros.
func (t *tree) reader(x branch, m may) string {
	axes, c, out := len(x.sizes), x.channels, 1+t.rng.IntN(4)
	bias := func(in []string) []string {
		if t.rng.IntN(2) == 0 {
			in = append(in, t.constant(t.draw, out))
		}
		return in
	}
	switch k := t.rng.IntN(5); {
	case t.Last && axes == 0 && k < 2:
		return t.op("Gemm", bias([]string{x.name, t.constant(t.small(c), c, out)}))
	case t.Last && k == 2 && t.einsum():
		y := t.op("Einsum", []string{x.name, t.constant(t.small(c), out, c)}, onnxio.StringAttr("equation", "...i,oi->...o"))
		return t.biased(y, out, m)
	case t.Last:
		return t.biased(t.op("MatMul", []string{x.name, t.constant(t.small(c), c, out)}), out, m)
	case k == 0 && !m.shift:
		w := append([]int{c, out}, slices.Repeat([]int{2}, axes)...)
		return t.op("ConvTranspose", bias([]string{x.name, t.constant(t.small(c), w...)}), onnxio.IntsAttr("strides", attrs64(slices.Repeat([]int{2}, axes)...)))
	case k == 1 && !t.Open && product(x.sizes) <= 8: // all positions at once
		n := c * product(x.sizes)
		return t.op("Gemm", []string{t.op("Reshape", []string{x.name, t.ints(0, n)}), t.constant(t.small(n), n, out), t.constant(t.draw, out)})
	case k == 2 && m.shift:
		w := append([]int{out, c}, slices.Repeat([]int{1}, axes)...)
		return t.op("Conv", bias([]string{x.name, t.constant(t.small(c), w...)}))
	}
	group, kernel, pads := 1, 1, 0
	if !m.shift {
		kernel, pads = 3, 1
	}
	if c%2 == 0 && t.rng.IntN(3) == 0 {
		group, out = 2, 2*out
	}
	w := append([]int{out, c / group}, slices.Repeat([]int{kernel}, axes)...)
	return t.op("Conv", bias([]string{x.name, t.constant(t.small(c), w...)}), onnxio.IntAttr("group", int64(group)), onnxio.IntsAttr("pads", attrs64(slices.Repeat([]int{pads}, 2*axes)...)))
}
