package convert_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"repmlp/convert"
	"repmlp/onnxio"
)

// treeKind are trees of layers, whose results are joined, selected and passed on, with scales
// and shifts on top and between. Each of these goes back to the layers at the ends of
// the tree, which take it.
var treeKind = randomKind{
	name:  "trees",
	rare:  2,
	exact: func(seed uint64) randomCase { return randomTree(seed).trial() },
	broken: func(seed uint64) randomCase {
		s := randomTree(seed)
		s.Break = treeBreaks[seed%uint64(len(treeBreaks))]
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"type: float32, float64, float16, bfloat16", "opset: 11, 13, 17, 18, 21, 23", "rank: 2, 3, 4, 5", "sizes: named batch, named", "sources: several",
		"layer: Conv 1-d, Conv 2-d, Conv 3-d, Conv dense, Conv grouped, Conv depthwise, ConvTranspose dense, ConvTranspose grouped, Gemm, MatMul, Einsum, BatchNormalization",
		"norm: InstanceNormalization, LayerNormalization, GroupNormalization, RMSNormalization",
		"join: Concat, Add, Sub, Sum, Max, Min, Mul", "selection: Split, Slice, Gather, DepthToSpace",
		"passed: MaxPool, AveragePool, ReduceMean, Resize, Expand, Tile, Pad constant, Pad edge, Neg",
		"view: Reshape, Unsqueeze, Squeeze, Transpose, Identity", "activated: Relu, LeakyRelu, PRelu, identity LeakyRelu, identity Clip, identity Dropout",
		"constant beside: Mul, Div, Add, Sub, Pow", "constant through: Identity, Transpose, Reshape, Mul, Cast, Concat, Neg, Unsqueeze, Sqrt, Add",
		"scaled: in another rank, channels last, beside, by a BatchNormalization", "pad: before a layer", "merged into: conv, fc, norm, what moved",
	},
	breaks: []string{"broken: " + strings.Join(treeBreaks, ", ")},
}

// treeBreaks are conditions that an adversary takes away.
var treeBreaks = []string{"output", "activation", "weights from data", "positions", "a part without a layer", "signs and borders"}

// A treeSpec is one random tree.
type treeSpec struct {
	Seed     uint64
	Sizes    []int // behind the channels
	Open     bool  // they are names
	Last     bool  // the channels are the last axis
	Products bool  // some layers are products of matrices
	Channels int
	Depth    int
	Elem     onnxio.DType
	Opset    int64
	Break    string
}

func randomTree(seed uint64) treeSpec {
	rng := rand.New(rand.NewPCG(seed, 91))
	s := treeSpec{Seed: seed, Channels: 1 + rng.IntN(6), Depth: 1 + rng.IntN(3), Opset: []int64{11, 13, 17, 18, 21, 23}[rng.IntN(6)],
		Elem: []onnxio.DType{onnxio.Float32, onnxio.Float32, onnxio.Float32, onnxio.Float64, onnxio.Float16, onnxio.BFloat16}[rng.IntN(6)]}
	axes := []int{0, 1, 1, 2, 2, 2, 3}[rng.IntN(7)]
	for range axes {
		s.Sizes = append(s.Sizes, 2+2*rng.IntN(2))
	}
	s.Last = axes < 3 && rng.IntN(4) == 0 || axes == 0
	s.Products = s.Last || rng.IntN(2) == 0
	s.Open = axes > 0 && rng.IntN(4) == 0
	return s
}

// A tree is one in the making.
type tree struct {
	*graphBuilder
	treeSpec
	inputs []*onnxio.ValueInfo
	tags   map[string]bool
	before map[string]map[int]bool // what readers of a value do
	pads   int                     // Pads that stay
}

// A branch is a value of the tree. What it may be scaled by from above follows from what
// stands there.
type branch struct {
	name     string
	channels int
	sizes    []int
	joined   bool // with what is not scaled
}

// may says what comes from above.
type may struct {
	shift, negative bool
}

func (s treeSpec) build() (*onnxio.Model, *tree, error) {
	t := &tree{graphBuilder: &graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 92)), elem: s.Elem, scale: 0.5}, treeSpec: s, tags: map[string]bool{}}
	m := may{t.rng.IntN(2) == 0, t.rng.IntN(2) == 0}
	y := t.scaled(t.grow(s.Depth, branch{channels: s.Channels, sizes: s.Sizes}, m), m, true)
	t.sabotage(y.name)
	out := t.op("Sigmoid", []string{y.name})
	model, err := onnxio.NewModel(onnxio.Parts{Opset: s.Opset, Inputs: t.inputs, Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue(out, s.Elem)}, t.outs...), Nodes: t.nodes, Inits: t.inits})
	return model, t, err
}

// trial is the tree with what is expected of it: nothing is left of scales, shifts and
// activations that do nothing.
func (s treeSpec) trial() randomCase { return treeTrial(s, s.Break, s.build) }

func treeTrial(spec any, broken string, build func() (*onnxio.Model, *tree, error)) randomCase {
	c := randomCase{spec: spec}
	m, t, err := build()
	c.build = func() (*onnxio.Model, error) { return m, err }
	if err != nil {
		return c
	}
	for tag := range t.tags {
		c.tags = append(c.tags, tag)
	}
	if broken != "" {
		c.tags = append(c.tags, "broken: "+broken)
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		if left := scalesLeft(res.Model); len(left) > 0 {
			return fmt.Sprintf("%v left", left)
		}
		if have := countOps(res.Model)["Pad"]; have > t.pads {
			return fmt.Sprintf("%d Pads, want %d", have, t.pads)
		}
		if res.Verdict != convert.Fused && res.Verdict != convert.Partial { // sums of other branches may count as a place
			return "nothing merged"
		}
		return ""
	}
	return c
}

// scalesLeft lists the nodes of a model that scale or shift by constants, or do nothing.
// The bias of a product is none.
func scalesLeft(m *onnxio.Model) []string {
	var left []string
	constant, made := map[string]bool{}, map[string]string{}
	for _, t := range m.Graph().Inits() {
		constant[t.Name()] = true
	}
	for _, n := range m.Graph().Nodes() {
		count, from := 0, ""
		for _, in := range n.Inputs() {
			if !constant[in] && in != "" {
				count++
				from = made[in]
			}
		}
		made[n.Outputs()[0]] = n.OpType()
		switch op := n.OpType(); {
		case (op == "Add" || op == "Sub" && !constant[n.Inputs()[0]]) && (from == "MatMul" || from == "Einsum"): // the bias of a product
		case count == 0:
			for _, o := range n.Outputs() {
				constant[o] = true
			}
		case op == "BatchNormalization", op == "Neg", op == "Dropout", op == "Clip",
			slices.Contains([]string{"Add", "Sub", "Mul", "Div", "Pow"}, op) && count < 2, op == "LeakyRelu" && n.Float("alpha", 0.01) == 1:
			left = append(left, n.Title())
		}
	}
	return left
}

// axis is where axis i of the sizes stands, channels being axis -1.
func (t *tree) axis(i int) int {
	switch {
	case t.Last && i < 0:
		return len(t.Sizes) + 1
	case t.Last:
		return i + 1
	}
	return i + 2
}

func (t *tree) channelAxis() int {
	if t.Last {
		return t.axis(-1)
	}
	return 1
}

// dims lays channels and sizes out; the batch is first.
func (t *tree) dims(batch, channels int, sizes []int) []int {
	if t.Last {
		return slices.Concat([]int{batch}, sizes, []int{channels})
	}
	return slices.Concat([]int{batch, channels}, sizes)
}

// input is a map that no layer made: an input, or an activation of one.
func (t *tree) input(channels int, sizes []int) branch {
	name := fmt.Sprintf("x%d", channels)
	for _, n := range sizes {
		name += fmt.Sprintf("_%d", n)
	}
	if t.rng.IntN(3) == 0 {
		name += "b"
	}
	if !slices.ContainsFunc(t.inputs, func(v *onnxio.ValueInfo) bool { return v.Name() == name }) {
		dims := []onnxio.Dim{onnxio.Named("N")}
		for i, n := range t.dims(0, channels, sizes)[1:] {
			if size := i + 1 - 1; i+1 != t.channelAxis() && t.Open {
				dims = append(dims, onnxio.Named(fmt.Sprint("S", size)))
			} else {
				dims = append(dims, onnxio.Known(int64(n)))
			}
		}
		t.inputs = append(t.inputs, onnxio.NewValue(name, t.Elem, dims...))
	}
	if t.rng.IntN(4) == 0 {
		name = t.op("Tanh", []string{name})
	}
	return branch{name: name, channels: channels, sizes: sizes}
}

func (t *tree) draw() float64 { return 0.5 * t.rng.NormFloat64() }

// positive are numbers whose size is that of a scale.
func (t *tree) positive() float64 { return 0.5 + t.rng.Float64() }

// factor are numbers of either sign, none of them small.
func (t *tree) factor() float64 { return t.positive() * float64(1-2*t.rng.IntN(2)) }

func (t *tree) constant(draw func() float64, dims ...int) string {
	return t.through(t.Opset, draw, dims...)
}

// small is how weights of a layer with so many inputs are drawn.
func (t *tree) small(fan int) func() float64 {
	return func() float64 { return t.rng.NormFloat64() / (1 + float64(fan)/4) }
}

// grow makes a branch of so many channels and sizes.
func (t *tree) grow(depth int, like branch, m may) branch {
	if depth == 0 {
		return t.leaf(like, m)
	}
	ways := []func(int, branch, may) branch{t.joined, t.joined, t.picked, t.passed, t.passed, t.recut, t.between}
	return ways[t.rng.IntN(len(ways))](depth-1, like, m)
}

// between scales and shifts inside of the tree.
func (t *tree) between(depth int, like branch, m may) branch {
	own := may{t.rng.IntN(2) == 0, t.rng.IntN(2) == 0}
	if t.rng.IntN(3) == 0 {
		return t.idle(t.grow(depth, like, m))
	}
	return t.scaled(t.grow(depth, like, may{m.shift || own.shift, m.negative || own.negative}), own, false)
}

// idle is what calculates and gives what it takes.
func (t *tree) idle(x branch) branch {
	one := t.weight(func() float64 { return 1 })
	switch t.rng.IntN(7) {
	case 0:
		x.name = t.op("LeakyRelu", []string{x.name}, onnxio.FloatAttr("alpha", 1))
	case 1:
		x.name = t.op("Clip", []string{x.name})
	case 2:
		x.name = t.op("Dropout", []string{x.name})
	case 3:
		x.name = t.op("Identity", []string{x.name})
	case 4:
		x.name = t.op("Pow", []string{x.name, one})
	case 5:
		x.name = t.op("Mul", []string{one, x.name})
	case 6:
		x.name = t.op("Sub", []string{x.name, t.weight(func() float64 { return 0 }, 1)})
	}
	return x
}

// sabotage breaks one condition in what stands before y.
func (t *tree) sabotage(y string) {
	float := func(i int) bool { // a node that makes data
		n := t.nodes[i]
		return len(n.Inputs()) > 0 && !strings.HasPrefix(n.Inputs()[0], "w") && !strings.HasPrefix(n.Inputs()[0], "i") && n.OpType() != "Shape" && len(n.Outputs()) == 1 && !t.isConstant(n.Inputs()[0])
	}
	var at []int
	for i := range t.nodes {
		if float(i) {
			at = append(at, i)
		}
	}
	i := at[t.rng.IntN(len(at))]
	from := t.nodes[i].Outputs()[0]
	switch t.Break {
	case "output":
		if from != y {
			t.outs = append(t.outs, onnxio.Untyped(from, t.Elem))
		}
	case "activation":
		t.insert(i, "Tanh", from)
	case "weights from data":
		t.insert(i, "Mul", from, t.op("ReduceMax", []string{t.inputs[0].Name()}, onnxio.IntAttr("keepdims", 0)))
	}
}

func (t *tree) isConstant(name string) bool {
	for _, n := range t.nodes {
		if len(n.Outputs()) > 0 && n.Outputs()[0] == name {
			return len(n.Inputs()) == 0 || !slices.ContainsFunc(n.Inputs(), func(in string) bool { return !t.isConstant(in) })
		}
	}
	return !slices.ContainsFunc(t.inputs, func(v *onnxio.ValueInfo) bool { return v.Name() == name })
}

// insert puts a node behind node i, before all of its readers.
func (t *tree) insert(i int, op, from string, more ...string) {
	t.n++
	to := fmt.Sprintf("ins%d", t.n)
	for k := i + 1; k < len(t.nodes); k++ {
		in := slices.Clone(t.nodes[k].Inputs())
		for j := range in {
			if in[j] == from {
				in[j] = to
			}
		}
		t.nodes[k] = t.nodes[k].WithInputs(t.nodes[k].Name(), in, t.nodes[k].Outputs())
	}
	made := t.nodes[len(t.nodes)-1]
	if len(more) > 0 { // its operand first
		t.nodes = slices.Insert(t.nodes[:len(t.nodes)-1], i+1, made)
		i++
	}
	t.nodes = slices.Insert(t.nodes, i+1, onnxio.NewNode(to, op, append([]string{from}, more...), []string{to}))
}
