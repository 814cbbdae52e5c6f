package identical

import (
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// body is what a text makes, without the inputs that it captures from outside: a text's
// first inputs are arguments, as many as are said.
func body(t *testing.T, name string, arguments int, text string) *onnxio.Attr {
	t.Helper()
	g := sketch.Model(t, text).Graph()
	return bodyOf(t, name, onnxio.Parts{Inputs: g.Inputs()[:arguments], Outputs: g.Outputs(), Inits: g.Inits(), Nodes: g.Nodes()})
}

func bodyOf(t *testing.T, name string, p onnxio.Parts) *onnxio.Attr {
	t.Helper()
	a, err := onnxio.GraphAttr(name, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// around is a model of inputs x, z, c and n with one node that has bodies.
func around(t *testing.T, op string, bodies ...*onnxio.Attr) *onnxio.Model {
	t.Helper()
	float := func(name string) *onnxio.ValueInfo {
		return onnxio.NewValue(name, onnxio.Float64, onnxio.Named("N"), onnxio.Known(4))
	}
	in := map[string][]string{"If": {"c"}, "Loop": {"n", "c", "x", "z"}}[op]
	out := map[string][]string{"If": {"y"}, "Loop": {"y", "w"}}[op]
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{float("x"), float("z"), onnxio.NewValue("c", onnxio.Bool), onnxio.NewValue("n", onnxio.Int64)},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)},
		Nodes:   []*onnxio.Node{onnxio.NewNode("", op, in, out, bodies...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Bodies are the same where they compute the same from the same values outside, whatever is
// called how inside and in which order it stands.
func TestBodies(t *testing.T) {
	const outer = "x : N 4\nz : N 4\n"
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"t = Relu(x)", "u = Relu(x)", true},
		{"t = Relu(x)", "t = Tanh(x)", false},
		{"t = Relu(x)", "t = Relu(z)", false},
		{"t = Sub(x, z)", "t = Sub(z, x)", false},
		{"t = Softmax(x)", "t = Softmax(x) axis=-1", true},
		{"t = Softmax(x)", "t = Softmax(x) axis=0", false},
		{"t = LeakyRelu(x) alpha=0.25", "t = LeakyRelu(x) alpha=0.5", false},
		{"t = LeakyRelu(x)", "t = LeakyRelu(x) alpha=0.01", true},
		{"t = Add(x, =1_2_3_4:4)", "t = Add(x, =1_2_3_4:4)", true},
		{"t = Add(x, =1_2_3_4:4)", "t = Add(x, =1_2_3_5:4)", false},
		{"a = Relu(x)\nb = Tanh(z)\nt = Add(a, b)", "q = Tanh(z)\np = Relu(x)\nt = Add(p, q)", true},
		{"a = Relu(x)\nb = Tanh(z)\nt = Add(a, b)", "a = Relu(z)\nb = Tanh(x)\nt = Add(a, b)", false},
		{"t = Clip(x, -, =1)", "t = Clip(x, =1)", false},
		{"t = Clip(x, =1, -)", "t = Clip(x, =1)", true},
		{"a, b = Split(x, #2_2) axis=1\nt = Relu(a)", "a, b = Split(x, #2_2) axis=1\nt = Relu(b)", false},
		{"-, b = Split(x, #2_2) axis=1\nt = Relu(b)", "a, b = Split(x, #2_2) axis=1\nt = Relu(b)", true},
		{"a, b = Split(x, #4_0) axis=1\nt = Relu(a)", "a = Split(x, #4) axis=1\nt = Relu(a)", false},
		{"a = RandomNormalLike(x)\nt = Add(a, x)", "a = RandomNormalLike(x)\nt = Add(a, x)", true},
		{"a = RandomNormalLike(x)\nt = Add(a, x)", "b = RandomNormalLike(x)\nt = Add(b, x)", false}, // another draw
		{"a = Constant() value_float=1.5\nt = Mul(x, a)", "b = Constant() value_float=1.5\nt = Mul(x, b)", true},
		{"a = Constant() value_float=1.5\nt = Mul(x, a)", "a = Constant() value_float=2.5\nt = Mul(x, a)", false},
		{"a = Relu(x)\nb = Tanh(a)\n> a", "a = Relu(x)\nb = Tanh(a)\n> b", false},
		{"t = Relu(x)\n> z", "t = Tanh(x)\n> z", true}, // nobody reads it
	} {
		one := func(text string) *onnxio.Model {
			return around(t, "If", body(t, "then_branch", 0, outer+text), body(t, "else_branch", 0, outer+"e = Neg(x)"))
		}
		first, second := numbered(t, one(c.a), one(c.b))
		if d := second.Differences(first); (len(d) == 0) != c.same {
			t.Errorf("%s\n---\n%s\n: %q", c.a, c.b, d)
		}
	}
}

// Branches stand in their places, and names of attributes count.
func TestBranchesStandInTheirPlaces(t *testing.T) {
	const relu, neg = "x : N 4\nt = Relu(x)", "x : N 4\nt = Neg(x)"
	first, second := numbered(t, around(t, "If", body(t, "then_branch", 0, relu), body(t, "else_branch", 0, neg)), around(t, "If", body(t, "then_branch", 0, neg), body(t, "else_branch", 0, relu)))
	if d := second.Differences(first); len(d) != 1 {
		t.Error(d)
	}
	_, second = numbered(t, around(t, "If", body(t, "then_branch", 0, relu), body(t, "else_branch", 0, neg)), around(t, "If", body(t, "else_branch", 0, neg), body(t, "then_branch", 0, relu)))
	first, second = numbered(t, first.Graph.Model, second.Graph.Model)
	if d := second.Differences(first); len(d) != 0 {
		t.Error(d)
	}
}

// Arguments of a body are told by their places and its depth, not by their names.
func TestArguments(t *testing.T) {
	loop := func(states, text string) *onnxio.Attr {
		g := sketch.Model(t, "i : int64\nq : int64\n"+states+"x : float64 N 4\no : float64 N 4\n"+text).Graph()
		in := append([]*onnxio.ValueInfo{g.Inputs()[0], onnxio.NewValue("q", onnxio.Bool)}, g.Inputs()[2:4]...)
		return bodyOf(t, "body", onnxio.Parts{Inputs: in, Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue("q", onnxio.Bool)}, g.Outputs()...), Inits: g.Inits(), Nodes: g.Nodes()})
	}
	const ab, ba, wide = "a : float64 N 4\nb : float64 N 4\n", "b : float64 N 4\na : float64 N 4\n", "a : float64 N 4\nb : float64 M 4\n"
	const swap = "s = Sub(a, b)\nr = Relu(a)\n> s r"
	for _, c := range []struct {
		a, b [2]string
		same bool
	}{
		{[2]string{ab, swap}, [2]string{"p : float64 N 4\nt : float64 N 4\n", "s = Sub(p, t)\nr = Relu(p)\n> s r"}, true},
		{[2]string{ab, swap}, [2]string{ba, swap}, false},
		{[2]string{ab, swap}, [2]string{ab, "s = Sub(a, b)\nr = Relu(a)\n> r s"}, false},
		{[2]string{ab, swap}, [2]string{wide, swap}, false}, // its inputs are declared otherwise
		{[2]string{ab, "s = Sub(a, x)\n> s b"}, [2]string{ab, "s = Sub(a, b)\n> s b"}, false},
		{[2]string{ab, "f = Cast(i) to=11\ns = Mul(a, f)\n> s b"}, [2]string{ab, "g = Cast(i) to=11\nr = Mul(a, g)\n> r b"}, true}, // which time it is
	} {
		first, second := numbered(t, around(t, "Loop", loop(c.a[0], c.a[1])), around(t, "Loop", loop(c.b[0], c.b[1])))
		if d := second.Differences(first); (len(d) == 0) != c.same {
			t.Errorf("%q\n---\n%q\n: %q", c.a, c.b, d)
		}
	}
	nested := func(read string) *onnxio.Model { // the inner body has arguments in the same places as the outer one
		inner := loop("e : float64 N 4\nf : float64 N 4\n", "s = Relu("+read+")\n> s f")
		in := []*onnxio.ValueInfo{onnxio.NewValue("i", onnxio.Int64), onnxio.NewValue("q", onnxio.Bool), onnxio.Untyped("o", onnxio.Float64), onnxio.Untyped("b", onnxio.Float64)}
		return around(t, "Loop", bodyOf(t, "body", onnxio.Parts{Inputs: in, Outputs: []*onnxio.ValueInfo{onnxio.NewValue("q", onnxio.Bool), onnxio.Untyped("u", onnxio.Float64), onnxio.Untyped("v", onnxio.Float64)},
			Nodes: []*onnxio.Node{onnxio.NewNode("", "Loop", []string{"n", "c", "o", "b"}, []string{"u", "v"}, inner)}}))
	}
	first, second := numbered(t, nested("o"), nested("e"))
	if d := second.Differences(first); len(d) != 1 {
		t.Errorf("an argument of the outer body for one of the inner: %q", d)
	}
}

// A tensor that an attribute holds is the value of a Constant alone: ConstantOfShape has one
// that it fills a shape with.
func TestTensorsOfAttributes(t *testing.T) {
	of := func(op, shape string, name string, v float64) *onnxio.Model {
		g := sketch.Model(t, "x : 4\nk = Expand(x, "+shape+")\nu = Mul(x, =1_2_3_4:4)")
		raw, err := onnxio.EncodeFloat64([]float64{v}, onnxio.Float64)
		if err != nil {
			t.Fatal(err)
		}
		value, err := onnxio.NewTensor("", onnxio.Float64, []int64{1}, raw)
		if err != nil {
			t.Fatal(err)
		}
		in := g.Graph().Nodes()[0].Inputs()[1:]
		if op == "Constant" {
			in = nil
		}
		nodes := []*onnxio.Node{onnxio.NewNode("", op, in, []string{name}, onnxio.TensorAttr("value", value)), onnxio.NewNode("", "Mul", []string{"x", name}, []string{"t"})}
		return around(t, "If", bodyOf(t, "then_branch", onnxio.Parts{Outputs: []*onnxio.ValueInfo{onnxio.Untyped("t", onnxio.Float64)}, Inits: g.Graph().Inits(), Nodes: nodes}), body(t, "else_branch", 0, "x : N 4\ne = Neg(x)"))
	}
	constant := around(t, "If", body(t, "then_branch", 0, "x : N 4\nt = Mul(x, =2:1)"), body(t, "else_branch", 0, "x : N 4\ne = Neg(x)"))
	for _, c := range []struct {
		what string
		a, b *onnxio.Model
		same bool
	}{
		{"another name", of("ConstantOfShape", "#4", "k", 2), of("ConstantOfShape", "#4", "l", 2), true},
		{"another shape", of("ConstantOfShape", "#4", "k", 2), of("ConstantOfShape", "#4_4", "k", 2), false},
		{"another number", of("ConstantOfShape", "#4", "k", 2), of("ConstantOfShape", "#4", "k", 3), false},
		{"a Constant", of("ConstantOfShape", "#4", "k", 2), of("Constant", "#4", "k", 2), false},
		{"an initializer", of("Constant", "#4", "k", 2), constant, true},
		{"an initializer of another number", of("Constant", "#4", "k", 3), constant, false},
	} {
		first, second := numbered(t, c.a, c.b)
		if d := second.Differences(first); (len(d) == 0) != c.same {
			t.Errorf("%s: %q", c.what, d)
		}
	}
}

// What a node reads, in a body or not, has a number, or an error names it.
func TestNodesOfNothing(t *testing.T) {
	g, err := graph.New(around(t, "If", body(t, "then_branch", 0, "x : N 4\nt = Relu(x)"), body(t, "else_branch", 0, "z : N 4\ne = Clip(z, -, -)")), graph.Options{Sure: true})
	if err != nil {
		t.Fatal(err)
	}
	table := NewTable()
	b := &bodies{t: table, m: g.Model, outer: func(name string) Class { return map[string]Class{"x": 1}[name] }}
	if text, err := b.attributes(g.Nodes[0].Node); err == nil || !strings.Contains(err.Error(), `nobody makes "z"`) {
		t.Errorf("%q, %v", text, err)
	}
	s := &Side{Graph: g, t: table, class: map[*graph.Value]Class{}}
	if text, err := s.says(g.Nodes[0]); err == nil || !strings.Contains(err.Error(), `nobody makes "c"`) {
		t.Errorf("%q, %v", text, err)
	}
}

// Attributes of every type are told by their values, in any order.
func TestAttributes(t *testing.T) {
	branch := func(op string) *onnxio.Attr { return body(t, "a", 0, "x : N 4\nt = "+op+"(x)") }
	tensor := func(v int64) *onnxio.Attr {
		return onnxio.TensorAttr("a", onnxio.NewInts("", []int64{1}, []int64{v}))
	}
	list := []*onnxio.Attr{
		onnxio.IntAttr("a", 1), onnxio.IntAttr("a", 2), onnxio.IntsAttr("a", []int64{1}), onnxio.IntsAttr("a", []int64{1, 2}), onnxio.IntsAttr("a", nil),
		onnxio.FloatAttr("a", 1), onnxio.FloatAttr("a", 1.0000001), onnxio.FloatsAttr("a", []float32{1}), onnxio.FloatsAttr("a", []float32{1.0000001}), onnxio.FloatsAttr("a", []float32{1, 2}),
		onnxio.StringAttr("a", "1"), onnxio.StringAttr("a", "12"), tensor(1), tensor(2), branch("Relu"), branch("Neg"), onnxio.IntAttr("b", 1),
		onnxio.ReferenceAttr("a", "r", onnxio.AttrInt), onnxio.ReferenceAttr("a", "s", onnxio.AttrInt),
	}
	b := &bodies{t: NewTable(), m: sketch.Model(t, "x : N 4\ny = Relu(x)"), outer: func(string) Class { return 1 }}
	told := func(attrs ...*onnxio.Attr) string {
		text, err := b.attributes(onnxio.NewNode("", "Unknown", nil, []string{"y"}, attrs...))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	seen := map[string]int{"": -1}
	for i, a := range list {
		text := told(a)
		if k, ok := seen[text]; ok {
			t.Errorf("attributes %d and %d are both %q", k, i, text)
		}
		if seen[text] = i; told(a) != text {
			t.Errorf("attribute %d has two texts", i)
		}
	}
	if x, y := onnxio.IntAttr("a", 1), onnxio.IntAttr("b", 2); told(x, y) != told(y, x) || told(x, y) == told(x) {
		t.Error("two attributes in any order")
	}
}
