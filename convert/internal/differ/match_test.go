package differ

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// unmatched is two models of which nothing belongs together yet.
func unmatched(t *testing.T, a, b string) (*matching, *onnxio.Model, *onnxio.Model) {
	t.Helper()
	m, n := sketch.Model(t, a), sketch.Model(t, b)
	first, err := newSide(m.Graph())
	if err != nil {
		t.Fatal(err)
	}
	second, err := newSide(n.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return &matching{first: first, second: second, nodes: map[*onnxio.Node]*onnxio.Node{}, taken: map[*onnxio.Node]bool{}, values: map[string]string{},
		inits: map[*Init]*Init{}, back: map[*Init]*Init{}}, m, n
}

// joined lists the nodes that belong together, by their first outputs.
func (m *matching) joined() string {
	var list []string
	for _, x := range m.first.nodes {
		if y := m.nodes[x]; y != nil {
			list = append(list, x.Outputs()[0]+"/"+y.Outputs()[0])
		}
	}
	return strings.Join(list, " ")
}

// Each step joins what it is for, and nothing else.
func TestSteps(t *testing.T) {
	inputs := func(m *matching, a, b *onnxio.Model) { m.interfaces(fed(a.Graph(), m.first), fed(b.Graph(), m.second)) }
	ends := func(m *matching, a, b *onnxio.Model) { m.ends(a.Graph().Outputs(), b.Graph().Outputs()) }
	down := func(m *matching, a, b *onnxio.Model) { inputs(m, a, b); m.down() }
	up := func(m *matching, a, b *onnxio.Model) { ends(m, a, b); m.up() }
	align := func(m *matching, _, _ *onnxio.Model) { m.align() }
	names := func(m *matching, _, _ *onnxio.Model) { m.names() }
	for _, c := range []struct {
		what string
		step func(m *matching, a, b *onnxio.Model)
		a, b string
		want string
	}{
		{"outputs of one name, wherever they stand", ends, "x : 4\np = Relu(x)\nq = Relu(x)\n> p q", "x : 4\nr = Relu(x)\nq = Relu(x)\n> q r", "q/q"},
		{"outputs by place where no name is the same", ends, "x : 4\np = Relu(x)\nq = Tanh(x)\n> p q", "x : 4\nr = Relu(x)\ns = Tanh(x)\n> r s", "p/r q/s"},
		{"outputs of other operators", ends, "x : 4\np = Relu(x)\n> p", "x : 4\np = Tanh(x)\n> p", ""},
		{"another number of outputs", ends, "x : 4\np = Relu(x)\n> p", "x : 4\nr = Relu(x)\ns = Relu(x)\n> r s", ""},
		{"outputs that are inputs", ends, "x : 4\np = Relu(x)\n> x p", "x : 4\np = Relu(x)\n> x p", "p/p"},
		{"an output that is an input in one of them", ends, "x : 4\np = Relu(x)\n> p", "x : 4\np : 4\nr = Relu(x)\n> p", ""},

		{"inputs of one name", down, "x : 4\nz : 4\na = Relu(z)", "w : 4\nz : 4\nb = Relu(z)", "a/b"},
		{"inputs by place where no name is the same", down, "x : 4\nz : 4\na = Relu(z)", "v : 4\nw : 4\nb = Relu(v)\nc = Relu(w)", "a/c"},
		{"inputs of one name count, not their place", down, "x : 4\nz : 4\na = Relu(z)", "z : 4\nw : 4\nb = Relu(w)", ""},
		{"another number of inputs", down, "x : 4\na = Relu(x)", "v : 4\nw : 4\nb = Relu(v)", ""},
		{"what follows downwards", down, "x : 4\na = Relu(x)\nb = Tanh(a)\nc = Add(b, a)", "x : 4\nd = Relu(x)\ne = Tanh(d)\nf = Add(e, d)", "a/d b/e c/f"},
		{"operands in another order", down, "x : 4\nz : 4\na = Sub(x, z)", "x : 4\nz : 4\nb = Sub(z, x)", ""},
		{"initializers of another shape", down, "x : 4\na = Mul(x, ?4)", "x : 4\nb = Mul(x, ?1)", ""},
		{"an input that is left out", down, "x : 4\na = Clip(x, -, =6)", "x : 4\nb = Clip(x, =6)\nc = Clip(x, -, =7)", "a/c"},
		{"what reads initializers alone", down, "x : 4\na = Add(?4, ?4)\nb = Relu(x)", "x : 4\nc = Add(?4, ?4)\nd = Relu(x)", "b/d"},
		{"of several the one with equal numbers", down, "x : 4\na = Mul(x, =2:4)", "x : 4\nb = Mul(x, =3:4)\nc = Mul(x, =2:4)\nd = Mul(x, =2:4)", "a/c"},
		{"of several the one with the same attributes", down, "x : 4\na = LeakyRelu(x) alpha=0.5", "x : 4\nb = LeakyRelu(x) alpha=0.25\nc = LeakyRelu(x) alpha=0.5", "a/c"},
		{"of several the one whose initializer has the same name", down, "x : 4\np = Exp(=1:3)\na = Mul(x, =5:4)", "x : 4\nb = Mul(x, =6:4)\nc = Mul(x, =7:4)", "a/c"},
		{"of several each once", down, "x : 4\na = Relu(x)\nb = Relu(x)\nc = Relu(x)", "x : 4\nd = Relu(x)\ne = Relu(x)", "a/d b/e"},

		{"what follows upwards", up, "x : 4\na = Relu(x)\nb = Tanh(a)\ny = Exp(b)", "z : 4\nw : 4\nd = Relu(z)\ne = Tanh(d)\ny = Exp(e)", "a/d b/e y/y"},
		{"upwards beside what belongs to nothing", up, "x : 4\na = Relu(x)\ny = Exp(a)\nz = Tanh(a)\n> y z", "x : 4\nd = Relu(x)\ny = Exp(d)\nz = Abs(d)\n> y z", "a/d y/y"},
		{"upwards to other operators", up, "x : 4\na = Relu(x)\ny = Exp(a)", "x : 4\nd = Tanh(x)\ny = Exp(d)", "y/y"},
		{"upwards to another output", up, "x : 4\na, b = Split(x, #2_2)\ny = Relu(b)", "x : 4\nd, e = Split(x, #2_2)\ny = Relu(d)", "y/y"},
		{"upwards to the same output", up, "x : 4\na, b = Split(x, #2_2)\ny = Relu(b)", "x : 4\nd, e = Split(x, #2_2)\ny = Relu(e)", "a/d y/y"},
		{"upwards to another shape", up, "x : 4\na = Mul(x, ?4)\ny = Relu(a)", "x : 4\nb = Mul(x, ?1)\ny = Relu(b)", "y/y"},
		{"upwards to a value in place of an initializer", up, "x : 4\na = Mul(x, ?4)\ny = Relu(a)", "x : 4\nb = Mul(x, x)\ny = Relu(b)", "y/y"},
		{"upwards to an initializer in place of a value", up, "x : 4\na = Mul(x, x)\ny = Relu(a)", "x : 4\nb = Mul(x, ?4)\ny = Relu(b)", "y/y"},
		{"upwards to more operands", up, "x : 4\na = Sum(x)\ny = Relu(a)", "x : 4\nb = Sum(x, x)\ny = Relu(b)", "y/y"},
		{"upwards through more operands", up, "x : 4\na = Relu(x)\nb = Tanh(x)\ny = Sum(a, b)", "x : 4\nc = Relu(x)\ny = Sum(c)", "a/c y/y"},

		{"the longest common list", align, "x : 4\na = Relu(x)\nb = Tanh(a)\nc = Exp(b)\nd = Relu(c)", "x : 4\ne = Exp(x)\nf = Relu(e)\ng = Tanh(f)\nh = Relu(g)", "a/f b/g d/h"},
		{"the longest common list, the other way", align, "x : 4\na = Exp(x)\nb = Relu(a)\nc = Tanh(b)\nd = Relu(c)", "x : 4\ne = Relu(x)\nf = Tanh(e)\ng = Exp(f)\nh = Relu(g)", "b/e c/f d/h"},
		{"several beside one", align, "x : 4\na = Relu(x)\nb = Tanh(a)\nc = Exp(b)", "x : 4\nd = Relu(x)", "a/d"},
		{"one beside several", align, "x : 4\na = Relu(x)", "x : 4\nb = Exp(x)\nc = Tanh(b)\nd = Relu(c)\ne = Relu(d)", "a/d"},
		{"shapes of weights count", align, "x : 4\na = MatMul(x, ?4x4)", "x : 4\nb = MatMul(x, ?4x2)\nc = MatMul(b, ?2x4)\nd = MatMul(c, ?4x4)", "a/d"},
		{"shapes of shapes do not", align, "x : 4\na = Reshape(x, #2_2)", "x : 4\nb = Reshape(x, #1_2_2)", "a/b"},
		{"nothing is left on one side", align, "x : 4\na = Constant() value_float=1.5\nb = Add(x, a)", "x : 4\n> x", ""},

		{"names of values", names, "x : 4\na = Relu(x)\nb = Relu(a)", "x : 4\nb = Relu(x)\na = Relu(b)", "a/a b/b"},
		{"names of another output", names, "x : 4\na, b = Split(x, #2_2)", "x : 4\nb, a = Split(x, #2_2)", ""},
		{"names of other operators", names, "x : 4\na = Relu(x)", "x : 4\na = Tanh(x)", ""},
		{"names of outputs that nobody wants", names, "x : 4\n-, b = Split(x, #2_2)\n> b", "x : 4\n-, c = Split(x, #2_2)\n> c", ""},
	} {
		m, a, b := unmatched(t, c.a, c.b)
		c.step(m, a, b)
		if have := m.joined(); have != c.want {
			t.Errorf("%s: joined %q, want %q", c.what, have, c.want)
		}
	}
}

// What is joined stays so, and its outputs belong together but for those that already do.
func TestJoin(t *testing.T) {
	m, _, _ := unmatched(t, "x : 6\na, b, - = Split(x, #2_2_2)\nc = Relu(b)", "x : 6\nd, -, e = Split(x, #2_2_2)\nf, g = Split(x, #3_3)\nh = Relu(x)")
	m.values["a"] = "x"
	x, y := m.first.nodes, m.second.nodes
	m.join(x[0], y[2])
	m.join(x[0], y[0])
	m.join(x[0], y[1])
	m.join(x[1], y[2])
	m.join(x[1], y[0])
	if m.joined() != "a/d c/h" || m.values["a"] != "x" || m.values["b"] != "" || m.values["c"] != "h" || len(m.taken) != 2 {
		t.Errorf("%s, %v", m.joined(), m.values)
	}
}

// Names of values lead where they say more, and structure where values only bear numbers
// that mean something else in each file.
func TestNamesOrStructure(t *testing.T) {
	numbered := compared(t, sketch.Model(t, "x : N 4\nv1 = Relu(x)\nv2 = Relu(v1)\nv3 = Mul(v2, =2:4)\ny = Add(v3, v1)"),
		sketch.Model(t, "x : N 4\nv3 = Tanh(x)\nv2 = Relu(x)\nv1 = Relu(v2)\nv0 = Mul(v1, =2:4)\ny = Add(v0, v2)\n> y v3"))
	if n := numbered.counts(); n[0] != 4 || n[1] != 0 || n[3] != 1 {
		t.Errorf("numbered values: %v", n)
	}
	named := compared(t, sketch.Model(t, "x : N 4\np = Relu(x)\nq = Relu(x)\nr = Exp(q)\ns = Tanh(p)\ny = Sub(s, r)"),
		sketch.Model(t, "x : N 4\nq = Relu(x)\np = Relu(x)\nr = Exp(q)\ns = Tanh(p)\ny = Sub(s, r)"))
	if n := named.counts(); n[0] != 5 {
		t.Errorf("named values: %v", n)
	}
}

// Initializers belong together by what reads them, then by name and shape, then where they
// are equal, once or several times.
func TestInitializers(t *testing.T) {
	for _, c := range []struct {
		what, a, b string
		want       string // pairs, "=" where equal, and what is left
	}{
		{"in one place", "x : 4\ny = Mul(x, =2:4)", "x : 4\ny = Mul(x, =3:4)", "k1/k1 | |"},
		{"one stored twice", "x : 4\na = Mul(x, =2:4)\ny = Add(a, =3:4)", "x : 4\na = Mul(x, =2:4)\nb = Div(=3:4, =2:4)\ny = Add(a, =3:4)", "k1=k1 k2=k4 | |"},
		{"of one name without a reader in common", "x : 4\ny = Mul(x, =2:4)", "x : 4\ny = Div(x, =3:4)", "k1/k1 | |"},
		{"of one name and another shape", "x : 4\ny = Mul(x, =2:4)", "x : 4\ny = Div(x, =2)", " | k1 | k1"},
		{"of another name", "x : 4\na = Exp(x)\ny = Mul(a, =2:4)", "x : 4\na = Exp(x)\nb = Add(x, =7)\ny = Div(a, =2:4)", "k1=k2 | | k1"},
	} {
		r := compared(t, sketch.Model(t, c.a), sketch.Model(t, c.b))
		var pairs, first, second []string
		for _, p := range r.Tensors {
			sign := "/"
			if p.Equal {
				sign = "="
			}
			pairs = append(pairs, p.First.Name+sign+p.Second.Name)
		}
		for _, x := range r.FirstInits {
			first = append(first, x.Name)
		}
		for _, x := range r.SecondInits {
			second = append(second, x.Name)
		}
		have := strings.TrimRight(fmt.Sprintf("%s | %s | %s", strings.Join(pairs, " "), strings.Join(first, " "), strings.Join(second, " ")), " ")
		if strings.Join(strings.Fields(have), " ") != strings.Join(strings.Fields(c.want), " ") {
			t.Errorf("%s: %s, want %s", c.what, have, c.want)
		}
	}
}

// A partner that nobody has is taken before one that another has.
func TestShare(t *testing.T) {
	init := func(name string, v ...int64) *Init {
		return &Init{name, onnxio.NewInts(name, []int64{int64(len(v))}, v)}
	}
	a, b, c := init("a", 1, 2), init("b", 1, 2), init("c", 3)
	p, q, r := init("p", 1, 2), init("q", 1, 2), init("r", 4)
	partner, back := map[*Init]*Init{a: p}, map[*Init]*Init{p: a}
	share([]*Init{a, b, c}, []*Init{p, q, r}, partner, back)
	if partner[a] != p || partner[b] != q || partner[c] != nil || back[p] != a || back[q] != b || back[r] != nil {
		t.Errorf("a free one: %v", partner)
	}
	partner, back = map[*Init]*Init{a: p}, map[*Init]*Init{p: a}
	share([]*Init{b}, []*Init{p}, partner, back)
	if partner[b] != p || back[p] != a {
		t.Errorf("a shared one: %v", partner)
	}
}

// A context that ends ends the comparison.
func TestComparisonEnds(t *testing.T) {
	m := sketch.Model(t, block)
	for calls := range 4 {
		if _, err := Of(&brief{t.Context(), calls}, m, m); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d looks: %v", calls, err)
		}
	}
}

// brief ends after it was looked at so often.
type brief struct {
	context.Context
	calls int
}

func (b *brief) Err() error {
	if b.calls--; b.calls < 0 {
		return context.Canceled
	}
	return nil
}

// Constants that nodes make of tensors count as initializers, others as nodes.
func TestConstants(t *testing.T) {
	x := onnxio.NewInts("x", []int64{2}, []int64{1, 2})
	in := []*onnxio.ValueInfo{onnxio.NewValue("in", onnxio.Int64, onnxio.Known(2))}
	model := func(nodes ...*onnxio.Node) *onnxio.Model {
		m, err := onnxio.NewModel(onnxio.Parts{Inputs: in, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Int64)}, Nodes: nodes})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	add := onnxio.NewNode("", "Add", []string{"in", "c"}, []string{"y"})
	stored := model(onnxio.NewNode("", "Constant", nil, []string{"c"}, onnxio.TensorAttr("value", x)), add)
	listed := model(onnxio.NewNode("", "Constant", nil, []string{"c"}, onnxio.IntsAttr("value_ints", []int64{1, 2})), add)
	if n := compared(t, stored, stored).counts(); n != [8]int{1, 0, 0, 0, 1, 0, 0, 0} {
		t.Errorf("a tensor: %v", n)
	}
	if n := compared(t, listed, listed).counts(); n != [8]int{2, 0, 0, 0, 0, 0, 0, 0} {
		t.Errorf("a list: %v", n)
	}
	if n := compared(t, stored, listed).counts(); n != [8]int{0, 1, 0, 1, 0, 0, 1, 0} {
		t.Errorf("one of each: %v", n)
	}
	if s, err := newSide(stored.Graph()); err != nil || len(s.nodes) != 1 || len(s.list) != 1 || !slices.Equal(fed(stored.Graph(), s), []string{"in"}) {
		t.Errorf("%+v, %v", s, err)
	}
}
