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
	"repmlp/onnxio"
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

// A node whose work is not known does not hide the others; one that counts nothing does not
// either.
func TestOthersStillCount(t *testing.T) {
	got, _ := counted(t, "x : N 3\nz : 2 3\nk : 2 3\na = MatMul(?2x3, ?3x3)\nb = MatMul(x, ?3x9)\nc = MatMul(z, ?3x5)\nd = Add(k, a)\ne = Relu(d)\nf = Gemm(e, ?3x4)\n> b c f")
	if got.Total != 2*3*5+2*3*4 || got.Unknown["MatMul"] != 1 || len(got.Unknown) != 1 || len(got.ByNode) != 2 {
		t.Errorf("%+v", got)
	}
	for n, work := range got.ByNode {
		if want := map[string]int64{"MatMul_c": 30, "Gemm_f": 24}[n.Name()]; work != want {
			t.Errorf("%s has %d, want %d", n.Name(), work, want)
		}
	}
}

// Where a formula misses a size, or the operands are not those of the operator, the work is
// not known; nothing is guessed.
func TestFormulasThatCannotCount(t *testing.T) {
	for _, text := range []string{
		"x : N 4 5 5\ny = Conv(x, ?3x4x1x1)",
		"x : 1 4 5 5\nw : 3 C 1 1\ny = Conv(x, w)",
		"x : 1 4 N 5\ny = ConvTranspose(x, ?4x3x1x1)",
		"x : 1 4 5 5\nw : C 4 1 1\ny = ConvTranspose(x, w)",
		"x : N 3\ny = Gemm(x, ?3x4)",
		"x : 2 3\nw : 3 M\ny = Gemm(x, w)",
		"x : 2 3\nw : 3 M\ny = MatMul(x, w)",
		"x : N 3\ny = BatchNormalization(x, ?3, ?3, ?3, !3)",
		"x : N 3\ny = Einsum(x, ?3x4) equation=ij,jk->ik",
		"x : 2 3\ny = Einsum(x, ?3x4) equation=ij,jk,kl->il",
		"x : 2 3\ny = Einsum(x, ?3x4) equation=ij",
		"x : 5 N 3\ny = LSTM(x, ?1x16x3, ?1x16x4) hidden_size=4",
		"x : 5 2 3\nw : 1 16 M\ny = LSTM(x, w, ?1x16x4) hidden_size=4",
		"x : 5 2 3\nr : 1 16 M\ny = LSTM(x, ?1x16x3, r) hidden_size=4",
		"x : 5 2 3\ny = GRU(x, ?1x16x3, ?1x16x4) hidden_size=4",
		"opset 23\nx : N 3 4 5\nk : 2 3 6 5\nv : 2 3 6 7\ny = Attention(x, k, v)",
		"opset 23\nx : 2 3 4 5\nk : 2 3 N 5\nv : 2 3 6 7\ny = Attention(x, k, v)",
		"opset 23\nx : 2 3 4 5\nk : 2 3 6 5\nv : 2 3 6 N\ny = Attention(x, k, v)",
		"opset 23\nx : 2 4 15\nk : 2 6 5\nv : 2 6 7\ny = Attention(x, k, v)",
		"opset 23\nx : 2 4 15\nk : 2 6 5\nv : 2 6 7\ny = Attention(x, k, v) q_num_heads=3",
		"opset 23\nx : 2 4 15\nk : 2 6 5\nv : 2 6 7\ny = Attention(x, k, v) kv_num_heads=1",
		"opset 23\nx : 2 4 15\nk : 2 6 5\nv : 2 6 7\ny = Attention(x, k, v) q_num_heads=4 kv_num_heads=1",
		"opset 23\nx : 2 3 4 5\nk : 2 3 6 5\nv : 2 3 6 7\np : 2 3 P 5\nq : 2 3 P 7\ny = Attention(x, k, v, -, p, q)",
	} {
		if got, _ := counted(t, text); got.Total != 0 || len(got.Unknown) != 1 || len(got.ByNode) != 0 {
			t.Errorf("%s\nhas %d, unknown %v", text, got.Total, got.Unknown)
		}
	}
	got, _ := counted(t, "opset 23\nx : 2 3 4 5\nk : 2 3 6 5\nv : 2 3 6 7\np : 2 3 8 5\nq : 2 3 8 7\ny = Attention(x, k, v, -, p, q)")
	if want := int64(2 * 3 * 4 * (6 + 8) * (5 + 7)); got.Total != want {
		t.Errorf("with keys of before: %d, want %d, unknown %v", got.Total, want, got.Unknown)
	}
}

// Products beyond 64 bits are not known; zero is zero, whatever stands beside it.
func TestProduct(t *testing.T) {
	for _, c := range []struct {
		list []int64
		n    int64
		ok   bool
	}{
		{nil, 1, true}, {[]int64{3, 5, 7}, 105, true}, {[]int64{1 << 31, 1 << 31}, 1 << 62, true}, {[]int64{1 << 32, 1 << 31}, 0, false}, {[]int64{1 << 33, 1 << 31}, 0, false},
		{[]int64{1 << 32, 1 << 32}, 0, false}, {[]int64{1 << 62, 1 << 62, 0}, 0, true}, {[]int64{3, 1<<62 + 1, 3}, 0, false},
	} {
		if n, ok := product(c.list...); n != c.n || ok != c.ok {
			t.Errorf("%v: %d, %t", c.list, n, ok)
		}
	}
}

// A node with bodies is known to count nothing where nothing in them counts, however deep.
func TestBodies(t *testing.T) {
	untyped := func(name string) []*onnxio.ValueInfo {
		return []*onnxio.ValueInfo{onnxio.Untyped(name, onnxio.Float32)}
	}
	branch := func(nodes ...*onnxio.Node) *onnxio.Node {
		then, err := onnxio.GraphAttr("then_branch", onnxio.Parts{Nodes: nodes, Outputs: untyped("b")})
		if err != nil {
			t.Fatal(err)
		}
		other, err := onnxio.GraphAttr("else_branch", onnxio.Parts{Nodes: []*onnxio.Node{onnxio.NewNode("", "Identity", []string{"x"}, []string{"b"})}, Outputs: untyped("b")})
		if err != nil {
			t.Fatal(err)
		}
		return onnxio.NewNode("", "If", []string{"c"}, []string{"b"}, then, other)
	}
	relu, product := onnxio.NewNode("", "Relu", []string{"x"}, []string{"b"}), onnxio.NewNode("", "MatMul", []string{"x", "x"}, []string{"b"})
	for i, c := range []struct {
		n       *onnxio.Node
		unknown int
	}{{branch(relu), 0}, {branch(product), 1}, {branch(branch(relu)), 0}, {branch(branch(product)), 1}} {
		m, err := onnxio.NewModel(onnxio.Parts{Nodes: []*onnxio.Node{c.n}, Outputs: untyped("b"),
			Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(3), onnxio.Known(3)), onnxio.NewValue("c", onnxio.Bool)}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(g, graph.Dim.Int); got.Unknown["If"] != c.unknown || got.Total != 0 {
			t.Errorf("%d: %+v", i, got)
		}
	}
}
