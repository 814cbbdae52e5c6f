package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"repmlp/internal/budget"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Why values are no constants: data before all, then what comes first.
func TestCauses(t *testing.T) {
	node := func(op, out string, in ...string) *onnxio.Node {
		return onnxio.NewNode(out, op, in, strings.Fields(out))
	}
	text, err := onnxio.NewTensor("f8", onnxio.DType(17), []int64{2}, make([]byte, 2))
	if err != nil {
		t.Fatal(err)
	}
	p := onnxio.Parts{Opset: 18,
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2)), onnxio.NewValue("d", onnxio.Float32, onnxio.Known(2))},
		Inits: []*onnxio.Tensor{stored(t, "d", "float32 [2] 1 2"), stored(t, "k", "float32 [2] 1 2"), text, onnxio.NewInts("zero", []int64{1}, []int64{0}),
			onnxio.NewInts("many", []int64{1}, []int64{70000})},
		Nodes: []*onnxio.Node{
			node("Neg", "nd", "d"), node("Add", "ndx", "nd", "x"),
			onnxio.NewNode("r", "RandomUniform", nil, []string{"r"}, onnxio.IntsAttr("shape", []int64{2})), node("Mul", "rk", "r", "k"), node("Mul", "rx", "x", "rk"),
			node("Mystery", "m", "k"), node("Mul", "mk", "k", "m"),
			node("Div", "dz", "zero", "zero"), onnxio.NewNode("dzf", "Cast", []string{"dz"}, []string{"dzf"}, onnxio.IntAttr("to", 1)), node("Mul", "dzk", "dzf", "k"),
			onnxio.NewNode("q", "QuantizeLinear", []string{"k", "s"}, []string{"q"}), node("DequantizeLinear", "dq", "q", "s"), node("Neg", "ndq", "dq"),
			onnxio.NewNode("p", "LpPool", []string{"k"}, []string{"p"}, onnxio.IntsAttr("kernel_shape", []int64{1})),
			node("Expand", "big", "k1", "many"), onnxio.NewNode("e", "Einsum", []string{"big", "big", "big"}, []string{"e"}, onnxio.StringAttr("equation", "a,b,c->")),
			node("CastLike", "like", "k", "x"), node("CastLike", "bad", "dzf", "x"), node("Neg", "f8n", "f8"),
		}}
	p.Inits = append(p.Inits, stored(t, "s", "float32 [] 0.5"), stored(t, "k1", "float32 [1] 1"))
	for _, n := range p.Nodes {
		p.Outputs = append(p.Outputs, onnxio.Untyped(n.Outputs()[0], onnxio.Undefined))
	}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"d": "1 d", "nd": "1 d", "ndx": "0 x", "rk": "4 r", "rx": "0 x", "mk": "5 m", "dzk": "6 dz ONNX does not define the result for its values",
		"dq": "3 q", "ndq": "3 q", "p": "6 p no constants are made of it", "e": "6 e working it out takes more than 17179869184 multiplications", "bad": "6 dz ONNX does not define the result for its values",
		"f8n": "6 f8 its type is float8e4m3fn", "x": "0 x",
	} {
		v := g.Value(name)
		if g.IsConst(v) {
			t.Errorf("%s is a constant", name)
			continue
		}
		c := g.Cause(v)
		if have := strings.TrimSpace(fmt.Sprint(c.Kind, " ", c.Value.Name, " ", c.Why)); have != want {
			t.Errorf("%s: %s, want %s", name, have, want)
		}
		if (c.Node != nil) != (c.Kind >= graph.Quantized && c.Value.Producer != nil) {
			t.Errorf("%s: node %v", name, c.Node)
		}
	}
	if !g.IsConst(g.Value("like")) {
		t.Error("what is only like data is no constant")
	}
	without, ok, err := g.Without(g.Value("like").Producer, "too long")
	if err != nil || !ok {
		t.Fatal(err, ok)
	}
	if c := without.Cause(without.Value("like")); c.Kind != graph.Unworked || c.Why != "too long" {
		t.Errorf("what is left alone: %+v", c)
	}
}

// What is far away counts as data, and takes no time.
func TestCausesFarAway(t *testing.T) {
	for length, want := range map[int]graph.CauseKind{50: graph.Random, 3000: graph.Data} {
		nodes := []*onnxio.Node{onnxio.NewNode("r", "RandomUniform", nil, []string{"v0"}, onnxio.IntsAttr("shape", []int64{2}))}
		for i := range length {
			nodes = append(nodes, onnxio.NewNode("", "Neg", []string{fmt.Sprintf("v%d", i)}, []string{fmt.Sprintf("v%d", i+1)}))
		}
		m, err := onnxio.NewModel(onnxio.Parts{Nodes: nodes, Outputs: []*onnxio.ValueInfo{onnxio.Untyped(fmt.Sprintf("v%d", length), onnxio.Float32)}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if c := g.Cause(g.Outputs[0]); c.Kind != want {
			t.Errorf("%d nodes away: %+v", length, c)
		}
	}
}

// What takes long to work out is counted before: one node by its shapes, several together
// as they are worked out.
func TestProductsAskTheBudget(t *testing.T) {
	fill := func(out string, dims ...int64) []*onnxio.Node {
		return []*onnxio.Node{onnxio.NewNode("", "Constant", nil, []string{out + ".n"}, onnxio.TensorAttr("value", onnxio.NewInts("", []int64{int64(len(dims))}, dims))),
			onnxio.NewNode("", "ConstantOfShape", []string{out + ".n"}, []string{out})}
	}
	product := func(op string, a, b []int64, attrs ...*onnxio.Attr) *graph.Graph {
		nodes := append(fill("a", a...), fill("b", b...)...)
		g, err := graph.New(intModel(t, append(nodes, onnxio.NewNode("n", op, []string{"a", "b"}, []string{"y"}, attrs...))), graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for _, c := range []struct {
		op    string
		a, b  []int64
		attrs []*onnxio.Attr
		ok    bool
	}{
		{"MatMul", []int64{1000, 1000}, []int64{1000, 1000}, nil, true},
		{"MatMul", []int64{2000, 3000}, []int64{3000, 2900}, nil, false},
		{"MatMul", []int64{2800, 2000}, []int64{2000, 2900}, nil, true},
		{"Gemm", []int64{2000, 3000}, []int64{3000, 2900}, nil, false},
		{"Gemm", []int64{2500, 2900}, []int64{2500, 2900}, []*onnxio.Attr{onnxio.IntAttr("transA", 1)}, false},
		{"Gemm", []int64{2000, 10}, []int64{2000, 2900}, []*onnxio.Attr{onnxio.IntAttr("transA", 1)}, true},
		{"Einsum", []int64{2000, 3000}, []int64{3000, 2900}, []*onnxio.Attr{onnxio.StringAttr("equation", "ab,bc->ac")}, false},
		{"Einsum", []int64{2000, 3000}, []int64{2000, 3000}, []*onnxio.Attr{onnxio.StringAttr("equation", "ab,ab->a")}, true},
		{"Conv", []int64{1, 512, 64, 64}, []int64{512, 512, 5, 5}, nil, false},
		{"Conv", []int64{1, 512, 8, 8}, []int64{512, 512, 5, 5}, nil, true},
		{"ConvTranspose", []int64{1, 512, 64, 64}, []int64{512, 512, 5, 5}, nil, false},
		{"ConvTranspose", []int64{1, 512, 8, 8}, []int64{512, 512, 5, 5}, nil, true},
	} {
		if g := product(c.op, c.a, c.b, c.attrs...); g.IsConst(g.Value("y")) != c.ok {
			t.Errorf("%s of %v and %v is a constant: %v", c.op, c.a, c.b, !c.ok)
		}
	}

	var nodes []*onnxio.Node // each is allowed, all together are not
	nodes = append(nodes, fill("a", 4, 1)...)
	eq := onnxio.StringAttr("equation", "ia,ja,ka,la,ma,na,oa,pa,qa,ra,sa,ta,ua,va,wa->a") // 4¹⁵·14
	for i := range 5 {
		in := make([]string, 15)
		for k := range in {
			in[k] = "a"
		}
		nodes = append(nodes, onnxio.NewNode(fmt.Sprintf("e%d", i), "Einsum", in, []string{fmt.Sprintf("e%d", i)}, eq))
	}
	nodes = append(nodes, onnxio.NewNode("", "Sum", []string{"e0", "e1", "e2", "e3", "e4"}, []string{"y"}))
	g, err := graph.New(intModel(t, nodes), graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !g.IsConst(g.Value("y")) { // which asks whether it has a value, for as long as a small one may take
		t.Error("each of them is allowed")
	}
}

// An operand that nothing else reads makes room for the result, and the large constant
// that was worked out last is not worked out again.
func TestConstantsTakeTheirOperandsPlace(t *testing.T) {
	fill := []*onnxio.Node{onnxio.NewNode("", "Constant", nil, []string{"n"}, onnxio.TensorAttr("value", onnxio.NewInts("", []int64{1}, []int64{6_000_000}))),
		onnxio.NewNode("", "ConstantOfShape", []string{"n"}, []string{"a"})} // 48 MB of 64
	chain := func(nodes ...*onnxio.Node) (*graph.Graph, error) {
		g, err := graph.New(intModel(t, append(fill[:2:2], nodes...), stored(t, "small", "float32 [1] 0")), graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.Const(g.Value("y"))
		return g, err
	}
	node := func(op, out string, in ...string) *onnxio.Node { return onnxio.NewNode(out, op, in, []string{out}) }
	g, err := chain(node("Exp", "b", "a"), node("Identity", "c", "b"), node("Neg", "d", "c"), node("Mul", "y", "d", "d"))
	if err != nil {
		t.Errorf("a chain: %v", err)
	} else {
		one, _ := g.Const(g.Value("y"))
		g.Forget()
		if two, _ := g.Const(g.Value("y")); one != two || one.F[5_999_999] != 1 {
			t.Error("it is worked out twice, or wrong")
		}
	}
	g, err = chain(node("Exp", "b", "small"), node("Sum", "y", "b", "b", "b", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := g.Const(g.Value("y")); err != nil || c.F[0] != 4 {
		t.Errorf("one operand four times: %v, %v", c, err)
	}
	_, err = chain(node("Exp", "b", "a"), node("Neg", "c", "a"), node("Add", "y", "b", "c"))
	if _, large := errors.AsType[*budget.Exceeded](err); !large || !strings.Contains(err.Error(), `"b"`) && !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("two readers of one constant: %v", err)
	}
	_, err = chain(node("Identity", "b", "a"), node("Exp", "c", "b"), node("Add", "y", "a", "c"))
	if _, large := errors.AsType[*budget.Exceeded](err); !large {
		t.Errorf("another name for one that is read: %v", err)
	}
}
