package verify

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// sized is an input of the given dimensions: numbers, or names.
func sized(name string, dims ...string) *onnxio.ValueInfo {
	var out []onnxio.Dim
	for _, d := range dims {
		if n, err := strconv.ParseInt(d, 10, 64); err == nil {
			out = append(out, onnxio.Known(n))
		} else {
			out = append(out, onnxio.Named(d))
		}
	}
	return onnxio.NewValue(name, onnxio.Float32, out...)
}

func zeroTensor(name string, dims ...int64) *onnxio.Tensor {
	n := int64(4)
	for _, d := range dims {
		n *= d
	}
	w, err := onnxio.NewTensor(name, onnxio.Float32, dims, make([]byte, n))
	if err != nil {
		panic(err)
	}
	return w
}

func node(op, out string, in ...string) *onnxio.Node {
	return onnxio.NewNode(out, op, in, []string{out})
}

func with(n *onnxio.Node, attrs ...*onnxio.Attr) *onnxio.Node {
	return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), n.Outputs(), attrs...)
}

// A sizeCase is a model with free dimensions and the shapes that it can run with.
type sizeCase struct {
	inputs []*onnxio.ValueInfo
	nodes  []*onnxio.Node
	inits  []*onnxio.Tensor
	dims   map[string]int64
	want   string // shapes of the inputs in order; or part of an error
}

func halve(out, in string) *onnxio.Node {
	return with(node("Conv", out, in, "w"), onnxio.IntsAttr("strides", []int64{2, 2}), onnxio.IntsAttr("pads", []int64{1, 1, 1, 1}))
}

// twice are the scales of a Resize that doubles height and width.
func twice() *onnxio.Tensor {
	raw, err := onnxio.EncodeFloat64([]float64{1, 1, 2, 2}, onnxio.Float32)
	if err != nil {
		panic(err)
	}
	t, err := onnxio.NewTensor("twice", onnxio.Float32, []int64{4}, raw)
	if err != nil {
		panic(err)
	}
	return t
}

func perm(p ...int64) *onnxio.Attr { return onnxio.IntsAttr("perm", p) }

var sizeCases = map[string]sizeCase{
	"nothing is asked": {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "H", "W")}, nodes: []*onnxio.Node{node("Relu", "y", "x")}, want: "[2 3 8 8]"},
	// mnist-8 and others: the batch was 1 when the model was exported.
	"a Reshape to one row": {inputs: []*onnxio.ValueInfo{sized("x", "N", "4", "6", "6")},
		nodes: []*onnxio.Node{node("Reshape", "y", "x", "to")}, inits: []*onnxio.Tensor{onnxio.NewInts("to", []int64{2}, []int64{1, 144})}, want: "[1 4 6 6]"},
	"a Reshape to four rows": {inputs: []*onnxio.ValueInfo{sized("x", "N", "4", "6", "6")},
		nodes: []*onnxio.Node{node("Reshape", "y", "x", "to")}, inits: []*onnxio.Tensor{onnxio.NewInts("to", []int64{2}, []int64{4, 144})}, want: "[4 4 6 6]"},
	"rows whose number a binding contradicts": {inputs: []*onnxio.ValueInfo{sized("x", "N", "4", "6", "6")}, dims: map[string]int64{"N": 3},
		nodes: []*onnxio.Node{node("Reshape", "y", "x", "to")}, inits: []*onnxio.Tensor{onnxio.NewInts("to", []int64{2}, []int64{4, 144})}, want: `node "y" (Reshape) asks for the number of elements of "x", which has 144*N, to be 576`},
	"a Reshape to one row, everything else free": {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "H", "W")},
		nodes: []*onnxio.Node{node("Conv", "a", "x", "w"), node("Reshape", "y", "a", "to")},
		inits: []*onnxio.Tensor{zeroTensor("w", 4, 3, 1, 1), onnxio.NewInts("to", []int64{2}, []int64{1, 144})}, want: "[1 3 6 6]"},
	"a batch that is squeezed": {inputs: []*onnxio.ValueInfo{sized("x", "N", "7")},
		nodes: []*onnxio.Node{node("Squeeze", "y", "x", "axes")}, inits: []*onnxio.Tensor{onnxio.NewInts("axes", []int64{1}, []int64{0})}, want: "[1 7]"},
	"rows of a Reshape that infers": {inputs: []*onnxio.ValueInfo{sized("x", "N", "5")},
		nodes: []*onnxio.Node{node("Reshape", "y", "x", "to")}, inits: []*onnxio.Tensor{onnxio.NewInts("to", []int64{2}, []int64{-1, 15})}, want: "[3 5]"},
	"channels of a Conv, two inputs": {inputs: []*onnxio.ValueInfo{sized("x", "b", "channel_x2", "h", "w"), sized("c", "b", "channel", "h", "w")},
		nodes: []*onnxio.Node{node("Conv", "a", "x", "w1"), node("Conv", "d", "c", "w2"), with(node("Concat", "y", "a", "d"), onnxio.IntAttr("axis", 1))},
		inits: []*onnxio.Tensor{zeroTensor("w1", 4, 6, 1, 1), zeroTensor("w2", 4, 3, 1, 1)}, want: "[2 6 8 8] [2 3 8 8]"},
	"channels last": {inputs: []*onnxio.ValueInfo{sized("x", "N", "H", "W", "C")},
		nodes: []*onnxio.Node{with(node("Transpose", "t", "x"), perm(0, 3, 1, 2)), node("Conv", "y", "t", "w")}, inits: []*onnxio.Tensor{zeroTensor("w", 4, 5, 3, 3)}, want: "[2 8 8 5]"},
	"channels behind Relu and BatchNormalization": {inputs: []*onnxio.ValueInfo{sized("x", "N", "C", "H", "W")},
		nodes: []*onnxio.Node{node("Relu", "r", "x"), node("BatchNormalization", "y", "r", "p", "p", "p", "p")}, inits: []*onnxio.Tensor{zeroTensor("p", 5)}, want: "[2 5 8 8]"},
	"channels of a grouped ConvTranspose": {inputs: []*onnxio.ValueInfo{sized("x", "N", "C", "L")},
		nodes: []*onnxio.Node{with(node("ConvTranspose", "y", "x", "w"), onnxio.IntAttr("group", 2))}, inits: []*onnxio.Tensor{zeroTensor("w", 6, 2, 3)}, want: "[2 6 8]"},
	"voxels": {inputs: []*onnxio.ValueInfo{sized("x", "N", "C", "D", "H", "W")},
		nodes: []*onnxio.Node{node("Conv", "y", "x", "w")}, inits: []*onnxio.Tensor{zeroTensor("w", 4, 2, 3, 3, 9)}, want: "[2 2 9 9 9]"},
	"features of a MatMul": {inputs: []*onnxio.ValueInfo{sized("x", "N", "S", "F")},
		nodes: []*onnxio.Node{node("MatMul", "y", "x", "w")}, inits: []*onnxio.Tensor{zeroTensor("w", 5, 4)}, want: "[2 8 5]"},
	"a vector": {inputs: []*onnxio.ValueInfo{sized("x", "F")},
		nodes: []*onnxio.Node{node("MatMul", "y", "x", "w")}, inits: []*onnxio.Tensor{zeroTensor("w", 5, 4)}, want: "[5]"},
	"features of a transposed Gemm": {inputs: []*onnxio.ValueInfo{sized("x", "F", "N")},
		nodes: []*onnxio.Node{with(node("Gemm", "y", "x", "w"), onnxio.IntAttr("transA", 1), onnxio.IntAttr("transB", 1))}, inits: []*onnxio.Tensor{zeroTensor("w", 4, 7)}, want: "[7 8]"},
	"features behind Flatten": {inputs: []*onnxio.ValueInfo{sized("x", "N", "C", "4", "3")},
		nodes: []*onnxio.Node{node("Flatten", "f", "x"), node("Gemm", "y", "f", "w")}, inits: []*onnxio.Tensor{zeroTensor("w", 60, 2)}, want: "[2 5 4 3]"},
	"inputs of an LSTM": {inputs: []*onnxio.ValueInfo{sized("x", "S", "N", "F"), sized("h", "1", "N", "K")},
		nodes: []*onnxio.Node{node("LSTM", "y", "x", "w", "r", "", "", "h")}, inits: []*onnxio.Tensor{zeroTensor("w", 1, 24, 7), zeroTensor("r", 1, 24, 6)}, want: "[2 8 7] [1 8 6]"},
	"positions of an embedding": {inputs: []*onnxio.ValueInfo{sized("x", "N", "S", "F")},
		nodes: []*onnxio.Node{node("Add", "y", "x", "p")}, inits: []*onnxio.Tensor{zeroTensor("p", 1, 10, 12)}, want: "[2 10 12]"},
	"a norm of layers": {inputs: []*onnxio.ValueInfo{sized("x", "N", "S", "F")},
		nodes: []*onnxio.Node{node("LayerNormalization", "y", "x", "p", "p")}, inits: []*onnxio.Tensor{zeroTensor("p", 12)}, want: "[2 8 12]"},
	"a name twice": {inputs: []*onnxio.ValueInfo{sized("x", "N", "D"), sized("z", "D", "N")},
		nodes: []*onnxio.Node{node("MatMul", "a", "x", "z"), node("MatMul", "y", "x", "w")}, inits: []*onnxio.Tensor{zeroTensor("w", 6, 2)}, want: "[2 6] [6 2]"},
	"two names of one size": {inputs: []*onnxio.ValueInfo{sized("x", "N", "C", "4"), sized("z", "M", "K", "4")},
		nodes: []*onnxio.Node{with(node("Concat", "a", "x", "z"), onnxio.IntAttr("axis", 2)), node("MatMul", "b", "w", "x"), node("Sum", "y", "b")}, inits: []*onnxio.Tensor{zeroTensor("w", 3, 6)}, want: "[2 6 4] [2 6 4]"},
	"a multiple of a name":          {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "4*h", "6*w")}, nodes: []*onnxio.Node{node("Relu", "y", "x")}, want: "[2 3 12 12]"},
	"a multiple, bound by its name": {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "4*h")}, dims: map[string]int64{"h": 3}, nodes: []*onnxio.Node{node("Relu", "y", "x")}, want: "[2 3 12]"},
	"a multiple, bound as a whole":  {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "4*h")}, dims: map[string]int64{"4*h": 20}, nodes: []*onnxio.Node{node("Relu", "y", "x")}, want: "[2 3 20]"},
	"a number of groups": {inputs: []*onnxio.ValueInfo{sized("x", "N", "C", "4", "4")},
		nodes: []*onnxio.Node{with(node("GroupNormalization", "y", "x", "p", "p"), onnxio.IntAttr("num_groups", 3))}, inits: []*onnxio.Tensor{zeroTensor("p", 3)}, want: "[2 9 4 4]"},
	"a Gather of a far position": {inputs: []*onnxio.ValueInfo{sized("x", "N", "S")},
		nodes: []*onnxio.Node{with(node("Gather", "y", "x", "i"), onnxio.IntAttr("axis", 1))}, inits: []*onnxio.Tensor{onnxio.NewInts("i", []int64{1}, []int64{20})}, want: "[2 21]"},
	"quotients": {inputs: []*onnxio.ValueInfo{sized("x", "N", "1", "H", "H")},
		nodes: []*onnxio.Node{with(node("MaxPool", "p", "x"), onnxio.IntsAttr("kernel_shape", []int64{2, 2}), onnxio.IntsAttr("strides", []int64{2, 2})), node("Flatten", "f", "p"), node("Gemm", "y", "f", "w")},
		inits: []*onnxio.Tensor{zeroTensor("w", 49, 2)}, want: "[2 1 14 14]"},
	// A feature pyramid: nine is what the first sum asks for, and the second does not take it.
	"maps that are halved four times, and doubled and added": {inputs: []*onnxio.ValueInfo{sized("x", "N", "1", "H", "W")}, nodes: []*onnxio.Node{
		halve("a", "x"), halve("b", "a"), halve("c", "b"), halve("d", "c"),
		node("Resize", "d2", "d", "", "twice"), node("Add", "e", "c", "d2"), node("Resize", "e2", "e", "", "twice"), node("Add", "y", "b", "e2")},
		inits: []*onnxio.Tensor{zeroTensor("w", 1, 1, 3, 3), twice()}, want: "[2 1 13 13]"},
	// The halves that slices take of an axis asked for an even size, and two was the first.
	"halves of an axis, of which a weight reads several": {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "H")},
		nodes: []*onnxio.Node{node("Slice", "a", "x", "zero", "end", "two", "two"), node("Slice", "b", "x", "one", "end", "two", "two"),
			with(node("Concat", "c", "a", "b"), onnxio.IntAttr("axis", 1)), node("Conv", "y", "c", "w")},
		inits: []*onnxio.Tensor{onnxio.NewInts("zero", []int64{1}, []int64{0}), onnxio.NewInts("one", []int64{1}, []int64{1}), onnxio.NewInts("two", []int64{1}, []int64{2}),
			onnxio.NewInts("end", []int64{1}, []int64{1<<31 - 1}), zeroTensor("w", 4, 6, 5)}, want: "[2 3 10]"},
	// An empty roi of a Resize: the search took it for a map that vanished, for ten seconds.
	"an empty constant": {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "H", "W")},
		nodes: []*onnxio.Node{with(node("Constant", "roi"), onnxio.TensorAttr("value", zeroTensor("", 0))), node("Resize", "y", "x", "roi", "scales")},
		inits: []*onnxio.Tensor{f32("scales", []int64{4}, 1, 1, 2, 2)}, want: "[2 3 8 8]"},
	// Every size was tried with all of them: 39 seconds.
	"a map that two weights disagree about": {inputs: []*onnxio.ValueInfo{sized("x", "N", "3", "H", "W")},
		nodes: append(halvings(6), node("Flatten", "f", "y"), node("Gemm", "a", "f", "w1"), node("Gemm", "b", "f", "w2")),
		inits: []*onnxio.Tensor{zeroTensor("w1", 105, 2), zeroTensor("w2", 108, 2)}, want: `node "a" (Gemm) asks for axis 1 of "f"`},
	"an axis in the middle that nothing fits": {inputs: []*onnxio.ValueInfo{sized("x", "N", "S", "5")},
		nodes: []*onnxio.Node{node("MatMul", "a", "x", "w"), with(node("Transpose", "t", "a"), perm(0, 2, 1)), node("MatMul", "b", "t", "w6"), node("MatMul", "y", "t", "w7")},
		inits: []*onnxio.Tensor{zeroTensor("w", 5, 2), zeroTensor("w6", 6, 2), zeroTensor("w7", 7, 2)}, want: `asks for axis 2 of "t", which has S, to be`},
}

func (c sizeCase) model() (*onnxio.Model, error) {
	return onnxio.NewModel(onnxio.Parts{Inputs: c.inputs, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}, Nodes: c.nodes, Inits: c.inits})
}

// Free dimensions follow from what reads them.
func TestSizesFollowFromTheGraph(t *testing.T) {
	for name, c := range sizeCases {
		m, err := c.model()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sizes, err := ChooseSizes(m, c.dims, 2)
		var have []string
		for _, in := range c.inputs {
			have = append(have, fmt.Sprint(sizes[in.Name()]))
		}
		switch got := strings.Join(have, " "); {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		case err == nil && got != c.want:
			t.Errorf("%s: sizes %s, want %s", name, got, c.want)
		}
	}
}

// Where nothing fits, the advice names the flags.
func TestNothingFitsNamesTheFlags(t *testing.T) {
	m, err := sizeCases["an axis in the middle that nothing fits"].model()
	if err != nil {
		t.Fatal(err)
	}
	_, err = ChooseSizes(m, nil, 2)
	hint, ok := errors.AsType[*onnxio.Hint](err)
	if !ok || !errors.Is(err, errNothingFits) || !strings.Contains(hint.Advice, "--dim N=SIZE --dim S=SIZE") {
		t.Errorf("%v, advice %+v", err, hint)
	}
}

// A batch of nothing stays one, unless the model fixes the batch.
func TestSizesOfAnEmptyBatch(t *testing.T) {
	for name, want := range map[string][]int64{"features of a MatMul": {0, 8, 5}, "a Reshape to four rows": {4, 4, 6, 6}} {
		m, err := sizeCases[name].model()
		if err != nil {
			t.Fatal(err)
		}
		if sizes, err := ChooseSizes(m, nil, 0); err != nil || !slices.Equal(sizes["x"], want) {
			t.Errorf("%s: %v, %v", name, sizes, err)
		}
	}
}
