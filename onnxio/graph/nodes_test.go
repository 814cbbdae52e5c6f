package graph_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// stored makes an initializer of any type that is compared here: "int8 [2 1] 3 -4".
func stored(t *testing.T, name, text string) *onnxio.Tensor {
	t.Helper()
	kind, rest, _ := strings.Cut(text, " [")
	list, values, _ := strings.Cut(rest, "]")
	d := typeOf(t, kind)
	dims := []int64{}
	for _, s := range strings.Fields(list) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		dims = append(dims, n)
	}
	var raw []byte
	var floats []float64
	for _, s := range strings.Fields(values) {
		if d.IsFloat() {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			floats = append(floats, f)
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if u, err2 := strconv.ParseUint(s, 10, 64); err != nil && err2 == nil {
			n, err = int64(u), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, binary.LittleEndian.AppendUint64(nil, uint64(n))[:d.Bits()/8]...)
	}
	if d.IsFloat() {
		var err error
		if raw, err = onnxio.EncodeFloat64(floats, d); err != nil {
			t.Fatal(err)
		}
	}
	init, err := onnxio.NewTensor(name, d, dims, raw)
	if err != nil {
		t.Fatal(err)
	}
	return init
}

func typeOf(t *testing.T, name string) onnxio.DType {
	t.Helper()
	for d := range onnxio.DType(31) {
		if d.String() == name {
			return d
		}
	}
	t.Fatalf("no type is called %q", name)
	return 0
}

// constOf is what the only node of a model computes from stored inputs, as text: "none"
// where it is no constant.
func constOf(t *testing.T, opset int64, op string, attrs []*onnxio.Attr, inputs ...string) string {
	t.Helper()
	p := onnxio.Parts{Opset: opset, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Undefined)},
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("data", onnxio.Float32, onnxio.Known(2), onnxio.Known(3))}}
	var names []string
	for i, text := range inputs {
		switch text {
		case "":
			names = append(names, "")
		case "data":
			names = append(names, "data")
		default:
			names = append(names, fmt.Sprintf("x%d", i))
			p.Inits = append(p.Inits, stored(t, names[i], text))
		}
	}
	p.Nodes = []*onnxio.Node{onnxio.NewNode("n", op, names, []string{"y"}, attrs...)}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(m, graph.Options{FoldDequantize: true})
	if err != nil {
		return "refused"
	}
	y := g.Value("y")
	if !g.IsConst(y) {
		return "none"
	}
	c, err := g.Const(y)
	if err != nil {
		t.Fatalf("%s of %q is a constant, and: %v", op, inputs, err)
	}
	if c.DType != y.Elem {
		t.Errorf("%s of %q has type %s, its value %s", op, inputs, y.Elem, c.DType)
	}
	text := fmt.Sprint(c.DType, " ", c.Shape)
	for i := range c.Len() {
		switch {
		case c.F != nil:
			text += " " + strconv.FormatFloat(c.F[i], 'g', 6, 64)
		case c.DType == onnxio.Uint64:
			text += " " + strconv.FormatUint(uint64(c.I[i]), 10)
		default:
			text += " " + strconv.FormatInt(c.I[i], 10)
		}
	}
	return text
}

// Values of constants that were worked out by hand, and nodes whose value ONNX does not
// define or that are not worked out: none.
func TestConstantsByHand(t *testing.T) {
	i := onnxio.IntAttr
	is := func(name string, v ...int64) *onnxio.Attr { return onnxio.IntsAttr(name, v) }
	type attrs = []*onnxio.Attr
	for _, tc := range []struct {
		op     string
		opset  int64
		attrs  attrs
		inputs []string
		want   string
	}{
		{"Abs", 13, nil, []string{"int8 [2] -3 4"}, "int8 [2] 3 4"},
		{"Abs", 13, nil, []string{"int8 [1] -128"}, "none"},
		{"Abs", 13, nil, []string{"uint8 [1] 200"}, "uint8 [1] 200"},
		{"Abs", 13, nil, []string{"float32 [1] -1.5"}, "float32 [1] 1.5"},
		{"Add", 14, nil, []string{"int8 [1] 100", "int8 [1] 100"}, "int8 [1] -56"},
		{"Add", 14, nil, []string{"uint16 [1] 65535", "uint16 [1] 2"}, "uint16 [1] 1"},
		{"Add", 14, nil, []string{"int16 [1] 32767", "int16 [1] 1"}, "int16 [1] -32768"},
		{"Add", 14, nil, []string{"uint32 [1] 4294967295", "uint32 [1] 1"}, "uint32 [1] 0"},
		{"Add", 14, nil, []string{"int32 [1] 2147483647", "int32 [1] 1"}, "int32 [1] -2147483648"},
		{"Add", 14, nil, []string{"uint8 [1] 255", "uint8 [1] 2"}, "uint8 [1] 1"},
		{"Add", 14, nil, []string{"float32 [2 1] 1 2", "float32 [2] 10 20"}, "float32 [2 2] 11 21 12 22"},
		{"Add", 14, nil, []string{"float32 [2] 1 2", "float32 [3] 1 2 3"}, "none"},
		{"Add", 14, nil, []string{"float32 [1] 1", "float64 [1] 1"}, "none"},
		{"BatchNormalization", 15, attrs{onnxio.FloatAttr("epsilon", 1)}, []string{"float64 [2 1 1] 1 7", "float64 [1] 4", "float64 [1] 2", "float64 [1] 1", "float64 [1] 3"}, "float64 [2 1 1] 2 14"},
		{"BatchNormalization", 15, attrs{onnxio.FloatAttr("epsilon", 7), i("training_mode", 1)}, []string{"float64 [2 1 1] 1 7", "float64 [1] 4", "float64 [1] 2", "float64 [1] 1", "float64 [1] 3"}, "float64 [2 1 1] -1 5"},
		{"BatchNormalization", 6, attrs{onnxio.FloatAttr("epsilon", 7)}, []string{"float64 [1 2 2] 1 7 5 5", "float64 [2] 4 1", "float64 [2] 2 3", "float64 [2] 0 0", "float64 [2] 1 1"}, "float64 [1 2 2] -1 5 3 3"},
		{"Add", 6, attrs{i("axis", 0), i("broadcast", 1)}, []string{"float32 [2 2] 1 2 3 4", "float32 [2] 10 20"}, "float32 [2 2] 11 12 23 24"},
		{"Add", 6, attrs{i("broadcast", 1)}, []string{"float32 [2 2] 1 2 3 4", "float32 [2] 10 20"}, "float32 [2 2] 11 22 13 24"},
		{"And", 7, nil, []string{"bool [2] 1 1", "bool [2] 0 1"}, "bool [2] 0 1"},
		{"Or", 7, nil, []string{"bool [2] 0 1", "bool [2] 0 0"}, "bool [2] 0 1"},
		{"Xor", 7, nil, []string{"bool [2] 1 1", "bool [2] 0 1"}, "bool [2] 1 0"},
		{"Not", 1, nil, []string{"bool [2] 0 1"}, "bool [2] 1 0"},
		{"Cast", 13, attrs{i("to", 7)}, []string{"float32 [2] -1.5 2.5"}, "int64 [2] -1 2"},
		{"Cast", 13, attrs{i("to", 3)}, []string{"int64 [1] 130"}, "int8 [1] -126"},
		{"Cast", 13, attrs{i("to", 3)}, []string{"float32 [1] 130"}, "none"},
		{"Cast", 13, attrs{i("to", 13)}, []string{"float64 [1] 9223372036854775808"}, "uint64 [1] 9223372036854775808"},
		{"Cast", 13, attrs{i("to", 12)}, []string{"float64 [1] -1"}, "none"},
		{"Cast", 13, attrs{i("to", 9)}, []string{"float32 [3] 0 0.5 -1"}, "bool [3] 0 1 1"},
		{"Cast", 13, attrs{i("to", 9)}, []string{"int32 [2] 0 7"}, "bool [2] 0 1"},
		{"Cast", 13, attrs{i("to", 10)}, []string{"float32 [2] 1.0001 70000"}, "float16 [2] 1 +Inf"},
		{"Cast", 13, attrs{i("to", 16)}, []string{"float32 [1] 1.001"}, "bfloat16 [1] 1"},
		{"Cast", 13, attrs{i("to", 1)}, []string{"uint64 [1] 18446744073709551615"}, "float32 [1] 1.84467e+19"},
		{"Cast", 13, attrs{i("to", 1)}, []string{"float32 [1] 7"}, "float32 [1] 7"},
		{"Cast", 13, attrs{i("to", 8)}, []string{"float32 [1] 7"}, "none"},
		{"Cast", 13, nil, []string{"float32 [1] 7"}, "none"},
		{"CastLike", 15, nil, []string{"float32 [1] 7.5", "int32 [1] 1"}, "int32 [1] 7"},
		{"Ceil", 13, nil, []string{"float32 [2] 1.5 -1.5"}, "float32 [2] 2 -1"},
		{"Floor", 13, nil, []string{"float32 [2] 1.5 -1.5"}, "float32 [2] 1 -2"},
		{"Clip", 13, nil, []string{"float32 [3] -2 0.5 2", "float32 [] -1", "float32 [] 1"}, "float32 [3] -1 0.5 1"},
		{"Clip", 13, nil, []string{"float32 [1] -2", "float32 [] NaN"}, "none"}, // runtimes differ in what such a bound does
		{"Clip", 13, nil, []string{"float32 [1] -2", "float32 [] -1", "float32 [] NaN"}, "none"},
		{"Concat", 13, attrs{i("axis", 1)}, []string{"float32 [2 1] 1 2", "float32 [2 2] 3 4 5 6"}, "float32 [2 3] 1 3 4 2 5 6"},
		{"Concat", 13, attrs{i("axis", 2)}, []string{"float32 [2 1] 1 2"}, "none"},
		{"Concat", 13, attrs{i("axis", 1)}, []string{"float32 [2 1] 1 2", "float32 [1 1] 3"}, "none"},
		{"Concat", 13, attrs{i("axis", 0)}, []string{"float32 [2 1] 1 2", "float32 [1] 3"}, "none"},
		{"Concat", 13, attrs{i("axis", 0)}, []string{"int64 [1] 1", "int64 [2] 3 4"}, "int64 [3] 1 3 4"},
		{"Concat", 1, nil, []string{"int64 [1 1] 1", "int64 [1 1] 3"}, "int64 [1 2] 1 3"},
		{"Concat", 13, nil, []string{"int64 [1] 1", "int64 [2] 3 4"}, "none"},
		{"ConstantOfShape", 9, nil, []string{"int64 [2] 1 2"}, "float32 [1 2] 0 0"},
		{"ConstantOfShape", 9, attrs{onnxio.TensorAttr("value", stored(t, "", "int32 [1] 5"))}, []string{"int64 [1] 2"}, "int32 [2] 5 5"},
		{"ConstantOfShape", 9, attrs{onnxio.TensorAttr("value", stored(t, "", "int32 [2] 5 6"))}, []string{"int64 [1] 2"}, "none"},
		{"ConstantOfShape", 9, nil, []string{"int64 [1] -2"}, "none"},
		{"ConstantOfShape", 9, nil, []string{"int64 [] 2"}, "none"},
		{"DequantizeLinear", 13, attrs{i("axis", 0)}, []string{"int8 [2] 3 5", "float32 [2] 0.5 2", "int8 [2] 1 1"}, "float32 [2] 1 8"},
		{"DequantizeLinear", 13, nil, []string{"uint8 [2] 3 5", "float32 [] 0.5"}, "float32 [2] 1.5 2.5"},
		{"DequantizeLinear", 13, nil, []string{"uint8 [2] 3 5", "float32 [2] 1 2"}, "none"},
		{"DequantizeLinear", 13, nil, []string{"uint8 [2] 3 5", "float32 [1 2] 1 2"}, "none"},
		{"DequantizeLinear", 13, attrs{i("axis", 0)}, []string{"uint8 [2] 3 5", "float32 [2] 1 2", "uint8 [1] 0"}, "none"},
		{"DequantizeLinear", 21, attrs{i("block_size", 2)}, []string{"uint8 [2] 3 5", "float32 [1] 1"}, "none"},
		{"Div", 14, nil, []string{"int32 [2] 7 -7", "int32 [1] 2"}, "int32 [2] 3 -3"},
		{"Div", 14, nil, []string{"int32 [1] 7", "int32 [1] 0"}, "none"},
		{"Div", 14, nil, []string{"int32 [1] -2147483648", "int32 [1] -1"}, "none"},
		{"Div", 14, nil, []string{"uint64 [1] 18446744073709551615", "uint64 [1] 2"}, "uint64 [1] 9223372036854775807"},
		{"Div", 14, nil, []string{"float32 [1] 3", "float32 [1] 2"}, "float32 [1] 1.5"},
		{"Dropout", 13, nil, []string{"float32 [1] 3", "float32 [] 0.5"}, "float32 [1] 3"},
		{"Dropout", 13, nil, []string{"float32 [1] 3", "float32 [] 0.5", "bool [] 1"}, "none"},
		{"Dropout", 13, nil, []string{"float32 [1] 3", "float32 [] 0.5", "bool [] 0"}, "float32 [1] 3"},
		{"Dropout", 6, nil, []string{"float32 [1] 3"}, "none"},
		{"Dropout", 6, attrs{i("is_test", 1)}, []string{"float32 [1] 3"}, "float32 [1] 3"},
		{"Equal", 13, nil, []string{"int32 [2] 1 2", "int32 [2] 1 3"}, "bool [2] 1 0"},
		{"Equal", 13, nil, []string{"float32 [2] 1 nan", "float32 [2] 1 nan"}, "bool [2] 1 0"},
		{"Less", 13, nil, []string{"uint64 [1] 18446744073709551615", "uint64 [1] 1"}, "bool [1] 0"},
		{"Less", 13, nil, []string{"float32 [2] 1 3", "float32 [1] 2"}, "bool [2] 1 0"},
		{"LessOrEqual", 12, nil, []string{"int64 [2] 1 3", "int64 [1] 1"}, "bool [2] 1 0"},
		{"Greater", 13, nil, []string{"int64 [2] 1 3", "int64 [1] 2"}, "bool [2] 0 1"},
		{"GreaterOrEqual", 12, nil, []string{"float32 [2] 1 3", "float32 [1] 3"}, "bool [2] 0 1"},
		{"Greater", 13, nil, []string{"int64 [2] 1 3", "int64 [3] 1 2 3"}, "none"},
		{"Exp", 13, nil, []string{"float32 [2] 0 1"}, "float32 [2] 1 2.71828"},
		{"Exp", 13, nil, []string{"float16 [1] 20"}, "none"},
		{"Log", 13, nil, []string{"float64 [1] 1"}, "float64 [1] 0"},
		{"Sqrt", 13, nil, []string{"bfloat16 [1] 4"}, "bfloat16 [1] 2"},
		{"Reciprocal", 13, nil, []string{"float16 [1] 4"}, "float16 [1] 0.25"},
		{"Neg", 13, nil, []string{"int8 [2] 1 -128"}, "int8 [2] -1 -128"},
		{"Expand", 13, nil, []string{"float32 [2 1] 1 2", "int64 [2] 2 2"}, "float32 [2 2] 1 1 2 2"},
		{"Expand", 13, nil, []string{"float32 [2 1] 1 2", "int64 [] 2"}, "none"},
		{"Expand", 13, nil, []string{"float32 [2] 1 2", "int64 [1] 3"}, "none"},
		{"EyeLike", 9, nil, []string{"float32 [2 2] 5 6 7 8"}, "float32 [2 2] 1 0 0 1"},
		{"EyeLike", 9, attrs{i("dtype", 7), i("k", 1)}, []string{"float32 [2 2] 5 6 7 8"}, "int64 [2 2] 0 1 0 0"},
		{"EyeLike", 9, attrs{i("k", 5)}, []string{"float32 [2 2] 5 6 7 8"}, "float32 [2 2] 0 0 0 0"},
		{"EyeLike", 9, nil, []string{"float32 [2] 5 6"}, "none"},
		{"EyeLike", 9, attrs{i("dtype", 8)}, []string{"float32 [2 2] 5 6 7 8"}, "none"},
		{"Flatten", 13, attrs{i("axis", -1)}, []string{"float32 [1 2 1] 1 2"}, "float32 [2 1] 1 2"},
		{"Gather", 13, nil, []string{"float32 [3] 1 2 3", "int64 [2] -1 0"}, "float32 [2] 3 1"},
		{"Gather", 13, attrs{i("axis", 1)}, []string{"int64 [2 2] 1 2 3 4", "int32 [] 1"}, "int64 [2] 2 4"},
		{"Gather", 13, nil, []string{"float32 [3] 1 2 3", "int64 [1] 3"}, "none"},
		{"Gather", 13, attrs{i("axis", 1)}, []string{"float32 [3] 1 2 3", "int64 [1] 0"}, "none"},
		{"Identity", 13, nil, []string{"float32 [] 3"}, "float32 [] 3"},
		{"Max", 13, nil, []string{"int32 [2] 1 5", "int32 [1] 3", "int32 [1] 2"}, "int32 [2] 3 5"},
		{"Min", 13, nil, []string{"int32 [2] 1 5", "int32 [1] 3", "int32 [1] 2"}, "int32 [2] 1 2"},
		{"Max", 13, nil, []string{"float32 [2] 1 5", "float32 [1] 3"}, "float32 [2] 3 5"},
		{"Sum", 13, nil, []string{"float32 [1] 1", "float32 [1] 2", "float32 [1] 4"}, "float32 [1] 7"},
		{"Mod", 13, nil, []string{"int32 [3] 4 -4 4", "int32 [3] 3 3 -3"}, "int32 [3] 1 2 -2"},
		{"Mod", 13, attrs{i("fmod", 1)}, []string{"float32 [2] 5.5 -5.5", "float32 [1] 2"}, "float32 [2] 1.5 -1.5"},
		{"Mod", 13, nil, []string{"uint64 [1] 18446744073709551615", "uint64 [1] 10"}, "uint64 [1] 5"},
		{"Mod", 13, nil, []string{"int32 [1] 4", "int32 [1] -1"}, "int32 [1] 0"},
		{"Mod", 13, nil, []string{"int32 [1] 4", "int32 [1] 0"}, "none"},
		{"Mod", 13, nil, []string{"float32 [1] 4", "float32 [1] 3"}, "none"},
		{"Mul", 14, nil, []string{"float32 [1] 1e30", "float32 [1] 1e30"}, "none"},
		{"Pow", 15, nil, []string{"float32 [2] 2 3", "float32 [1] 2"}, "float32 [2] 4 9"},
		{"Pow", 15, nil, []string{"float32 [1] 2", "int64 [1] 3"}, "float32 [1] 8"},
		{"Pow", 15, nil, []string{"int64 [4] 2 -1 1 0", "int64 [4] 10 -3 -7 3"}, "int64 [4] 1024 -1 1 0"},
		{"Pow", 15, nil, []string{"int64 [1] 3", "int64 [1] -1"}, "int64 [1] 0"},
		{"Pow", 15, nil, []string{"int64 [1] 0", "int64 [1] -1"}, "none"},
		{"Pow", 15, nil, []string{"int64 [1] 10", "int64 [1] 30"}, "none"},
		{"Pow", 15, nil, []string{"int32 [1] 10", "int32 [1] 10"}, "none"},
		{"Pow", 15, nil, []string{"int32 [1] 4", "float32 [1] 0.5"}, "int32 [1] 2"},
		{"Pow", 15, nil, []string{"int32 [1] 4", "float32 [1] 100"}, "none"},
		{"Range", 11, nil, []string{"int64 [] 1", "int64 [] 7", "int64 [] 2"}, "int64 [3] 1 3 5"},
		{"Range", 11, nil, []string{"int32 [] 7", "int32 [] 1", "int32 [] -4"}, "int32 [2] 7 3"},
		{"Range", 11, nil, []string{"int64 [] 1", "int64 [] 7", "int64 [] 0"}, "none"},
		{"Range", 11, nil, []string{"float32 [] 1", "float32 [] 7", "float32 [] 1"}, "none"},
		{"Range", 11, nil, []string{"int64 [2] 1 2", "int64 [] 7", "int64 [] 1"}, "none"},
		{"ReduceSum", 13, nil, []string{"float32 [2 2] 1 2 3 4", "int64 [1] 0"}, "float32 [1 2] 4 6"},
		{"ReduceSum", 13, attrs{i("keepdims", 0)}, []string{"int64 [2 2] 1 2 3 4"}, "int64 [] 10"},
		{"ReduceSum", 13, attrs{i("noop_with_empty_axes", 1)}, []string{"float32 [2] 1 2"}, "float32 [2] 1 2"},
		{"ReduceSum", 13, nil, []string{"float32 [2] 1 2", "int64 [1] 4"}, "none"},
		{"ReduceMean", 13, attrs{is("axes", -1)}, []string{"float32 [2 2] 1 2 3 5"}, "float32 [2 1] 1.5 4"},
		{"ReduceMean", 13, nil, []string{"int64 [2] 1 2"}, "none"},
		{"ReduceL2", 13, nil, []string{"float32 [2] 3 4"}, "float32 [1] 5"},
		{"ReduceSumSquare", 13, nil, []string{"int32 [2] 3 4"}, "int32 [1] 25"},
		{"ReduceProd", 13, nil, []string{"int32 [3] 2 3 4"}, "int32 [1] 24"},
		{"ReduceProd", 13, nil, []string{"int32 [2] 2000000000 2"}, "none"},
		{"ReduceProd", 13, nil, []string{"float32 [2] 1e30 1e30"}, "none"},
		{"Reshape", 13, nil, []string{"float32 [2 2] 1 2 3 4", "int64 [1] -1"}, "float32 [4] 1 2 3 4"},
		{"Reshape", 13, nil, []string{"float32 [2 2] 1 2 3 4", "int64 [1] 5"}, "none"},
		{"Reshape", 13, nil, []string{"float32 [2 2] 1 2 3 4", "int32 [1] 4"}, "none"},
		{"Reshape", 1, attrs{is("shape", 4)}, []string{"float32 [2 2] 1 2 3 4"}, "float32 [4] 1 2 3 4"},
		{"ScatterND", 13, nil, []string{"float32 [3] 1 2 3", "int64 [2 1] 0 -1", "float32 [2] 7 8"}, "float32 [3] 7 2 8"},
		{"ScatterND", 13, nil, []string{"float32 [2 2] 1 2 3 4", "int64 [1 1] 1", "float32 [1 2] 7 8"}, "float32 [2 2] 1 2 7 8"},
		{"ScatterND", 13, nil, []string{"float32 [3] 1 2 3", "int64 [1 1] 5", "float32 [1] 7"}, "none"},
		{"ScatterND", 13, nil, []string{"float32 [3] 1 2 3", "int64 [1 2] 0 0", "float32 [1] 7"}, "none"},
		{"ScatterND", 13, nil, []string{"float32 [3] 1 2 3", "int64 [1 1] 0", "float32 [2] 7 8"}, "none"},
		{"ScatterND", 16, attrs{onnxio.StringAttr("reduction", "add")}, []string{"float32 [3] 1 2 3", "int64 [1 1] 0", "float32 [1] 7"}, "float32 [3] 8 2 3"},
		{"Shape", 15, attrs{i("start", 1)}, []string{"data"}, "int64 [1] 3"},
		{"Shape", 15, attrs{i("start", -5), i("end", -1)}, []string{"data"}, "int64 [1] 2"},
		{"Size", 13, nil, []string{"data"}, "int64 [] 6"},
		{"Slice", 13, nil, []string{"float32 [4] 1 2 3 4", "int64 [1] 3", "int64 [1] -9", "int64 [1] 0", "int64 [1] -2"}, "float32 [2] 4 2"},
		{"Slice", 13, nil, []string{"float32 [4] 1 2 3 4", "int64 [1] 2", "int64 [1] 1"}, "float32 [0]"},
		{"Slice", 1, attrs{is("starts", 1), is("ends", 100)}, []string{"float32 [3] 1 2 3"}, "float32 [2] 2 3"},
		{"Slice", 13, nil, []string{"float32 [4] 1 2 3 4", "int64 [1] 0", "int64 [1] 2", "int64 [1] 5"}, "none"},
		{"Slice", 13, nil, []string{"float32 [4] 1 2 3 4", "int64 [2] 0 0", "int64 [1] 2"}, "none"},
		{"Squeeze", 13, nil, []string{"float32 [1 2 1] 1 2", "int64 [1] 0"}, "float32 [2 1] 1 2"},
		{"Squeeze", 11, nil, []string{"float32 [1 2 1] 1 2"}, "float32 [2] 1 2"},
		{"Sub", 14, nil, []string{"uint8 [1] 1", "uint8 [1] 2"}, "uint8 [1] 255"},
		{"Tile", 13, nil, []string{"float32 [1 2] 1 2", "int64 [2] 2 2"}, "float32 [2 4] 1 2 1 2 1 2 1 2"},
		{"Tile", 13, nil, []string{"float32 [2] 1 2", "int64 [2] 2 2"}, "none"},
		{"Tile", 13, nil, []string{"float32 [2] 1 2", "int64 [1] -1"}, "none"},
		{"Transpose", 13, nil, []string{"float32 [1 2] 1 2"}, "float32 [2 1] 1 2"},
		{"Transpose", 13, attrs{is("perm", 1, 0)}, []string{"int8 [2 2] 1 2 3 4"}, "int8 [2 2] 1 3 2 4"},
		{"Unsqueeze", 13, nil, []string{"float32 [2] 1 2", "int64 [2] 0 -1"}, "float32 [1 2 1] 1 2"},
		{"Where", 9, nil, []string{"bool [2] 1 0", "float32 [1] 7", "float32 [2] 1 2"}, "float32 [2] 7 2"},
		{"Where", 9, nil, []string{"bool [2] 1 0", "float32 [1] 7", "float64 [2] 1 2"}, "none"},
		{"Where", 9, nil, []string{"bool [2] 1 0", "float32 [3] 7 7 7", "float32 [2] 1 2"}, "none"},
		{"Constant", 13, attrs{i("value_int", 4)}, nil, "int64 [] 4"},
		{"Constant", 13, attrs{is("value_ints", 4, 5)}, nil, "int64 [2] 4 5"},
		{"Constant", 13, attrs{onnxio.FloatAttr("value_float", 1.5)}, nil, "float32 [] 1.5"},
		{"Constant", 13, attrs{onnxio.StringAttr("value_string", "x")}, nil, "none"},
		{"Constant", 13, nil, nil, "none"},
		{"RandomNormalLike", 13, nil, []string{"float32 [1] 1"}, "none"}, // another one each time
		{"Sigmoidal", 13, nil, []string{"float32 [1] 1"}, "none"},
		{"Add", 14, nil, []string{"float32 [1] 1", "data"}, "none"},
		{"Add", 14, nil, []string{"float32 [1] 1"}, "refused"},
	} {
		if have := constOf(t, tc.opset, tc.op, tc.attrs, tc.inputs...); have != tc.want {
			t.Errorf("%s (opset %d) of %q is %s, want %s", tc.op, tc.opset, tc.inputs, have, tc.want)
		}
	}
}

// What a runtime may have rounded decides nothing: a third of three is no whole number.
func TestRoundingDecidesNothing(t *testing.T) {
	for _, tc := range []struct {
		elem, step, x, by string
		isConst           bool
	}{
		{"float32", "Floor", "1", "3", true}, {"float32", "Floor", "3", "0.333333343", false},
		{"float16", "Ceil", "1", "3", true}, {"float64", "Floor", "3", "0.1", true}, {"bfloat16", "Floor", "1", "3", true},
		{"float32", "Reciprocal", "1e-30", "1e-12", false}, {"float16", "Sqrt", "1e-4", "1e-3", false},
	} {
		p := onnxio.Parts{Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Undefined)},
			Inits: []*onnxio.Tensor{stored(t, "x", tc.elem+" [1] "+tc.x), stored(t, "by", tc.elem+" [1] "+tc.by)},
			Nodes: []*onnxio.Node{onnxio.NewNode("", "Mul", []string{"x", "by"}, []string{"m"}), onnxio.NewNode("", tc.step, []string{"m"}, []string{"y"})}}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if have := g.IsConst(g.Value("y")); have != tc.isConst {
			t.Errorf("%s of %s·%s in %s is a constant: %v", tc.step, tc.x, tc.by, tc.elem, have)
		}
	}
	if math.Trunc(3*float64(float32(0.333333343))) != 1 {
		t.Error("the product lies above 1")
	}
}
