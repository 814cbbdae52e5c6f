package convert_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"repmlp/convert"
	"repmlp/onnxio"
)

// blockKind are RepMLP blocks: they merge fully, into one FC3, without BatchNorm and
// local conv.
var blockKind = randomKind{
	name:  "blocks",
	exact: func(seed uint64) randomCase { return randomSpec(seed).trial() },
	broken: func(seed uint64) randomCase {
		rng := rand.New(rand.NewPCG(seed, 23))
		s, ok := randomSpec(seed).broken(rng)
		for !ok {
			s, ok = randomSpec(rng.Uint64()).broken(rng)
		}
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"type: float32, float64, float16, bfloat16", "opset: 11, 13, 14, 17, 20, 23", "sizes: known, named batch, named", "readers: several",
		"fc3: conv, conv-bn, batched, matmul, gemm, split", "rows: shared", "form: auto, gemm, conv, columns, split",
		"layer: Conv dense, Conv grouped, Conv depthwise, Gemm, MatMul, BatchNormalization", "passed: AveragePool",
		"branch: identity, BN alone, BN before, layer scale, dilated, finer groups", "merged into: fc",
	},
	breaks: []string{"broken: " + strings.Join(breaks, ", ")},
}

// trial is the block with what is expected of it.
func (s blockSpec) trial() randomCase {
	form, name := s.form()
	c := randomCase{spec: s, build: s.build, opts: convert.Options{FC: form}, tags: []string{"fc3: " + s.FC3, "form: " + name}}
	for tag, has := range map[string]bool{"rows: shared": s.Shared, "branch: identity": s.Identity, "branch: BN alone": s.BNAlone,
		"branch: layer scale": s.LayerScale, "branch: global": s.Global, "broken: " + s.Break: s.Break != ""} {
		if has {
			c.tags = append(c.tags, tag)
		}
	}
	for _, k := range s.Kernels {
		for tag, has := range map[string]bool{"BN before": k.Pre, "dilated": k.DH*k.DW > 1, "finer groups": k.Finer > 1} {
			if has {
				c.tags = append(c.tags, "branch: "+tag)
			}
		}
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		ops, want := countOps(res.Model), 1
		if s.Global {
			want = 3
		}
		layers, local := layers(res.Model)
		if ops["BatchNormalization"] > 0 || local || layers != want || res.Verdict != convert.Fused {
			return fmt.Sprintf("%d layers, want %d", layers, want)
		}
		return ""
	}
	return c
}

// form makes every spelling of an FC meet every kind of block.
func (s blockSpec) form() (convert.FC, string) {
	forms := []convert.FC{convert.FCAuto, convert.FCGemm, convert.FCConv, convert.FCColumns, convert.FCSplit}
	i := s.Seed % uint64(len(forms))
	return forms[i], []string{"auto", "gemm", "conv", "columns", "split"}[i]
}

// layers counts the FC layers of a converted block and says whether a local
// conv is left. A Split, a Gemm for each group and a Concat are one layer.
func layers(m *onnxio.Model) (layers int, local bool) {
	made := map[string]string{}
	for _, n := range m.Graph().Nodes() {
		made[n.Outputs()[0]] = n.OpType()
	}
	for _, n := range m.Graph().Nodes() {
		switch n.OpType() {
		case "Conv":
			layers++
			for _, k := range n.Ints("kernel_shape") {
				local = local || k > 1
			}
		case "MatMul", "Gemm":
			layers++
		case "Concat":
			if made[n.Inputs()[0]] == "Gemm" {
				layers -= len(n.Inputs()) - 1
			}
		}
	}
	return layers, local
}

// A blockSpec is one random RepMLP block.
type blockSpec struct {
	Seed              uint64
	C, O, G           int // channels in and out, groups
	H, W, HP, WP      int // tile, tiles
	N                 int
	Dynamic           bool // the batch is a name
	Shared            bool // share sets: FC3 and convs act on G channels at a time
	Global            bool
	FC3               string // conv, conv-bn, matmul, gemm, batched, split
	Kernels           []localConv
	Identity, BNAlone bool
	LayerScale        bool
	Elem              onnxio.DType
	Opset             int64
	DynamicMap        bool   // height and width are names, the tiles are computed
	Break             string // the condition that the adversary breaks, "" for none
}

// A localConv is one branch of the local perceptron.
type localConv struct {
	KH, KW, DH, DW int
	Begin          [2]int
	Finer          int // group factor on top of FC3's
	Bias, BN, Pre  bool
}

func randomSpec(seed uint64) blockSpec {
	rng := rand.New(rand.NewPCG(seed, 21))
	s := blockSpec{Seed: seed, G: 1 + rng.IntN(3), H: 1 + rng.IntN(4), W: 1 + rng.IntN(4), HP: 1 + rng.IntN(3), WP: 1 + rng.IntN(3), N: 1 + rng.IntN(3)}
	s.C, s.O = s.G*(1+rng.IntN(2)), s.G*(1+rng.IntN(2))
	s.Dynamic = rng.IntN(2) == 0
	s.Elem = []onnxio.DType{onnxio.Float32, onnxio.Float32, onnxio.Float32, onnxio.Float64, onnxio.Float16, onnxio.BFloat16}[rng.IntN(6)]
	s.Opset = []int64{11, 13, 14, 17, 20, 23}[rng.IntN(6)]
	if s.Shared = rng.IntN(3) == 0; s.Shared {
		s.C = s.G * (1 + rng.IntN(3))
		s.O = s.C
		s.DynamicMap = rng.IntN(3) == 0
		s.Dynamic = s.Dynamic || s.DynamicMap
	}
	s.Global = !s.DynamicMap && rng.IntN(2) == 0
	forms := []string{"conv", "conv-bn", "batched"}
	if s.G == 1 {
		forms = []string{"conv", "conv-bn", "matmul", "gemm"}
	} else if !s.Shared {
		forms = append(forms, "split")
	}
	s.FC3 = forms[rng.IntN(len(forms))]
	for range 1 + rng.IntN(3) {
		k := localConv{KH: 1 + rng.IntN(4), KW: 1 + rng.IntN(4), DH: 1 + rng.IntN(2), DW: 1 + rng.IntN(2), Finer: 1, Bias: rng.IntN(2) == 0, BN: rng.IntN(3) > 0, Pre: rng.IntN(6) == 0}
		k.Begin = [2]int{rng.IntN((k.KH-1)*k.DH + 1), rng.IntN((k.KW-1)*k.DW + 1)}
		if s.C == s.O && !s.Shared && rng.IntN(2) == 0 {
			k.Finer = s.C / s.G
		}
		s.Kernels = append(s.Kernels, k)
	}
	if s.C == s.O {
		s.Identity, s.BNAlone = rng.IntN(3) == 0, rng.IntN(3) == 0
	}
	s.LayerScale = rng.IntN(3) == 0
	return s
}

// A graphBuilder collects nodes and weights.
type graphBuilder struct {
	rng   *rand.Rand
	elem  onnxio.DType
	scale float64 // of weights, 1 if zero
	nodes []*onnxio.Node
	inits []*onnxio.Tensor
	outs  []*onnxio.ValueInfo
	n     int
}

func (b *graphBuilder) op(op string, inputs []string, attrs ...*onnxio.Attr) string {
	b.n++
	out := fmt.Sprintf("v%d", b.n)
	b.nodes = append(b.nodes, onnxio.NewNode(fmt.Sprintf("%s_%d", op, b.n), op, inputs, []string{out}, attrs...))
	return out
}

func (b *graphBuilder) weight(draw func() float64, dims ...int) string {
	b.n++
	name := fmt.Sprintf("w%d", b.n)
	n := 1
	shape := make([]int64, len(dims))
	for i, d := range dims {
		n *= d
		shape[i] = int64(d)
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = draw()
	}
	raw, err := onnxio.EncodeFloat64(v, b.elem)
	if err != nil {
		panic(err)
	}
	t, err := onnxio.NewTensor(name, b.elem, shape, raw)
	if err != nil {
		panic(err)
	}
	b.inits = append(b.inits, t)
	return name
}

func (b *graphBuilder) normal(dims ...int) string {
	return b.weight(func() float64 {
		if b.scale > 0 {
			return b.scale * b.rng.NormFloat64()
		}
		return b.rng.NormFloat64()
	}, dims...)
}

// tiles is a Reshape target with the numbers of tiles computed from the shape
// of x: -1 stands for them in order, -2 for the inferred size.
func (s blockSpec) tiles(b *graphBuilder, dims ...int) string {
	shape := b.op("Shape", []string{"x"})
	side := func(axis, tile int) string {
		n := b.op("Gather", []string{shape, b.ints(axis)}, onnxio.IntAttr("axis", 0))
		return b.op("Div", []string{n, b.ints(tile)})
	}
	counts := []string{side(2, s.H), side(3, s.W)}
	var parts []string
	for _, d := range dims {
		switch d {
		case -1:
			parts = append(parts, counts[0])
			counts = counts[1:]
		case -2:
			parts = append(parts, b.ints(-1))
		default:
			parts = append(parts, b.ints(d))
		}
	}
	return b.op("Concat", parts, onnxio.IntAttr("axis", 0))
}

func (b *graphBuilder) ints(v ...int) string {
	b.n++
	name := fmt.Sprintf("i%d", b.n)
	list := make([]int64, len(v))
	for i, x := range v {
		list[i] = int64(x)
	}
	b.inits = append(b.inits, onnxio.NewInts(name, []int64{int64(len(v))}, list))
	return name
}

func (b *graphBuilder) reshape(x string, dims ...int) string {
	return b.op("Reshape", []string{x, b.ints(dims...)})
}

func (b *graphBuilder) transpose(x string, perm ...int64) string {
	return b.op("Transpose", []string{x}, onnxio.IntsAttr("perm", perm))
}

func (b *graphBuilder) norm(x string, c int) string {
	positive := func() float64 { return 0.3 + b.rng.Float64() }
	return b.op("BatchNormalization", []string{x, b.normal(c), b.normal(c), b.normal(c), b.weight(positive, c)})
}

func attrs64(v ...int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// build writes the block as a model.
func (s blockSpec) build() (*onnxio.Model, error) {
	b := &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 22)), elem: s.Elem}
	if s.Elem.Bits() == 16 {
		b.scale = 0.25 // float16 ends at 65504
	}
	h, w := s.H*s.HP, s.W*s.WP
	x := "x"
	if s.Global {
		p := b.op("AveragePool", []string{"x"}, onnxio.IntsAttr("kernel_shape", attrs64(s.H, s.W)), onnxio.IntsAttr("strides", attrs64(s.H, s.W)))
		n := s.C * s.HP * s.WP
		p = b.reshape(b.norm(p, s.C), -1, n)
		p = b.op("Gemm", []string{p, b.normal(n/2+1, n), b.normal(n/2 + 1)}, onnxio.IntAttr("transB", 1))
		p = b.op("Gemm", []string{b.op("Relu", []string{p}), b.normal(n/2+1, n)})
		v := b.reshape(p, -1, s.C, s.HP, 1, s.WP, 1)
		x = b.op("Add", []string{b.reshape("x", -1, s.C, s.HP, s.H, s.WP, s.W), v})
	} else if s.DynamicMap {
		x = b.op("Reshape", []string{"x", s.tiles(b, -2, s.C, -1, s.H, -1, s.W)})
	} else {
		x = b.reshape("x", -1, s.C, s.HP, s.H, s.WP, s.W)
	}
	cut := func(x string) string { return b.transpose(x, 0, 2, 4, 1, 3, 5) }
	t := cut(x)
	other := t
	switch s.Break {
	case "other tensor":
		other = cut(b.op("Sigmoid", []string{x}))
	case "row order":
		other = b.transpose(x, 0, 4, 2, 1, 3, 5)
	}
	// Channels of one row: all of them, or one share set.
	c, o := s.C, s.O
	if s.Shared {
		c, o = s.G, s.G
	}
	p, q := c*s.H*s.W, o*s.H*s.W
	f := s.fc3(b, t, c, o, p, q)
	var sum []string
	for i, k := range s.Kernels {
		in := other
		if i > 0 {
			in = t
		}
		y := b.reshape(in, -1, c, s.H, s.W)
		if k.Pre {
			y = b.norm(y, c)
		}
		group := s.G * k.Finer
		if s.Break == "coarser groups" && i == 0 {
			group = 1
		}
		inputs := []string{y, b.normal(o, c/group, k.KH, k.KW)}
		if s.Break == "dynamic weight" && i == 0 {
			m := b.op("ReduceMean", []string{"x"}, onnxio.IntAttr("keepdims", 0))
			inputs[1] = b.op("Mul", []string{inputs[1], m})
		}
		if k.Bias {
			inputs = append(inputs, b.normal(o))
		}
		eh, ew := (k.KH-1)*k.DH-k.Begin[0], (k.KW-1)*k.DW-k.Begin[1]
		y = b.op("Conv", inputs, onnxio.IntAttr("group", int64(group)), onnxio.IntsAttr("kernel_shape", attrs64(k.KH, k.KW)),
			onnxio.IntsAttr("dilations", attrs64(k.DH, k.DW)), onnxio.IntsAttr("pads", attrs64(k.Begin[0], k.Begin[1], eh, ew)))
		if k.BN {
			y = b.norm(y, o)
		}
		if i == 0 {
			y = s.sabotage(b, y, o)
		}
		if s.LayerScale {
			y = b.op("Mul", []string{y, b.normal(1, o, 1, 1)})
		}
		sum = append(sum, y)
	}
	if s.Identity {
		sum = append(sum, b.reshape(t, -1, c, s.H, s.W))
	}
	if s.BNAlone {
		sum = append(sum, b.norm(b.reshape(t, -1, c, s.H, s.W), c))
	}
	y := sum[0]
	for _, z := range sum[1:] {
		y = b.op("Add", []string{z, y})
	}
	y = b.op("Add", []string{b.reshape(f, -1, o, s.H, s.W), y})
	if s.Break == "gate" {
		y = b.op("Mul", []string{y, b.op("Sigmoid", []string{b.reshape(f, -1, o, s.H, s.W)})})
	}
	if s.DynamicMap {
		y = b.op("Reshape", []string{y, s.tiles(b, -2, -1, -1, s.O, s.H, s.W)})
	} else {
		y = b.reshape(y, -1, s.HP, s.WP, s.O, s.H, s.W)
	}
	y = b.transpose(y, 0, 3, 1, 4, 2, 5)
	if s.DynamicMap {
		b.op("Reshape", []string{y, b.op("Shape", []string{"x"})})
	} else {
		b.op("Reshape", []string{y, b.ints(-1, s.O, h, w)})
	}
	last := b.nodes[len(b.nodes)-1]
	b.nodes[len(b.nodes)-1] = last.WithInputs(last.Name(), last.Inputs(), []string{"y"})

	batch := onnxio.Known(int64(s.N))
	if s.Dynamic {
		batch = onnxio.Named("batch")
	}
	height, width := onnxio.Known(int64(h)), onnxio.Known(int64(w))
	if s.DynamicMap {
		height, width = onnxio.Named("height"), onnxio.Named("width")
	}
	return onnxio.NewModel(onnxio.Parts{
		Opset:   s.Opset,
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", b.elem, batch, onnxio.Known(int64(s.C)), height, width)},
		Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue("y", b.elem, onnxio.Named("out_batch"), onnxio.Known(int64(s.O)), onnxio.Named("out_height"), onnxio.Named("out_width"))}, b.outs...),
		Nodes:   b.nodes, Inits: b.inits,
	})
}

// fc3 writes the partition perceptron in the wanted spelling, with BatchNorm.
func (s blockSpec) fc3(b *graphBuilder, t string, c, o, p, q int) string {
	rows := func() string { return b.reshape(t, -1, p) }
	var y string
	switch s.FC3 {
	case "conv", "conv-bn":
		y = b.op("Conv", []string{b.reshape(t, -1, p, 1, 1), b.normal(q, p/s.G, 1, 1)}, onnxio.IntAttr("group", int64(s.G)))
		if s.FC3 == "conv-bn" {
			return b.norm(y, q)
		}
		y = b.reshape(y, -1, q)
	case "matmul":
		y = b.op("Add", []string{b.normal(q), b.op("MatMul", []string{rows(), b.normal(p, q)})})
	case "gemm":
		return b.op("Gemm", []string{rows(), b.normal(q, p), b.normal(q)}, onnxio.IntAttr("transB", 1))
	case "batched":
		y = b.op("MatMul", []string{b.reshape(t, -1, s.G, 1, p/s.G), b.normal(s.G, p/s.G, q/s.G)})
		y = b.reshape(y, -1, q)
	case "split":
		var parts []string
		names := make([]string, s.G)
		for i := range names {
			b.n++
			names[i] = fmt.Sprintf("piece%d", b.n)
		}
		attrs := []*onnxio.Attr{onnxio.IntAttr("axis", 1)}
		if s.Opset >= 18 {
			attrs = append(attrs, onnxio.IntAttr("num_outputs", int64(s.G)))
		}
		b.nodes = append(b.nodes, onnxio.NewNode("split", "Split", []string{rows()}, names, attrs...))
		for _, n := range names {
			parts = append(parts, b.op("MatMul", []string{n, b.normal(p/s.G, q/s.G)}))
		}
		y = b.op("Concat", parts, onnxio.IntAttr("axis", 1))
	}
	if s.Shared { // one entry of the BatchNorm for every share set
		return b.norm(b.reshape(y, -1, o, s.H, s.W), o)
	}
	return b.norm(y, q)
}

// breaks lists what the adversary does, one condition at a time.
var breaks = []string{"other tensor", "row order", "tap", "relu", "batch statistics", "row constant", "coarser groups", "dynamic weight", "gate", "instance norm", "max pool"}

// sabotage breaks one condition inside the first branch.
func (s blockSpec) sabotage(b *graphBuilder, y string, o int) string {
	switch s.Break {
	case "tap":
		b.outs = append(b.outs, onnxio.NewValue(y, b.elem, onnxio.Named("rows"), onnxio.Known(int64(o)), onnxio.Known(int64(s.H)), onnxio.Known(int64(s.W))))
	case "relu":
		return b.op("Relu", []string{y})
	case "batch statistics":
		return b.op("InstanceNormalization", []string{y, b.normal(o), b.normal(o)}, onnxio.FloatAttr("epsilon", 0.1)) // few numbers in 16 bits may be all but equal
	case "row constant":
		six := b.reshape(y, -1, s.HP, s.WP, o, s.H, s.W)
		return b.reshape(b.op("Add", []string{six, b.normal(1, s.HP, s.WP, 1, 1, 1)}), -1, o, s.H, s.W)
	case "instance norm":
		return b.op("InstanceNormalization", []string{y, b.normal(o), b.normal(o)}, onnxio.FloatAttr("epsilon", 0.1)) // few numbers in 16 bits may be all but equal
	case "max pool":
		return b.op("MaxPool", []string{y}, onnxio.IntsAttr("kernel_shape", []int64{3, 3}), onnxio.IntsAttr("pads", []int64{1, 1, 1, 1}))
	}
	return y
}

// broken returns the spec with one condition broken; ok is false where that
// break does not apply to it.
func (s blockSpec) broken(rng *rand.Rand) (blockSpec, bool) {
	s.Break = breaks[rng.IntN(len(breaks))]
	switch s.Break {
	case "row order":
		s.WP = s.HP
		return s, s.HP > 1 && (!s.DynamicMap || s.H == s.W)
	case "coarser groups":
		if s.G == 1 || s.Shared {
			return s, false
		}
		s.Kernels = slices.Clone(s.Kernels)
		s.Kernels[0].Finer = 1
	case "row constant":
		return s, !s.Shared && s.HP*s.WP > 1 && !s.DynamicMap
	}
	return s, true
}
