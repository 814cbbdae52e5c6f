package convert_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"repmlp/convert"
	"repmlp/onnxio"
)

// placeKind are places at which something goes into what stands beside it.
var placeKind = randomKind{
	name:  "places",
	exact: func(seed uint64) randomCase { return randomPlace(seed).trial() },
	broken: func(seed uint64) randomCase {
		s := randomPlace(seed)
		s.Break = true
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"place: " + strings.Join(placeKinds, ", "), "type: float32, float64, float16", "opset: 11, 13, 17, 18, 21, 23", "outputs: several", "readers: several",
		"norm: InstanceNormalization, LayerNormalization, GroupNormalization, RMSNormalization", "passed: Pad constant, AveragePool",
		"activated: LeakyRelu, PRelu, Clip", "constant beside: Add, Sub, Mul, Div, Pow", "layer: Conv dense, Conv grouped, Conv depthwise",
		"merged into: conv, identity, norm, pool",
	},
	breaks: []string{"place: " + strings.Join(placeKinds, ", ")},
}

// trial is the place with what is expected of it.
func (s placeSpec) trial() randomCase {
	var left map[string]int
	c := randomCase{spec: s, tags: []string{"place: " + s.Kind}}
	c.build = func() (m *onnxio.Model, err error) {
		m, left, err = s.build()
		return m, err
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		ops := countOps(res.Model)
		for _, op := range slices.Sorted(maps.Keys(left)) {
			if ops[op] > left[op] {
				return fmt.Sprintf("%d %s, want %d", ops[op], op, left[op])
			}
		}
		if res.Verdict != convert.Fused {
			return "not all"
		}
		return ""
	}
	return c
}

// A placeSpec is one random place at which something goes into what stands beside it.
type placeSpec struct {
	Seed  uint64
	Kind  string // one of placeKinds
	Elem  onnxio.DType
	Opset int64
	Break bool // a condition is taken away
}

// placeKinds are what random places hold: convs in series, each padded along its own
// axis; nodes that calculate and give what they take; zeros around a map; what follows a
// normalisation.
var placeKinds = []string{"strips", "idle", "zeros", "norm"}

func randomPlace(seed uint64) placeSpec {
	rng := rand.New(rand.NewPCG(seed, 71))
	s := placeSpec{Seed: seed, Kind: placeKinds[rng.IntN(len(placeKinds))]}
	s.Elem = []onnxio.DType{onnxio.Float32, onnxio.Float32, onnxio.Float64, onnxio.Float16}[rng.IntN(4)]
	s.Opset = []int64{11, 13, 17, 18, 21, 23}[rng.IntN(6)]
	return s
}

// A place is a model in the making, and the operators that a conversion has to leave at
// most.
type place struct {
	*graphBuilder
	placeSpec
	dims []int // of x
	left map[string]int
}

func (s placeSpec) build() (*onnxio.Model, map[string]int, error) {
	p := &place{graphBuilder: &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 72)), elem: s.Elem}, placeSpec: s, left: map[string]int{}}
	var y string
	switch s.Kind {
	case "strips":
		y = p.strips()
	case "idle":
		y = p.idle()
	case "zeros":
		y = p.zeros()
	case "norm":
		y = p.norms()
	}
	dims := []onnxio.Dim{onnxio.Named("N")}
	for _, d := range p.dims[1:] {
		dims = append(dims, onnxio.Known(int64(d)))
	}
	m, err := onnxio.NewModel(onnxio.Parts{Opset: s.Opset, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", s.Elem, dims...)},
		Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue(y, s.Elem)}, p.outs...), Nodes: p.nodes, Inits: p.inits})
	return m, p.left, err
}

// none says which operators must all go.
func (p *place) none(ops ...string) {
	for _, op := range ops {
		p.left[op] = 0
	}
}

// conv is a convolution of two axes.
func (p *place) conv(x string, in, out, g int, kernel, begin, end, stride [2]int, bias bool) string {
	inputs := []string{x, p.normal(out, in/g, kernel[0], kernel[1])}
	if bias {
		inputs = append(inputs, p.normal(out))
	}
	return p.op("Conv", inputs, onnxio.IntsAttr("pads", attrs64(begin[0], begin[1], end[0], end[1])), onnxio.IntsAttr("strides", attrs64(stride[0], stride[1])), onnxio.IntAttr("group", int64(g)))
}

// strips are K×1 and 1×K in series beside K×K.
func (p *place) strips() string {
	rng := p.rng
	g := 1 + rng.IntN(3)
	c, o := g*(1+rng.IntN(2)), g*(1+rng.IntN(2))
	p.dims = []int{2, c, 4 + rng.IntN(5), 4 + rng.IntN(5)}
	var k, begin, end, stride [2]int
	for i := range 2 {
		k[i] = 2 + rng.IntN(3)
		begin[i] = rng.IntN(k[i])
		end[i] = k[i] - 1 - begin[i]
		stride[i] = 1 + rng.IntN(2)
	}
	first := rng.IntN(2) // the axis of the first strip
	only := func(v [2]int, axis, other int) [2]int {
		v[1-axis] = other
		return v
	}
	x := p.conv("x", c, c, g, only(k, first, 1), only(begin, first, 0), only(end, first, 0), only(stride, first, 1), p.Break)
	x = p.conv(x, c, o, g, only(k, 1-first, 1), only(begin, 1-first, 0), only(end, 1-first, 0), only(stride, 1-first, 1), rng.IntN(2) == 0)
	if rng.IntN(2) == 0 {
		x = p.norm(x, o)
	}
	y := p.op("Add", []string{x, p.conv("x", c, o, g, k, begin, end, stride, rng.IntN(2) == 0)})
	p.none("Add", "BatchNormalization")
	p.left["Conv"] = 1
	return p.op("Relu", []string{y})
}

func (p *place) filled(f float64, dims ...int) string {
	return p.weight(func() float64 { return f }, dims...)
}

// constant is a constant beside four axes of c channels: one number, or one for each channel.
func (p *place) constant(f float64, c int) string {
	switch p.rng.IntN(3) {
	case 0:
		return p.filled(f)
	case 1:
		return p.filled(f, c, 1, 1)
	}
	return p.filled(f, 1, c, 1, 1)
}

// idle is a run of nodes that calculate and give what they take, between activations.
func (p *place) idle() string {
	c := 1 + p.rng.IntN(4)
	p.dims = []int{2, c, 3, 4}
	x := p.op("Relu", []string{"x"})
	count := 1 + p.rng.IntN(4)
	broken := p.rng.IntN(count)
	for i := range count {
		one, zero := 1.0, 0.0
		if p.Break && i == broken {
			one, zero = 0.5, 0.25
		}
		switch p.rng.IntN(8) {
		case 0:
			x = p.op("LeakyRelu", []string{x}, onnxio.FloatAttr("alpha", float32(one)))
		case 1:
			x = p.op("PRelu", []string{x, p.filled(one, c, 1, 1)})
		case 2:
			inputs := []string{x}
			if zero != 0 {
				inputs = append(inputs, "", p.filled(zero))
			}
			x = p.op("Clip", inputs)
		case 3:
			x = p.op("Add", []string{x, p.constant(zero, c)})
		case 4:
			x = p.op("Sub", []string{x, p.constant(zero, c)})
		case 5:
			x = p.op("Mul", []string{p.constant(one, c), x})
		case 6:
			x = p.op("Div", []string{x, p.constant(one, c)})
		case 7:
			x = p.op("Pow", []string{x, p.constant(one, c)})
		}
		if p.rng.IntN(6) == 0 { // others read what lies between
			p.outs = append(p.outs, onnxio.NewValue(p.op("Sigmoid", []string{x}), p.Elem))
		}
	}
	p.none("LeakyRelu", "PRelu", "Clip", "Add", "Sub", "Mul", "Div", "Pow")
	return p.op("Sigmoid", []string{x})
}

// zeros are put around a map that convs and averages read.
func (p *place) zeros() string {
	c := 1 + p.rng.IntN(3)
	p.dims = []int{2, c, 5 + p.rng.IntN(4), 5 + p.rng.IntN(4)}
	pads := []int{0, 0, p.rng.IntN(2), p.rng.IntN(2), 0, 0, p.rng.IntN(2), 1}
	value := 0.0
	how := p.rng.IntN(3)
	if p.Break && how == 0 {
		value = 0.5
	}
	x := p.op("Pad", []string{"x", p.ints(pads...), p.filled(value)})
	own := func() [2]int { return [2]int{p.rng.IntN(2), p.rng.IntN(2)} }
	var parts []string
	for range 1 + p.rng.IntN(3) {
		var y string
		strides := [2]int{1 + p.rng.IntN(2), 1 + p.rng.IntN(2)}
		switch p.rng.IntN(3) {
		case 0:
			y = p.conv(x, c, 2, 1, [2]int{1 + p.rng.IntN(3), 3}, own(), own(), strides, p.rng.IntN(2) == 0)
		case 1:
			y = p.norm(p.conv(x, c, c, c, [2]int{3, 2}, own(), own(), strides, false), c)
		case 2:
			attrs := []*onnxio.Attr{onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("strides", attrs64(strides[0], strides[1]))}
			if p.rng.IntN(2) == 0 {
				attrs = append(attrs, onnxio.IntAttr("count_include_pad", 1), onnxio.IntsAttr("pads", attrs64(1, 0, 1, 1)))
			} else if p.Break && how == 1 {
				attrs = append(attrs, onnxio.IntsAttr("pads", attrs64(1, 0, 1, 1)))
			}
			y = p.op("AveragePool", []string{x}, attrs...)
		}
		parts = append(parts, p.op("GlobalMaxPool", []string{y}))
	}
	if p.Break && how == 2 {
		parts = append(parts, p.op("GlobalMaxPool", []string{p.op("MaxPool", []string{x}, onnxio.IntsAttr("kernel_shape", attrs64(2, 2)))}))
	}
	p.none("Pad", "BatchNormalization")
	return p.op("Concat", parts, onnxio.IntAttr("axis", 1))
}

// norms are normalisations with what scales and shifts their result.
func (p *place) norms() string {
	rng := p.rng
	c := 2 * (1 + rng.IntN(3))
	p.dims = []int{2, c, 1 + rng.IntN(4), 3 + rng.IntN(4)}
	kinds := []string{"InstanceNormalization"}
	if p.Opset >= 17 {
		kinds = append(kinds, "LayerNormalization")
	}
	if p.Opset >= 18 {
		kinds = append(kinds, "GroupNormalization")
	}
	if p.Opset >= 23 {
		kinds = append(kinds, "RMSNormalization")
	}
	kind := kinds[rng.IntN(len(kinds))]
	inputs := []string{"x"}
	var attrs []*onnxio.Attr
	along, wrong := []int{c, 1, 1}, []int{p.dims[3]}
	numbers := c
	switch kind {
	case "LayerNormalization", "RMSNormalization":
		axis := 2 + rng.IntN(2)
		along, wrong = p.dims[axis:], []int{c, 1, 1}
		attrs = append(attrs, onnxio.IntAttr("axis", int64(axis-4*rng.IntN(2))))
	case "GroupNormalization":
		attrs = append(attrs, onnxio.IntAttr("num_groups", 2))
		if p.Opset < 21 {
			numbers, along = 2, nil
		}
	}
	parameters := along
	if len(parameters) == 0 || kind == "InstanceNormalization" || kind == "GroupNormalization" {
		parameters = []int{numbers}
	}
	inputs = append(inputs, p.normal(parameters...))
	biased := kind != "RMSNormalization"
	if biased && (kind != "LayerNormalization" || rng.IntN(2) == 0) {
		inputs = append(inputs, p.normal(parameters...))
	}
	x := p.op(kind, inputs, attrs...)
	count := 1 + rng.IntN(4)
	broken := rng.IntN(count)
	for i := range count {
		dims := along
		switch {
		case p.Break && i == broken:
			dims = wrong
		case rng.IntN(3) == 0:
			dims = nil // one number
		}
		positive := func() float64 { return 0.5 + rng.Float64() }
		switch k := rng.IntN(5); {
		case k == 0:
			x = p.op("Mul", []string{x, p.normal(dims...)})
		case k == 1:
			x = p.op("Div", []string{x, p.weight(positive, dims...)})
		case k == 2 && biased:
			x = p.op("Add", []string{p.normal(dims...), x})
		case k == 3 && biased:
			x = p.op("Sub", []string{x, p.normal(dims...)})
		case k == 4 && slices.Equal(along, []int{c, 1, 1}):
			x = p.norm(x, c)
		default:
			x = p.op("Neg", []string{x})
		}
	}
	p.none("Mul", "Div", "Add", "Sub", "Neg", "BatchNormalization")
	return p.op("Sigmoid", []string{x})
}
