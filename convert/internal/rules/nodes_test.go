package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// nodes are near misses and borders of every rule: what is explained, what is refused
// with a sentence, and what is not a rule's business. What explained nodes compute is
// compared with the engine in the package affine.
var nodes = []struct{ name, text string }{
	{"view: sizes are no data", "x : int64 2 3\ny = Reshape(x, #6)"},
	{"view: unknown target", "x : 2 3\nt : int64 ?\ny = Reshape(x, t)"},
	{"view: a second output that is read", "x : 2 3\ny, m = Dropout(x)\nz = Cast(m) to=11\n> y z"},
	{"view: a second output that nobody reads", "x : 2 3\ny, m = Dropout(x)\n> y"},
	{"view: live dropout", "x : 2 3\ny = Dropout(x, =0.5, train)\ntrain : int64 1"},
	{"view: another precision", "x : 2 3\ny = Cast(x) to=1"},
	{"view: the same precision", "x : 2 3\ny = Cast(x) to=11"},
	{"view: an Expand to the same", "x : 2 3\ny = Expand(x, #2_3)"},
	{"view: an Expand to more", "x : 2 1\ny = Expand(x, #2_3)"},
	{"view: of unknown rank", "x : ?\na = Identity(x)\ny = Flatten(a)"},
	{"activation: slopes", "x : 2 3\na = LeakyRelu(x) alpha=1.0\nb = LeakyRelu(x) alpha=0.5\nc = LeakyRelu(x)\n> a b c"},
	{"activation: slopes of channels", "x : 2 3 4\na = PRelu(x, =1:3x1)\nb = PRelu(x, =1)\nc = PRelu(x, =1_1_0.5:3x1)\nd = PRelu(x, =-1:3x1)\n> a b c d"},
	{"activation: a slope from data", "x : 2 3\ns : 3\ny = PRelu(x, s)"},
	{"activation: bounds", "x : 2 3\na = Clip(x)\nb = Clip(x, -, -)\nc = Clip(x, =-Inf, =+Inf)\nd = Clip(x, =-1.7976931348623157e308, =1.7976931348623157e308)\ne = Clip(x, =-1e308)\nf = Clip(x, -, =6)\n> a b c d e f"},
	{"activation: bounds of float16", "x : float16 2 3\na = Clip(x, =-65504, =65504)\nb = Clip(x, =-65472, =65504)\nc = Clip(x, =-65504, =65472)\n> a b c"},
	{"activation: bounds of bfloat16", "x : bfloat16 2 3\na = Clip(x, =-3.3895313892515355e38, =3.3895313892515355e38)\nb = Clip(x, -, =3.3e38)\n> a b"},
	{"activation: bounds as inputs, first opset", "opset 11\nx : 2 3\na = Clip(x, -, =6)\ny = Clip(a)"},
	{"activation: a bound from data", "x : 2 3\nb :\na = Clip(x, b)\nc = Clip(x, -, b)\n> a c"},
	{"activation: bounds as attributes", "opset 6\nx : float32 2 3\na = Clip(x)\nb = Clip(x) min=-3.4028234663852886e38 max=3.4028234663852886e38\nc = Clip(x) min=0.0\nd = Clip(x) max=6.0\n> a b c d"},
	{"activation: bounds of float32 on float64", "opset 6\nx : 2 3\na = Clip(x) max=3.4028234663852886e38\ny = Clip(a)"},
	{"activation: powers", "x : 2 3\na = Pow(x, =1)\nb = Pow(x, =1:3)\nc = Pow(x, =1:4x1x1)\nd = Pow(=1, x)\ne = Pow(x, =2)\n> a b c d e"},
	{"activation: unknown rank", "x : ?\ny = LeakyRelu(x) alpha=1.0"},
	{"activation: constant data", "x : 2 3\na = LeakyRelu(?3) alpha=1.0\ny = Add(x, a)"},
	{"transpose: unknown rank", "x : ?\ny = Transpose(x)"},
	{"transpose: default", "x : 2 3 4\ny = Transpose(x)"},
	{"transpose: one number", "x :\ny = Transpose(x)"},
	{"transpose: integers", "x : int64 2 3\ny = Transpose(x)"},
	{"blocks: modes", "x : 1 8 2 2\na = DepthToSpace(x) blocksize=2 mode=CRD\nb = DepthToSpace(a) blocksize=1\ny = SpaceToDepth(b) blocksize=2"},
	{"blocks: another rank", "x : 1 8 2\ny = DepthToSpace(x) blocksize=2"},
	{"blocks: no size", "x : 1 8 2 2\na = DepthToSpace(x)\nb = SpaceToDepth(x) blocksize=0\n> a b"},
	{"blocks: open sizes", "x : N 8 H W\na = DepthToSpace(x) blocksize=2\nb = SpaceToDepth(x) blocksize=2\nc = DepthToSpace(x) blocksize=3\n> a b c"},
	{"unshuffle: blocks, channels, and what is neither", "x : 2 6 4 4\na = Reshape(x, #2_6_2_2_2_2)\nb = Transpose(a) perm=0,1,3,5,2,4\nc = Reshape(b, #2_24_2_2)\nd = Reshape(x, #2_2_3_4_4)\ne = Transpose(d) perm=0,2,1,3,4\nf = Reshape(e, #2_6_4_4)\ng = Transpose(x) perm=0,1,3,2\nh = Reshape(g, #2_6_4_4)\ni = Relu(x)\nj = Transpose(i) perm=0,2,1,3\nk = Reshape(j, #2_6_4_4)\nl = Mul(x, =2)\nm = Transpose(l) perm=0,2,1,3\nn = Reshape(m, #2_6_4_4)\n> c f h k n"},
	{"unshuffle: an unknown shape", "x : ?\na = Identity(x)\nb = Transpose(a) perm=0,2,1\ny = Reshape(b, #2_-1)"},
	{"conv: a kernel from data", "x : 2 3 4 4\nw : 3 3 1 1\ny = Conv(x, w)"},
	{"conv: mixed types", "x : 2 3 4 4\nw : float32 3 3 1 1\ny = Conv(x, w)"},
	{"conv: a bias from data", "x : 2 3 4 4\nb : 3\ny = Conv(x, ?3x3x1x1, b)"},
	{"conv: a bias from the file", "x : 2 3 4 4\na = Add(?3, ?3)\ny = Conv(x, ?3x3x1x1, a)"},
	{"conv: unknown rank", "x : ?\ny = Conv(x, ?3x3x1x1)"},
	{"conv: open channels", "x : N C 4 4\ny = Conv(x, ?3x3x1x1)"},
	{"conv: dequantised", "x : float32 2 3 4 4\nq = QuantizeLinear(?3x3x1x1, =0.5)\nw = DequantizeLinear(q, s)\ny = Conv(x, w)\ns : float32"},
	{"transposed: a kernel from data", "x : 2 3 4 4\nw : 3 3 1 1\ny = ConvTranspose(x, w)"},
	{"transposed: mixed types", "x : 2 3 4 4\nw : float32 3 3 1 1\ny = ConvTranspose(x, w)"},
	{"transposed: a bias from data", "x : 2 3 4 4\nb : 3\ny = ConvTranspose(x, ?3x3x1x1, b)"},
	{"transposed: a bias that is left out", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x3x1x1, -)"},
	{"transposed: a bias of another length", "x : 2 4 4 4\ny = ConvTranspose(x, ?4x3x1x1, ?3) group=2"},
	{"transposed: groups and their bias", "x : 2 4 4 4\na = ConvTranspose(x, ?4x3x1x1, ?6) group=2\nb = Add(?2, ?2)\nc = ConvTranspose(x, ?4x1x1x1, b) group=2\n> a c"},
	{"transposed: groups that do not fit", "x : 2 4 4 4\ny = ConvTranspose(x, ?4x3x1x1) group=3"},
	{"transposed: no group", "x : 2 4 4 4\ny = ConvTranspose(x, ?4x3x1x1) group=0"},
	{"transposed: no weights", "x : 2 4 4 4\ny = ConvTranspose(x, =0:4x3x0x1)"},
	{"transposed: unknown rank", "x : ?\ny = ConvTranspose(x, ?3x3x1x1)"},
	{"transposed: no spatial axes", "x : 2 3\ny = ConvTranspose(x, ?3x4)"},
	{"transposed: kernel_shape of another kernel", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) kernel_shape=2,3"},
	{"transposed: kernel_shape of its kernel", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x3) kernel_shape=2,3"},
	{"transposed: strides of another rank", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) strides=@2"},
	{"transposed: a stride of nothing", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) strides=2,0"},
	{"transposed: negative output_padding", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) output_padding=0,-1"},
	{"transposed: an unknown auto_pad", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) auto_pad=NEVER"},
	{"transposed: pads twice", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) auto_pad=VALID pads=0,0,1,0"},
	{"transposed: output_shape of fewer axes", "x : 2 3 4 4\ny = ConvTranspose(x, ?3x2x2x2) output_shape=@5"},
	{"conv: dequantised constants", "x : float32 2 3 4 4\nq = QuantizeLinear(?3x3x1x1, =0.5)\nw = DequantizeLinear(q, =0.5)\nt = Transpose(w) perm=1,0,2,3\na = Conv(x, w)\nb = Conv(x, t)\ny = Add(a, b)"},
	{"conv: a kernel by chance", "x : float32 2 3 4 4\nw = RandomNormal() shape=3,3,1,1\ny = Conv(x, w)"},
	{"conv: a kernel of an operator that nobody knows", "x : float32 2 3 4 4\nr = Frobnicate(?3x3x1x1)\nw = Mul(r, ?3x3x1x1)\ny = Conv(x, w)"},
	{"conv: a kernel that is no number", "x : float32 2 3 4 4\nk = Div(#1, #0)\nf = CastLike(k, x)\nw = Mul(f, ?3x3x1x1)\ny = Conv(x, w)"},
	{"conv: a kernel in an order that nobody says", "x : float32 2 3 4 4\nw, i = TopK(?3x3x1x1, #3) axis=0 sorted=0\ny = Conv(x, w)"},
	{"conv: a kernel of an operator without constants", "x : float32 2 3 4 4\nw = LpPool(?3x3x1x1) kernel_shape=1,1\ny = Conv(x, w)"},
	{"conv: a kernel of a node that ONNX does not allow", "x : float32 2 3 4 4\nw = Expand(?3x3x1x1, =3)\ny = Conv(x, w)"},
	{"conv: a kernel of too many products", "x : float32 2 3 4 4\na = Expand(?1, #70000)\nb = Einsum(a, a, a, a) equation=a,b,c,d->\nw = Mul(?3x3x1x1, b)\ny = Conv(x, w)"},
	{"conv: a kernel of too many numbers", "x : float32 2 3 4 4\na = Expand(?1, #400000000)\nb = ReduceMax(a)\nw = Mul(?3x3x1x1, b)\ny = Conv(x, w)"},
	{"conv: a kernel of chance and data", "x : float32 2 3 4 4\nr = RandomNormal() shape=3,3,1,1\nm = ReduceMax(x)\nw = Mul(r, m)\ny = Conv(x, w)"},
	{"matmul: a weight by chance, and one of an operator that nobody knows", "x : float32 2 3\nr = RandomNormal() shape=3,3\na = MatMul(x, r)\nf = Frobnicate(?3x3)\nw = Add(f, ?3x3)\ny = MatMul(a, w)"},
	{"einsum: a weight by chance", "x : float32 2 3\nw = RandomNormal() shape=3,4\ny = Einsum(x, w) equation=ab,bc->ac"},
	{"gemm: a bias that is left out", "x : 2 3\ny = Gemm(x, ?3x4, -)"},
	{"conv: a bias that is left out", "x : 2 3 4 4\ny = Conv(x, ?3x3x1x1, -)"},
	{"conv: a window that fits nothing", "x : 2 3 4 4\ny = Conv(x, ?3x3x5x5)"},
	{"gemm: a bias of another length", "x : 2 3\ny = Gemm(x, ?3x4, ?3)"},
	{"gemm: a bias times nothing", "x : 2 3\ny = Gemm(x, ?3x4, ?4) beta=0.0"},
	{"gemm: turned data", "x : 3 2\ny = Gemm(x, ?3x4) transA=1"},
	{"gemm: a weight from data", "x : 2 3\nw : 3 4\ny = Gemm(x, w)"},
	{"gemm: a bias from data", "x : 2 3\nb : 4\ny = Gemm(x, ?3x4, b)"},
	{"gemm: a bias for each row", "x : 2 3\ny = Gemm(x, ?3x4, ?2x4)"},
	{"gemm: a bias of one row", "x : 2 3\ny = Gemm(x, ?3x4, ?1x4)"},
	{"gemm: a bias of one column", "x : 2 3\ny = Gemm(x, ?3x4, ?2x1)"},
	{"gemm: constant data", "x : 2 3\na = Gemm(?2x3, ?3x3)\ny = Add(x, a)"},
	{"gemm: unknown rank", "x : ?\ny = Gemm(x, ?3x4)"},
	{"matmul: two values", "x : 2 3\nw : 3 4\ny = MatMul(x, w)"},
	{"matmul: a vector", "x : 2 3\ny = MatMul(x, ?3)"},
	{"matmul: vector data", "x : 3\ny = MatMul(x, ?3x2)"},
	{"matmul: dequantised", "x : float32 2 3\nw = DequantizeLinear(q, =0.5)\nq : int64 3 4\ny = MatMul(x, w)"},
	{"einsum: three operands", "x : 2 3\ny = Einsum(x, ?3x4, ?4x2) equation=ab,bc,cd->ad"},
	{"einsum: one operand", "x : 2 3\ny = Einsum(x) equation=ab->ba"},
	{"einsum: two values", "x : 2 3\nw : 3 4\ny = Einsum(x, w) equation=ab,bc->ac"},
	{"einsum: an ellipsis", "x : 2 3\ny = Einsum(x, ?3x4) equation=...a,ab->...b"},
	{"einsum: an ellipsis that repeats the data", "x : N 1 5\ny = Einsum(x, ?3x5x4) equation=...i,...io->...o"},
	{"einsum: groups", "x : N 3 5\ny = Einsum(x, ?3x4x5) equation=ngi,goi->ngo"},
	{"einsum: weight first", "x : N 3 5\ny = Einsum(?4x5, x) equation=oi,ngi->ngo"},
	{"einsum: mixed types", "x : 2 3\nw : float32 3 4\na = Identity(w)\ny = Einsum(x, a) equation=ab,bc->ac"},
	{"einsum: a diagonal", "x : 2 3 3\ny = Einsum(x, ?3x4) equation=abb,bc->ac"},
	{"scale: a number spread by a run", "x : N H 3\ns = Shape(x)\nk = Expand(=2, s)\ny = Mul(x, k)"},
	{"scale: two numbers spread by a run", "x : N H 3\ns = Shape(x)\na = Expand(=2, s)\nb = Expand(=3, s)\nc = Mul(a, b)\ny = Mul(x, c)"},
	{"scale: a number spread over another", "x : N 3\nb : M 3\ns = Shape(b)\nk = Expand(=2, s)\ny = Mul(x, k)\nz = Neg(b)\n> y z"},
	{"split fc: slices", "x : N 6\na = Slice(x, #0, #3, #1)\nb = Slice(x, #3, #6, #1)\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x2)\ny = Concat(d, e) axis=1"},
	{"split fc: slices of two axes", "x : 4 6\na = Slice(x, #0_0, #2_3, #0_1)\nb = Slice(x, #0_3, #2_6, #0_1)\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x2)\ny = Concat(d, e) axis=1"},
	{"split fc: slices of another length", "x : N 6\na = Slice(x, #0, #3, #1)\nb = Slice(x, #3, #6, #1)\nc = Slice(b, #0, #2, #1)\nd = MatMul(a, ?3x2)\ne = MatMul(c, ?2x2)\ny = Concat(d, e) axis=1"},
	{"split fc: a split of rows", "x : 4 3\na, b = Split(x, #2_2) axis=0\nd = MatMul(a, ?3x3)\ne = MatMul(b, ?3x3)\ny = Concat(d, e) axis=1"},
	{"split fc: products of the input", "x : N 3\nd = MatMul(x, ?3x2)\ne = MatMul(x, ?3x2)\ny = Concat(d, e) axis=1"},
	{"norm: statistics from data", "x : 2 3 4\nm : 3\ny = BatchNormalization(x, ?3, ?3, m, !3)"},
	{"norm: a scale from data", "x : 2 3 4\nm : 3\ny = BatchNormalization(x, m, ?3, ?3, !3)"},
	{"norm: in training", "x : 2 3 4\ny, a, b = BatchNormalization(x, ?3, ?3, ?3, !3) training_mode=1\n> y"},
	{"norm: in training mode before opset 7", "opset 6\nx : 2 3 4\ny = BatchNormalization(x, ?3, ?3, ?3, !3)"},
	{"norm: switched to inference before opset 7", "opset 6\nx : 2 3 4\ny = BatchNormalization(x, ?3, ?3, ?3, !3) is_test=1"},
	{"norm: every element", "opset 7\nx : 2 3\ny = BatchNormalization(x, ?3, ?3, ?3, !3) spatial=0"},
	{"norm: open channels", "x : 2 C 4\ny = BatchNormalization(x, ?3, ?3, ?3, !3)"},
	{"norm: unknown rank", "x : ?\ny = BatchNormalization(x, ?3, ?3, ?3, !3)"},
	{"scale: two values", "x : 2 3\nb : 3\ny = Mul(x, b)"},
	{"scale: one divided by data", "x : 2 3\ny = Div(=2, x)"},
	{"scale: data from a number", "x : 2 3\ny = Sub(=2, x)"},
	{"scale: of unknown rank", "x : ?\ny = Mul(x, ?3)"},
	{"scale: a number and unknown rank", "x : ?\ny = Mul(x, =3)"},
	{"scale: it repeats the data", "x : 3\ny = Mul(x, ?2x3)"},
	{"scale: sizes that only a run tells", "x : 2 C\ny = Mul(x, ?3)"},
	{"scale: a number of some rank", "x : 2 3\ny = Add(x, =0.5:1x1x1)"},
	{"scale: equal numbers", "x : N 3\ny = Mul(x, =0.5:3)"},
	{"scale: equal numbers for an axis of one", "x : 2 1 4\ny = Mul(x, =0.5:3x1)"},
	{"scale: a computed constant", "x : 2 3\na = Mul(?3, =2)\nb = Add(a, ?1x3)\ny = Mul(x, b)"},
	{"scale: half of a gelu", "x : 2 3\na = Div(x, =1.4142)\nb = Erf(a)\nc = Add(b, =1)\nd = Mul(x, c)\ny = Mul(d, =0.5)"},
	{"scale: half of a gelu before", "x : 2 3\na = Div(x, =1.4142)\nb = Erf(a)\nc = Add(=1, b)\nd = Mul(x, =0.5)\ny = Mul(c, d)"},
	{"scale: half of the other factor", "x : 2 3\nb = Tanh(x)\nc = Add(b, =1)\nd = Mul(c, =0.5)\ny = Mul(x, d)"},
	{"scale: a third of no gelu", "x : 2 3\nb = Tanh(x)\nc = Add(b, =1)\nd = Mul(c, =0.3)\ny = Mul(x, d)"},
	{"scale: half of no gelu", "x : 2 3\nc = Add(x, =1)\nd = Mul(c, =0.5)\ny = Neg(d)"},
	{"scale: beside its data before opset 7", "opset 6\nx : 2 3 4\na = Mul(x, ?3) broadcast=1 axis=1\nb = Add(a, ?3x4) broadcast=1 axis=1\ny = Add(b, ?4) broadcast=1"},
	{"scale: before its data before opset 7", "opset 6\nx : 2 3\na = Mul(?2x3, x)\ny = Neg(a)"},
	{"scale: integers", "x : int64 2 3\ny = Neg(x)"},
	{"sum: of integers", "x : int64 2 3\ny = Add(x, x)"},
	{"sum: broadcast", "x : 2 3\nb : 1 3\ny = Add(x, b)"},
	{"sum: with a constant", "x : 2 3\ny = Sum(x, ?2x3, x)"},
	{"sum: mean of one", "x : 2 3\ny = Mean(x)"},
	{"sum: unknown shapes", "x : ?\ny = Add(x, x)"},
	{"pool: a window that hangs over padding", "x : 1 2 5 5\ny = AveragePool(x) kernel_shape=2,2 strides=2,2 ceil_mode=1 count_include_pad=1"},
	{"pool: open channels", "x : 1 C 5 5\ny = AveragePool(x) kernel_shape=2,2"},
	{"pool: unknown rank", "x : ?\ny = GlobalAveragePool(x)"},
	{"pool: global average of rows", "x : 2 3\ny = GlobalAveragePool(x)"},
	{"pool: all axes", "x : 2 3\ny = ReduceMean(x)"},
	{"pool: axes from data", "x : 2 3\na : int64 1\ny = ReduceSum(x, a)"},
	{"pool: axes twice over", "x : 2 3 4\ny = ReduceMean(x) axes=-1,-2"},
	{"pool: keepdims of zero", "x : 2 3 4\ny = ReduceSum(x, #-1) keepdims=0"},
	{"pool: a norm that others read", "x : 2 3 4 4\na = BatchNormalization(x, ?3, ?3, ?3, !3)\nb = GlobalAveragePool(a)\ny = Relu(a)\n> b y"},
	{"pool: a scale of positions", "x : 2 3 4 4\na = Mul(x, ?4)\ny = GlobalAveragePool(a)"},
	{"pool: a scale along the batch", "x : 2 3 4 4\na = Mul(x, ?2x1x1x1)\ny = GlobalAveragePool(a)"},
	{"pool: a sum of positions behind a norm", "x : 2 3 4 4\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ReduceSum(a, #2_3)"},
	{"pool: a view between", "x : 2 3 4 4\na = BatchNormalization(x, ?3, ?3, ?3, !3)\nb = Identity(a)\ny = GlobalAveragePool(b)"},
	{"pool: two scales and a number", "x : 2 3 4 4\na = Mul(x, ?3x1x1)\nb = Add(a, ?3x1x1)\nc = Mul(b, =2)\ny = AveragePool(c) kernel_shape=2,2"},
	{"pad: pads from data", "x : 2 3\np : int64 4\ny = Pad(x, p)"},
	{"pad: pads that a run works out", "x : N 4\ns = Shape(x)\nn = Gather(s, #0) axis=0\nz = Sub(n, n)\np = Concat(z, #1, z, #0) axis=0\ny = Pad(x, p)"},
	{"pad: a value from data", "x : 2 3\nv : 1\ny = Pad(x, #0_1_0_1, v)"},
	{"pad: a value", "x : 2 3\ny = Pad(x, #0_1_0_1, =2.5)"},
	{"pad: pads and value as attributes", "opset 10\nx : 2 3\ny = Pad(x) pads=0,1,0,1 value=1.5"},
	{"pad: some axes", "opset 18\nx : 2 3 4\na = Pad(x, #1_2, -, #1)\nb = Pad(x, #1_2, =1.5, #-1)\nc = Pad(x, -, =1.5)\n> a b c"},
	{"pad: mode", "x : 2 3\ny = Pad(x, #0_1_0_1) mode=edge"},
	{"pad: nothing", "x : 2 3\ny = Pad(x, #0_0_0_0) mode=reflect"},
	{"pad: one number", "x :\ny = Pad(x, #)"},
	{"pad: integers", "x : int64 2 3\ny = Pad(x, #0_1_0_1)"},
	{"select: integers", "x : int64 4\ny = Slice(x, #0, #2)"},
	{"select: unknown rank", "x : ?\ny = Slice(x, #0, #2)"},
	{"slice: an open axis", "x : N 4\na = Slice(x, #0, #9223372036854775807, #0)\ny = Slice(x, #0, #2, #0)\n> a y"},
	{"slice: an open axis backwards", "x : N 4\ny = Slice(x, #-1, #-9223372036854775807, #0, #-1)"},
	{"slice: an open axis from one on", "x : N 4\ny = Slice(x, #1, #9223372036854775807, #0)"},
	{"slice: an open axis, then another", "x : N 4\ny = Slice(x, #0_1, #9223372036854775807_3, #0_1)"},
	{"slice: all of an axis, then another", "x : 3 4\ny = Slice(x, #0_1, #3_3, #0_1)"},
	{"scale: one number", "x :\ny = Mul(x, =2)"},
	{"slice: bounds from data", "x : 4 4\nb : int64 1\ny = Slice(x, b, #3)"},
	{"gather: several of several axes", "x : 4 5\ny = Gather(x, #3_-1) axis=1"},
	{"gather: indices from data", "x : 4 5\ni : int64 2\ny = Gather(x, i)"},
	{"gather: an open axis", "x : N 5\ny = Gather(x, #0_1)"},
	{"gather: indices of rank 2", "x : 4 5\ni = Reshape(#0_1, #2_1)\ny = Gather(x, i)"},
	{"split: outputs left out", "x : 6 2\na, -, b = Split(x, #1_2_3)\n> a b"},
	{"split: as attribute", "opset 11\nx : 6 2\na, b = Split(x) split=1,5 axis=0\n> a b"},
	{"concat: a constant part", "x : 2 3\ny = Concat(x, ?2x3) axis=1"},
	{"concat: an open part", "x : N 3\ny = Concat(x, x) axis=0"},
	{"concat: axes", "x : 2 3\na = Concat(x, x, x) axis=-1\ny = Concat(a, a) axis=0"},
	{"split fc: three parts", "x : N 6\na, b, c = Split(x, #2_2_2) axis=1\nd = MatMul(a, ?2x3)\ne = MatMul(b, ?2x3)\nf = MatMul(c, ?2x3)\ny = Concat(d, e, f) axis=-1"},
	{"split fc: an axis of rows", "x : 4 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x3)\ne = MatMul(b, ?3x3)\ny = Concat(d, e) axis=0"},
	{"split fc: a part that others read", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x3)\ne = MatMul(b, ?3x3)\ny = Concat(d, e) axis=1\nz = Relu(d)\n> y z"},
	{"split fc: one bias", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3, ?3)\ne = Gemm(b, ?3x3)\ny = Concat(d, e) axis=1"},
	{"split fc: a bias of one number", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3, ?1)\ne = Gemm(b, ?3x3, ?1)\ny = Concat(d, e) axis=1"},
	{"split fc: a bias of one row", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3, ?1x3)\ne = Gemm(b, ?3x3, ?1x3)\ny = Concat(d, e) axis=1"},
	{"split fc: one turned", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3)\ne = Gemm(b, ?3x3) transB=1\ny = Concat(d, e) axis=1"},
	{"split fc: scaled biases", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3, ?3) beta=2.0\ne = Gemm(b, ?3x3, ?3) beta=2.0\ny = Concat(d, e) axis=1"},
	{"split fc: pieces of two values", "x : N 6\na, b = Split(x, #3_3) axis=1\nc = Relu(x)\nf, g = Split(c, #3_3) axis=1\nd = MatMul(a, ?3x3)\ne = MatMul(g, ?3x3)\ny = Concat(d, e) axis=1"},
	{"split fc: the first piece twice", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x3)\ne = MatMul(a, ?3x3)\ny = Concat(d, e) axis=1"},
	{"split fc: every second feature", "x : N 6\na = Slice(x, #0, #6, #1, #2)\nb = Slice(x, #1, #6, #1, #2)\nd = MatMul(a, ?3x3)\ne = MatMul(b, ?3x3)\ny = Concat(d, e) axis=1"},
	{"split fc: slices of rows", "x : 4 2\na = Slice(x, #0, #2, #0)\nb = Slice(x, #2, #4, #0)\nd = MatMul(a, ?2x3)\ne = MatMul(b, ?2x3)\ny = Concat(d, e) axis=1"},
	{"split fc: grouped parts", "x : N 2 6\na, b = Split(x, #3_3) axis=2\nd = MatMul(a, ?2x3x3)\ne = MatMul(b, ?2x3x3)\ny = Concat(d, e) axis=2"},
	{"split fc: a bias along rows", "x : 3 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x3)\nh = Add(d, ?3x1)\ne = MatMul(b, ?3x3)\ni = Add(e, ?3x1)\ny = Concat(h, i) axis=1"},
	{"split fc: two biases, of which the added ones were lost", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3, ?3)\nh = Add(d, ?3)\ne = Gemm(b, ?3x3, ?3)\ni = Add(e, ?3)\ny = Concat(h, i) axis=1"},
	{"twins", "x : N 3\na = Neg(x)\nb = Neg(x)\nc = Mul(a, =2)\nd = Mul(b, =2)\ny = Add(c, d)"},
	{"twins: attributes differ", "x : 2 3\na = Flatten(x) axis=0\nb = Flatten(x) axis=1\n> a b"},
	{"twins: one is an output", "x : N 3\na = Neg(x)\nb = Neg(x)\ny = Add(a, b)\n> y b"},
	{"twins: of twins", "x : N 3\na = Neg(x)\nb = Neg(x)\nc = Abs(a)\nd = Abs(b)\ne = Abs(a)\ny = Sum(c, d, e)"},
	{"twins: behind nodes that have none", "x : N 4\nr = RandomNormalLike(x)\np, q = Split(x, #2_2) axis=1\nz = Relu(x)\na = Neg(x)\nb = Neg(x)\ny = Add(a, b)\n> z r p q y"},
	{"twins: two outputs", "x : N 4\na, b = Split(x, #2_2) axis=1\nc, d = Split(x, #2_2) axis=1\ny = Sum(a, b, c, d)"},
	{"twins: inputs that are left out", "x : 2 3\nb :\na = Clip(x, -, b)\nc = Clip(x, b)\nd = Clip(x, b)\ne = Clip(x, b, -)\ny = Sum(a, c, d, e)"},
	{"twins: other inputs", "x : N 3\nw : N 3\na = Add(x, w)\nb = Add(w, x)\nc = Add(x, w)\ny = Sum(a, b, c)"},
	{"twins: dropout", "x : N 3\na = Dropout(x)\nb = Dropout(x)\ny = Add(a, b)"},
	{"pad: nothing, before a conv", "x : 1 3 4 4\na = Pad(x, #0_0_0_0_0_0_0_0)\nb = Conv(a, ?3x3x1x1)\nc = Pad(x, #0_0_0_0_0_0_0_0)\nd = Relu(c)\ny = Add(b, d)"},
	{"pad: no mode", "x : 2 3\ny = Pad(x, #0_1_0_1) mode=fold"},
	{"pad: spatial axes", "x : 1 3 4 4\na = Pad(x, #0_0_1_2_0_0_0_1)\nb = Pad(a, #0_0_1_1_0_0_1_1, =0)\nc = Pad(b, #0_0_1_1_0_0_1_1, =0) mode=edge\ny = Pad(c, #0_1_0_0_0_0_0_0)"},
	{"split: three parts", "x : 2 9\na, b, c = Split(x, #2_3_4) axis=1\n> a b c"},
	{"split: all but one position, and one", "x : 2 9\na, b = Split(x, #8_1) axis=1\nc, d = Split(x, #1_8) axis=1\n> a b c d"},
	{"split: one part", "x : 2 9\ny = Split(x, #9) axis=1"},
	{"gather: one position", "x : 4 5\na = Gather(x, %-2) axis=1\nb = Gather(x, #3) axis=0\n> a b"},
	{"gather: beyond its axis", "x : 4 5\ny = Gather(x, #4) axis=0"},
	{"gather: backwards and in steps", "x : 4 7\na = Gather(x, #6_4_2) axis=1\nb = Gather(x, #0_3_6) axis=1\nc = Gather(x, #1_3) axis=1\n> a b c"},
	{"slice: borders of steps", "x : 4 9\na = Slice(x, #0, #9, #1, #3)\nb = Slice(x, #2, #9, #1, #3)\nc = Slice(x, #3, #9, #1, #3)\nd = Slice(x, #0, #6, #1, #3)\ne = Slice(x, #0, #8, #1, #2)\n> a b c d e"},
	{"tile: one axis", "x : 2 3\na = Tile(x, #1_3)\nb = Tile(x, #2_1)\nc = Tile(x, #1_1)\nd = Tile(x, #2_2)\ne = Tile(x, #1_0)\n> a b c d e"},
	{"tile: what cannot be read", "x : N 3\nr : int64 2\na = Tile(x, #2_1)\nb = Tile(x, r)\nc = Tile(x, #1_30000)\n> a b c"},
	{"split fc: the end is left out", "x : N 8\na = Slice(x, #0, #3, #1)\nb = Slice(x, #3, #6, #1)\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x2)\ny = Concat(d, e) axis=1"},
	{"split fc: the begin is left out", "x : N 8\na = Slice(x, #2, #5, #1)\nb = Slice(x, #5, #8, #1)\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x2)\ny = Concat(d, e) axis=1"},
	{"split fc: another order", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x2)\ny = Concat(e, d) axis=1"},
	{"split fc: outputs of other sizes", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x4)\ny = Concat(d, e) axis=1"},
	{"split fc: a scaled product", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3) alpha=2.0\ne = Gemm(b, ?3x3) alpha=2.0\ny = Concat(d, e) axis=1"},
	{"split fc: biases added before the product", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = MatMul(a, ?3x3)\nf = Add(?3, d)\ne = MatMul(b, ?3x3)\ng = Add(?3, e)\ny = Concat(f, g) axis=1"},
	{"split fc: both turned", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?2x3, ?2) transB=1\ne = Gemm(b, ?2x3, ?2) transB=1\ny = Concat(d, e) axis=1"},
	{"split fc: rows of a map", "x : 2 5 6\na, b = Split(x, #3_3) axis=2\nd = MatMul(a, ?3x2)\ne = MatMul(b, ?3x2)\ny = Concat(d, e) axis=2"},
	{"sum: scales of one value", "x : N 3 4\na = Mul(x, ?3x1)\nb = Add(x, ?3x1)\nc = Neg(b)\nd = Sub(a, c)\ny = Relu(d)"},
	{"sum: scales of which one is read elsewhere", "x : N 3 4\na = Mul(x, ?3x1)\nb = Mul(x, ?3x1)\nc = Add(a, b)\n> c a"},
	{"sum: scales of twins", "x : N 3\na = Relu(x)\nb = Relu(x)\nc = Mul(a, =2)\nd = Mul(b, =3)\ne = Add(c, d)\ny = Exp(e)"},
	{"sum: a scale of another value", "x : N 3\nw : N 3\na = Mul(x, =2)\nb = Mul(w, =3)\nc = Mean(a, b)\ny = Exp(c)"},
	{"sum: of three, with a part that goes", "x : N 3\na = Mul(x, =2)\ny = Mean(a, x, x)"},
	{"sum: a value less itself", "x : N 3\na = Mul(x, =2)\nb = Sub(a, a)\ny = Exp(b)"},
	{"twins: random numbers", "x : N 3\na = RandomNormalLike(x)\nb = RandomNormalLike(x)\ny = Add(a, b)"},
}

// What the rules say of a node does not change unnoticed.
func TestWhatRulesSay(t *testing.T) {
	var text strings.Builder
	for _, c := range nodes {
		t.Run(c.name, func(t *testing.T) {
			g := sketch.Graph(t, c.text)
			e := Explain(g, nil, nil)
			if err := e.Check(); err != nil {
				t.Error(err)
			}
			fmt.Fprintf(&text, "# %s\n", c.name)
			for _, a := range e.All() {
				fmt.Fprintf(&text, "%v\n    %s", a, a.Rule)
				for _, n := range a.Nodes {
					fmt.Fprintf(&text, " %s", n.Title())
				}
				cost := e.Cost(a)
				fmt.Fprintf(&text, ", reads %d, costs %v\n%s", affine.Elements(a.Op.Weights()), cost, details(a.Op))
			}
			for _, n := range g.Nodes {
				for _, v := range n.Out {
					if twins := e.Twins(v); v != nil && len(twins) > 0 {
						fmt.Fprintf(&text, "%q is %q\n", names(twins), v.Name)
					}
				}
			}
			for _, r := range e.Refused {
				fmt.Fprintf(&text, "%s refused, %s: %s\n", r.Node.Title(), r.Why.Code, r.Why.Message)
			}
			text.WriteByte('\n')
		})
	}
	sketch.Golden(t, "nodes.txt", text.String())
}

// details is what the text of an operation leaves out.
func details(op affine.Op) string {
	var out []string
	if affine.IsIdle(op) {
		out = append(out, "idle")
	}
	switch op := op.(type) {
	case *affine.Pad:
		out = append(out, fmt.Sprintf("value %g, zeros around a map %v", op.Value, op.Zeros()))
	case *affine.Pick:
		for _, a := range op.Axes {
			out = append(out, fmt.Sprintf("%+v", a))
		}
		if op.Drop >= 0 {
			out = append(out, fmt.Sprintf("without axis %d", op.Drop))
		}
	case *affine.Diagonal:
		for _, is := range []struct {
			what string
			so   bool
		}{{"scales", op.Scales()}, {"shifts", op.Shifts()}, {"normed", op.Normed()}, {"widens", op.Widens()}, {"per channel", op.PerChannel()}, {"along one axis", op.AlongOne()}} {
			if is.so {
				out = append(out, is.what)
			}
		}
	}
	if out == nil {
		return ""
	}
	return "    " + strings.Join(out, ", ") + "\n"
}

func names(vs []*graph.Value) []string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Name)
	}
	return out
}

// A BatchNormalization normalises with what it sees by attributes and outputs that mean
// so in some opsets.
func TestBatchStatistics(t *testing.T) {
	for _, c := range []struct {
		opset   int64
		outputs string
		attrs   []*onnxio.Attr
		want    bool
	}{
		{15, "y", nil, false},
		{15, "y - -", nil, false},
		{15, "y - a", nil, true},
		{15, "y a b", nil, true},
		{15, "y", []*onnxio.Attr{onnxio.IntAttr("training_mode", 1)}, true},
		{15, "y", []*onnxio.Attr{onnxio.IntAttr("training_mode", 0)}, false},
		{7, "y", nil, false},
		{7, "y", []*onnxio.Attr{onnxio.IntAttr("is_test", 0)}, false},
		{6, "y", nil, true},
		{6, "y", []*onnxio.Attr{onnxio.IntAttr("is_test", 0)}, true},
		{6, "y", []*onnxio.Attr{onnxio.IntAttr("is_test", 1)}, false},
		{6, "y a", []*onnxio.Attr{onnxio.IntAttr("is_test", 1)}, true},
	} {
		outs := strings.Fields(strings.ReplaceAll(c.outputs, "-", `""`))
		for i, o := range outs {
			outs[i] = strings.Trim(o, `"`)
		}
		if have := BatchStatistics(onnxio.NewNode("n", "BatchNormalization", []string{"x"}, outs, c.attrs...), c.opset); have != c.want {
			t.Errorf("opset %d, outputs %s, %v: %v", c.opset, c.outputs, c.attrs, have)
		}
	}
}

// Weights that may be something else at run time are named with what to do.
func TestWeightsThatAreNone(t *testing.T) {
	raw, err := onnxio.EncodeFloat64([]float64{1, 2, 3, 4}, onnxio.Float64)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnxio.NewTensor("w", onnxio.Float64, []int64{2, 2}, raw)
	if err != nil {
		t.Fatal(err)
	}
	square := func(name string) *onnxio.ValueInfo {
		return onnxio.NewValue(name, onnxio.Float64, onnxio.Known(2), onnxio.Known(2))
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{square("x"), square("w")}, Inits: []*onnxio.Tensor{w}, Outputs: []*onnxio.ValueInfo{square("y"), square("z"), square("v")},
		Nodes: []*onnxio.Node{onnxio.NewNode("product", "MatMul", []string{"x", "w"}, []string{"y"}), onnxio.NewNode("layer", "Gemm", []string{"x", "w"}, []string{"z"}),
			onnxio.NewNode("turn", "Transpose", []string{"w"}, []string{"t"}), onnxio.NewNode("other", "MatMul", []string{"x", "t"}, []string{"v"})}})
	if err != nil {
		t.Fatal(err)
	}
	for freeze, want := range map[bool]int{false: 3, true: 0} {
		g, err := graph.New(m, graph.Options{FreezeInputs: freeze})
		if err != nil {
			t.Fatal(err)
		}
		e := Explain(g, nil, nil)
		if explained := e.Of(g.Value("y")) != nil && e.Of(g.Value("z")) != nil && e.Of(g.Value("v")) != nil; len(e.Refused) != want || explained != freeze {
			t.Errorf("frozen %v: %v", freeze, e)
		}
		for _, r := range e.Refused {
			computed := strings.Contains(r.Why.Message, `is computed from "w"`)
			if r.Why.Code != reason.WeightsAreGraphInputs || !strings.Contains(r.Why.Message, r.Node.Title()) || computed != (r.Node.Title() == "other") {
				t.Errorf("%v", r.Why)
			}
		}
	}
}

// A cut node is left out, with the refusal that stands there; an ended run says nothing.
func TestCutNodes(t *testing.T) {
	g := sketch.Graph(t, "x : 2 3\na = Neg(x)\ny = Neg(a)")
	why := reason.Refuse(reason.NonFiniteWeight, "no")
	e := Explain(g, map[*onnxio.Node]*reason.Refusal{g.Nodes[0].Node: why}, nil)
	if e.Of(g.Value("a")) != nil || e.Of(g.Value("y")) == nil || len(e.Refused) != 1 || e.Refused[0].Why != why || e.Refused[0].Node != g.Nodes[0] {
		t.Errorf("%v", e)
	}
	if e := Explain(g, nil, func() bool { return true }); len(e.All()) != 0 {
		t.Errorf("%v", e)
	}
}

// Every rule has documentation, and a name of its own.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Catalogue() {
		if d.Name == "" || d.Title == "" || d.Formula == "" || d.When == "" || d.Example == "" || seen[d.Name] {
			t.Errorf("%+v", d)
		}
		seen[d.Name] = true
	}
	if len(seen) != len(all()) {
		t.Errorf("%d rules are told of, there are %d", len(seen), len(all()))
	}
}

// Numbers that have no square root, or are none, name the channel and the node.
func TestVarianceWithoutARoot(t *testing.T) {
	for variance, bad := range map[string]bool{"=1_-0.5_1:3": true, "=1_-0.25_1:3": true, "=1_NaN_1:3": true, "=1_Inf_1:3": true, "=1_-0.24_1:3": false} {
		g := sketch.Graph(t, "x : 2 3\ny = BatchNormalization(x, ?3, ?3, ?3, "+variance+") epsilon=0.25")
		e := Explain(g, nil, nil)
		x, y := g.Value("x"), g.Value("y")
		m, why := affine.NewSegment(x, y, affine.Between(e.Of, x, y)).AsRows()
		if why != nil {
			t.Fatal(why)
		}
		_, err := m.Program.Fold(m.Form())
		refused, ok := errors.AsType[*affine.ValueError](err)
		if ok != bad || ok && (refused.Code != reason.BNInvalidVariance || refused.Node != g.Nodes[0] || !strings.Contains(err.Error(), "channel 1")) {
			t.Errorf("%s: %v", variance, err)
		}
	}
}
