package move_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A moving is a graph with a scale or shift that has no layer beside it, and how many
// operators of a kind are left.
type moving struct {
	name, text string
	left       map[string]int // of the kinds that scale and shift; others are not there
	regions    int
}

var movings = []moving{
	{"batch norm behind a join", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(x, ?3x4x1x1, ?3)
		c = Concat(a, b) axis=1
		y = BatchNormalization(c, ?7, ?7, ?7, !7)
		z = Relu(y)`, nil, 2},
	{"behind a join, with nodes that nobody reads before", `
		x : float32 N 4 6 6
		u = Sin(x)
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(x, ?3x4x1x1, ?3)
		v = Mul(u, ?4x1x1)
		c = Concat(a, b) axis=1
		y = BatchNormalization(c, ?7, ?7, ?7, !7)
		z = Relu(y)
		> z`, nil, 2},
	{"behind a join along the rows", `
		x : float32 N 4 6 6
		w : float32 N 4 5 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(w, ?4x4x1x1, ?4)
		c = Concat(a, b) axis=2
		y = BatchNormalization(c, ?4, ?4, ?4, !4)
		z = Relu(y)`, nil, 2},
	{"behind a difference of layers of different inputs", `
		x : float32 N 4 6 6
		w : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(w, ?4x4x1x1, ?4)
		c = Sub(a, b)
		y = BatchNormalization(c, ?4, ?4, ?4, !4)
		z = Relu(y)`, nil, 2},
	{"behind a mean of layers of different inputs", `
		x : float32 N 4 6 6
		w : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(w, ?4x4x1x1, ?4)
		c = Mean(a, b)
		y = BatchNormalization(c, ?4, ?4, ?4, !4)
		z = Relu(y)`, nil, 2},
	{"behind a sum of a map and a row", `
		x : float32 N 4 6 6
		w : float32 N 4 1 1
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(w, ?4x4x1x1, ?4)
		c = Add(b, a)
		y = BatchNormalization(c, ?4, ?4, ?4, !4)
		z = Relu(y)`, map[string]int{"Add": 1}, 2},
	{"behind the largest of two layers", `
		x : float32 N 4 6 6
		w : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(w, ?4x4x1x1, ?4)
		c = Max(a, b)
		y = BatchNormalization(c, !4, ?4, ?4, !4)
		z = Relu(y)`, nil, 2},
	{"behind a view of a norm", `
		x : float32 N 4 6
		a = LayerNormalization(x, ?6, ?6)
		b = Reshape(a, #0_24)
		c = Reshape(b, #0_4_6)
		y = Mul(c, ?6)
		z = Relu(y)`, nil, 1},
	{"behind a norm of channels and a layer", `
		x : float32 N 4 6 6
		a = InstanceNormalization(x, ?4, ?4)
		b = Conv(x, ?4x4x3x3) pads=1,1,1,1
		c = Concat(a, b) axis=1
		y = BatchNormalization(c, ?8, ?8, ?8, !8)
		z = Relu(y)`, nil, 2},
	{"a shift behind a norm that has no bias", `
		x : float32 N 4 6
		opset 23
		a = RMSNormalization(x, ?6)
		b = Identity(a)
		c = Transpose(b) perm=0,2,1
		y = Add(c, ?6x1)
		z = Relu(y)`, map[string]int{"Add": 1}, 0},
	{"behind a norm, over positions", `
		x : float32 N 4 6
		a = InstanceNormalization(x, ?4, ?4)
		c = Transpose(a) perm=0,2,1
		y = Mul(c, ?6x1)
		z = Relu(y)`, map[string]int{"Mul": 1}, 0},
	{"behind a norm whose parameters are data", `
		x : float32 N 4 6
		w : float32 4
		a = InstanceNormalization(x, w, ?4)
		c = Transpose(a) perm=0,2,1
		y = Mul(c, ?4)
		z = Relu(y)`, map[string]int{"Mul": 1}, 0},
	{"behind a gate and an activation", `
		x : float32 N 6
		g = Sigmoid(x)
		a = Gemm(x, ?6x6, ?6)
		b = PRelu(a, !6)
		c = Mul(g, b)
		y = BatchNormalization(c, !6, =0:6, =0:6, !6)
		z = Relu(y)`, map[string]int{"Mul": 1}, 1},
	{"read by equal views", `
		x : float32 N 4 2 4
		a = Sigmoid(x)
		y = Div(a, !4)
		c = Identity(y)
		d = MatMul(c, ?4x2)
		f = Sigmoid(d)
		g = Identity(y)
		h = MatMul(g, ?4x2)
		l = Sigmoid(h)
		> f l`, nil, 2},
	{"read by a half, the other of which nobody reads", `
		x : float32 N 4
		a = Sigmoid(x)
		k = Mul(a, !4)
		y = Add(k, ?4)
		g, h = Split(y, #2_2) axis=1
		d = Gemm(g, ?2x3, ?3)
		f = Sigmoid(d)
		> f`, nil, 1},
	{"beside a layer that would take a shift back which is a thousand times as large", `
		x : float32 N 4 4
		a = Conv(x, ?4x4x1)
		y = BatchNormalization(a, =0.001:4, ?4, =0:4, !4)
		b = Conv(a, ?4x4x1)
		z = Relu(y)
		c = Relu(b)
		> z c`, map[string]int{"BatchNormalization": 1}, 0},
	{"twice the other sign", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x1x1)
		b = MaxPool(a) kernel_shape=2,2
		c = Neg(b)
		y = Neg(c)
		z = Relu(y)`, nil, 1},
	{"behind one half", `
		x : float32 N 4 6 6
		a = Conv(x, ?7x4x3x3)
		b, c = Split(a, #3_4) axis=1
		y = BatchNormalization(b, ?3, ?3, ?3, !3)
		z = Relu(y)
		v = Relu(c)
		> z v`, nil, 1},
	{"behind both halves", `
		x : float32 N 4 6 6
		a = Conv(x, ?7x4x3x3)
		b, c = Split(a, #3_4) axis=1
		y = BatchNormalization(b, ?3, ?3, ?3, !3)
		z = Relu(y)
		v = BatchNormalization(c, ?4, ?4, ?4, !4)
		> z v`, nil, 1},
	{"behind slices that others do not share", `
		x : float32 N 4 6 6
		a = Conv(x, ?7x4x3x3)
		b = Slice(a, #0, #3, #1)
		c = Slice(a, #3, #7, #1)
		y = BatchNormalization(b, ?3, ?3, ?3, !3)
		z = Relu(y)
		v = Relu(c)
		> z v`, nil, 1},
	{"behind a slice that shares a channel", `
		x : float32 N 4 6 6
		a = Conv(x, ?7x4x3x3)
		b = Slice(a, #0, #3, #1)
		c = Slice(a, #2, #7, #1)
		y = BatchNormalization(b, ?3, ?3, ?3, !3)
		z = Relu(y)
		v = Relu(c)
		> z v`, map[string]int{"BatchNormalization": 1}, 0},
	{"behind chosen channels", `
		x : float32 N 4 6 6
		a = Conv(x, ?7x4x3x3)
		b = Gather(a, #5_0_3) axis=1
		y = BatchNormalization(b, ?3, ?3, ?3, !3)
		z = Relu(y)`, nil, 1},
	{"behind nearest resizing", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = Resize(a, -, =1_1_2_2:4) mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor
		y = BatchNormalization(b, ?5, ?5, ?5, !5)
		z = Relu(y)`, nil, 1},
	{"behind linear resizing to sizes", `
		x : float32 2 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = Resize(a, -, -, #2_5_9_9) mode=linear
		y = BatchNormalization(b, ?5, ?5, ?5, !5)
		z = Relu(y)`, nil, 1},
	{"behind largest values", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = MaxPool(a) kernel_shape=3,3 pads=1,1,1,1
		y = BatchNormalization(b, !5, ?5, ?5, !5)
		z = Relu(y)`, nil, 1},
	{"behind largest values with scales below zero", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = MaxPool(a) kernel_shape=3,3 pads=1,1,1,1
		y = BatchNormalization(b, =-1:5, ?5, ?5, !5)
		z = Relu(y)`, map[string]int{"BatchNormalization": 1}, 0},
	{"a scale behind an activation", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = LeakyRelu(a)
		y = Mul(b, !5x1x1)
		z = Softmax(y)`, nil, 1},
	{"a shift behind an activation", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = LeakyRelu(a)
		y = Add(b, !5x1x1)
		z = Softmax(y)`, map[string]int{"Add": 1}, 0},
	{"behind pixels from depth", `
		x : float32 N 4 6 6
		a = Conv(x, ?8x4x3x3)
		b = DepthToSpace(a) blocksize=2 mode=DCR
		y = BatchNormalization(b, ?2, ?2, ?2, !2)
		z = Relu(y)`, nil, 1},
	{"behind columns first", `
		x : float32 N 4 6 6
		a = Conv(x, ?8x4x3x3)
		b = DepthToSpace(a) blocksize=2 mode=CRD
		y = BatchNormalization(b, ?2, ?2, ?2, !2)
		z = Relu(y)`, nil, 1},
	{"behind shuffled channels", `
		x : float32 N 4 6 6
		a = Conv(x, ?6x4x3x3)
		b = Reshape(a, #0_2_3_4_4)
		c = Transpose(b) perm=0,2,1,3,4
		d = Reshape(c, #0_6_4_4)
		e = MaxPool(d) kernel_shape=2,2
		y = BatchNormalization(e, !6, ?6, ?6, !6)
		z = Relu(y)`, nil, 1},
	{"behind an average that counts its padding", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = Relu(a)
		c = AveragePool(b) kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1
		y = Mul(c, !5x1x1)
		z = Softmax(y)`, nil, 1},
	{"behind edges", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		c = MaxPool(a) kernel_shape=2,2
		b = Pad(c, #0_0_1_1_0_0_1_1) mode=edge
		y = BatchNormalization(b, !5, ?5, ?5, !5)
		z = Relu(y)`, nil, 1},
	{"a product of two values", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = Sigmoid(a)
		c = Conv(x, ?5x4x3x3)
		d = Mul(b, c)
		y = Mul(d, ?5x1x1)
		z = Softmax(y)`, map[string]int{"Mul": 1}, 1},
	{"a part without a layer", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		c = Concat(a, x) axis=1
		y = BatchNormalization(c, ?8, ?8, ?8, !8)
		z = Relu(y)`, map[string]int{"BatchNormalization": 1}, 0},
	{"a part that is read elsewhere", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(x, ?3x4x1x1, ?3)
		c = Concat(a, b) axis=1
		y = BatchNormalization(c, ?7, ?7, ?7, !7)
		z = Relu(y)
		v = Sigmoid(b)
		> z v`, map[string]int{"BatchNormalization": 1}, 0},
	{"two in a row, with a join between", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(x, ?3x4x1x1, ?3)
		c = Concat(a, b) axis=1
		d = Mul(c, ?7x1x1)
		e = Resize(d, -, =1_1_2_2:4) mode=nearest
		y = BatchNormalization(e, ?7, ?7, ?7, !7)
		z = Relu(y)`, nil, 2},
	{"a value and its norm, behind largest values", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = MaxPool(a) kernel_shape=3,3 pads=1,1,1,1
		c = BatchNormalization(b, !5, ?5, ?5, !5)
		y = Add(b, c)
		z = Relu(y)`, nil, 1},
	{"a value less a tenth, on to a conv", `
		x : float32 N 4 6 6
		a = MaxPool(x) kernel_shape=3,3 pads=1,1,1,1
		b = Mul(a, =0.1)
		c = Sub(a, b)
		d = LeakyRelu(c)
		z = Conv(d, ?5x4x3x3) pads=1,1,1,1`, nil, 1},
	{"a value and its scale that others read", `
		x : float32 N 4 6 6
		a = MaxPool(x) kernel_shape=3,3 pads=1,1,1,1
		b = Mul(a, !4x1x1)
		c = Add(b, a)
		d = LeakyRelu(c)
		z = Conv(d, ?5x4x3x3) pads=1,1,1,1
		> z b`, map[string]int{"Mul": 1}, 1},
	{"a shift over a sum to the layer on its other side", `
		x : float32 N 4 6 6
		a = Sigmoid(x)
		b = Add(a, ?4x1x1)
		c = Conv(x, ?4x4x3x3) pads=1,1,1,1
		y = Add(b, c)
		z = Relu(y)`, map[string]int{"Add": 1}, 1},
	{"a shift through a maximum and over a difference, rank 3, open sizes", `
		x : float32 N 4 L
		a = Add(x, ?4x1)
		b = MaxPool(a) kernel_shape=@3 pads=1,1
		c = Conv(x, ?4x4x1)
		y = Sub(c, b)
		z = Sigmoid(y)`, map[string]int{"Sub": 1}, 1},
	{"half a shift to a layer that comes to a sum on two ways, rank 5", `
		x : float32 N 4 3 4 3
		a = Conv(x, ?4x4x1x1x1)
		b = MaxPool(a) kernel_shape=2,2,2 pads=0,0,0,1,1,1
		c = Add(a, b)
		y = BatchNormalization(c, !4, ?4, ?4, !4)
		z = Sigmoid(y)`, map[string]int{"Add": 1}, 1},
	{"a shift before scales of both signs, on to a layer", `
		x : float32 N 4 6 6
		a = Add(x, ?4x1x1)
		b = Mul(a, =-2_1_0.5_-1:4x1x1)
		c = MaxPool(b) kernel_shape=2,2
		y = Conv(c, ?5x4x1x1)
		z = Sigmoid(y)`, map[string]int{"Mul": 1}, 1},
	{"a shift before scales that are far apart", `
		x : float32 N 4 6 6
		a = Add(x, ?4x1x1)
		b = Mul(a, =-1e-5_1_0.5_1:4x1x1)
		c = MaxPool(b) kernel_shape=2,2
		y = Conv(c, ?5x4x1x1)
		z = Sigmoid(y)`, map[string]int{"Mul": 1, "Add": 1}, 0},
	{"a scale that the other reader of a layer takes back", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x1x1, ?4)
		b = LeakyRelu(a)
		y = Mul(b, !4x1x1)
		v = Conv(b, ?2x4x3x3) pads=1,1,1,1
		> y v`, nil, 2},
	{"a shift that the other reader of a layer takes back, in a join", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x1x1)
		b = Sigmoid(x)
		c = Concat(b, a) axis=1
		d, e = Split(c, #4_4) axis=1
		y = Add(e, ?4x1x1)
		v = Conv(a, ?2x4x3x3)
		> d y v`, nil, 2},
	{"a shift that a padded reader does not take back", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x1x1)
		y = Add(a, ?4x1x1)
		v = Conv(a, ?2x4x3x3) pads=1,1,1,1
		> y v`, map[string]int{"Add": 1}, 0},
	{"a shift over a sum, float16", `
		x : float16 N 4 6 6
		a = AveragePool(x) kernel_shape=3,3 pads=1,1,1,1
		b = Add(a, ?4x1x1)
		c = LeakyRelu(x)
		d = Conv(c, ?4x4x3x3) pads=1,1,1,1
		y = Add(b, d)
		z = Relu(y)`, map[string]int{"Add": 1}, 1},
	{"a shift of rows over a sum", `
		x : float32 N 5 6
		a = Tanh(x)
		b = Add(a, ?6)
		c = MatMul(x, ?6x6)
		d = Add(c, ?6)
		y = Add(b, d)
		z = Relu(y)`, map[string]int{"Add": 2}, 1},
	{"a shift of rows over a sum with a product without a bias", `
		x : float32 N 5 6
		a = Tanh(x)
		b = Add(a, ?6)
		c = MatMul(x, ?6x6)
		y = Add(b, c)
		z = Relu(y)`, map[string]int{"Add": 2}, 0},
	{"a shift over a sum with a part that others read", `
		x : float32 N 4 6 6
		a = Sigmoid(x)
		b = Add(a, ?4x1x1)
		c = Conv(x, ?4x4x3x3) pads=1,1,1,1
		y = Add(b, c)
		z = Relu(y)
		> z b`, map[string]int{"Add": 2}, 0},
	{"a norm that is added to what it reads and read by a layer", `
		x : float32 N 4 6 6
		a = BatchNormalization(x, ?4, ?4, ?4, !4)
		b = Add(x, a)
		c = Conv(a, ?4x4x1x1)
		z = Concat(b, c) axis=1`, map[string]int{"BatchNormalization": 1}, 0},
	{"a scale of a product of a value and a layer that reads it", `
		x : float32 N 4 6 6
		a = Mul(x, ?4x1x1)
		b = Resize(a, -, =1_1_2_2:4) mode=nearest
		c = Conv(b, ?4x4x3x3) pads=1,1,1,1
		d = Mul(b, c)
		z = Softmax(d)`, map[string]int{"Mul": 1}, 1},
	{"a scale of one factor of a square", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Mul(a, !4x1x1)
		c = Mul(a, b)
		z = Softmax(c)`, map[string]int{"Mul": 1}, 1},
	{"a scale below zero of one factor of a square", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Mul(a, =-2_1_1_1:4x1x1)
		c = Mul(a, b)
		z = Softmax(c)`, map[string]int{"Mul": 2}, 0},
	{"a scale below zero before a maximum, which is left out behind it", `
		x : float32 N 4 6 6
		a = Mul(x, =-2_1_3_1:4x1x1)
		b = MaxPool(a) kernel_shape=2,2
		c = Slice(b, #1, #4, #1)
		d = Conv(c, ?4x3x1x1)
		e = Conv(c, ?4x3x3x3)
		z = Sigmoid(d)
		v = Sigmoid(e)
		> z v`, nil, 2},
	{"scales of both signs between activations, on to a layer", `
		x : float32 N 4 6 6
		a = Relu(x)
		b = MaxPool(a) kernel_shape=2,2
		c = Mul(b, =-2_1_3_-1:4x1x1)
		d = Relu(c)
		e = Conv(d, ?4x4x3x3) pads=1,1,1,1
		z = Softmax(e)`, nil, 1},
	{"scales and shifts of one sign between activations, of which one leaks, back to a layer", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Relu(a)
		c = AveragePool(b) kernel_shape=2,2
		d = Mul(c, =2_1_3_1:4x1x1)
		e = LeakyRelu(d)
		z = Softmax(e)`, nil, 1},
	{"scales and shifts of both signs between activations", `
		x : float32 N 4 6 6
		a = Relu(x)
		c = BatchNormalization(a, =-2_1_3_-1:4, =1_-1_1_1:4, =0_0_0_0:4, !4)
		d = Relu(c)
		e = Conv(d, ?4x4x3x3) pads=1,1,1,1
		z = Softmax(e)`, map[string]int{"BatchNormalization": 1}, 0},
	{"scales of both signs behind an activation that goes below zero", `
		x : float32 N 4 6 6
		a = LeakyRelu(x)
		c = Mul(a, =-2_1_3_-1:4x1x1)
		d = Relu(c)
		e = Conv(d, ?4x4x3x3) pads=1,1,1,1
		z = Softmax(e)`, map[string]int{"Mul": 1}, 0},
	{"an activation that another does again behind a shift down", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Relu(a)
		c = MaxPool(b) kernel_shape=2,2
		d = BatchNormalization(c, !4, =-1_-0.5_0_-2:4, =0_0_0_0:4, !4)
		z = Relu(d)`, nil, 1},
	{"an activation that another does not do again behind a shift up", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Relu(a)
		d = Add(b, =-1_-0.5_0.5_-2:4x1x1)
		z = Relu(d)`, map[string]int{"Add": 1}, 0},
	{"behind one of two equal averages, of which the other is read by a layer", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x1x1, ?4)
		b = GlobalAveragePool(a)
		c = GlobalAveragePool(a)
		d = Conv(b, ?3x4x1x1)
		y = BatchNormalization(c, !4, ?4, ?4, !4)
		z = Relu(y)
		v = Sigmoid(d)
		> z v`, nil, 2},
	{"a leak that a Relu behind scales of both signs stops", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = LeakyRelu(a) alpha=0.25
		c = Mul(b, =-1_-0.5_0.5_-2:4x1x1)
		d = Add(c, =-1_-0.5_0_-2:4x1x1)
		z = Relu(d)`, nil, 1},
	{"a shift and a norm that the other reader of a layer takes back", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Add(a, ?4x1x1)
		c = BatchNormalization(b, ?4, ?4, ?4, !4)
		d = Conv(a, ?3x4x2x2)
		> c d`, nil, 2},
	{"norms in a row, without a layer", `
		x : float32 N 4 6 6
		a = BatchNormalization(x, ?4, ?4, ?4, !4)
		b = BatchNormalization(a, ?4, ?4, ?4, !4)
		z = Relu(b)`, map[string]int{"BatchNormalization": 1}, 1},
	{"float16 norms in a row, without a layer", `
		x : float16 N 4 6
		a = BatchNormalization(x, ?4, ?4, ?4, !4)
		b = BatchNormalization(a, ?4, ?4, ?4, !4)
		z = Relu(b)`, map[string]int{"BatchNormalization": 1}, 1},
	{"float16", `
		x : float16 N 4 6 6
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		b = Conv(x, ?3x4x1x1, ?3)
		c = Concat(a, b) axis=1
		y = BatchNormalization(c, ?7, ?7, ?7, !7)
		z = Relu(y)`, nil, 2},
	{"a scale that a sum of two layers takes back", `
		x : float32 N 4 6 6
		a = Conv(x, ?4x4x1x1, ?4)
		b = LeakyRelu(a)
		y = Mul(b, !4x1x1)
		v = Conv(b, ?2x4x3x3) pads=1,1,1,1
		w = Conv(b, ?2x4x1x1)
		c = Add(v, w)
		> y c`, nil, 2},
	{"a scale that goes on to a sum of two layers", `
		x : float32 N 4 6 6
		a = Sigmoid(x)
		y = Mul(a, !4x1x1)
		b = MaxPool(y) kernel_shape=2,2
		v = Conv(b, ?2x4x3x3) pads=1,1,1,1
		w = Conv(b, ?2x4x1x1)
		c = Add(v, w)
		> c`, nil, 1},
	{"behind the largest of each channel, whose axes go", `
		x : float32 N 4 6 6
		a = Conv(x, ?5x4x3x3)
		b = ReduceMax(a) axes=2,3 keepdims=0
		y = Mul(b, !5)
		z = Softmax(y)`, nil, 1},
	{"on through the largest of each channel, whose axes go", `
		x : float32 N 4 6 6
		a = Sigmoid(x)
		y = Mul(a, !4x1x1)
		b = ReduceMax(y) axes=2,3 keepdims=0
		c = Gemm(b, ?4x3)
		z = Softmax(c)`, nil, 1},
	{"a norm before a product that gets a bias", `
		x : float32 N 4 6
		a = BatchNormalization(x, !4, ?4, ?4, !4)
		b = ReduceMax(a) axes=@2 keepdims=0
		c = MatMul(b, ?4x3)
		z = Softmax(c)`, nil, 1},
	{"sizes that are asked for on the way", `
		x : float32 N 4 H W
		a = Conv(x, ?4x4x3x3) pads=1,1,1,1
		s = Shape(a)
		t = Slice(s, #2, #4)
		u = Concat(#1_1, t) axis=0
		k = ConstantOfShape(u)
		b = MaxPool(a) kernel_shape=3,3 pads=1,1,1,1
		y = BatchNormalization(b, !4, ?4, ?4, !4)
		z = Relu(y)
		> z k`, nil, 1},
}

var scaling = []string{"BatchNormalization", "Mul", "Div", "Add", "Sub"}

// What is built moves, and nothing else; the result equals the original in float64, and
// a weight that is off in any part fails its proof.
func TestMovings(t *testing.T) {
	for _, c := range movings {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			m := sketch.Model(t, c.text)
			out, report, err := convert.Model(context.Background(), m, convert.Options{NoCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]int{}
			for _, n := range out.Graph().Nodes() {
				have[n.OpType()]++
			}
			for _, op := range scaling {
				if have[op] != c.left[op] && !(c.left[op] == 0 && have[op] == sums(c.text, op)) {
					t.Errorf("%d of %s are left, want %d: %v", have[op], op, c.left[op], have)
				}
			}
			if len(report.Regions) != c.regions {
				t.Errorf("%d regions, want %d\n%v", len(report.Regions), c.regions, report.Regions)
			}
			if len(report.Regions) == 0 {
				return
			}
			for _, r := range report.Regions {
				if r.Proof == nil {
					t.Errorf("nothing was proved of %s", r.ID)
				}
				if r.Kind == "scale" && !slices.ContainsFunc(out.Graph().Inits(), func(t *onnxio.Tensor) bool { return strings.HasPrefix(t.Name(), r.Value+".") }) { // taken away
					continue
				}
				if _, _, err := convert.Model(context.Background(), m, convert.Options{NoCheck: true, Prover: &mover{value: r.Value}}); !errors.Is(err, convert.ErrNotEquivalent) {
					t.Errorf("%s passed with a nudged weight: %v", r.Value, err)
				}
			}
			equalRuns(t, m, out)
			_, again, err := convert.Model(context.Background(), out, convert.Options{NoCheck: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(again.Regions) > 0 {
				t.Errorf("the result is merged once more: %v", again.Regions)
			}
		})
	}
}

// sums counts the nodes of an operator in a text that have no constant.
func sums(text, op string) int {
	n := 0
	for line := range strings.Lines(text) {
		if _, call, ok := strings.Cut(line, " = "+op+"("); ok && !strings.ContainsAny(call, "?!=") {
			n++
		}
	}
	return n
}

// A mover nudges the weight of one merged value, whatever claims it is part of.
type mover struct {
	verify.Prover
	value  string
	once   sync.Once // claims are proved side by side
	nudged *onnxio.Model
}

func (n *mover) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	n.once.Do(func() {
		name := n.value + ".weight"
		if !slices.ContainsFunc(c.After.Graph().Inits(), func(t *onnxio.Tensor) bool { return t.Name() == name }) {
			name = n.value + ".scale"
		}
		for _, x := range c.After.Graph().Inits() { // a piece of that name moved there
			if x.Name() == name+".2" {
				name = x.Name()
			}
		}
		n.nudged = nudgeWeight(c.After, name)
	})
	c.After = n.nudged
	return n.Prover.Prove(ctx, c)
}

// equalRuns runs both models in float64 from the same random inputs.
func equalRuns(t *testing.T, before, after *onnxio.Model) {
	t.Helper()
	feeds := sketch.Feeds(t, before, 5)
	have, want := sketch.Run(t, after, feeds), sketch.Run(t, before, feeds)
	tolerance := 1e-4
	for _, in := range before.Graph().Inputs() {
		if in.Elem() == onnxio.Float16 {
			tolerance = 0.05
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		a, b := have[name].Floats(), want[name].Floats()
		if len(a) != len(b) {
			t.Fatalf("%s has %d values, want %d", name, len(a), len(b))
		}
		top := 0.0
		for _, v := range b {
			top = max(top, v, -v)
		}
		for i := range b {
			if d := a[i] - b[i]; !(max(d, -d) <= tolerance*(top+1)) {
				t.Fatalf("%s differs at %d: %g, want %g", name, i, a[i], b[i])
			}
		}
	}
}

const nudge = 1e-3

// nudgeWeight moves the middle element of an initializer by 1e-3 of its largest.
func nudgeWeight(m *onnxio.Model, name string) *onnxio.Model {
	i := slices.IndexFunc(m.Graph().Inits(), func(t *onnxio.Tensor) bool { return t.Name() == name })
	if i < 0 {
		panic("no weight " + name)
	}
	t := m.Graph().Inits()[i]
	v, err := t.Float64s()
	if err != nil {
		panic(err)
	}
	top := 0.0
	for _, x := range v {
		top = max(top, x, -x)
	}
	by := nudge
	if t.DType() == onnxio.Float16 {
		by = 0.05 // its rounding is as large as the other
	}
	v = slices.Clone(v)
	v[len(v)/2] += by * top
	b, err := onnxio.EncodeFloat64(v, t.DType())
	if err != nil {
		panic(err)
	}
	moved, err := onnxio.NewTensor(name, t.DType(), t.Dims(), b)
	if err != nil {
		panic(err)
	}
	out, err := m.Apply(onnxio.Edit{DropInits: []*onnxio.Tensor{t}, AddInits: []*onnxio.Tensor{moved}})
	if err != nil {
		panic(err)
	}
	return out
}
