package graph_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// fed makes a graph input: "float32 N 4 8", "int64 2 = 3 -1" for an initializer, "?" for
// one without a declared shape.
func fed(t *testing.T, p *onnxio.Parts, name, text string) {
	t.Helper()
	declared, values, isInit := strings.Cut(text, " = ")
	f := strings.Fields(declared)
	elem := typeOf(t, f[0])
	if isInit {
		p.Inits = append(p.Inits, stored(t, name, f[0]+" ["+strings.Join(f[1:], " ")+"] "+values))
		return
	}
	if len(f) == 2 && f[1] == "?" {
		p.Inputs = append(p.Inputs, onnxio.Untyped(name, elem))
		return
	}
	var dims []onnxio.Dim
	for _, s := range f[1:] {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			dims = append(dims, onnxio.Known(n))
		} else {
			dims = append(dims, onnxio.Named(s))
		}
	}
	p.Inputs = append(p.Inputs, onnxio.NewValue(name, elem, dims...))
}

// Shapes and types of all outputs of a node, what they ask of sizes, and sizes that
// contradict each other, worked out by hand from ONNX's pages.
func TestShapesByHand(t *testing.T) {
	i, s := onnxio.IntAttr, onnxio.StringAttr
	is := func(name string, v ...int64) *onnxio.Attr { return onnxio.IntsAttr(name, v) }
	type attrs = []*onnxio.Attr
	const f = "float32 "
	for _, tc := range []struct {
		op    string
		opset int64
		attrs attrs
		in    []string
		want  string // outputs, then demands
	}{
		{"Relu", 13, nil, []string{f + "N 4"}, "float32 [N 4]"},
		{"Add", 13, nil, []string{f + "N 1 8", f + "4 1"}, "float32 [N 4 8]"},
		{"Add", 13, nil, []string{f + "N 4", f + "M 4"}, "float32 [y0.0 4]; axis 0 of x1 to be 1 or N"},
		{"Add", 13, nil, []string{f + "N 4", f + "3 4"}, "float32 [3 4]; axis 0 of x1 to be 1 or N"},
		{"Add", 13, nil, []string{f + "2 4", f + "3 4"}, "float32 [2 4]; contradicts: axis 0 of x1 to be 1 or 2"},
		{"Add", 6, attrs{i("broadcast", 1), i("axis", 1)}, []string{f + "N C 8", f + "D"}, "float32 [N C 8]; axis 0 of x1 to be 1 or C"},
		{"Equal", 13, nil, []string{f + "N 4", f + "4"}, "bool [N 4]"},
		{"Where", 13, nil, []string{"bool N 1", "int64 4", "int64 1"}, "int64 [N 4]"},
		{"Cast", 13, attrs{i("to", 10)}, []string{f + "N"}, "float16 [N]"},
		{"Shape", 13, nil, []string{f + "N 4"}, "int64 [2] = N 4"},
		{"Shape", 13, nil, []string{f + "?"}, "int64 [y0.0]"},
		{"Size", 13, nil, []string{f + "N 4"}, "int64 [] = 4*N"},
		{"Identity", 13, nil, []string{f + "?"}, "float32 ?"},
		{"Reshape", 13, nil, []string{f + "N 4 6", "int64 3 = 0 -1 3"}, "float32 [N 8 3]"},
		{"Reshape", 13, nil, []string{f + "N 4 6", "int64 2 = -1 5"}, "float32 [y0.0 5]; the number of elements of x0 to be a multiple of 5"},
		{"Reshape", 13, nil, []string{f + "N 4 6", "int64 2 = 2 12"}, "float32 [2 12]; the number of elements of x0 to be 24"},
		{"Reshape", 14, attrs{i("allowzero", 1)}, []string{f + "N 4", "int64 2 = 0 4"}, "float32 [0 4]; the number of elements of x0 to be 0"},
		{"Reshape", 13, nil, []string{f + "N 4", "int64 3"}, "float32 [y0.0 y0.1 y0.2]"},
		{"Reshape", 13, nil, []string{f + "N 4", "int64 K"}, "float32 ?"},
		{"Transpose", 13, attrs{is("perm", 2, 0, 1)}, []string{f + "N 4 6"}, "float32 [6 N 4]"},
		{"Transpose", 13, nil, []string{f + "N 4 6"}, "float32 [6 4 N]"},
		{"Squeeze", 13, nil, []string{f + "1 N 1", "int64 1 = -1"}, "float32 [1 N]"},
		{"Squeeze", 13, nil, []string{f + "1 N", "int64 1 = 1"}, "float32 [1]; axis 1 of x0 to be 1"},
		{"Squeeze", 13, nil, []string{f + "1 N", "int64 K"}, "float32 ?"},
		{"Unsqueeze", 11, attrs{is("axes", 0, -1)}, []string{f + "N"}, "float32 [1 N 1]"},
		{"Flatten", 13, attrs{i("axis", 2)}, []string{f + "N 4 6"}, "float32 [4*N 6]"},
		{"Flatten", 13, attrs{i("axis", -1)}, []string{f + "N 4 6"}, "float32 [4*N 6]"},
		{"Flatten", 13, attrs{i("axis", 5)}, []string{f + "N 4 6"}, "float32 ?"},
		{"Concat", 13, attrs{i("axis", 1)}, []string{f + "N 4", f + "N K"}, "float32 [N 4+K]"},
		{"Concat", 13, attrs{i("axis", 1)}, []string{f + "N 4", f + "2 4"}, "float32 [N 8]; axis 0 of x1 to be N"},
		{"Concat", 13, attrs{i("axis", 3)}, []string{f + "N 4", f + "2 4"}, "float32 ?"},
		{"Gather", 13, attrs{i("axis", 1)}, []string{f + "N C 8", "int64 2 3 = 0 1 2 3 4 -7"}, "float32 [N 2 3 8]"},
		{"Gather", 13, attrs{i("axis", 1)}, []string{f + "N C 8", "int64 2 = 0 -7"}, "float32 [N 2 8]; axis 1 of x0 to be at least 7"},
		{"Gather", 13, nil, []string{f + "N 8", "int64 = 0"}, "float32 [8]; axis 0 of x0 to be at least 1"},
		{"GatherElements", 13, nil, []string{f + "N 8", "int64 N 2"}, "float32 [N 2]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 1", "int64 1 = 7", "int64 1 = 1", "int64 1 = 2"}, "float32 [N 3]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 1", "int64 1 = 7", "int64 1 = 0"}, "float32 [y0.0 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 0", "int64 1 = 9223372036854775807", "int64 1 = 0"}, "float32 [N 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 1", "int64 1 = 9223372036854775807", "int64 1 = 0", "int64 1 = 2"}, "float32 [((N)//(2)) 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 0", "int64 1 = 2147483647", "int64 1 = 0", "int64 1 = 2"}, "float32 [((1+N)//(2)) 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 0", "int64 1 = 2147483646", "int64 1 = 0", "int64 1 = 2"}, "float32 [y0.0 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 2", "int64 1 = 2147483647", "int64 1 = 0", "int64 1 = 2"}, "float32 [-1+((1+N)//(2)) 8]; axis 0 of x0 to be at least 3"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 2 = 1 2", "int64 2 = -3 -1", "int64 2 = 0 1"}, "float32 [-4+N 5]; axis 0 of x0 to be at least 5"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 0", "int64 1 = -1", "int64 1 = 0", "int64 1 = 3"}, "float32 [((1+N)//(3)) 8]; axis 0 of x0 to be at least 2"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = -1", "int64 1 = 2147483647", "int64 1 = 0"}, "float32 [y0.0 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 2147483647", "int64 1 = 2147483647", "int64 1 = 0"}, "float32 [y0.0 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = 0", "int64 1 = -2147483647", "int64 1 = 0"}, "float32 [y0.0 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1 = -1", "int64 1 = -2147483648", "int64 1 = 0", "int64 1 = -1"}, "float32 [y0.0 8]"},
		{"Slice", 13, nil, []string{f + "N 8", "int64 1", "int64 1 = 7"}, "float32 [y0.0 y0.1]"},
		{"Slice", 13, nil, []string{f + "8 0", "int64 1 = -1", "int64 1 = -9", "int64 1 = 0", "int64 1 = -3"}, "float32 [3 0]"},
		{"Slice", 13, nil, []string{f + "8", "int64 1 = 2", "int64 1 = 5", "int64 1 = 0", "int64 1 = -1"}, "float32 [0]"},
		{"Slice", 13, nil, []string{f + "0", "int64 1 = -1", "int64 1 = -9", "int64 1 = 0", "int64 1 = -3"}, "float32 [0]"},
		{"Split", 13, nil, []string{f + "N 7", "int64 2 = 3 4"}, "float32 [3 7] float32 [4 7]; axis 0 of x0 to be 7"},
		{"Split", 11, attrs{i("axis", 1), is("split", 3, 4)}, []string{f + "N 7"}, "float32 [N 3] float32 [N 4]"},
		{"Split", 11, attrs{i("axis", 1)}, []string{f + "N 7"}, "float32 [N 4] float32 [N 3]; uneven"},
		{"Split", 11, attrs{i("axis", 1)}, []string{f + "N K"}, "float32 [N y0.1] float32 [N y1.1]; axis 1 of x0 to be a multiple of 2"},
		{"TopK", 11, nil, []string{f + "N 8", "int64 1 = 3"}, "float32 [N 3] int64 [N 3]"},
		{"TopK", 11, attrs{i("axis", 4)}, []string{f + "N 8", "int64 1 = 3"}, "float32 ? int64 ?"},
		{"ArgMax", 13, attrs{i("axis", 1)}, []string{f + "N 8"}, "int64 [N 1]"},
		{"ArgMin", 13, attrs{i("axis", -1), i("keepdims", 0)}, []string{f + "N 8"}, "int64 [N]"},
		{"NonZero", 13, nil, []string{f + "N 8"}, "int64 [2 y0.1]"},
		{"ConstantOfShape", 13, nil, []string{"int64 3"}, "float32 [y0.0 y0.1 y0.2]"},
		{"Expand", 13, nil, []string{f + "N 1", "int64 3 = 2 1 6"}, "float32 [2 N 6]"},
		{"Expand", 13, nil, []string{f + "?", "int64 2 = 2 6"}, "float32 [2 6]"},
		{"Tile", 13, nil, []string{f + "N 3", "int64 2 = 2 4"}, "float32 [2*N 12]"},
		{"Tile", 13, nil, []string{f + "N 3", "int64 1 = 2"}, "float32 ?"},
		{"Pad", 13, nil, []string{f + "N 3", "int64 4 = 0 1 0 2"}, "float32 [N 6]"},
		{"Pad", 18, attrs{s("mode", "reflect")}, []string{f + "N W", "int64 2 = 1 2", "", "int64 1 = -1"}, "float32 [N 3+W]; axis 0 of x0 to be at least 1; axis 1 of x0 to be at least 3"},
		{"Pad", 18, nil, []string{f + "N W", "int64 2 = 1 2", "", "int64 1 = 7"}, "float32 [y0.0 y0.1]"},
		{"Pad", 13, nil, []string{f + "N W", "int64 4"}, "float32 [y0.0 y0.1]"},
		{"Pad", 2, attrs{is("pads", 0, 1, 0, 1)}, []string{f + "N 3"}, "float32 [N 5]"},
		{"Pad", 1, attrs{is("paddings", 0, 1, 0, 1)}, []string{f + "N 3"}, "float32 [y0.0 y0.1]"},
		{"ReduceMean", 13, attrs{is("axes", -1)}, []string{f + "N 4 8"}, "float32 [N 4 1]"},
		{"ReduceSum", 13, attrs{i("keepdims", 0)}, []string{f + "N 4 8", "int64 2 = 0 2"}, "float32 [4]"},
		{"ReduceSum", 13, attrs{i("noop_with_empty_axes", 1)}, []string{f + "N 4 8"}, "float32 [N 4 8]"},
		{"ReduceMax", 13, nil, []string{f + "N 4 8"}, "float32 [1 1 1]"},
		{"GlobalAveragePool", 13, nil, []string{f + "N 4 8 H"}, "float32 [N 4 1 1]"},
		{"Gemm", 13, attrs{i("transA", 1), i("transB", 1)}, []string{f + "K N", f + "M 8"}, "float32 [N M]; axis 0 of x0 to be 8"},
		{"MatMul", 13, nil, []string{f + "N 4 8", f + "8 6"}, "float32 [N 4 6]"},
		{"MatMul", 13, nil, []string{f + "8", f + "N 8 6"}, "float32 [N 6]"},
		{"MatMul", 13, nil, []string{f + "N K", f + "8"}, "float32 [N]; axis 1 of x0 to be 8"},
		{"Einsum", 13, attrs{s("equation", "bij, bjk -> bik")}, []string{f + "N 4 8", f + "M 8 6"}, "float32 [M 4 6]; axis 0 of x1 to be 1 or N"},
		{"Einsum", 13, attrs{s("equation", "ij,jk")}, []string{f + "N 4", f + "4 K"}, "float32 [N K]"},
		{"Einsum", 13, attrs{s("equation", "...ij->...i")}, []string{f + "N 4"}, "float32 [N]"},
		{"Einsum", 13, attrs{s("equation", "...i,io->...o")}, []string{f + "N 2 4", f + "4 6"}, "float32 [N 2 6]"},
		{"Einsum", 13, attrs{s("equation", "...i,...io")}, []string{f + "N 2 4", f + "2 4 6"}, "float32 [N 2 6]"},
		{"Einsum", 13, attrs{s("equation", "i...,...->...i")}, []string{f + "4 2 1", f + "N 2 3"}, "float32 [N 2 3 4]"},
		{"Einsum", 13, attrs{s("equation", "...i->i")}, []string{f + "N 4"}, "float32 ?"},
		{"Einsum", 13, attrs{s("equation", "...i->...i")}, []string{f + "?"}, "float32 ?"},
		{"Einsum", 13, attrs{s("equation", "...ijk->...i")}, []string{f + "N 4"}, "float32 ?"},
		{"Einsum", 13, attrs{s("equation", "..ij->ij")}, []string{f + "N 4"}, "float32 ?"},
		{"Einsum", 13, attrs{s("equation", "ij->..ij")}, []string{f + "N 4"}, "float32 ?"},
		{"Einsum", 13, attrs{s("equation", "i,j->ij")}, []string{f + "N"}, "float32 ?"},
		{"Einsum", 13, attrs{s("equation", "ii->i")}, []string{f + "4 4"}, "float32 ?"},
		{"DepthToSpace", 13, attrs{i("blocksize", 2)}, []string{f + "N C 3 H"}, "float32 [N y0.1 6 2*H]; axis 1 of x0 to be a multiple of 4"},
		{"SpaceToDepth", 13, attrs{i("blocksize", 2)}, []string{f + "N 3 4 H"}, "float32 [N 12 2 ((H)//(2))]; axis 3 of x0 to be a multiple of 2"},
		{"Resize", 13, nil, []string{f + "N 4 H W", "", "float32 4 = 1 1 2 1.5"}, "float32 [N 4 2*H y0.3]"},
		{"Resize", 13, nil, []string{f + "N 4 H W", "", "float32 4"}, "float32 [y0.0 y0.1 y0.2 y0.3]"},
		{"Conv", 13, attrs{is("strides", 2, 1), is("pads", 1, 0, 1, 0)}, []string{f + "N C H 9", "float32 6 4 3 3"}, "float32 [N 6 ((1+H)//(2)) 7]; axis 1 of x0 to be 4; a size of x0 to be at least 3"},
		{"Conv", 13, attrs{s("auto_pad", "SAME_UPPER"), is("strides", 2, 2)}, []string{f + "N 4 H 9", "float32 6 4 3 3"}, "float32 [N 6 ((1+H)//(2)) 5]"},
		{"Conv", 13, attrs{s("auto_pad", "SAME_LOWER")}, []string{f + "N 4 H 9", "float32 6 4 3 3"}, "float32 [N 6 H 9]; a size of x0 to be at least 3"},
		{"Conv", 13, attrs{s("auto_pad", "VALID"), is("dilations", 2, 2)}, []string{f + "N 4 8 9", "float32 6 2 3 3"}, "refused"},
		{"Conv", 13, attrs{s("auto_pad", "VALID"), is("dilations", 2, 2), i("group", 2)}, []string{f + "N 4 8 9", "float32 6 2 3 3"}, "float32 [N 6 4 5]"},
		{"Conv", 13, nil, []string{f + "?", "float32 6 2 3 3"}, "float32 [x0.0 6 -2+x0.2 -2+x0.3]; axis 2 of x0 to be at least 3; axis 3 of x0 to be at least 3"},
		{"Conv", 13, attrs{s("auto_pad", "NEVER")}, []string{f + "N 2 8 8", "float32 6 2 3 3"}, "refused"},
		{"Conv", 13, nil, []string{f + "N 4 2 2", "float32 6 4 3 3"}, "float32 [N 6 y0.2 y0.3]; contradicts: axis 2 of x0 to be at least 3; contradicts: axis 2 of x0 to be at least 3"},
		{"ConvTranspose", 13, attrs{is("strides", 2, 2), is("pads", 1, 1, 1, 1), is("output_padding", 1, 0)}, []string{f + "N 4 5 W", f + "4 3 3 3"}, "float32 [N 3 10 -1+2*W]"},
		{"ConvTranspose", 13, attrs{is("output_shape", 7, 8)}, []string{f + "N C 5 W", f + "4 3 3 3"}, "float32 [N 3 7 8]; axis 1 of x0 to be 4"},
		{"ConvTranspose", 13, attrs{s("auto_pad", "SAME_UPPER"), is("strides", 2, 3), i("group", 2)}, []string{f + "N 4 5 W", f + "4 3 3 3"}, "float32 [N 6 10 3*W]"},
		{"MaxPool", 13, attrs{is("kernel_shape", 2, 2), is("strides", 2, 2), i("ceil_mode", 1)}, []string{f + "N 4 5 W"}, "float32 [N 4 3 y0.3]"},
		{"MaxPool", 13, attrs{is("kernel_shape", 2, 2), is("strides", 2, 2), i("ceil_mode", 1), is("pads", 1, 1, 1, 1)}, []string{f + "N 4 5 7"}, "float32 [N 4 3 4]"},
		{"MaxPool", 13, attrs{is("kernel_shape", 2, 2), i("ceil_mode", 1)}, []string{f + "N 4 5 W"}, "float32 [N 4 4 -1+W]"},
		{"AveragePool", 13, nil, []string{f + "N 4 5 W"}, "refused"},
		{"AveragePool", 13, attrs{is("kernel_shape", 2)}, []string{f + "N 4 5 W"}, "refused"},
		{"BatchNormalization", 15, nil, []string{f + "N C 8", f + "4", f + "4", f + "4", f + "4"}, "float32 [N C 8]; axis 1 of x0 to be 4"},
		{"BatchNormalization", 7, attrs{i("spatial", 0)}, []string{f + "N C 8", f + "4", f + "4", f + "4", f + "4"}, "float32 [N C 8]"},
		{"InstanceNormalization", 6, nil, []string{f + "N C 8", f + "4", f + "4"}, "float32 [N C 8]; axis 1 of x0 to be 4"},
		{"LayerNormalization", 17, nil, []string{f + "N C", f + "4"}, "float32 [N C]; axis 1 of x0 to be 1 or 4"},
		{"GroupNormalization", 21, attrs{i("num_groups", 2)}, []string{f + "N C 8", f + "4", f + "4"}, "float32 [N C 8]; axis 1 of x0 to be 4"},
		{"GroupNormalization", 18, attrs{i("num_groups", 2)}, []string{f + "N C 8", f + "2", f + "2"}, "float32 [N C 8]; axis 1 of x0 to be a multiple of 2"},
		{"PRelu", 13, nil, []string{f + "N C 8", f + "4 1"}, "float32 [N C 8]; axis 1 of x0 to be 1 or 4"},
		{"LSTM", 14, attrs{i("hidden_size", 5)}, []string{f + "T N K", f + "1 20 3", f + "1 20 5", "", "", f + "1 M 5"}, "float32 [T 1 N 5] float32 [1 N 5] float32 [1 N 5]; axis 2 of x0 to be 3; axis 1 of x5 to be N"},
		{"GRU", 14, attrs{i("hidden_size", 5), i("layout", 1)}, []string{f + "N T 3", f + "2 15 3", f + "2 15 5"}, "float32 [N T 2 5] float32 [N 2 5]"},
		{"GRU", 14, attrs{i("hidden_size", 5)}, []string{f + "N T 3", f + "2 16 3", f + "2 15 5"}, "float32 ? float32 ?"},
		{"QuantizeLinear", 13, nil, []string{f + "N 3", f}, "uint8 [N 3]"},
		{"QuantizeLinear", 13, nil, []string{f + "N 3", f, "int8"}, "int8 [N 3]"},
		{"QuantizeLinear", 21, attrs{i("output_dtype", 5)}, []string{f + "N 3", f}, "int16 [N 3]"},
		{"DequantizeLinear", 19, nil, []string{"int8 N 3", "float16"}, "float16 [N 3]"},
		{"DequantizeLinear", 23, attrs{i("output_dtype", 1)}, []string{"int8 N 3", "float16"}, "float32 [N 3]"},
		{"Range", 11, nil, []string{"int64 = 1", "int64", "int64 = 1"}, "int64 [y0.0]"},
		{"Range", 11, nil, []string{"float32 = 1", "float32 = 4", "float32 = 1"}, "float32 [y0.0]"},
		{"Bernoulli", 15, nil, []string{f + "N 3"}, "float32 ?"},
		{"Bernoulli", 15, attrs{i("dtype", 7)}, []string{f + "N 3"}, "int64 ?"},
		{"Multinomial", 7, nil, []string{f + "N 3"}, "int32 ?"},
		{"DynamicQuantizeLinear", 11, nil, []string{f + "N 3"}, "uint8 [N 3] float32 [] uint8 []"},
		{"MatMulInteger", 10, nil, []string{"int8 N 3", "uint8 3 4"}, "int32 [N 4]"},
		{"QLinearMatMul", 10, nil, []string{"int8 N 3", f, "int8", "uint8 3 4", f, "uint8", f, "uint8"}, "uint8 [N 4]"},
		{"ConvInteger", 10, attrs{is("pads", 1, 0)}, []string{"uint8 N 3 8", "int8 4 3 2"}, "int32 [N 4 8]"},
		{"QLinearConv", 10, nil, []string{"uint8 N 3 8", f, "uint8", "int8 4 3 2", f, "int8", f, "int8"}, "int8 [N 4 7]"},
		{"FusedMatMul", 13, nil, []string{f + "N 3"}, "float32 ?"}, // no operator of ONNX: a guess
		{"If", 13, nil, []string{"bool 1"}, "undefined ?; invalid"},
		{"Add", 13, nil, []string{f + "N 4", "int64 N 4"}, "undefined ?; invalid"},
	} {
		p := onnxio.Parts{Opset: tc.opset}
		names := make([]string, len(tc.in))
		for k, text := range tc.in {
			if text != "" {
				names[k] = fmt.Sprintf("x%d", k)
				fed(t, &p, names[k], text)
			}
		}
		var outs []string
		for k := range max(1, strings.Count(strings.Split(tc.want, ";")[0], "[")+strings.Count(tc.want, "?")) {
			outs = append(outs, fmt.Sprintf("y%d", k))
			p.Outputs = append(p.Outputs, onnxio.Untyped(outs[k], onnxio.Undefined))
		}
		p.Nodes = []*onnxio.Node{onnxio.NewNode("n", tc.op, names, outs, tc.attrs...)}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		if have := describe(m); have != tc.want {
			t.Errorf("%s (opset %d) of %q:\nhave %s\nwant %s", tc.op, tc.opset, tc.in, have, tc.want)
		}
	}
}

// describe is what the facts say of a model's outputs, as text.
func describe(m *onnxio.Model) string {
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		return "refused"
	}
	var outs []string
	for _, v := range g.Outputs {
		text := v.Elem.String() + " ?"
		if dims, ok := v.Shape(); ok {
			text = fmt.Sprint(v.Elem, " ", dims)
		}
		if ints := v.Ints(); ints != nil && v.Producer.OpType() != "Cast" && !g.IsConst(v) {
			text += " ="
			for _, d := range ints {
				text += " " + d.String()
			}
		}
		outs = append(outs, text)
	}
	parts := []string{strings.Join(outs, " ")}
	say := func(prefix string, list []graph.Demand) {
		for _, d := range list {
			_, ask, _ := strings.Cut(d.String(), "asks for ")
			place, rest, _ := strings.Cut(ask, " of \"")
			_, rest, _ = strings.Cut(rest, ", which has ")
			_, rest, _ = strings.Cut(rest, " to be ")
			parts = append(parts, fmt.Sprintf("%s%s of %s to be %s", prefix, place, d.Value.Name, rest))
		}
	}
	say("", g.Demands)
	say("contradicts: ", g.Contradictions)
	if g.Uneven > 0 {
		parts = append(parts, "uneven")
	}
	if slices.ContainsFunc(g.Notes, func(n graph.Note) bool { return n.Code == "invalid_node" }) {
		parts = append(parts, "invalid")
	}
	return strings.Join(parts, "; ")
}
