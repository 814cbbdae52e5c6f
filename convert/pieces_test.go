package convert_test

import (
	"context"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// outputs is op for a node with n outputs.
func (b *graphBuilder) outputs(op string, n int, inputs []string, attrs ...*onnxio.Attr) []string {
	first := b.op(op, inputs, attrs...)
	last := b.nodes[len(b.nodes)-1]
	outs := []string{first}
	for i := 1; i < n; i++ {
		outs = append(outs, first+"."+string(rune('a'+i)))
	}
	b.nodes[len(b.nodes)-1] = onnxio.NewNode(last.Name(), op, inputs, outs, attrs...)
	return outs
}

func (b *graphBuilder) sequence(x string, split string, at ...int) []string {
	seq := b.op("SplitToSequence", []string{x, split}, onnxio.IntAttr("axis", 1))
	var outs []string
	for _, i := range at {
		outs = append(outs, b.op("SequenceAt", []string{seq, b.scalar(i)}))
	}
	return outs
}

func (b *graphBuilder) scalar(v int) string {
	name := b.ints(v)
	b.inits[len(b.inits)-1] = onnxio.NewInts(name, nil, []int64{int64(v)})
	return name
}

// Every BatchNorm in these graphs goes into the Conv beside it, whatever the
// other pieces of the tensor are used for.
var pieceGraphs = map[string]func(b *graphBuilder) string{
	// cspresnet50: a merge up to one half took the Split away from the other.
	"both halves": func(b *graphBuilder) string {
		h := b.outputs("Split", 2, []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)}, onnxio.IntAttr("axis", 1))
		return b.op("Concat", []string{b.norm(b.conv(h[0], 2, 4, 1, 0), 4), b.norm(b.conv(h[1], 2, 4, 3, 1), 4)}, onnxio.IntAttr("axis", 1))
	},
	"one half as it is": func(b *graphBuilder) string {
		h := b.outputs("Split", 2, []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)}, onnxio.IntAttr("axis", 1))
		return b.op("Concat", []string{h[0], b.norm(b.conv(h[1], 2, 4, 3, 1), 4)}, onnxio.IntAttr("axis", 1))
	},
	"one half alone": func(b *graphBuilder) string {
		h := b.outputs("Split", 2, []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)}, onnxio.IntAttr("axis", 1))
		return b.norm(b.conv(h[1], 2, 4, 3, 1), 4)
	},
	// levit_128s: queries, keys and values of attention.
	"queries, keys and values": func(b *graphBuilder) string {
		y := b.reshape(b.norm(b.conv("x", 4, 12, 1, 0), 12), -1, 2, 6, 64)
		h := b.outputs("Split", 3, []string{y, b.ints(2, 2, 2)}, onnxio.IntAttr("axis", 2))
		a := b.op("Softmax", []string{b.op("MatMul", []string{b.transpose(h[0], 0, 1, 3, 2), h[1]})}, onnxio.IntAttr("axis", -1))
		return b.norm(b.conv(b.reshape(b.op("MatMul", []string{h[2], a}), -1, 4, 8, 8), 4, 4, 1, 0), 4)
	},
	// fasternet_t0: SplitToSequence as torch.export leaves it.
	"sequence": func(b *graphBuilder) string {
		h := b.sequence(b.norm(b.conv("x", 4, 4, 3, 1), 4), b.ints(1, 3), 0, -1)
		return b.op("Concat", []string{b.norm(b.conv(h[0], 1, 4, 1, 0), 4), h[1]}, onnxio.IntAttr("axis", 1))
	},
	"sequence read twice": func(b *graphBuilder) string {
		h := b.sequence(b.norm(b.conv("x", 4, 4, 3, 1), 4), b.ints(1, 2, 1), 1, 1)
		return b.op("Mul", []string{b.norm(b.conv(h[0], 2, 4, 1, 0), 4), b.norm(b.conv(h[1], 2, 4, 3, 1), 4)})
	},
	// chunk: the size of a piece, and what is left in the last one.
	"sequence of equal pieces": func(b *graphBuilder) string {
		h := b.sequence("x", b.scalar(3), 0, 1)
		return b.op("Concat", []string{b.norm(b.conv(h[0], 3, 4, 1, 0), 4), b.norm(b.conv(h[1], 1, 4, 3, 1), 4)}, onnxio.IntAttr("axis", 1))
	},
	// hrnet_w18_small: behind a Resize that no rule of shapes follows, the
	// proof has to choose the size of the map itself.
	"unknown size": func(b *graphBuilder) string {
		one := b.op("Exp", []string{b.op("Mul", []string{b.op("ReduceMean", []string{"x"}, onnxio.IntAttr("keepdims", 0)), b.weight(func() float64 { return 0 })})})
		n := 0.0
		scales := b.weight(func() float64 { n++; return 1 + float64(int(n)/3) }, 4)
		return b.norm(b.conv(b.op("Resize", []string{"x", "", b.op("Mul", []string{scales, one})}), 4, 4, 3, 1), 4)
	},
	// lowformer_b0: behind an operator without a rule of shapes the weight of a
	// Conv says what it reads.
	"unknown rank": func(b *graphBuilder) string {
		first := b.ints(0)
		b.inits[len(b.inits)-1] = onnxio.NewInts(first, []int64{1, 1}, []int64{0})
		y := b.op("GatherND", []string{"x", first})
		return b.norm(b.conv(y, 4, 4, 3, 1), 4)
	},
	// nextvit_small: a scale has the type of a value that the region does not
	// read.
	"type of another value": func(b *graphBuilder) string {
		scale := b.op("CastLike", []string{b.weightOf(onnxio.Float64, func() float64 { return 0.5 }), b.op("Sigmoid", []string{"x"})})
		return b.op("Mul", []string{b.norm(b.conv(b.op("Relu", []string{"x"}), 4, 4, 3, 1), 4), scale})
	},
	"ConvTranspose": func(b *graphBuilder) string {
		up := b.op("ConvTranspose", []string{"x", b.normal(4, 2, 3, 3)}, onnxio.IntsAttr("strides", attrs64(2, 2)), onnxio.IntAttr("group", 2),
			onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1)), onnxio.IntsAttr("output_padding", attrs64(1, 1)))
		return b.norm(b.conv(up, 4, 4, 3, 1), 4)
	},
}

func TestPieces(t *testing.T) {
	for name, f := range pieceGraphs {
		t.Run(name, func(t *testing.T) {
			m := near(t, onnxio.Float32, f)
			r, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
			if err != nil {
				t.Fatal(err)
			}
			if n := countOps(r.Model); n["BatchNormalization"] > 0 || n["SplitToSequence"] > 0 {
				t.Errorf("operators left: %v, declined %v", n, r.Plan.Declined)
			}
			if r.Model.Graph() == m.Graph() {
				t.Fatal("nothing was merged")
			}
			sameModel(t, name, 1, m, r.Model)
		})
	}
}

// Indices of one value stay apart, whatever passes for the same size.
func TestIndicesStayApart(t *testing.T) {
	for name, f := range map[string]func(b *graphBuilder) string{
		// A random graph: the square layer and what it reads got one index.
		"sum with a layer that reads it": func(b *graphBuilder) string {
			y := b.op("MatMul", []string{b.reshape("x", -1, 256), b.normal(256, 6)})
			y = b.op("Slice", []string{y, b.ints(3), b.ints(5), b.ints(1)})
			return b.op("Add", []string{y, b.op("MatMul", []string{y, b.normal(2, 2)})})
		},
		// A random graph: 2×7 features were cut as 7×2 and then picked from.
		"features cut anew": func(b *graphBuilder) string {
			y := b.op("MatMul", []string{b.op("Slice", []string{"x", b.ints(0), b.ints(2), b.ints(2)}), b.normal(8, 7)})
			y = b.reshape(b.reshape(y, -1, 4, 14), -1, 4, 7, 2)
			y = b.op("Slice", []string{y, b.ints(3), b.ints(5), b.ints(2)})
			y = b.outputs("Split", 2, []string{y, b.ints(1, 1)}, onnxio.IntAttr("axis", 3))[0]
			return b.op("Add", []string{y, y})
		},
	} {
		m := near(t, onnxio.Float32, f)
		r, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameModel(t, name, 1, m, r.Model)
	}
}

// A sequence that is more than the pieces of a tensor stays.
func TestSequencesThatStay(t *testing.T) {
	for name, f := range map[string]func(b *graphBuilder) string{
		"position from data": func(b *graphBuilder) string {
			at := b.op("Cast", []string{b.op("ReduceMean", []string{"x"}, onnxio.IntAttr("keepdims", 0))}, onnxio.IntAttr("to", int64(onnxio.Int64)))
			seq := b.op("SplitToSequence", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4), b.ints(2, 2)}, onnxio.IntAttr("axis", 1))
			return b.op("SequenceAt", []string{seq, at})
		},
		"joined again": func(b *graphBuilder) string {
			seq := b.op("SplitToSequence", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4), b.ints(2, 2)}, onnxio.IntAttr("axis", 1))
			return b.op("ConcatFromSequence", []string{seq}, onnxio.IntAttr("axis", 1))
		},
		"beyond the end": func(b *graphBuilder) string { return b.sequence("x", b.ints(2, 2), 2)[0] },
	} {
		m, err := near(t, onnxio.Float32, f).Plain()
		if err != nil {
			t.Fatal(err)
		}
		if countOps(m)["SplitToSequence"] != 1 {
			t.Errorf("%s: the sequence was taken apart", name)
		}
	}
}

// A BatchNorm of which nobody knows what it normalises is not passed over in
// silence.
func TestUnknownRankIsDeclined(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		return b.norm(b.op("Relu", []string{b.op("Frobnicate", []string{"x"})}), 4)
	})
	p, err := convert.PlanModel(m, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Declined) != 1 || p.Declined[0].Code != "unknown_op" || !strings.Contains(p.Declined[0].Message, "Frobnicate") {
		t.Errorf("declined %v", p.Declined)
	}
}

// Where no size of the input fits the whole model, every merge is proved with a
// size of its own; a binding of a dimension that is not there is an error.
func TestProofWithoutSizes(t *testing.T) {
	b := &graphBuilder{rng: newRand(), elem: onnxio.Float32}
	y := b.op("MatMul", []string{b.op("Flatten", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)}), b.normal(4*9*11, 2)})
	for i := range 2 { // one map must be 9×11, the other 11×9
		y = b.op("Add", []string{y, b.op("MatMul", []string{b.op("Flatten", []string{b.op("Slice", []string{"x", b.ints(0), b.ints(3), b.ints(2 + i)})}), b.normal(4*3*9, 2)})})
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1), onnxio.Known(4), onnxio.Named("h"), onnxio.Named("w"))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(y, onnxio.Float32)},
		Nodes:   b.nodes, Inits: b.inits,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.ChooseSizes(m, nil, 1); err == nil {
		t.Fatal("there is a size that fits")
	}
	r, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	if n := countOps(r.Model)["BatchNormalization"]; n > 0 || len(r.Proofs) == 0 {
		t.Errorf("%d BatchNorm left, %d proofs", n, len(r.Proofs))
	}
	_, err = convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{Dims: map[string]int64{"depth": 3}}})
	if err == nil || !strings.Contains(err.Error(), "depth") {
		t.Errorf("binding a dimension that is not there: %v", err)
	}
}
