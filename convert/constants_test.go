package convert_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Layers whose weights, scales and shifts are what operators make of constants.
var computedWeights = []struct{ name, text, left string }{
	{"DoRA", "x : float32 N 10 6\na = MatMul(?6x2, ?2x6)\nb = Add(?6x6, a)\nn = ReduceL2(b) axes=@0\nd = Div(b, n)\nw = Mul(d, ?1x6)\nm = MatMul(x, w)\ns = Add(m, ?6)\ny = Mul(s, ?6)", "Add MatMul"},
	{"spectral norm", "x : float32 N 6\nv = MatMul(?6x6, !6)\ns = MatMul(!6, v)\nw = Div(?6x6, s)\nm = MatMul(x, w)\ny = Mul(m, ?6)", "Gemm"},
	{"a sum of Einsums", "x : float32 N 4 5 5\na = Einsum(?4x4x3x3, ?4) equation=oihw,o->oihw\nb = Einsum(?4x4, ?4x4x3x3) equation=ti,othw->oihw\nw = Add(a, b)\nc = Conv(x, w) pads=1,1,1,1\ny = BatchNormalization(c, ?4, ?4, ?4, !4)", "Conv"},
	{"a Sigmoid", "x : float32 N 4 5 5\ns = Sigmoid(?1x4x1x1)\nc = Conv(x, ?4x4x3x3)\ny = Mul(c, s)", "Conv"},
	{"gates that sum to one", "x : float32 N 4 5 5\ns = Sigmoid(?1x4x1x1)\nr = Sub(=1, s)\nc = Conv(x, ?4x1x3x3) group=4 pads=1,1,1,1\na = Mul(r, x)\nb = Mul(s, c)\ny = Add(a, b)", "Conv"},
	{"a Softmax over branches", "x : float32 N 4 5 5\ns = Softmax(?3) axis=0\nu, v, w = Split(s, #1_1_1) axis=0\na = Mul(x, u)\nc = Conv(x, ?4x4x1x1)\nb = Mul(c, v)\nd = Conv(x, ?4x4x3x3) pads=1,1,1,1\ne = Mul(d, w)\nf = Add(a, b)\ny = Add(f, e)", "Conv"},
	{"a Conv of constants", "x : float32 N 4 5 5\nw = Conv(?4x4x3x3, ?4x4x1x1)\nc = Conv(x, w)\ny = BatchNormalization(c, ?4, ?4, ?4, !4)", "Conv"},
	{"a ConvTranspose of constants", "x : float32 N 4 5 5\nw = ConvTranspose(?4x3x2x2, ?3x4x2x2)\nc = Conv(x, w)\ny = Mul(c, ?4x1x1)", "Conv"},
	{"a piece of a Split, the second", "x : float32 N 3 5 5\nv, w = Split(?9x3x3x3, #5_4) axis=0\nc = Conv(x, w)\ny = BatchNormalization(c, ?4, ?4, ?4, !4)", "Conv"},
	{"the largest of a TopK", "x : float32 N 4 5 5\nv, i = TopK(?6x4x3x3, #4) axis=0\nc = Conv(x, v)\ny = Mul(c, ?4x1x1)", "Conv"},
	{"channels that a TopK names", "x : float32 N 4 5 5\nn = ReduceL2(?6x4x3x3) axes=1,2,3 keepdims=0\nw = Gather(?6x4x3x3, #4_1_0_2)\nc = Conv(x, w)\nt = Gather(n, #4_1_0_2)\nu = Reshape(t, #4_1_1)\ny = Mul(c, u)", "Conv"},
	{"a triangle", "x : float32 N 6\nw = Trilu(?6x6)\nm = MatMul(x, w)\ny = Mul(m, ?6)", "Gemm"},
	{"a padded and a larger kernel", "x : float32 N 4 6 6\nw = Pad(?4x4x1x1, #0_0_1_1_0_0_1_1)\nv = Resize(?4x4x1x1, -, =1_1_3_3:4)\nu = Add(w, v)\nc = Conv(x, u) pads=1,1,1,1\ny = Mul(c, ?4x1x1)", "Conv"},
	{"one-hot permutations", "x : float32 N 4\nw = OneHot(#2_0_3_1, #4, =0.0_1.0:2)\nm = MatMul(x, w)\ny = Gemm(m, ?4x4)", "Gemm"},
	{"a normalised weight", "x : float32 N 6\nv = LpNormalization(?6x6) axis=0\nw = LayerNormalization(v, ?6, ?6)\nm = MatMul(x, w)\ny = Mul(m, ?6)", "Gemm"},
	{"weight standardisation", "x : float32 N 4 5 5\nm = ReduceMean(?4x4x3x3) axes=1,2,3\nd = Sub(?4x4x3x3, m)\nw = InstanceNormalization(d, !4, ?4)\nc = Conv(x, w)\ny = BatchNormalization(c, ?4, ?4, ?4, !4)", "Conv"},
	{"a norm of constants", "x : float32 N 4 5 5\nw = BatchNormalization(?4x4x3x3, ?4, ?4, ?4, !4)\nc = Conv(x, w)\ny = Mul(c, ?4x1x1)", "Conv"},
	{"weights standardised by a norm in training", "x : float32 N 4 5 5\nr = Reshape(?4x4x3x3, #1_4_36)\ns, m, v = BatchNormalization(r, ?4, ?4, ?4, !4) training_mode=1\nw = Reshape(s, #4_4_3_3)\nc = Conv(x, w)\ny = Relu(c)\nopset 17", "Conv Relu"},
	{"the same of opset 11", "x : float32 N 4 5 5\nr = Reshape(?4x4x3x3, #1_4_36)\ns, m, v, k, l = BatchNormalization(r, ?4, ?4, ?4, !4)\nw = Reshape(s, #4_4_3_3)\nc = Conv(x, w)\ny = Relu(c)\nopset 11", "Conv Relu"},
	{"the same with statistics that are worked out", "x : float32 N 4 5 5\nr = Reshape(?4x4x3x3, #1_4_36)\nm = ReduceMean(r) axes=0,2 keepdims=0\nn = Reshape(m, #1_4_1)\nd = Sub(r, n)\ne = Mul(d, d)\nv = ReduceMean(e) axes=0,2 keepdims=0\ns = BatchNormalization(r, ?4, ?4, m, v)\nw = Reshape(s, #4_4_3_3)\nc = Conv(x, w)\ny = Relu(c)\nopset 17", "Conv Relu"},
	{"a standardised ConvTranspose", "x : float32 N 4 5 5\ns, m, v = BatchNormalization(?4x3x2x2, ?3, ?3, ?3, !3) training_mode=1\nc = ConvTranspose(x, s)\ny = Relu(c)\nopset 17", "ConvTranspose Relu"},
	{"a standardised MatMul", "x : float32 N 6\nw, m, v = BatchNormalization(?6x4, ?4, ?4, ?4, !4) training_mode=1\na = MatMul(x, w)\ny = Relu(a)\nopset 15", "Gemm Relu"},
	{"a standardised weight that two layers read", "x : float32 N 4 5 5\nw, m, v = BatchNormalization(?4x4x1x1, ?4, ?4, ?4, !4) training_mode=1\na = Conv(x, w)\nb = Relu(a)\nc = Conv(b, w)\ny = Relu(c)\nopset 17", "Conv Conv Relu Relu"},
	{"half precision", "x : float16 N 4 5 5\ns = Tanh(?4x1x1)\nw = Mul(?4x4x3x3, !4x1x1x1)\nc = Conv(x, w)\ny = Mul(c, s)", "Conv"},
	{"bfloat16", "x : bfloat16 N 6\nw = Erf(?6x6)\nm = MatMul(x, w)\ny = Mul(m, ?6)", "Gemm"},
	{"float64, a long chain", "x : float64 N 6\na = Gelu(?6x6)\nb = Softplus(a)\nc = Log(b)\nd = Gemm(c, ?6x6, ?6) alpha=0.5 transB=1\nw = CumSum(d, #1)\nm = MatMul(x, w)\ny = Mul(m, ?6)\nopset 20", "Gemm"},
	{"one dimension", "x : float32 N 4 9\nw = Softsign(?4x4x3)\nc = Conv(x, w) pads=1,1\nz = HardSigmoid(?4)\ny = BatchNormalization(c, z, ?4, ?4, !4)", "Conv"},
	{"three dimensions", "x : float32 N 2 5 5 5\nw = Swish(?3x2x3x3x3)\nc = Conv(x, w)\nt = ReduceSum(?3x4, #1)\nu = Reshape(t, #3_1_1_1)\ny = Add(c, u)\nopset 24", "Conv"},
	{"quantised per channel", "x : float32 N 3 5 5\nq = QuantizeLinear(?4x3x3x3, =0.02_0.03_0.01_0.04:4) axis=0\nw = DequantizeLinear(q, =0.02_0.03_0.01_0.04:4) axis=0\nc = Conv(x, w)\ny = BatchNormalization(c, ?4, ?4, ?4, !4)", "Conv"},
	{"quantised by blocks", "x : float32 N 4\nq = QuantizeLinear(?4x4, =0.01_0.02_0.03_0.04_0.01_0.02_0.03_0.04:2x4) axis=0 block_size=2\nw = DequantizeLinear(q, =0.01_0.02_0.03_0.04_0.01_0.02_0.03_0.04:2x4) axis=0 block_size=2\nm = MatMul(x, w)\ny = Mul(m, ?4)\nopset 21", "Gemm"},
	{"quantised as a whole", "x : float32 N 4\nq = QuantizeLinear(?4x4, =0.01)\nw = DequantizeLinear(q, =0.01)\nm = MatMul(x, w)\ny = Mul(m, ?4)\nopset 10", "Gemm"},
	{"half precision, quantised", "x : float16 N 4\nq = QuantizeLinear(?4x4, =0.01)\nw = DequantizeLinear(q, =0.01)\nm = MatMul(x, w)\ny = Mul(m, ?4)\nopset 19", "Gemm"},
}

// Whatever is deterministic over constants is a constant: it is merged, proved, and gone.
func TestComputedWeights(t *testing.T) {
	for _, c := range computedWeights {
		t.Run(c.name, func(t *testing.T) {
			m := sketch.Model(t, c.text)
			res, err := convert.Convert(context.Background(), m, convert.Options{FoldDequantize: true, Prover: &verify.Prover{}})
			if err != nil {
				t.Fatal(err)
			}
			var ops []string
			for op, n := range convert.CountOps(res.Model) {
				ops = append(ops, slices.Repeat([]string{op}, n)...)
			}
			slices.Sort(ops)
			if have := strings.Join(ops, " "); have != c.left || res.Verdict != convert.Fused {
				t.Errorf("%s are left, want %s; %s, %v", have, c.left, res.Verdict, res.Plan.Declined)
			}
			for region, p := range res.Proofs {
				if !(p.Bound < 1) {
					t.Errorf("region %s: %g of the bound", region, p.Bound)
				}
			}
			compareRuns(t, m, res.Model)
		})
	}
}

// compareRuns runs two models on the same numbers in float64.
func compareRuns(t *testing.T, before, after *onnxio.Model) {
	t.Helper()
	feeds := sketch.Feeds(t, before, 3)
	want := sketch.Run(t, before, feeds)
	for name, y := range sketch.Run(t, after, feeds) {
		top := 0.0
		for i := range y.Len() {
			top = max(top, math.Abs(want[name].Float(i)))
		}
		tolerance := map[onnxio.DType]float64{onnxio.Float16: 8e-3, onnxio.BFloat16: 6e-2, onnxio.Float32: 1e-5, onnxio.Float64: 1e-12}[y.DType]
		for i := range y.Len() {
			if d := math.Abs(y.Float(i) - want[name].Float(i)); !(d <= tolerance*top) {
				t.Fatalf("%s: element %d is %g, was %g", name, i, y.Float(i), want[name].Float(i))
			}
		}
	}
}

// Without the flag a quantised weight stays quantised; what nobody merges stays too.
func TestConstantsThatStay(t *testing.T) {
	for _, c := range []struct{ name, text, ops, code string }{
		{"quantised", "x : float32 N 4\nq = QuantizeLinear(?4x4, =0.01)\nw = DequantizeLinear(q, =0.01)\nm = MatMul(x, w)\ny = Mul(m, ?4)", "DequantizeLinear QuantizeLinear MatMul Mul", "quantized_weight"},
		{"random", "x : float32 N 4\nw = RandomNormal() shape=4,4\nm = MatMul(x, w)\ny = Mul(m, ?4)", "RandomNormal MatMul Mul", "weights_not_constant"},
		{"no layer", "x : float32 N 4\ns = Sigmoid(?4)\na = Mul(x, s)\ny = Tanh(a)", "Sigmoid Mul Tanh", ""},
		{"unknown", "x : float32 N 4 3 3\nw = Frobnicate(?4x4x1x1)\nc = Conv(x, w)\ny = Mul(c, ?4x1x1)", "Frobnicate Conv Mul", "unknown_op"},
		{"undefined", "x : float32 N 4 3 3\nv, i = TopK(?6x4x1x1, #4) axis=0 sorted=0\nc = Conv(x, v)\ny = Mul(c, ?4x1x1)", "TopK Conv Mul", "unsupported_form"},
	} {
		res, err := convert.Convert(context.Background(), sketch.Model(t, c.text), convert.Options{Prover: &verify.Prover{}})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		ops := convert.CountOps(res.Model)
		for _, op := range strings.Fields(c.ops) {
			if ops[op] != 1 {
				t.Errorf("%s: %v, want %s", c.name, ops, c.ops)
			}
		}
		var codes []string
		for _, d := range res.Plan.Declined {
			codes = append(codes, d.Code)
		}
		if c.code != "" && !slices.Contains(codes, c.code) {
			t.Errorf("%s: declined %v, want %s", c.name, codes, c.code)
		}
	}
}
