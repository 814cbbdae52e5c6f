package affine_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/fuse"
	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// nodes are small graphs from x to one output. What their explanations say, as rows
// and as a convolution of a map, has to be what the engine computes.
var nodes = []struct{ name, text string }{
	{"views", "x : N 4 6 2\na = Reshape(x, #-1_2_12)\nb = Flatten(a) axis=2\nc = Unsqueeze(b, #0)\nd = Squeeze(c, #0)\ne = Identity(d)\ny = Reshape(e, #-1_48)"},
	{"same view", "x : 2 4 6 5\na = Conv(x, ?4x4x1x1)\nb = Reshape(a, #2_4_6_5)\ny = Conv(b, ?3x4x3x3)"},
	{"view that does not nest", "x : 2 4 6 2\na = Gemm(r, ?3x4)\ny = Reshape(a, #-1_9)\nr = Reshape(x, #24_4)"},
	{"rows cut anew", "x : N 6 4\nr = Reshape(x, #-1_4)\na = Gemm(r, ?4x3)\nb = Reshape(a, #-1_2_9)\ny = Reshape(b, #-1_3)"},
	{"rows cut anew at run time", "x : N P Q 8\ns = Shape(x)\np = Gather(s, #1) axis=0\nq = Gather(s, #2) axis=0\nr = Reshape(x, #-1_8)\na = Gemm(r, ?8x6, ?6)\nu = Concat(#-1, q, p, #6) axis=0\nb = Reshape(a, u)\nc = Mul(b, ?6)\ny = Reshape(c, #-1_6)"},
	{"rows cut anew at run time and turned", "x : N P Q 8\ns = Shape(x)\np = Gather(s, #1) axis=0\nq = Gather(s, #2) axis=0\nr = Reshape(x, #-1_8)\na = Gemm(r, ?8x6, ?6)\nu = Concat(q, #-1, p, #6) axis=0\nb = Reshape(a, u)\ny = Transpose(b) perm=1,0,2,3"},
	{"rows cut anew and scaled", "x : N 6 4\na = MatMul(x, ?4x4)\nb = Reshape(a, #-1_4_6)\ny = Mul(b, ?6)"},
	{"rows cut anew and averaged", "x : N 6\na = Reshape(x, #4_-1)\ny = ReduceMean(a) axes=@0"},
	{"rows cut anew, one of them averaged", "x : 6 4\na = Reshape(x, #4_6)\ny = ReduceMean(a) axes=@0"},
	{"rows cut anew, all of them averaged", "x : 6 4\na = Reshape(x, #4_6)\ny = ReduceMean(a) axes=0,1"},
	{"rows cut anew twice and added", "x : N 6 4\na = Reshape(x, #-1_4_6)\nb = Mul(x, =2)\nc = Reshape(b, #-1_4_6)\ny = Add(a, c)"},
	{"permute", "x : 2 3 4\na = Transpose(x) perm=2,0,1\nb = Reshape(a, #8_3)\ny = MatMul(b, ?3x5)"},
	{"permute of a map", "x : N 5 6 4\na = Transpose(x) perm=0,3,1,2\nb = Conv(a, ?3x4x3x3) pads=1,1,1,1\ny = Transpose(b) perm=0,2,3,1"},
	{"space to depth", "x : 2 3 4 6\na = SpaceToDepth(x) blocksize=2\ny = Conv(a, ?5x12x1x1)"},
	{"space to depth, wide kernel", "x : 2 2 6 6\na = SpaceToDepth(x) blocksize=3\ny = Conv(a, ?5x18x2x2) pads=1,1,0,1"},
	{"space to depth behind a shift", "x : 2 2 4 4\na = Add(x, ?2x1x1)\nb = SpaceToDepth(a) blocksize=2\ny = Add(b, ?8x1x1)"},
	{"depth to space, DCR", "x : 2 12 2 3\na = Conv(x, ?12x12x1x1)\ny = DepthToSpace(a) blocksize=2"},
	{"depth to space, CRD", "x : 2 12 2 3\na = Conv(x, ?12x12x1x1)\ny = DepthToSpace(a) blocksize=2 mode=CRD"},

	{"a value and its scale", "x : N 4 6 5\na = Mul(x, ?4x1x1)\nb = Add(a, x)\ny = Conv(b, ?3x4x1x1)"},
	{"a value less its norm", "x : N 4 6 5\na = BatchNormalization(x, ?4, ?4, ?4, !4)\nb = Sub(x, a)\ny = Conv(b, ?3x4x3x3)"},
	{"scales in a row and one of them", "x : N 4 6\na = Mul(x, ?6)\nb = Add(a, ?6)\nc = Mean(b, x, a)\ny = MatMul(c, ?6x3)"},
	{"scales of a value along other axes", "x : 2 4 6\na = Mul(x, ?6)\nb = Mul(x, ?4x1)\nc = Add(a, b)\ny = MatMul(c, ?6x3)"},
	{"scales of a value along one axis and two", "x : 2 4 6\na = Mul(x, ?6)\nb = Add(x, ?4x6)\nc = Add(a, b)\ny = MatMul(c, ?6x3)"},

	{"conv", "x : N 4 6 5\ny = Conv(x, ?6x4x3x2, ?6) pads=1,0,1,1"},
	{"conv in groups", "x : 2 4 6 5\ny = Conv(x, ?6x2x3x3, ?6) group=2 pads=1,1,0,2 strides=2,1 dilations=1,2"},
	{"depthwise conv", "x : 2 4 6 5\ny = Conv(x, ?8x1x3x1) group=4 pads=2,0,1,0"},
	{"conv, one axis", "x : 2 4 9\ny = Conv(x, ?6x4x3, ?6) pads=2,1 strides=@3 dilations=@2"},
	{"conv, three axes", "x : 2 2 3 4 3\ny = Conv(x, ?2x1x2x1x3, ?2) group=2 pads=1,0,1,0,0,1 strides=1,2,1"},
	{"conv, tiles", "x : N 3 6 8\ny = Conv(x, ?5x3x3x4, ?5) strides=3,4"},
	{"conv, tiles of an open map", "x : 2 3 H 8\ny = Conv(x, ?5x3x1x4) strides=1,4"},
	{"conv, one axis in tiles", "x : 2 3 6 5\ny = Conv(x, ?5x3x3x3) strides=3,1 pads=0,1,0,1"},
	{"conv, auto_pad", "x : 2 3 6 5\ny = Conv(x, ?5x3x3x2) auto_pad=SAME_UPPER strides=2,1"},
	{"conv, auto_pad below", "x : 2 3 6 5\ny = Conv(x, ?5x3x4x2) auto_pad=SAME_LOWER"},
	{"conv, auto_pad of an open map", "x : 2 3 H 5\ny = Conv(x, ?5x3x3x3) auto_pad=SAME_UPPER strides=2,1"},
	{"pointwise convs", "x : 2 3 4 4\na = Conv(x, ?5x3x1x1, ?5)\ny = Conv(a, ?4x5x1x1)"},
	{"strided pointwise conv", "x : 2 3 5 4\ny = Conv(x, ?5x3x1x1, ?5) strides=2,1"},
	{"1×1 before 3×3", "x : 2 3 5 4\na = Conv(x, ?5x3x1x1)\ny = Conv(a, ?4x5x3x3, ?4) pads=1,1,1,1"},
	{"3×3 before 1×1", "x : 2 3 5 4\na = Conv(x, ?5x3x3x3) pads=1,1,1,1\ny = Conv(a, ?4x5x1x1, ?4)"},
	{"two kernels, padded first", "x : 2 3 7 6\na = Conv(x, ?5x3x3x2) pads=2,1,2,1 strides=2,1\ny = Conv(a, ?4x5x2x3, ?4) dilations=1,2"},
	{"two kernels, padded behind", "x : 2 3 7 6\na = Conv(x, ?5x3x3x2) pads=1,1,1,1\ny = Conv(a, ?4x5x3x3) pads=1,1,1,1"},
	{"bias before zero padding", "x : 2 3 5 4\na = Conv(x, ?5x3x1x1, ?5)\ny = Conv(a, ?4x5x3x3) pads=1,1,1,1"},
	{"strips, padded along their own axes", "x : N 3 5 6\na = Conv(x, ?5x3x1x3) pads=0,1,0,1\ny = Conv(a, ?4x5x3x1, ?4) pads=1,0,1,0"},
	{"strips, one end padded", "x : 2 3 5 6\na = Conv(x, ?3x1x4x1) group=3 pads=3,0,0,0\ny = Conv(a, ?3x1x1x3) group=3 pads=0,0,0,2"},
	{"strips of three axes", "x : 2 2 3 4 3\na = Conv(x, ?2x2x3x1x1) pads=1,0,0,1,0,0\nb = Conv(a, ?2x2x1x1x3) pads=0,0,1,0,0,1\ny = Conv(b, ?2x2x1x2x1, ?2) pads=0,1,0,0,0,0"},
	{"strips, padded by an operator", "x : 2 3 5 6\na = Conv(x, ?3x3x1x3)\nb = Pad(a, #0_0_1_0_0_0_1_0)\ny = Conv(b, ?4x3x3x1)"},
	{"strips with a bias between", "x : 2 3 5 6\na = Conv(x, ?5x3x1x3, ?5) pads=0,1,0,1\ny = Conv(a, ?4x5x3x1) pads=1,0,1,0"},
	{"strips with a bias of zeros between", "x : 2 3 5 6\na = Conv(x, ?5x3x1x3, =0:5) pads=0,1,0,1\ny = Conv(a, ?4x5x3x1) pads=1,0,1,0"},
	{"a strip before a square", "x : 2 3 5 6\na = Conv(x, ?5x3x1x3) pads=0,1,0,1\ny = Conv(a, ?4x5x3x3) pads=1,1,1,1"},
	{"strided 1×1 before 3×3", "x : 2 3 6 7\na = Conv(x, ?5x3x1x1) strides=2,3\ny = Conv(a, ?4x5x3x3) pads=1,1,1,1"},
	{"strided and padded 1×1 before 3×3", "x : 2 3 6 7\na = Conv(x, ?5x3x1x1) strides=2,3 pads=1,0,2,1\ny = Conv(a, ?4x5x3x3) pads=1,2,1,0"},
	{"strided strips", "x : 2 3 7 6\na = Conv(x, ?5x3x1x3) pads=0,1,0,1 strides=2,2\ny = Conv(a, ?4x5x3x1) pads=1,0,1,0 strides=2,1"},
	{"groups that do not nest", "x : 2 6 4 4\na = Conv(x, ?6x3x1x1) group=2\ny = Conv(a, ?6x2x1x1) group=3"},
	{"groups in groups", "x : 2 8 4 4\na = Conv(x, ?8x4x1x1) group=2\ny = Conv(a, ?4x2x1x1) group=4"},

	{"transposed", "x : N 4 3 5\ny = ConvTranspose(x, ?4x6x3x2, ?6) strides=2,3 pads=1,0,0,1 output_padding=1,0"},
	{"transposed, one axis in groups", "x : 2 4 5\ny = ConvTranspose(x, ?4x3x4, ?6) group=2 strides=@2 dilations=@3 pads=2,1"},
	{"transposed, three axes, depthwise", "x : 2 3 2 3 2\ny = ConvTranspose(x, ?3x2x2x1x3) group=3 strides=2,1,2 output_padding=0,0,1"},
	{"transposed, tiles", "x : N 4 3 H\ny = ConvTranspose(x, ?4x5x2x3, ?5) strides=2,3"},
	{"transposed, tiles in groups", "x : N 4 3 2\na = ConvTranspose(x, ?4x3x2x2) group=2 strides=2,2\ny = BatchNormalization(a, ?6, ?6, ?6, !6)"},
	{"transposed, tiles along one axis", "x : 2 3 4 3\ny = ConvTranspose(x, ?3x2x2x3, ?2) strides=2,2 pads=0,1,0,0"},
	{"transposed, an open map", "x : 2 3 H W\na = ConvTranspose(x, ?3x4x4x3, ?4) strides=2,2 pads=1,1,1,1 output_padding=0,1\ny = BatchNormalization(a, ?4, ?4, ?4, !4)"},
	{"transposed, SAME_UPPER", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x4x3) auto_pad=SAME_UPPER strides=3,2"},
	{"transposed, SAME_LOWER of an open map", "x : 2 3 H 5\ny = ConvTranspose(x, ?3x2x3x4) auto_pad=SAME_LOWER strides=2,1 output_padding=1,0"},
	{"transposed, SAME with a kernel below the stride", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x1x3) auto_pad=SAME_UPPER strides=2,2"},
	{"transposed, VALID", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x3x3) auto_pad=VALID strides=2,2"},
	{"transposed, output_shape", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x3x4) output_shape=8,11 strides=2,2"},
	{"transposed, output_shape, more above", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x3x4) auto_pad=SAME_UPPER output_shape=8,11 strides=2,2"},
	{"transposed, output_shape beyond", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x3x4) output_shape=11,13 strides=2,2"},
	{"transposed, output_shape of an open map", "x : 2 3 H 5\ny = ConvTranspose(x, ?3x2x3x4) output_shape=8,11 strides=2,2"},
	{"transposed, output_shape with batch and channels", "opset 1\nx : 2 3 4 5\ny = ConvTranspose(x, ?3x2x3x4) output_shape=2,2,8,11 strides=2,2"},
	{"transposed, no stride", "x : 2 3 4 5\ny = ConvTranspose(x, ?3x2x3x2, ?2) pads=1,0,1,1"},
	{"transposed, cut off", "x : 2 3 5 5\na = ConvTranspose(x, ?3x2x1x1, ?2) pads=1,0,1,2\ny = ConvTranspose(a, ?2x2x2x2) pads=2,2,1,1"},
	{"transposed, one position", "x : 2 3 1 1\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ConvTranspose(a, ?3x2x4x4)"},
	{"transposed, pointwise", "x : 2 3 4 5\na = Add(x, ?3x1x1)\ny = ConvTranspose(a, ?3x2x1x1, ?2)"},
	{"transposed, pointwise at a stride", "x : 2 3 3 2\na = Mul(x, ?3x1x1)\nb = ConvTranspose(a, ?3x2x1x1) strides=2,3 output_padding=1,0\ny = Add(b, ?2x1x1)"},
	{"transposed behind a scale", "x : 2 3 4 5\na = Mul(x, ?3x1x1)\ny = ConvTranspose(a, ?3x2x3x3, ?2) strides=2,2"},
	{"transposed behind a norm", "x : 2 3 2 3\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ConvTranspose(a, ?3x2x3x3, ?2) strides=2,2"},
	{"transposed behind a norm, tiles", "x : N 3 2 3\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ConvTranspose(a, ?3x2x2x2, ?2) strides=2,2"},
	{"transposed behind a norm, no stride", "x : 2 3 4 5\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = ConvTranspose(a, ?3x2x3x3, ?2) pads=1,2,2,2"},
	{"transposed behind an undone bias", "x : 2 3 3 4\na = Conv(x, ?3x3x1x1)\nb = Add(a, =1.5_-2_3:3x1x1)\nc = Sub(b, =1.5_-2_3:3x1x1)\ny = ConvTranspose(c, ?3x2x3x3) strides=2,2"},
	{"1×1 before transposed", "x : 2 3 3 4\na = Conv(x, ?5x3x1x1)\ny = ConvTranspose(a, ?5x2x3x3, ?2) strides=2,2 pads=1,0,1,1"},
	{"3×3 before transposed tiles", "x : 2 3 3 4\na = Conv(x, ?5x3x3x3) pads=1,1,1,1\ny = ConvTranspose(a, ?5x2x2x2, ?2) strides=2,2"},
	{"3×3 before transposed tiles, with a gap", "x : 2 3 4\na = Conv(x, ?5x3x3) pads=1,1\ny = ConvTranspose(a, ?5x2x2) strides=@3 output_padding=@2"},
	{"3×3 before transposed", "x : 2 3 3 4\na = Conv(x, ?5x3x3x3) pads=1,1,1,1\ny = ConvTranspose(a, ?5x2x3x3, ?2) strides=2,2"},
	{"bias and 3×3 before transposed tiles", "x : 2 3 3 4\na = Conv(x, ?5x3x3x3, ?5) pads=1,1,1,1\ny = ConvTranspose(a, ?5x2x2x2, ?2) strides=2,2"},
	{"strided before transposed", "x : 2 3 4 4\na = Conv(x, ?5x3x1x1) strides=2,1\ny = ConvTranspose(a, ?5x2x2x1) strides=2,1"},
	{"strided before transposed along the other axis", "x : 2 3 4 4\na = Conv(x, ?5x3x1x1) strides=2,1\ny = ConvTranspose(a, ?5x2x1x2) strides=1,2"},
	{"transposed before 1×1", "x : 2 3 3 4\na = ConvTranspose(x, ?3x5x3x3) strides=2,2 pads=1,0,1,1\ny = Conv(a, ?2x5x1x1, ?2)"},
	{"transposed before 3×3", "x : 2 3 3 4\na = ConvTranspose(x, ?3x5x2x2) strides=2,2\ny = Conv(a, ?2x5x3x3, ?2) pads=1,1,1,1"},
	{"transposed and cut off before 3×3", "x : 2 3 3 4\na = ConvTranspose(x, ?3x5x3x3) strides=2,2 pads=1,1,1,1\ny = Conv(a, ?2x5x3x3, ?2) pads=1,1,1,1"},
	{"transposed with more behind before 3×3", "x : 2 3 3 4\na = ConvTranspose(x, ?3x5x3x3) strides=2,2 pads=0,0,1,1 output_padding=1,1\ny = Conv(a, ?2x5x3x3, ?2) pads=1,1,1,1"},
	{"transposed before a strided conv", "x : 2 3 3 4\na = ConvTranspose(x, ?3x5x3x3) strides=2,2\ny = Conv(a, ?2x5x3x3, ?2) strides=3,1"},
	{"transposed twice", "x : 2 3 2 3\na = ConvTranspose(x, ?3x4x2x3) strides=2,2\ny = ConvTranspose(a, ?4x2x2x2, ?2) strides=3,2"},
	{"transposed twice in groups", "x : 2 4 3\na = ConvTranspose(x, ?4x2x2) strides=@2 group=2\ny = ConvTranspose(a, ?4x1x3) strides=@2 group=4"},
	{"transposed averages", "x : 2 3 3 4\na = ConvTranspose(x, ?3x4x2x2) strides=2,2\ny = AveragePool(a) kernel_shape=2,2"},
	{"transposed branches", "x : 2 3 3 4\na = ConvTranspose(x, ?3x4x4x3) strides=2,2 pads=1,0,1,0 output_padding=0,1\nb = ConvTranspose(x, ?3x4x2x2, ?4) strides=2,2 output_padding=0,2\nc = BatchNormalization(a, ?4, ?4, ?4, !4)\ny = Add(b, c)"},
	{"transposed branches of another stride", "x : 2 3 1 4\na = ConvTranspose(x, ?3x4x2x3) strides=2,1 pads=0,1,0,1\nb = ConvTranspose(x, ?3x4x2x3) strides=3,1 pads=0,1,0,1\ny = Add(a, b)"},
	{"transposed beside conv", "x : 2 3 4 5\na = ConvTranspose(x, ?3x4x3x3) pads=1,1,1,1\nb = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\ny = Add(a, b)"},
	{"transposed beside a strided conv", "x : 2 3 1 5\na = ConvTranspose(x, ?3x4x1x1) strides=2,1\nb = Conv(x, ?4x3x1x1, ?4) strides=2,1\ny = Add(a, b)"},
	{"transposed of channels last", "x : N 3 4 2\na = Transpose(x) perm=0,3,1,2\nb = ConvTranspose(a, ?2x5x3x3) strides=2,2\nc = Add(b, ?5x1x1)\ny = Transpose(c) perm=0,2,3,1"},
	{"transposed, nothing is left", "x : 2 3 2\ny = ConvTranspose(x, ?3x2x1) pads=1,1"},
	{"transposed with more than fits in front", "x : 2 3 4\na = ConvTranspose(x, ?3x2x3, ?2) strides=@2 output_padding=@1 pads=0,2\ny = Conv(a, ?2x2x3) pads=1,1"},
	{"transposed and cropped", "x : 2 3 4 5\na = ConvTranspose(x, ?3x2x3x3, ?2) strides=2,2\ny = Slice(a, #1_2, #-2_11, #2_3)"},
	{"transposed, every second channel", "x : 2 3 4\na = ConvTranspose(x, ?3x4x3, ?4) strides=@2\ny = Slice(a, #0, #4, #1, #2)"},
	{"transposed channels in another order", "x : 2 4 3\na = Gather(x, #1_0_3_2) axis=1\ny = ConvTranspose(a, ?4x2x3, ?4) strides=@2 group=2"},
	{"transposed branches joined", "x : 2 4 3\na = ConvTranspose(x, ?4x2x4, ?4) strides=@2 group=2 pads=1,1\nb = ConvTranspose(x, ?4x3x2) strides=@2\ny = Concat(a, b) axis=1"},
	{"transposed joined with conv", "x : 2 4 1\na = ConvTranspose(x, ?4x2x1) strides=@2\nb = Conv(x, ?2x4x1) strides=@2\ny = Concat(a, b) axis=1"},
	{"transposed behind a cropped bias", "x : 2 3 6\na = Conv(x, ?3x3x1, ?3)\nb = Slice(a, #1, #5, #2)\ny = ConvTranspose(b, ?3x2x2) strides=@2"},
	{"transposed behind a bias in a join", "x : 2 3 4\na = Add(x, ?3x1)\nb = Concat(x, a) axis=1\ny = ConvTranspose(b, ?6x2x2) strides=@2"},
	{"transposed behind a bias in a sum", "x : 2 3 4\na = Conv(x, ?3x3x1, ?3)\nb = Add(x, a)\ny = ConvTranspose(b, ?3x2x2) strides=@2"},
	{"transposed behind a strided bias", "x : 2 3 4 4\na = Conv(x, ?3x3x1x1, ?3)\nb = AveragePool(a) kernel_shape=2,1\ny = ConvTranspose(b, ?3x2x1x2) strides=1,2"},
	{"transposed behind a bias and cut to its inside", "x : 2 3 6\na = Conv(x, ?3x3x1, ?3)\nb = ConvTranspose(a, ?3x3x3) pads=2,2\ny = ConvTranspose(b, ?3x2x2) strides=@2"},
	{"transposed behind an undone bias, twice", "x : 2 3 5\na = Add(x, =1.5_-2_3:3x1)\nb = Sub(a, =1.5_-2_3:3x1)\nc = ConvTranspose(b, ?3x2x2) strides=@2\nd = Conv(c, ?2x2x1, ?2)\ny = ConvTranspose(d, ?2x2x2) strides=@2"},
	{"transposed behind an undone bias that was cropped", "x : 2 3 6\na = Add(x, =1.5_-2_3:3x1)\nb = Sub(a, =1.5_-2_3:3x1)\nc = Slice(b, #1, #5, #2)\ny = ConvTranspose(c, ?3x2x3) strides=@2"},
	{"transposed with negative pads", "x : 2 3 4\ny = ConvTranspose(x, ?3x5x3) strides=@2 pads=-1,1"},

	{"norm", "x : N 3 4 5\ny = BatchNormalization(x, ?3, ?3, ?3, !3) epsilon=0.25"},
	{"norm of rows", "x : N 3\ny = BatchNormalization(x, ?3, ?3, ?3, !3)"},
	{"conv and norm", "x : N 3 4 4\na = Conv(x, ?5x3x3x3, ?5) pads=1,1,1,1\ny = BatchNormalization(a, ?5, ?5, ?5, !5)"},
	{"scale of one number", "x : 2 3 4\ny = Mul(x, =1.5)"},
	{"scale of channels", "x : 2 3 4 4\na = Mul(?3x1x1, x)\ny = Add(a, ?1x3x1x1)"},
	{"scale of positions", "x : 2 3 4 4\na = Mul(x, ?4)\ny = Sub(a, ?4x1)"},
	{"scale of the last axis", "x : N 3 5\na = MatMul(x, ?5x4)\nb = Add(a, ?4)\ny = Div(b, !4)"},
	{"constant before data", "x : N 3 5 5\na = Sub(?3x1x1, x)\nb = Neg(a)\ny = Sum(=0.5, b)"},
	{"shift of zeros", "x : N 3 5 5\na = Add(x, =0)\nb = Sum(a, =0:3x1x1)\ny = Conv(b, ?4x3x3x3) pads=1,1,1,1"},
	{"constant of more channels", "x : N 1 5 5\na = Mul(x, ?3x1x1)\ny = Conv(a, ?4x3x3x3)"},
	{"constant of more channels behind a shift", "x : 2 1 5 5\na = Add(x, =1.5)\nb = Add(a, ?3x1x1)\ny = Mul(b, ?3x1x1)"},
	{"constant of more positions", "x : 2 3 1 5\na = Mul(x, ?4x1)\ny = Add(a, ?3x1x1)"},
	{"constant of more axes", "x : 2 5\na = Mul(x, ?3x1x1)\ny = MatMul(a, ?5x4)"},
	{"constant of leading axes", "x : N 5\na = Mul(x, ?1x1x5)\nb = Add(=0.5:1x1, a)\ny = MatMul(b, ?5x4)"},
	{"constant of more axes that repeats", "x : 2 5\na = Mul(x, ?3x2x1)\ny = MatMul(a, ?5x4)"},
	{"undone bias", "x : 2 3 5 4\na = Conv(x, ?3x3x1x1)\nb = Add(a, =1.5_-2_3:3x1x1)\nc = Sub(b, =1.5_-2_3:3x1x1)\ny = Conv(c, ?4x3x3x3) pads=1,1,1,1"},
	{"undone bias, otherwise", "x : 2 3 5 4\na = Add(x, =1.5_-2_3:3x1x1)\nb = Sub(a, =1.5_-2_3.5:3x1x1)\ny = Conv(b, ?4x3x3x3) pads=1,1,1,1"},

	{"gemm", "x : N 5\ny = Gemm(x, ?5x3, ?3)"},
	{"gemm, turned and scaled", "x : N 5\ny = Gemm(x, ?3x5, ?1x3) transB=1 alpha=0.5 beta=-2.0"},
	{"gemm, one bias", "x : N 5\ny = Gemm(x, ?5x3, ?1) alpha=2.0 beta=3.0"},
	{"gemm, scalar bias", "x : N 5\ny = Gemm(x, ?5x3, =0.75) beta=0.5"},
	{"gemm, beta of zero", "x : N 5\ny = Gemm(x, ?5x3, ?3) beta=0.0"},
	{"gemms", "x : N 5\na = Gemm(x, ?5x3, ?3)\nb = Gemm(a, ?3x2, ?2)\ny = Gemm(b, ?2x4, ?4) transA=0"},
	{"matmul", "x : N 3 5\ny = MatMul(x, ?5x2)"},
	{"matmul from the left", "x : N 3 5\ny = MatMul(?4x3, x)"},
	{"matmul in groups", "x : N 3 2 5\ny = MatMul(x, ?3x5x4)"},
	{"matmul in groups from the left", "x : N 3 2 5\ny = MatMul(?3x4x2, x)"},
	{"matmul in groups along two axes", "x : 2 3 2 5\ny = MatMul(x, ?2x3x5x4)"},
	{"matmul with one leading", "x : N 3 2 5\ny = MatMul(x, ?1x5x4)"},
	{"matmul of higher rank", "x : 2 5\ny = MatMul(x, ?1x5x4)"},
	{"matmul that repeats rows", "x : 2 5\ny = MatMul(x, ?3x5x4)"},
	{"einsum", "x : N 3 5\ny = Einsum(x, ?3x4x5) equation=ngi,goi->ngo"},
	{"einsum, weight first", "x : N 3 5\ny = Einsum(?4x3x5, x) equation=oci,nci->on"},
	{"einsum, groups turned", "x : N 3 5\ny = Einsum(x, ?5x2x3) equation=ngi,iog->nog"},
	{"einsum that sums data alone", "x : 2 3 5\ny = Einsum(x, ?5x4) equation=nci,io->no"},
	{"einsum that sums its weight", "x : 2 5\ny = Einsum(x, ?5x4) equation=ni,io->ni"},
	{"einsum, an ellipsis", "x : N 3 5\ny = Einsum(x, ?5x4) equation=...i,io->...o"},
	{"einsum, an ellipsis of one axis less", "x : N 3 5\ny = Einsum(?3x5x4, x) equation=...io,...i->...o"},
	{"einsum, an ellipsis that repeats the weight", "x : N 3 5\ny = Einsum(x, ?1x5x4) equation=...i,...io->...o"},
	{"einsum over the batch", "x : 2 5\ny = Einsum(x, ?2x5x3) equation=ni,nio->o"},
	{"split fc", "x : N 2 6\na, b, c = Split(x, #2_2_2) axis=-1\nd = MatMul(a, ?2x3)\ne = MatMul(b, ?2x3)\nf = MatMul(c, ?2x3)\ny = Concat(d, e, f) axis=2"},
	{"split fc, Gemm with bias", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?2x3, ?2) transB=1\ne = Gemm(b, ?2x3, ?2) transB=1\ny = Concat(d, e) axis=1"},
	{"split fc, slices and sums", "x : N 6\na = Slice(x, #0, #3, #1)\nb = Slice(x, #3, #6, #1)\nd = MatMul(a, ?3x2)\ne = Add(d, ?2)\nf = MatMul(b, ?3x2)\nh = Add(?2, f)\ny = Concat(e, h) axis=-1"},
	{"split fc, out of order", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x2)\ne = Gemm(b, ?3x2)\ny = Concat(e, d) axis=1"},
	{"split fc, scaled", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x2) alpha=2.0\ne = Gemm(b, ?3x2) alpha=2.0\ny = Concat(d, e) axis=1"},
	{"split fc, two biases", "x : N 6\na, b = Split(x, #3_3) axis=1\nd = Gemm(a, ?3x3, ?3)\nh = Add(d, ?3)\ne = Gemm(b, ?3x3, ?3)\ni = Add(e, ?3)\ny = Concat(h, i) axis=1"},
	{"split fc, uneven", "x : N 6\na, b = Split(x, #2_4) axis=1\nd = Gemm(a, ?2x2)\ne = Gemm(b, ?4x2)\ny = Concat(d, e) axis=1"},
	{"split fc, a part is left out", "x : N 6\na = Slice(x, #0, #2, #1)\nb = Slice(x, #2, #4, #1)\nd = MatMul(a, ?2x2)\ne = MatMul(b, ?2x2)\ny = Concat(d, e) axis=1"},

	{"average", "x : 2 3 6 7\ny = AveragePool(x) kernel_shape=2,3 strides=1,2"},
	{"average, padding counted", "x : 2 3 6 7\ny = AveragePool(x) kernel_shape=3,3 pads=1,2,1,0 strides=2,1 count_include_pad=1"},
	{"average, padding not counted", "x : 2 3 6 7\ny = AveragePool(x) kernel_shape=3,3 pads=1,2,1,0 strides=2,1"},
	{"average along one axis", "x : 2 3 6 4\ny = AveragePool(x) kernel_shape=1,4 pads=0,1,0,2"},
	{"average along the other axis", "x : 2 3 6 4\ny = AveragePool(x) kernel_shape=3,1 pads=1,0,1,0 count_include_pad=1"},
	{"average of one position", "x : N 3 6 4\ny = AveragePool(x) kernel_shape=1,1"},
	{"average of one position at a stride", "x : 2 3 5 4\ny = AveragePool(x) kernel_shape=1,1 strides=2,2"},
	{"average, rounded up", "x : 2 3 6 7\ny = AveragePool(x) kernel_shape=2,2 strides=2,2 ceil_mode=1"},
	{"norm before an average", "x : 2 3 6 6\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = AveragePool(a) kernel_shape=3,3 pads=1,1,1,1 strides=3,3"},
	{"norm and scale before an average", "x : 2 3 6 6\na = BatchNormalization(x, ?3, ?3, ?3, !3)\nb = Mul(a, ?3x1x1)\ny = GlobalAveragePool(b)"},
	{"norm before an average that counts padding", "x : 2 3 6 6\na = BatchNormalization(x, ?3, ?3, ?3, !3)\ny = AveragePool(a) kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1"},
	{"global average", "x : N 3 5 4\ny = GlobalAveragePool(x)"},
	{"mean", "x : N 3 5 4\ny = ReduceMean(x) axes=1,-1 keepdims=0"},
	{"sum over axes", "x : 2 3 5 4\ny = ReduceSum(x, #2_3)"},
	{"mean over the batch", "x : 4 3\ny = ReduceMean(x) axes=@0"},
	{"mean behind a norm", "x : N 3 5 4\na = BatchNormalization(x, ?3, ?3, ?3, !3)\nb = ReduceMean(a) axes=2,3 keepdims=0\ny = Gemm(b, ?3x2)"},

	{"pad", "x : N 3 4 5\ny = Pad(x, #0_0_1_2_0_0_3_0)"},
	{"pad with a number", "x : 2 3 4 5\ny = Pad(x, #0_0_1_2_0_0_3_0, =1.5)"},
	{"pad the channels", "x : 2 3 4 5\ny = Pad(x, #0_1_0_0_0_2_0_0)"},
	{"pad by reflection", "x : 2 3 4 5\ny = Pad(x, #0_0_3_2_0_0_2_4) mode=reflect"},
	{"pad by edges", "x : 2 3 4 5\ny = Pad(x, #0_0_3_2_0_0_2_1) mode=edge"},
	{"pad around", "x : 2 3 4 5\ny = Pad(x, #0_0_3_2_0_0_2_1) mode=wrap"},
	{"crop", "x : 2 3 6 5\ny = Pad(x, #0_0_-1_0_0_0_-2_1)"},
	{"crop by reflection", "x : 2 3 6 5\ny = Pad(x, #0_-1_-1_0_0_0_2_1) mode=reflect"},
	{"pad nothing", "x : N 3 6 5\ny = Pad(x, #0_0_0_0_0_0_0_0)"},
	{"pad, then conv", "x : N 3 4 5\na = Pad(x, #0_0_1_2_0_0_3_0)\ny = Conv(a, ?2x3x3x3, ?2)"},
	{"pad of rows", "x : N 5\ny = Pad(x, #0_1_0_2)"},
	{"pad a map whose rows are open", "x : 2 3 H 5\na = Pad(x, #0_0_1_1_0_0_1_1)\ny = Conv(a, ?2x3x3x3)"},

	{"slice", "x : N 3 8 5\ny = Slice(x, #1_4, #7_-6, #2_3, #2_-1)"},
	{"slice of all", "x : N 3 8\na = Slice(x, #0, #100, #2)\ny = Mul(a, ?8)"},
	{"gather", "x : N 3 8\ny = Gather(x, #5_-1_0_0) axis=2"},
	{"gather one", "x : N 3 8\na = Gather(x, %-2) axis=1\ny = MatMul(a, ?8x2)"},
	{"gather one of the first axis", "x : 3 N 8\na = Gather(x, %1) axis=0\ny = MatMul(a, ?8x2)"},
	{"split", "x : 2 7 3\na, b, c = Split(x, #2_4_1) axis=1\ny = MatMul(b, ?3x2)"},
	{"split of a map", "x : 2 6 3 3\na, b = Split(x, #2_4) axis=1\ny = Conv(b, ?2x4x3x3) pads=1,1,1,1"},

	{"slice of a map", "x : 2 3 8 5\na = Slice(x, #1_1, #7_-1, #2_3)\ny = Conv(a, ?2x3x3x3)"},
	{"slice of channels and rows", "x : N 6 8 5\na = Slice(x, #1_2, #5_7, #1_2)\ny = Conv(a, ?2x4x3x3)"},
	{"slice at a stride", "x : 2 3 8 5\na = Slice(x, #1_0, #100_100, #2_3, #2_3)\ny = Conv(a, ?2x3x1x1)"},
	{"slice at a stride before padding", "x : 2 3 7 5\na = Slice(x, #1_0, #100_100, #2_3, #2_3)\ny = Conv(a, ?2x3x3x3) pads=1,1,1,1"},
	{"crop before padding", "x : 2 3 7 5\na = Slice(x, #1, #100, #2)\ny = Conv(a, ?2x3x3x3) pads=1,0,0,0"},
	{"crop before padding along the other axis", "x : 2 3 7 5\na = Slice(x, #1, #100, #2)\ny = Conv(a, ?2x3x1x3) pads=0,1,0,1"},
	{"crop at the end before padding", "x : 2 3 7 5\na = Slice(x, #0, #5, #2, #2)\ny = Conv(a, ?2x3x3x3) pads=1,0,0,0"},
	{"conv, cropped", "x : 2 3 7 5\na = Conv(x, ?2x3x3x3, ?2) pads=1,1,1,1\ny = Slice(a, #1_1, #-1_-1, #2_3)"},
	{"conv at every other position", "x : 2 3 7 5\na = Conv(x, ?2x3x3x3, ?2) pads=1,1,1,1\ny = Slice(a, #0_1, #7_5, #2_3, #2_2)"},
	{"slices of an open map", "x : 2 3 H W\na = Slice(x, #1_2, #9223372036854775807_-1, #2_3, #2_1)\nb = Conv(a, ?2x3x2x1)\ny = Slice(b, #0, #2147483647, #2)"},
	{"open map from the end", "x : 2 3 H 5\ny = Slice(x, #-2, #9223372036854775807, #2)"},
	{"slice backwards", "x : 2 3 7 5\na = Slice(x, #-1, #-100, #2, #-1)\ny = Conv(a, ?2x3x1x1)"},
	{"slice of nothing", "x : 2 3 7 5\na = Slice(x, #3, #3, #2)\ny = Add(a, =1)"},
	{"slice of samples", "x : 4 3 7 5\na = Slice(x, #1, #3, #0)\ny = Conv(a, ?2x3x1x1)"},
	{"slice along an axis twice", "x : 4 3 7 5\na = Slice(x, #1_0, #3_1, #2_2)\ny = Conv(a, ?2x3x1x1)"},
	{"slice of channels last", "x : N 8 6 3\na = Slice(x, #1_0_0, #100_100_2, #1_2_3, #2_2_1)\nb = Transpose(a) perm=0,3,1,2\ny = Conv(b, ?4x2x3x3) pads=1,1,1,1"},
	{"slice of a line", "x : N 3 9\na = Slice(x, #1, #100, #2, #2)\ny = Conv(a, ?4x3x3) pads=1,1"},
	{"gathered positions", "x : 2 3 7 5\na = Gather(x, #0_2_4) axis=2\nb = Gather(a, #4_1_1) axis=3\ny = Conv(a, ?2x3x1x1)"},
	{"gathered out of order", "x : 2 3 7 5\nb = Gather(x, #4_1_1) axis=3\ny = Conv(b, ?2x3x1x1)"},
	{"channels turned", "x : 2 4 5 5\na = Gather(x, #3_1_0_2) axis=1\ny = Conv(a, ?2x4x3x3) pads=1,1,1,1"},
	{"channels shuffled between groups", "x : 2 4 5 5\na = Conv(x, ?4x2x1x1) group=2\nb = Gather(a, #0_2_1_3) axis=1\ny = Conv(b, ?4x2x1x1) group=2"},
	{"channels of a shifted map", "x : 2 4 5 5\na = Add(x, =1_2_3_4:4x1x1)\nb = Gather(a, #3_1_1) axis=1\ny = Add(b, =-4_-2_-2:3x1x1)"},
	{"channels of a shifted map, back to zero", "x : 2 4 5 5\na = Add(x, =1_2_3_4:4x1x1)\nb = Gather(a, #3_1_1) axis=1\nc = Add(b, =-4_-2_-2:3x1x1)\ny = Conv(c, ?2x3x3x3) pads=1,1,1,1"},
	{"channels that are not there", "x : 2 C 5 5\na = Slice(x, #0, #3, #1)\ny = Conv(a, ?2x3x1x1)"},
	{"one channel of many", "x : 2 4 5 5\na = Gather(x, %2) axis=1\ny = Unsqueeze(a, #1)"},

	{"focus", "x : N 3 8 6\na = Slice(x, #0_0, #100_100, #2_3, #2_2)\nb = Slice(x, #1_0, #100_100, #2_3, #2_2)\nc = Slice(x, #0_1, #100_100, #2_3, #2_2)\nd = Slice(x, #1_1, #100_100, #2_3, #2_2)\ne = Concat(a, b, c, d) axis=1\ny = Conv(e, ?4x12x3x3, ?4) pads=1,1,1,1"},
	{"focus of an open map", "x : 1 2 H W\na = Slice(x, #0_0, #2147483647_2147483647, #2_3, #2_2)\nb = Slice(x, #1_0, #2147483647_2147483647, #2_3, #2_2)\nc = Slice(x, #0_1, #2147483647_2147483647, #2_3, #2_2)\nd = Slice(x, #1_1, #2147483647_2147483647, #2_3, #2_2)\ne = Concat(a, b, c, d) axis=1\ny = Conv(e, ?4x8x3x3) pads=1,1,1,1"},
	{"focus along one axis", "x : N 3 8\na = Slice(x, #0, #100, #2, #2)\nb = Slice(x, #1, #100, #2, #2)\ne = Concat(b, a) axis=1\ny = Conv(e, ?4x6x3) pads=1,1"},
	{"focus of channels last", "x : N 4 6 2\na = Slice(x, #0, #100, #1, #2)\nb = Slice(x, #1, #100, #1, #2)\ne = Concat(a, b) axis=3\nf = Transpose(e) perm=0,3,1,2\ny = Conv(f, ?4x4x1x1)"},
	{"copies", "x : N 3 4 4\na = Concat(x, x) axis=1\nb = Conv(x, ?6x3x3x3, ?6) pads=1,1,1,1\ny = Add(a, b)"},
	{"copies as Tile", "x : N 3 4 4\na = Tile(x, #1_2_1_1)\nb = Conv(x, ?6x3x3x3, ?6) pads=1,1,1,1\ny = Add(a, b)"},
	{"copies of positions", "x : N 3 4 4\na = Tile(x, #1_1_1_2)\ny = Conv(a, ?2x3x1x1)"},
	{"copies along two axes", "x : N 3 4 4\na = Tile(x, #1_2_1_2)\ny = Conv(a, ?2x6x1x1)"},
	{"no copies", "x : N 3 4 4\na = Tile(x, #1_1_1_1)\ny = Conv(a, ?2x3x1x1)"},
	{"branches beside each other", "x : N 3 4 4\na = Conv(x, ?2x3x1x1, ?2)\nb = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\nc = Concat(a, x, b) axis=1\ny = Conv(c, ?2x9x1x1)"},
	{"chunks, each its own conv", "x : N 6 5 5\na, b, c = Split(x, #2_3_1) axis=1\nd = Conv(a, ?2x1x3x3, ?2) group=2 pads=1,1,1,1\ne = Conv(b, ?3x1x1x3, ?3) group=3 pads=0,1,0,1\nf = Concat(d, e, c) axis=1\ny = Conv(f, ?3x2x1x1) group=3"},
	{"chunks in another order", "x : N 6 5 5\na, b = Split(x, #3_3) axis=1\ny = Concat(b, a) axis=1"},
	{"join at other strides", "x : N 2 6 6\na = Conv(x, ?2x2x3x3) strides=2,2 pads=1,1,1,1\nb = Conv(x, ?2x2x4x4)\ny = Concat(a, b) axis=1"},
	{"join with axes in another order", "x : 2 3 3 3\na = Transpose(x) perm=0,2,1,3\nb = Conv(x, ?3x3x1x1)\ny = Concat(a, b) axis=1"},
	{"join of shifted branches before padding", "x : N 3 4 4\na = Conv(x, ?2x3x1x1, ?2)\nc = Concat(x, a) axis=1\ny = Conv(c, ?2x5x3x3) pads=1,1,1,1"},
	{"join of kernels before padding", "x : N 3 4 4\na = Conv(x, ?2x3x3x1) pads=1,0,1,0\nc = Concat(x, a) axis=1\ny = Conv(c, ?2x5x1x3) pads=0,1,0,1"},
	{"depth to space behind copies", "x : N 2 4 4\na = Concat(x, x, x, x) axis=1\nb = Conv(x, ?8x2x3x3) pads=1,1,1,1\nc = Add(a, b)\ny = DepthToSpace(c) blocksize=2"},

	{"unshuffled pixels", "x : N 3 4 6\na = Reshape(x, #-1_3_2_2_3_2)\nb = Transpose(a) perm=0,1,3,5,2,4\nc = Reshape(b, #-1_12_2_3)\ny = Conv(c, ?4x12x3x3) pads=1,1,1,1"},
	{"space to depth as views", "x : 2 3 4 6\na = Reshape(x, #2_3_2_2_2_3)\nb = Transpose(a) perm=0,3,5,1,2,4\nc = Reshape(b, #2_18_2_2)\ny = Conv(c, ?4x18x1x1)"},
	{"blocks before channels, turned", "x : 2 3 4 6\na = Reshape(x, #2_3_2_2_2_3)\nb = Transpose(a) perm=0,5,1,3,2,4\nc = Reshape(b, #2_18_2_2)\ny = Mul(c, ?18x1x1)"},
	{"blocks of channels last", "x : N 4 6 2\na = Reshape(x, #-1_2_2_3_2_2)\nb = Transpose(a) perm=0,1,3,4,2,5\nc = Reshape(b, #-1_2_3_8)\nd = Transpose(c) perm=0,3,1,2\ny = Conv(d, ?4x8x3x3) pads=1,1,1,1"},
	{"blocks of a line", "x : N 2 6\na = Reshape(x, #-1_2_2_3)\nb = Transpose(a) perm=0,3,1,2\nc = Reshape(b, #-1_6_2)\ny = Conv(c, ?4x6x1)"},
	{"channel shuffle", "x : N 6 4 4\na = Conv(x, ?6x6x1x1)\nb = Reshape(a, #-1_2_3_4_4)\nc = Transpose(b) perm=0,2,1,3,4\nd = Reshape(c, #-1_6_4_4)\ny = Conv(d, ?6x2x1x1) group=3"},
	{"channel shuffle behind a shift", "x : N 4 2 2\na = Add(x, =1_2_3_4:4x1x1)\nb = Reshape(a, #-1_2_2_2_2)\nc = Transpose(b) perm=0,2,1,3,4\nd = Reshape(c, #-1_4_2_2)\ny = Mul(d, =2)"},
	{"positions that are shuffled", "x : N 2 4 4\na = Reshape(x, #-1_2_2_2_4)\nb = Transpose(a) perm=0,1,3,2,4\nc = Reshape(b, #-1_2_4_4)\ny = Conv(c, ?2x2x1x1)"},
	{"outer positions into channels", "x : N 2 4 4\na = Reshape(x, #-1_2_2_2_4)\nb = Transpose(a) perm=0,2,1,3,4\nc = Reshape(b, #-1_4_2_4)\ny = Conv(c, ?2x4x1x1)"},
	{"samples into channels", "x : 4 2 4 4\na = Reshape(x, #2_2_2_4_4)\nb = Transpose(a) perm=0,2,1,3,4\nc = Reshape(b, #2_4_4_4)\ny = Conv(c, ?2x4x1x1)"},
	{"views that move nothing", "x : N 2 4 4\na = Reshape(x, #-1_2_2_2_4)\nb = Transpose(a) perm=0,1,2,3,4\nc = Reshape(b, #-1_2_4_4)\ny = Conv(c, ?2x2x1x1)"},

	{"conv between views of another rank", "x : 2 3 7\na = Unsqueeze(x, #2)\nb = Conv(a, ?4x3x1x3) pads=0,1,0,1\nc = Squeeze(b, #2)\ny = BatchNormalization(c, ?4, ?4, ?4, !4)"},
	{"branches of another rank", "x : 2 3 7\na = Unsqueeze(x, #2)\nb = Conv(a, ?3x3x3x3) pads=1,1,1,1\nc = Squeeze(b, #2)\nd = Conv(x, ?3x3x3) pads=1,1\ne = Add(c, d)\ny = Add(e, x)"},
	{"norm of flat positions", "x : 2 4 3 5\na = Conv(x, ?6x2x3x3) group=2 pads=1,1,1,1\nb = Reshape(a, #0_6_-1)\ny = BatchNormalization(b, ?6, ?6, ?6, !6)"},
	{"scale of parts of channels", "x : 2 4 3 5\na = Conv(x, ?6x4x1x1)\nb = Reshape(a, #2_2_3_15)\nc = Mul(b, ?2x1x1)\nd = Mul(c, ?2x3x1)\ny = Add(d, ?3x1)"},
	{"norm behind a shuffle", "x : 2 4 3 5\na = Conv(x, ?6x4x1x1)\nb = Reshape(a, #2_2_3_15)\nc = Transpose(b) perm=0,2,1,3\nd = Reshape(c, #2_6_3_5)\ny = BatchNormalization(d, ?6, ?6, ?6, !6)"},
	{"norm of all features", "x : 2 4 3 5\na = Conv(x, ?2x4x1x1)\nb = Reshape(a, #2_30)\ny = BatchNormalization(b, ?30, ?30, ?30, !30)"},
	{"einsum over channels", "x : N 8 3 5\na = Einsum(x, ?5x8) equation=bchw,kc->bkhw\nb = Mul(a, =1.5)\ny = Add(b, ?5x1x1)"},
	{"product in front of a conv", "x : N 4 5 3\na = MatMul(x, ?3x6)\nb = Transpose(a) perm=0,3,1,2\ny = Conv(b, ?2x6x3x3) pads=1,1,1,1"},

	{"split products with biases of a map", "x : N 4 5 6\np, q = Split(x, #3_3) axis=3\na = MatMul(p, ?3x2)\nb = Add(a, ?2)\nc = MatMul(q, ?3x2)\nd = Add(c, ?2)\ne = Concat(b, d) axis=3\nf = Transpose(e) perm=0,3,1,2\ny = Conv(f, ?3x4x3x3)"},

	{"sum", "x : N 5\na = Gemm(x, ?5x5, ?5)\nb = Mul(x, ?5)\ny = Sum(a, b, x)"},
	{"difference", "x : N 3 4 4\na = Conv(x, ?3x3x3x3, ?3) pads=1,1,1,1\nb = Conv(x, ?3x3x1x1)\nc = Sub(a, b)\ny = Sub(c, x)"},
	{"mean of branches", "x : N 3 4 4\na = Conv(x, ?3x3x3x3, ?3) pads=1,1,1,1\nb = Conv(x, ?3x1x1x1, ?3) group=3\ny = Mean(a, b, x)"},
	{"twice", "x : N 3\na = Gemm(x, ?3x3)\nb = Add(a, a)\ny = Add(b, x)"},
	{"branches in another order", "x : 2 3 3\na = Transpose(x) perm=0,2,1\nb = MatMul(x, ?3x3)\ny = Add(a, b)"},
	{"rows in another order", "x : N M M 3\na = Transpose(x) perm=0,2,1,3\nb = MatMul(x, ?3x3)\ny = Add(a, b)"},
	{"fc beside conv", "x : N 2 3 4\na = Reshape(x, #-1_24)\nb = Gemm(a, ?24x24, ?24)\nc = Reshape(b, #-1_2_3_4)\nd = Conv(x, ?2x1x3x3) group=2 pads=1,1,1,1\ny = Add(c, d)"},
	{"fc in groups beside conv", "x : N 4 3 2\na = Reshape(x, #-1_24_1_1)\nb = Conv(a, ?24x12x1x1, ?24) group=2\nc = Reshape(b, #-1_4_3_2)\nd = Conv(x, ?4x1x3x3) group=4 pads=1,1,1,1\nf = BatchNormalization(d, ?4, ?4, ?4, !4)\ny = Add(c, f)"},
	{"strides that differ", "x : 2 3 6 6\na = Conv(x, ?3x3x3x3) strides=2,2 pads=1,1,1,1\nb = Conv(x, ?3x3x4x4)\ny = Add(a, b)"},
	{"strided convs at one place", "x : 2 3 6 6\na = Conv(x, ?3x3x3x3) strides=2,2 pads=1,1,1,1\nb = Conv(x, ?3x3x1x1) strides=2,2\ny = Add(a, b)"},
	{"dilated beside dense", "x : 2 2 7 7\na = Conv(x, ?2x1x5x5) group=2 pads=2,2,2,2\nb = Conv(x, ?2x1x3x3) group=2 pads=2,2,2,2 dilations=2,2\ny = Add(a, b)"},
	{"kernels that grow", "x : 2 2 7 7\na = Conv(x, ?2x2x1x5) pads=0,2,0,2\nb = Conv(x, ?2x2x5x1) pads=2,0,2,0\ny = Add(a, b)"},
	{"axes first in one branch", "x : 2 3 3 3\na = Conv(x, ?3x3x1x1)\nb = Transpose(x) perm=0,2,3,1\nc = Conv(x, ?3x3x3x3) pads=1,1,1,1\nd = Add(a, c)\ne = Transpose(d) perm=0,2,3,1\ny = Add(e, b)"},
	{"join", "x : N 3 4\na = Mul(x, =2.0)\nb = MatMul(x, ?4x2)\ny = Concat(a, b, x) axis=2"},
	{"join of rolled borders", "x : 2 3 5 4\na = Slice(x, #3, #5, #2)\nb = Slice(x, #0, #1, #2)\nc = Concat(a, x, b) axis=2\ny = Conv(c, ?2x3x3x3)"},
	{"bias of a sum before padding", "x : 2 3 5 4\na = Conv(x, ?3x3x1x1, ?3)\nb = Add(a, x)\ny = Conv(b, ?3x3x3x3) pads=1,1,1,1"},
	{"global perceptron", "x : N 4 6 6\na = AveragePool(x) kernel_shape=3,3 strides=3,3\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\nc = Reshape(b, #-1_16)\nd = Gemm(c, ?5x16, ?5) transB=1\ny = Gemm(d, ?16x5, ?16) transB=1"},
	{"tiles", "x : N 2 4 6\na = Reshape(x, #-1_2_2_2_2_3)\nb = Transpose(a) perm=0,2,4,1,3,5\nc = Reshape(b, #-1_12)\nd = Gemm(c, ?12x12)\ne = Reshape(d, #-1_2_2_2_2_3)\nf = Reshape(b, #-1_2_2_3)\ng = Conv(f, ?2x2x3x3, ?2) pads=1,1,1,1\nh = Reshape(g, #-1_2_2_2_2_3)\ni = Add(e, h)\nj = Transpose(i) perm=0,3,1,4,2,5\ny = Reshape(j, #-1_2_4_6)"},
}

// Rows and maps are two ways to say what the engine computes node by node; and what
// is said of each for people does not change unnoticed.
func TestExplanationsAreWhatNodesDo(t *testing.T) {
	var text strings.Builder
	for _, c := range nodes {
		t.Run(c.name, func(t *testing.T) { text.WriteString(described(t, c.name, c.text)) })
	}
	sketch.Golden(t, "nodes.txt", text.String())
}

// described compares what is said of a graph with what the engine computes, and
// writes it down.
func described(t *testing.T, name, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n# %s\n", name)
	m := sketch.Model(t, text)
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := rules.Explain(g, nil, nil)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	b.WriteString(e.String())
	x, y := g.Value("x"), g.Outputs[0]
	steps := affine.Between(e.Of, x, y)
	if len(steps) == 0 {
		b.WriteString("not explained\n")
		return b.String()
	}
	s := affine.NewSegment(x, y, steps)
	walk := s.Walk()
	feeds := sketch.Feeds(t, m, 3)
	in, out := feeds["x"], sketch.Run(t, m, feeds)[y.Name]
	least, ok := walk.RowsAtLeast(y)
	rows, why := walk.Rows(y)
	if why != nil {
		fmt.Fprintf(&b, "no rows: %s %s\n", why.Code, why.Message)
	} else {
		fmt.Fprintf(&b, "rows: %d groups, %d -> %d, %d weights\n", rows.Count(rows.Group), rows.Count(rows.Feature), rows.Count(rows.Result), rows.Weights())
		if !ok || least > float64(rows.Weights()) {
			t.Errorf("at least %g weights, %v, there are %d", least, ok, rows.Weights())
		}
		if err := sameRows(rows, in.Shape, in.F64, out.F64); err != nil {
			t.Errorf("rows: %v", err)
		}
	}
	end, why := walk.Map(y)
	if why != nil {
		fmt.Fprintf(&b, "no map: %s %s\n", why.Code, why.Message)
		return b.String()
	}
	w := end.Win
	fmt.Fprintf(&b, "map: {Out:%d In:%d Groups:%d Lo:%v Taps:%v Step:%v Stride:%v} %v", w.Out, w.In, w.Groups, w.Lo, w.Taps, w.Step, w.Stride, end.Dims)
	for _, f := range []affine.Form{end.In, {Dims: end.Dims, Cut: end.Cut}} {
		fmt.Fprintf(&b, ", %s", cutText(f))
	}
	b.WriteByte('\n')
	if w.Up != nil {
		fmt.Fprintf(&b, "spread by %v\n", w.Up)
	}
	if w.Reads != nil {
		fmt.Fprintf(&b, "channels read: %v\n", w.Reads)
	}
	if outside, err := end.Outside(); err == nil {
		fmt.Fprintf(&b, "outside: %.3g\n", outside)
	}
	if end.Undone != nil {
		fmt.Fprintf(&b, "undone at %s\n", end.Undone.Title())
	}
	if err := sameMap(s, end, in.Shape, out.Shape, in.F64, out.F64); err != nil {
		t.Errorf("map: %v", err)
	}
	return b.String()
}

const tolerance = 1e-11 // of sums of float64

func near(have, want float64) bool { return math.Abs(have-want) <= tolerance*max(1, math.Abs(want)) }

// digits are the indices of flat position i of a row-major array.
func digits(i int, sizes []int) []int {
	out := make([]int, len(sizes))
	for k := len(sizes) - 1; k >= 0; k-- {
		out[k] = i % sizes[k]
		i /= sizes[k]
	}
	return out
}

// A side is one end of a layer of rows: which row each element belongs to, and
// where it stands there.
type side struct {
	row, at []int
	labels  []fuse.Label // of what is no row
	n       int          // elements of a row
}

func sideOf(m *affine.Rows, l graph.Layout) side {
	var s side
	flat := l.Flat()
	sizes := make([]int, len(flat))
	total := 1
	s.n = 1
	for i, a := range flat {
		sizes[i] = int(m.Atoms.Size(a).At(sketch.Batch))
		total *= sizes[i]
		if !m.Row[a] {
			s.labels = append(s.labels, fuse.Label(a))
			s.n *= sizes[i]
		}
	}
	var rows []graph.Atom
	for _, a := range m.In.Flat() {
		if m.Row[a] {
			rows = append(rows, a)
		}
	}
	for i := range total {
		at, row := 0, 0
		d := digits(i, sizes)
		for k, a := range flat {
			if !m.Row[a] {
				at = at*sizes[k] + d[k]
			}
		}
		for _, a := range rows {
			k := slices.Index(flat, a)
			row = row*sizes[k] + d[k]
		}
		s.row, s.at = append(s.row, row), append(s.at, at)
	}
	return s
}

// sameRows feeds the program row by row, and the folded layer too.
func sameRows(m *affine.Rows, shape []int, in, out []float64) error {
	from, to := sideOf(m, m.In), sideOf(m, m.Out)
	if len(from.row) != len(in) || len(to.row) != len(out) {
		return fmt.Errorf("%d -> %d elements, want %d -> %d", len(from.row), len(to.row), len(in), len(out))
	}
	count := slices.Max(append(slices.Clone(from.row), 0)) + 1
	if row, run, rows := m.RowOf(shape); row != nil {
		if rows != count || len(row)*run != len(in) {
			return fmt.Errorf("%d rows in %d runs of %d, want %d", rows, len(row), run, count)
		}
		for i, r := range from.row {
			if int(row[i/run]) != r {
				return fmt.Errorf("element %d is of row %d, want %d", i, row[i/run], r)
			}
		}
	}
	folded, err := m.Program.Fold(m.Form())
	if err != nil {
		return err
	}
	program := *m.Program
	for r := range count {
		row := make([]float64, from.n)
		for i, x := range in {
			if from.row[i] == r {
				row[from.at[i]] = x
			}
		}
		made, err := program.Push(row, 1, to.labels)
		if err != nil {
			return err
		}
		layer := apply(m, folded, from, to, row)
		for i, y := range out {
			if to.row[i] == r && !(near(made[to.at[i]], y) && near(layer[to.at[i]], y)) {
				return fmt.Errorf("element %d is %g, folded %g, want %g", i, made[to.at[i]], layer[to.at[i]], y)
			}
		}
	}
	return nil
}

// apply is y[g, o] = Σ W[g, o, i]·x[g, i] + b[g, o], element by element.
func apply(m *affine.Rows, f *fuse.Folded, from, to side, x []float64) []float64 {
	form := m.Form()
	size := func(ls []fuse.Label) []int {
		out := make([]int, len(ls))
		for i, l := range ls {
			out[i] = m.Program.Sizes[l]
		}
		return out
	}
	product := func(v []int) int { return affine.Size(v) }
	place := func(labels, order []fuse.Label, at []int) int { // of an index over labels in an order
		n := 0
		for _, l := range order {
			n = n*m.Program.Sizes[l] + at[slices.Index(labels, l)]
		}
		return n
	}
	outs, ins := product(size(form.Out)), product(size(form.In))
	y := make([]float64, to.n)
	for o := range y {
		d := digits(o, size(to.labels))
		g := place(to.labels, form.Group, d)
		row := g*outs + place(to.labels, form.Out, d)
		y[o] = f.B[row]
		for i := range x {
			e := digits(i, size(from.labels))
			if place(from.labels, form.Group, e) == g {
				y[o] += f.W[row*ins+place(from.labels, form.In, e)] * x[i]
			}
		}
	}
	return y
}

// cutText says which pieces of a map's axes a value consists of.
func cutText(f affine.Form) string {
	if f.Plain() {
		return "as it is"
	}
	var axes []string
	for _, axis := range f.Cut {
		var parts []string
		for _, p := range axis {
			s := fmt.Sprint(p.Axis)
			if !p.Inner.Is(1) || !p.Size.Equal(f.Dims[p.Axis]) {
				s = fmt.Sprintf("%d/%v%%%v", p.Axis, p.Inner, p.Size)
			}
			parts = append(parts, s)
		}
		axes = append(axes, "["+strings.Join(parts, " ")+"]")
	}
	return strings.Join(axes, "")
}

// mapSizes are the sizes of a map of which a value of the given sizes is a view.
func mapSizes(f affine.Form, value []int) []int {
	out := make([]int, len(f.Dims))
	for k, d := range f.Dims {
		out[k] = int(d.At(sketch.Batch))
		if axis := f.Whole(k); axis >= 0 { // which a Slice of an open axis knows better
			out[k] = value[axis]
		}
	}
	return out
}

// element is where a value has the element of a map at a place.
func element(f affine.Form, sizes, place []int) int {
	at := 0
	if f.Plain() {
		for k, n := range sizes {
			at = at*n + place[k]
		}
		return at
	}
	for i, axis := range f.Cut {
		for _, p := range axis {
			size, inner := int(p.Size.At(sketch.Batch)), int(p.Inner.At(sketch.Batch))
			if f.Whole(p.Axis) == i {
				size = sizes[p.Axis]
			}
			at = at*size + place[p.Axis]/inner%size
		}
	}
	return at
}

// sameMap convolves the input with the folded kernel, loop by loop.
func sameMap(s *affine.Segment, end affine.Map, shape, result []int, in, out []float64) error {
	k, err := affine.Fold(s)
	if err != nil {
		return err
	}
	if k.Size() != end.Win.Size() || !slices.Equal(k.Lo, end.Win.Lo) || !slices.Equal(k.Stride, end.Win.Stride) || !slices.Equal(k.Up, end.Win.Up) || k.Groups != end.Win.Groups {
		return fmt.Errorf("the kernel is %+v, planned was %+v", k.Window, end.Win)
	}
	to := affine.Form{Dims: end.Dims, Cut: end.Cut}
	sizes, made := mapSizes(end.In, shape), mapSizes(to, result)
	if affine.Size(made) != len(out) || affine.Size(sizes) != len(in) {
		return fmt.Errorf("the map has sizes %v, then %v", sizes, made)
	}
	at := make([]int, len(sizes))
	for i := range out {
		place := digits(i, made)
		want := out[element(to, made, place)]
		o, perGroup, taps := place[1], k.In/k.Groups, affine.Size(k.Taps)
		y := k.B[o]
		for c := range perGroup {
			channel := o/(k.Out/k.Groups)*perGroup + c
			for t := range taps {
				at[0], at[1] = place[0], channel
				inside := true
				for a, tap := range digits(t, k.Taps) {
					p, up := place[a+2]*k.Stride[a]+k.Lo[a]+tap*k.Step[a], 1
					if k.Up != nil {
						up = k.Up[a]
					}
					inside = inside && p >= 0 && p%up == 0 && p/up < sizes[a+2]
					at[a+2] = p / up
				}
				if inside {
					y += k.W[(o*perGroup+c)*taps+t] * in[element(end.In, sizes, at)]
				}
			}
		}
		if !near(y, want) {
			return fmt.Errorf("element %d is %g, want %g", i, y, want)
		}
	}
	return nil
}

// A scale that is no number is refused where it stands, whichever channel has it.
func TestScalesThatAreNoNumbers(t *testing.T) {
	for list, bad := range map[string]bool{"=Inf_1_1": true, "=1_NaN_1": true, "=1_1_-Inf": true, "=1_2_3": false} {
		g := sketch.Graph(t, "x : N 3 4 4\na = Mul(x, "+list+":3x1x1)\nb = Add(a, =1)\ny = Conv(b, ?2x3x1x1)")
		e := rules.Explain(g, nil, nil)
		x, y := g.Value("x"), g.Value("y")
		_, err := affine.Fold(affine.NewSegment(x, y, affine.Between(e.Of, x, y)))
		refused, ok := errors.AsType[*affine.ValueError](err)
		if ok != bad || ok && (refused.Node.Title() != "Mul_a" || refused.Code != "non_finite_weight") {
			t.Errorf("%s: %v", list, err)
		}
	}
}
