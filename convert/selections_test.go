package convert_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"repmlp/convert"
	"repmlp/onnxio"
)

// selectKind are selections that one conv can do by itself, whatever the sizes.
var selectKind = randomKind{
	name:  "selections",
	exact: func(seed uint64) randomCase { return randomSelection(seed).trial() },
	broken: func(seed uint64) randomCase {
		s := randomSelection(seed)
		s.Break = selectBreaks[seed%uint64(len(selectBreaks))]
		c := s.trial()
		c.missed = nil
		return c
	},
	shows: []string{
		"selected: " + strings.Join(selectKinds, ", ") + ", channels last", "type: float32, float64", "opset: 8, 11, 13, 18", "sizes: named batch, named", "rank: 3, 4, 5",
		"layer: Conv 1-d, Conv 2-d, Conv 3-d, Conv grouped", "join: Concat, Add, Sub", "selection: Split, Slice, Gather", "merged into: conv",
	},
	breaks: []string{"broken: " + strings.Join(selectBreaks, ", ")},
}

// trial is the selection with what is expected of it.
func (s selectSpec) trial() randomCase {
	c := randomCase{spec: s, build: s.build, tags: []string{"selected: " + s.Kind}}
	if s.Last {
		c.tags = append(c.tags, "selected: channels last")
	}
	if s.Break != "" {
		c.tags = append(c.tags, "broken: "+s.Break)
	}
	c.missed = func(_ *onnxio.Model, res *convert.Result) string {
		want := 2 // with the activation
		if s.Last {
			want++
		}
		if left := len(res.Model.Graph().Nodes()); countOps(res.Model)["Conv"] != 1 || left != want {
			return fmt.Sprintf("%d nodes, want %d", left, want)
		}
		return ""
	}
	return c
}

// A selectSpec is one random block in which a map is cropped, taken at a stride, cut into
// channels, copied or joined around convs, such that one conv does the same with no more
// weights.
type selectSpec struct {
	Seed    uint64
	Kind    string
	Axes    int // of the map
	C, O    int
	Sizes   []int
	Dynamic bool // the sizes are names
	Last    bool // channels last, until the conv
	Elem    onnxio.DType
	Opset   int64
	Norm    bool // one behind all
	Break   string
}

var selectKinds = []string{"focus", "stride", "crop behind", "channels behind", "turned channels", "chunks", "beside", "copies", "crops in a sum"}

// selectBreaks are conditions that an adversary takes away.
var selectBreaks = []string{"used elsewhere", "activation", "other input", "padding behind a crop", "backwards"}

func randomSelection(seed uint64) selectSpec {
	rng := rand.New(rand.NewPCG(seed, 61))
	s := selectSpec{Seed: seed, Kind: selectKinds[rng.IntN(len(selectKinds))], Axes: 1 + rng.IntN(3), C: 1 + rng.IntN(4), O: 1 + rng.IntN(5), Elem: onnxio.Float32, Opset: []int64{8, 11, 13, 18}[rng.IntN(4)]}
	for range s.Axes {
		s.Sizes = append(s.Sizes, 2*(3+rng.IntN(3)))
	}
	s.Dynamic = rng.IntN(3) == 0
	s.Last = rng.IntN(4) == 0 && slices.Contains([]string{"focus", "stride", "turned channels"}, s.Kind)
	s.Norm = rng.IntN(2) == 0
	if rng.IntN(4) == 0 {
		s.Elem = onnxio.Float64
	}
	return s
}

// A selection builds one.
type selection struct {
	*graphBuilder
	selectSpec
}

// axis is where axis i of the map stands in a value, channels being axis -1.
func (b selection) axis(i int, last bool) int {
	switch {
	case i < 0 && last:
		return b.Axes + 1
	case i < 0:
		return 1
	case last:
		return i + 1
	}
	return i + 2
}

const toTheEnd = 1<<31 - 1

// slice takes positions along an axis of a value.
func (b selection) slice(x string, axis, from, to, step int) string {
	if b.Opset < 10 {
		if step != 1 { // no steps: a conv with one tap takes them
			panic("a step in opset 9")
		}
		return b.op("Slice", []string{x}, onnxio.IntsAttr("starts", attrs64(from)), onnxio.IntsAttr("ends", attrs64(to)), onnxio.IntsAttr("axes", attrs64(axis)))
	}
	return b.op("Slice", []string{x, b.ints(from), b.ints(to), b.ints(axis), b.ints(step)})
}

// conv has the same kernel and padding along all axes.
func (b selection) conv(x string, in, out, group, kernel, begin, end int) string {
	dims, pads := []int{out, in / group}, make([]int, 2*b.Axes)
	for i := range b.Axes {
		dims = append(dims, kernel)
		pads[i], pads[b.Axes+i] = begin, end
	}
	inputs := []string{x, b.normal(dims...)}
	if b.rng.IntN(2) == 0 {
		inputs = append(inputs, b.normal(out))
	}
	return b.op("Conv", inputs, onnxio.IntAttr("group", int64(group)), onnxio.IntsAttr("pads", attrs64(pads...)))
}

// split takes a value apart.
func (b selection) split(x string, axis int, sizes ...int) []string {
	outs := make([]string, len(sizes))
	for i := range outs {
		b.n++
		outs[i] = fmt.Sprintf("s%d", b.n)
	}
	inputs, attrs := []string{x}, []*onnxio.Attr{onnxio.IntAttr("axis", int64(axis))}
	if b.Opset < 13 {
		attrs = append(attrs, onnxio.IntsAttr("split", attrs64(sizes...)))
	} else {
		inputs = append(inputs, b.ints(sizes...))
	}
	b.nodes = append(b.nodes, onnxio.NewNode(outs[0], "Split", inputs, outs, attrs...))
	return outs
}

func (b selection) join(axis int, parts ...string) string {
	return b.op("Concat", parts, onnxio.IntAttr("axis", int64(axis)))
}

// first brings the channels first.
func (b selection) first(x string) string {
	if !b.Last {
		return x
	}
	perm := []int{0, b.Axes + 1}
	for i := range b.Axes {
		perm = append(perm, i+1)
	}
	return b.transpose(x, attrs64(perm...)...)
}

// body is what becomes one conv of out channels.
func (b selection) body() (y string, out int) {
	k := 1 + 2*b.rng.IntN(2)
	pad := b.rng.IntN(k/2 + 1)
	channels := b.axis(-1, b.Last)
	switch b.Kind {
	case "focus":
		parts := []string{"x"}
		for i := range b.Axes {
			var next []string
			for _, x := range parts {
				for from := range 2 {
					next = append(next, b.slice(x, b.axis(i, b.Last), from, toTheEnd, 2))
				}
			}
			parts = next
		}
		b.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		return b.conv(b.first(b.join(channels, parts...)), b.C*len(parts), b.O, 1, k, pad, pad), b.O
	case "stride":
		x := "x"
		for i := range b.Axes {
			if i == 0 || b.rng.IntN(2) == 0 {
				x = b.slice(x, b.axis(i, b.Last), 0, toTheEnd, 2)
			}
		}
		return b.conv(b.first(x), b.C, b.O, 1, k, pad, pad), b.O
	case "crop behind":
		x := b.conv("x", b.C, b.O, 1, 3, 1+b.rng.IntN(2), 1)
		return b.slice(x, b.axis(b.rng.IntN(b.Axes), false), 1, []int{-1, toTheEnd}[b.rng.IntN(2)], 1), b.O
	case "channels behind":
		x := b.conv("x", b.C, b.O+2, 1, k, pad, pad)
		return b.slice(x, 1, 1, b.O+1, 1), b.O
	case "turned channels":
		at := b.rng.Perm(b.C)
		x := b.op("Gather", []string{"x", b.ints(at...)}, onnxio.IntAttr("axis", int64(channels)))
		return b.conv(b.first(x), b.C, b.O, 1, k, pad, pad), b.O
	case "chunks": // of equal groups, joined in their order
		each := 1 + b.rng.IntN(2)
		var sizes []int
		total := 0
		for range 2 + b.rng.IntN(2) {
			sizes = append(sizes, each*(1+b.rng.IntN(2)))
			total += sizes[len(sizes)-1]
		}
		var parts []string
		for i, x := range b.split("x", 1, sizes...) {
			parts = append(parts, b.conv(x, sizes[i], sizes[i], sizes[i]/each, k, pad, pad))
		}
		return b.join(1, parts...), total
	case "beside":
		return b.join(1, b.conv("x", b.C, b.O, 1, k, pad, pad), b.conv("x", b.C, 2, 1, k, pad, pad)), b.O + 2
	case "copies":
		n := 2 + b.rng.IntN(3)
		x := b.join(1, slices.Repeat([]string{"x"}, n)...)
		y := b.conv("x", b.C, n*b.C, 1, 3, 1, 1)
		if b.rng.IntN(2) == 0 {
			x, y = y, x
		}
		return b.op("Add", []string{x, y}), n * b.C
	}
	x := "x" // crops in a sum
	for i := range b.Axes {
		x = b.slice(x, b.axis(i, false), 1, -1, 1)
	}
	return b.op("Sub", []string{b.conv(x, b.C, b.O, 1, 3, 0, 0), b.conv("x", b.C, b.O, 1, 5, 0, 0)}), b.O
}

// channels is how many the input has.
func (s selectSpec) channels(b selection) int {
	if s.Kind != "chunks" {
		return s.C
	}
	for _, n := range b.nodes {
		if n.OpType() == "Split" {
			var sizes []int64
			if sizes = n.Ints("split"); sizes == nil {
				for _, t := range b.inits {
					if t.Name() == n.Inputs()[1] {
						sizes, _ = t.Int64s()
					}
				}
			}
			total := 0
			for _, v := range sizes {
				total += int(v)
			}
			return total
		}
	}
	return s.C
}

func (s selectSpec) build() (*onnxio.Model, error) {
	if (s.Kind == "focus" || s.Kind == "stride" || s.Break == "backwards") && s.Opset < 10 {
		s.Opset = 11
	}
	b := selection{&graphBuilder{rng: rand.New(rand.NewPCG(s.Seed, 62)), elem: s.Elem}, s}
	y, out := b.body()
	s.broken(&b, y)
	if s.Norm {
		y = b.norm(y, out)
	}
	y = b.op("Relu", []string{y})
	dims := []onnxio.Dim{onnxio.Named("N"), onnxio.Known(int64(s.channels(b)))}
	var sizes []onnxio.Dim
	for i, n := range s.Sizes {
		if s.Dynamic {
			sizes = append(sizes, onnxio.Named(fmt.Sprintf("D%d", i)))
		} else {
			sizes = append(sizes, onnxio.Known(int64(n)))
		}
	}
	if s.Last {
		dims = append(dims[:1:1], append(sizes, dims[1])...)
	} else {
		dims = append(dims, sizes...)
	}
	inputs := []*onnxio.ValueInfo{onnxio.NewValue("x", s.Elem, dims...)}
	if s.Break == "other input" {
		inputs = append(inputs, onnxio.NewValue("x2", s.Elem, dims...))
	}
	return onnxio.NewModel(onnxio.Parts{Opset: s.Opset, Inputs: inputs, Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue(y, s.Elem)}, b.outs...), Nodes: b.nodes, Inits: b.inits})
}

// broken breaks one condition in what stands before y.
func (s selectSpec) broken(b *selection, y string) {
	swap := func(i int, inputs []string, outputs []string) {
		n := b.nodes[i]
		if outputs == nil {
			outputs = n.Outputs()
		}
		b.nodes[i] = n.WithInputs(n.Name(), inputs, outputs)
	}
	switch s.Break {
	case "used elsewhere":
		n := b.nodes[b.rng.IntN(len(b.nodes)-1)]
		b.outs = append(b.outs, onnxio.NewValue(n.Outputs()[0], b.elem))
	case "activation":
		i := b.rng.IntN(len(b.nodes) - 1)
		from := b.nodes[i].Outputs()[0]
		b.n++
		to := fmt.Sprintf("r%d", b.n)
		for k := i + 1; k < len(b.nodes); k++ {
			in := slices.Clone(b.nodes[k].Inputs())
			for j := range in {
				if in[j] == from {
					in[j] = to
				}
			}
			swap(k, in, nil)
		}
		b.nodes = slices.Insert(b.nodes, i+1, onnxio.NewNode(to, "Relu", []string{from}, []string{to}))
	case "other input":
		for i, n := range b.nodes {
			if in := slices.Clone(n.Inputs()); in[0] == "x" {
				in[0] = "x2"
				swap(i, in, nil)
				return
			}
		}
	case "padding behind a crop":
		b.nodes[len(b.nodes)-1] = b.nodes[len(b.nodes)-1].WithInputs("cut", b.nodes[len(b.nodes)-1].Inputs(), []string{"cut"})
		x := b.slice("cut", 2, 1, toTheEnd, 1)
		pads := make([]int, 2*(b.Axes+2))
		pads[2] = 1
		z := ""
		if b.Opset < 11 {
			z = b.op("Pad", []string{x}, onnxio.IntsAttr("pads", attrs64(pads...)))
		} else {
			z = b.op("Pad", []string{x, b.ints(pads...)})
		}
		b.nodes[len(b.nodes)-1] = b.nodes[len(b.nodes)-1].WithInputs(z, b.nodes[len(b.nodes)-1].Inputs(), []string{y})
	case "backwards":
		b.nodes[len(b.nodes)-1] = b.nodes[len(b.nodes)-1].WithInputs("turn", b.nodes[len(b.nodes)-1].Inputs(), []string{"turn"})
		z := b.slice("turn", 2, -1, -toTheEnd, -1)
		b.nodes[len(b.nodes)-1] = b.nodes[len(b.nodes)-1].WithInputs(z, b.nodes[len(b.nodes)-1].Inputs(), []string{y})
	}
}
