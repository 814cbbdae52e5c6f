package convert_test

import (
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
)

const norm4 = ", ?4, ?4, ?4, !4)\n"

// kindred are the further blocks of the page about families, and what one becomes.
var kindred = map[string]struct{ text, ops string }{
	"LoRA":                         {"x : float32 N 8\nw = Gemm(x, ?8x8, ?8)\na = MatMul(x, ?8x2)\nb = MatMul(a, ?2x8)\ns = Mul(b, =0.5)\ny = Add(w, s)", "Gemm"},
	"Conv-LoRA":                    {"x : float32 N 4 9 9\nw = Conv(x, ?4x4x3x3, ?4) pads=1,1,1,1\na = Conv(x, ?2x4x3x3) pads=1,1,1,1\nb = Conv(a, ?4x2x1x1)\ns = Mul(b, =0.5)\ny = Add(w, s)", "Conv"},
	"DoRA":                         {"x : float32 N 6\na = MatMul(?6x2, ?2x6)\nb = Add(?6x6, a)\nn = ReduceL2(b) axes=@0\nd = Div(b, n)\nw = Mul(d, ?1x6)\ny = Gemm(x, w, ?6)\nz = Mul(y, ?6)", "Gemm"},
	"OREPA":                        {"x : float32 N 4 9 9\nk = Einsum(?4x4x3x3, ?4) equation=oihw,o->oihw\nl = Mul(?4x4x3x3, ?4x1x1x1)\nw = Add(k, l)\nc = Conv(x, w) pads=1,1,1,1\ny = BatchNormalization(c" + norm4, "Conv"},
	"RepAdapter":                   {"x : float32 N 8\na = Gemm(x, ?8x2, ?2)\nb = Gemm(a, ?2x8, ?8)\nc = Add(x, b)\ny = Gemm(c, ?8x8, ?8)", "Gemm"},
	"SPAN":                         {"x : float32 N 4 9 9\np = Pad(x, #0_0_1_1_0_0_1_1)\na = Conv(p, ?8x4x1x1)\nb = Conv(a, ?8x8x3x3)\nc = Conv(b, ?4x8x1x1, ?4)\nd = Conv(x, ?4x4x1x1, ?4)\ny = Add(c, d)", "Conv"},
	"SESR":                         {"x : float32 N 4 9 9\na = Conv(x, ?16x4x3x3) pads=1,1,1,1\nb = Conv(a, ?4x16x1x1, ?4)\ny = Add(b, x)", "Conv"},
	"ECBSR":                        {"x : float32 N 4 9 9\na = Conv(x, ?4x4x3x3, ?4) pads=1,1,1,1\nb = Conv(x, ?8x4x1x1)\nc = Conv(b, ?4x8x3x3, ?4) pads=1,1,1,1\nd = Add(a, c)\ny = Add(d, x)", "Conv"},
	"ABPN":                         {"x : float32 N 3 9 9\na = Conv(x, ?12x3x3x3, ?12) pads=1,1,1,1\nb = Concat(x, x, x, x) axis=1\ny = Add(a, b)", "Conv"},
	"PRepBN":                       {"x : float32 N 4\na = BatchNormalization(x" + norm4 + "b = Mul(x, =0.25)\nc = Add(a, b)\ny = Gemm(c, ?4x6, ?6)", "Gemm"},
	"PP-LCNetV3 with LAB":          {"x : float32 N 4 9 9\na = Conv(x, ?4x4x3x3, ?4)\nb = Mul(a, =1.5)\ny = Add(b, =0.25)", "Conv"},
	"RepNeXt":                      {"x : float32 N 4 9 9\na = Conv(x, ?4x1x1x3) group=4 pads=0,1,0,1\nb = Conv(a, ?4x1x3x1) group=4 pads=1,0,1,0\nc = Conv(x, ?4x1x3x3, ?4) group=4 pads=1,1,1,1\ny = Add(b, c)", "Conv"},
	"VanillaNet":                   {"x : float32 N 4 9 9\na = Conv(x, ?4x4x1x1, ?4)\nb = LeakyRelu(a) alpha=1.0\ny = Conv(b, ?4x4x1x1, ?4)", "Conv"},
	"YOLO ImplicitA and ImplicitM": {"x : float32 N 4 9 9\na = Add(x, ?1x4x1x1)\nb = Conv(a, ?6x4x1x1, ?6)\ny = Mul(b, ?1x6x1x1)", "Conv"},
	"RepVGG in one dimension":      {"x : float32 N 4 9\na = Conv(x, ?4x4x3) pads=1,1\nb = BatchNormalization(a" + norm4 + "c = Conv(x, ?4x4x1)\nd = BatchNormalization(c" + norm4 + "e = BatchNormalization(x" + norm4 + "f = Add(b, d)\ny = Add(f, e)", "Conv"},
	"RepVGG in three dimensions":   {"x : float32 N 4 5 5 5\na = Conv(x, ?4x4x3x3x3) pads=1,1,1,1,1,1\nb = BatchNormalization(a" + norm4 + "c = Conv(x, ?4x4x1x1x1)\nd = BatchNormalization(c" + norm4 + "e = BatchNormalization(x" + norm4 + "f = Add(b, d)\ny = Add(f, e)", "Conv"},
}

// Every block that the page about families lists becomes one layer.
func TestKindredBlocks(t *testing.T) {
	for _, k := range convert.AllKindred() {
		c, ok := kindred[k.Name]
		if !ok {
			t.Errorf("%s has no test", k.Name)
			continue
		}
		m := sketch.Model(t, c.text)
		made, r, err := convert.Model(t.Context(), m, convert.Options{})
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		var ops []string
		for op, n := range convert.CountOps(made) {
			ops = append(ops, slices.Repeat([]string{op}, n)...)
		}
		slices.Sort(ops)
		if have := strings.Join(ops, " "); have != c.ops || r.Verdict != convert.Fused {
			t.Errorf("%s: %s, %s is left, want %s; declined %v", k.Name, r.Verdict, have, c.ops, r.Declined)
		}
	}
}
