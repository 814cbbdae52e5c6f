package multiplyadds

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio/graph"
)

// counted is the work of the last node of a model.
func counted(t *testing.T, text string) (Counts, *graph.Graph) {
	t.Helper()
	g, err := graph.New(sketch.Model(t, text), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Of(g, graph.Dim.Int), g
}

// loop calls f for every index of a shape.
func loop(f func(at []int), shape ...int) {
	at := make([]int, len(shape))
	if slices.Contains(shape, 0) {
		return
	}
	for {
		f(at)
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// Every formula counts what loops do that make each product by itself.
func TestFormulasAgainstLoops(t *testing.T) {
	cases := []struct {
		op, text string
		naive    func(make func())
	}{
		{"Conv", "x : 2 4 7 6\ny = Conv(x, ?6x2x3x2, ?6) group=2 pads=1,1,1,1 strides=2,1", func(one func()) {
			loop(func(at []int) { // image, output channel, row, column
				loop(func([]int) { one() }, 2, 3, 2) // channels of the group, taps
			}, 2, 6, 4, 7)
		}},
		{"Conv", "x : 1 3 9 1\ny = Conv(x, ?3x1x5x1) group=3 dilations=2,1", func(one func()) {
			loop(func([]int) { loop(func([]int) { one() }, 5) }, 3, 1)
		}},
		{"ConvTranspose", "x : 1 4 3 3\ny = ConvTranspose(x, ?4x3x2x2, ?6) group=2 strides=2,2", func(one func()) {
			loop(func([]int) { loop(func([]int) { one() }, 3, 2, 2) }, 1, 4, 3, 3)
		}},
		{"Gemm", "x : 5 3\ny = Gemm(x, ?3x7, ?7)", func(one func()) {
			loop(func([]int) { one() }, 5, 7, 3)
		}},
		{"Gemm", "x : 3 5\ny = Gemm(x, ?7x3, ?7) transA=1 transB=1", func(one func()) {
			loop(func([]int) { one() }, 5, 7, 3)
		}},
		{"MatMul", "x : 2 1 4 3\ny = MatMul(x, ?5x3x2)", func(one func()) {
			loop(func([]int) { one() }, 2, 5, 4, 2, 3)
		}},
		{"MatMul", "x : 6\ny = MatMul(x, ?6x2)", func(one func()) {
			loop(func([]int) { one() }, 2, 6)
		}},
		{"Einsum", "x : 2 3 4\ny = Einsum(x, ?4x5) equation=bij,jk->bik", func(one func()) {
			loop(func([]int) { one() }, 2, 3, 4, 5)
		}},
		{"Einsum", "x : 2 3\ny = Einsum(x, ?3x4, ?4x5) equation=ij,jk,kl->il", func(one func()) {
			loop(func([]int) { one(); one() }, 2, 3, 4, 5)
		}},
		{"BatchNormalization", "x : 2 3 4 5\ny = BatchNormalization(x, ?3, ?3, ?3, !3)", func(one func()) {
			loop(func([]int) { one() }, 2, 3, 4, 5)
		}},
		{"LayerNormalization", "x : 2 3 4\ny = LayerNormalization(x, ?4, ?4)", func(one func()) {
			loop(func([]int) { one() }, 2, 3, 4) // squares
			loop(func([]int) { one() }, 2, 3, 4) // scale and shift
		}},
		{"LSTM", "x : 5 2 3\ny = LSTM(x, ?1x16x3, ?1x16x4) hidden_size=4", func(one func()) {
			loop(func([]int) { // direction, step, batch, gate, unit
				loop(func([]int) { one() }, 3)
				loop(func([]int) { one() }, 4)
			}, 1, 5, 2, 4, 4)
		}},
		{"GRU", "x : 5 2 3\ny = GRU(x, ?2x12x3, ?2x12x4) hidden_size=4 direction=bidirectional", func(one func()) {
			loop(func([]int) { loop(func([]int) { one() }, 3+4) }, 2, 5, 2, 3, 4)
		}},
		{"RNN", "x : 5 2 3\ny = RNN(x, ?1x4x3, ?1x4x4) hidden_size=4", func(one func()) {
			loop(func([]int) { loop(func([]int) { one() }, 3+4) }, 1, 5, 2, 4)
		}},
		{"Attention", "opset 23\nx : 2 3 4 5\nk : 2 3 6 5\nv : 2 3 6 7\ny = Attention(x, k, v)", func(one func()) {
			loop(func([]int) { // batch, head, query, key
				loop(func([]int) { one() }, 5)
				loop(func([]int) { one() }, 7)
			}, 2, 3, 4, 6)
		}},
		{"Attention", "opset 23\nx : 2 4 15\nk : 2 6 5\nv : 2 6 7\ny = Attention(x, k, v) q_num_heads=3 kv_num_heads=1", func(one func()) {
			loop(func([]int) { loop(func([]int) { one() }, 5+7) }, 2, 3, 4, 6)
		}},
	}
	for _, c := range cases {
		n := int64(0)
		c.naive(func() { n++ })
		got, g := counted(t, c.text)
		if got.Total != n || len(got.Unknown) > 0 {
			t.Errorf("%s\nhas %d multiply-adds, counted %d, unknown %v", c.text, n, got.Total, got.Unknown)
		}
		if last := g.Nodes[len(g.Nodes)-1]; last.OpType() != c.op || got.ByNode[last.Node] != n {
			t.Errorf("%s: %q has %d", c.text, last.OpType(), got.ByNode[last.Node])
		}
	}
	tested := map[string]bool{}
	for _, c := range cases {
		tested[c.op] = true
	}
	for _, same := range []string{"ConvInteger", "DeformConv", "QLinearConv", "MatMulInteger", "QLinearMatMul", "GroupNormalization", "InstanceNormalization", "RMSNormalization"} {
		tested[same] = true // a formula of those above
	}
	for _, op := range slices.Sorted(maps.Keys(formulas)) {
		if !tested[op] {
			t.Errorf("%s has no case", op)
		}
	}
}

// What is not run, what is worked out before any run and what nobody knows.
func TestWhatCountsNothing(t *testing.T) {
	for _, c := range []struct {
		text    string
		total   int64
		unknown string
	}{
		{"x : 2 3\na = MatMul(?2x3, ?3x3)\ny = Add(x, a)", 0, ""},
		{"x : 2 3\na = MatMul(x, ?3x9)\ny = Relu(x)\n> y", 0, ""},
		{"x : N 3\ny = MatMul(x, ?3x9)", 0, "MatMul 1"},
		{"x : 2 3\na = Relu(x)\ny = Mul(a, =2)", 0, ""},
		{"x : 2147483647 2147483647 9\ny = MatMul(x, ?9x9)", 0, "MatMul 1"},
		{"x : 0 3\ny = MatMul(x, ?3x9)", 0, ""},
	} {
		got, _ := counted(t, c.text)
		var unknown []string
		for _, op := range slices.Sorted(maps.Keys(got.Unknown)) {
			unknown = append(unknown, fmt.Sprint(op, " ", got.Unknown[op]))
		}
		if got.Total != c.total || strings.Join(unknown, ", ") != c.unknown {
			t.Errorf("%s\nhas %d, unknown %v", c.text, got.Total, unknown)
		}
	}
}

// The page about the report has the formula of every operator.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/report.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range slices.Sorted(maps.Keys(formulas)) {
		row := regexp.MustCompile("(?m)^\\| .*`" + op + "`.* \\| " + regexp.QuoteMeta(formulas[op].text) + " \\|$")
		if !row.Match(page) {
			t.Errorf("docs/report.md lacks the formula of %s, %s", op, formulas[op].text)
		}
	}
}
