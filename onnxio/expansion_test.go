package onnxio

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/internal/budget"
)

// functionOf is a function of "my" with these inputs and outputs, words apart.
func functionOf(name, inputs, outputs string, nodes []*Node, defaults ...*Attr) []byte {
	f := text(text(nil, 1, name), 10, "my")
	for _, s := range strings.Fields(inputs) {
		f = text(f, 4, s)
	}
	for _, s := range strings.Fields(outputs) {
		f = text(f, 5, s)
	}
	for _, n := range nodes {
		f = message(f, 7, n.raw)
	}
	for _, a := range defaults {
		f = message(f, 11, a.encode())
	}
	return message(f, 9, varint(text(nil, 1, ""), 2, 17))
}

// op is a node without a name; an operator "my.f" calls the function f.
func op(what, inputs, outputs string, attrs ...[]byte) *Node {
	list := func(s string) []string { return strings.Split(strings.ReplaceAll(s, "_", ""), " ") }
	name, mine := strings.CutPrefix(what, "my.")
	n := NewNode("", name, list(inputs), list(outputs))
	if mine {
		n.raw = text(n.raw, 7, "my")
	}
	for _, a := range attrs {
		n.raw = message(n.raw, 5, a)
	}
	return n
}

// graphOf is an attribute with a body. Values of outputs and inputs are words.
func graphOf(name, inputs, outputs string, nodes []*Node, more ...[]byte) []byte {
	var g []byte
	for _, n := range nodes {
		g = message(g, 1, n.raw)
	}
	for _, b := range more {
		g = append(g, b...)
	}
	for _, s := range strings.Fields(inputs) {
		g = message(g, 11, Untyped(s, Float32).raw)
	}
	for _, s := range strings.Fields(outputs) {
		g = message(g, 12, Untyped(s, Float32).raw)
	}
	return varint(message(text(nil, 1, name), 6, g), 20, uint64(AttrGraph))
}

// reference is an attribute that stands for one of the function.
func reference(name, to string, t AttrType) []byte {
	return varint(text(text(nil, 1, name), 21, to), 20, uint64(t))
}

// program is a graph as text.
func program(g *Graph) string {
	var b strings.Builder
	for _, v := range g.inputs {
		fmt.Fprintf(&b, "in %s; ", v.name)
	}
	for _, t := range g.inits {
		fmt.Fprintf(&b, "init %s; ", t.name)
	}
	for _, s := range g.sparseInit {
		fmt.Fprintf(&b, "sparse %s; ", s.values.name)
	}
	for _, v := range g.valueInfo {
		fmt.Fprintf(&b, "info %s; ", v.name)
	}
	for name, params := range g.Annotated() {
		fmt.Fprintf(&b, "annotated %s %v; ", name, params)
	}
	for _, n := range g.nodes {
		fmt.Fprintf(&b, "%s = %s(%s)", strings.Join(n.outputs, ", "), n.opType, strings.Join(n.inputs, ", "))
		for _, a := range n.attrs {
			switch {
			case a.ref != "":
				fmt.Fprintf(&b, " %s=@%s", a.name, a.ref)
			case a.typ == AttrFloat:
				fmt.Fprintf(&b, " %s=%g", a.name, a.f)
			}
			for _, g := range a.subgraphs() {
				fmt.Fprintf(&b, " %s{%s}", a.name, program(g))
			}
		}
		b.WriteString("; ")
	}
	for i, v := range g.outputs {
		fmt.Fprintf(&b, "%s%s", []string{"out ", ", "}[min(i, 1)], v.name)
	}
	return b.String()
}

// Calls are expanded wherever they stand, and bodies inside functions read what the
// call gives them. Every value has one name in the whole model.
func TestExpansion(t *testing.T) {
	f := functionOf("f", "a k", "b", []*Node{op("Mul", "a k", "t"), op("Relu", "t", "b")})
	raw := func(of *Tensor, name string) []byte {
		b, err := (&encoder{}).tensor(of)
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.join()
		if err == nil {
			all, err = renamedMessage(all, 8, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	weight := NewInts("w", []int64{1}, []int64{3})
	sparse := message(nil, 15, message(message(nil, 1, raw(weight, "w")), 2, raw(NewInts("", []int64{1}, []int64{0}), "")))
	annotated := message(nil, 14, message(text(nil, 1, "t"), 2, text(text(nil, 1, "SCALE_TENSOR"), 2, "a")))
	for name, c := range map[string]struct {
		functions [][]byte
		nodes     []*Node
		want      string
	}{
		"a call inside an If, of outer values": {[][]byte{f}, []*Node{op("If", "x", "y",
			graphOf("then_branch", "", "t", []*Node{op("my.f", "x x", "t")}), graphOf("else_branch", "", "e", []*Node{op("Neg", "x", "e")}))},
			"y = If(x) then_branch{t/t = Mul(x, x); t = Relu(t/t); out t} else_branch{e = Neg(x); out e}; out y"},
		"an If inside a function, of its inputs and values": {[][]byte{functionOf("g", "a c", "b", []*Node{op("Abs", "a", "r"),
			op("If", "c", "b", graphOf("then_branch", "", "t", []*Node{op("Add", "r a", "t")}), graphOf("else_branch", "", "t", []*Node{op("Neg", "r", "t")}))})},
			[]*Node{op("my.g", "x x", "y")},
			"y/r = Abs(x); y = If(x) then_branch{y/t = Add(y/r, x); out y/t} else_branch{y/t.2 = Neg(y/r); out y/t.2}; out y"},
		"both, one function in the other": {[][]byte{f, functionOf("g", "a c", "b", []*Node{op("Abs", "a", "r"),
			op("If", "c", "b", graphOf("then_branch", "", "t", []*Node{op("my.f", "r a", "t")}), graphOf("else_branch", "", "r", nil))})},
			[]*Node{op("If", "x", "y", graphOf("then_branch", "", "t", []*Node{op("my.g", "x x", "t")}), graphOf("else_branch", "", "x", nil))},
			"y = If(x) then_branch{t/r = Abs(x); t = If(x) then_branch{t/t/t = Mul(t/r, x); t/t = Relu(t/t/t); out t/t} else_branch{out t/r}; out t} else_branch{out x}; out y"},
		"a Loop inside a function, with constants of its own": {[][]byte{functionOf("g", "a n", "b", []*Node{op("Abs", "a", "w"),
			op("Loop", "n _ w", "b", graphOf("body", "i c v", "c t", []*Node{op("Mul", "v q", "s"), op("Add", "s a", "t")}, message(nil, 5, raw(weight, "q"))))})},
			[]*Node{op("my.g", "x x", "y")},
			"y/w = Abs(x); y = Loop(x, , y/w) body{in y/i; in y/c; in y/v; init y/q; y/s = Mul(y/v, y/q); y/t = Add(y/s, x); out y/c, y/t}; out y"},
		"sparse constants, declared types, annotations": {[][]byte{functionOf("g", "a", "b", []*Node{op("Scan", "a", "b",
			graphOf("body", "v", "t", []*Node{op("Add", "v w", "t")}, sparse, message(nil, 13, Untyped("t", Float32).raw), message(nil, 13, Untyped("gone", Float32).raw), annotated))})},
			[]*Node{op("my.g", "x", "y")},
			"y = Scan(x) body{in y/v; sparse y/w; info y/t; annotated y/t [x]; y/t = Add(y/v, y/w); out y/t}; out y"},
		"attributes of the call and their defaults, inside a body": {[][]byte{functionOf("g", "a c", "b", []*Node{
			op("If", "c", "b", graphOf("then_branch", "", "t", []*Node{op("LeakyRelu", "a", "t", reference("alpha", "p", AttrFloat))}),
				graphOf("else_branch", "", "t", []*Node{op("Elu", "a", "s", reference("alpha", "q", AttrFloat)), op("Selu", "s", "t", reference("gamma", "none", AttrFloat))}))},
			FloatAttr("q", 0.25), FloatAttr("p", 9))},
			[]*Node{op("my.g", "x x", "y", FloatAttr("p", 0.5).encode())},
			"y = If(x) then_branch{y/t = LeakyRelu(x) alpha=0.5; out y/t} else_branch{y/s = Elu(x) alpha=0.25; y/t.2 = Selu(y/s); out y/t.2}; out y"},
		"a body that the call passes on": {[][]byte{f, functionOf("g", "c", "b", []*Node{op("Abs", "c", "r"),
			op("If", "c", "b", reference("then_branch", "body", AttrGraph), graphOf("else_branch", "", "r", nil))})},
			[]*Node{op("Neg", "x", "r"), op("my.g", "x", "y", graphOf("body", "", "s", []*Node{op("my.f", "r x", "s")}))},
			"r = Neg(x); y/r = Abs(x); y = If(x) then_branch{s/t = Mul(r, x); s = Relu(s/t); out s} else_branch{out y/r}; out y"},
		"inputs that are left out, outputs that are inputs or come twice": {[][]byte{functionOf("g", "a lo c", "b b a", []*Node{
			op("If", "c", "b", graphOf("then_branch", "", "t", []*Node{op("Clip", "a lo a", "t")}), graphOf("else_branch", "", "a", nil))})},
			[]*Node{op("my.g", "x _ x", "p q r"), op("Sum", "p q r", "y")},
			"p = If(x) then_branch{p/t = Clip(x, , x); out p/t} else_branch{out x}; q = Identity(p); r = Identity(x); y = Sum(p, q, r); out y"},
		"functions that nothing calls": {[][]byte{f, functionOf("g", "a", "b", []*Node{op("If", "a", "b",
			graphOf("then_branch", "", "t", []*Node{op("my.f", "a a", "t")}), graphOf("else_branch", "", "a", nil))})},
			[]*Node{op("my.f", "x x", "y")}, "y/t = Mul(x, x); y = Relu(y/t); out y"},
	} {
		m, err := Parse(calling(c.nodes, c.functions...), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		in, err := m.Inline()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "in x; " + c.want
		if got := program(in.graph); got != want || len(in.functions) != 0 {
			t.Errorf("%s: %d functions left, and\n%s\nwant\n%s", name, len(in.functions), got, want)
		}
		b, err := in.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(b, "")
		if err != nil {
			t.Errorf("%s: the inlined model is invalid: %v", name, err)
		} else if got := program(back.graph); got != want {
			t.Errorf("%s: written as\n%s", name, got)
		}
		if after, err := m.Encode(); err != nil || string(after) != string(before) {
			t.Errorf("%s: the model itself changed: %v", name, err)
		}
	}
}

// Nodes of functions have no name twice: runtimes refuse that.
func TestExpandedNodesHaveNamesOfTheirOwn(t *testing.T) {
	named := func(n *Node, name string) *Node { return n.WithInputs(name, n.inputs, n.outputs) }
	g := functionOf("g", "a", "b", []*Node{named(op("Relu", "a", "t"), "n"), named(op("Neg", "t", "s"), "n"), op("Abs", "s", "r"), op("Exp", "r", "b")})
	m, err := Parse(calling([]*Node{call("c", "g", "x", "z"), call("c", "g", "z", "y")}, g), "")
	if err != nil {
		t.Fatal(err)
	}
	if m, err = m.Inline(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range m.graph.nodes {
		got = append(got, n.name)
	}
	if want := "c/n,c/n.2,,,c/n.3,c/n.4,,"; strings.Join(got, ",") != want {
		t.Errorf("the nodes are called %q", got)
	}
}

// What cannot be inlined is an error that names the place, or stays a call.
func TestCallsThatStay(t *testing.T) {
	branch := func(out string) []byte { return graphOf("then_branch", "", out, nil) }
	g := functionOf("g", "a c", "b", []*Node{op("If", "c", "b", branch("a"), graphOf("else_branch", "", "c", nil))})
	left := NewNode("the.call", "g", []string{"", "x"}, []string{"y"})
	left.raw = text(left.raw, 7, "my")
	m, err := Parse(calling([]*Node{left}, g), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Inline(); err == nil || !strings.Contains(err.Error(), "the.call") {
		t.Errorf("a body that returns what the call leaves out: %v", err)
	}

	// A function of another opset, called inside a body.
	old := message(text(text(text(text(nil, 1, "f"), 10, "my"), 4, "a"), 5, "b"), 9, varint(text(nil, 1, ""), 2, 13))
	old = message(old, 7, op("Relu", "a", "b").raw)
	m, err = Parse(calling([]*Node{op("If", "x", "y", graphOf("then_branch", "", "t", []*Node{op("my.f", "x", "t")}), graphOf("else_branch", "", "x", nil))}, old), "")
	if err != nil {
		t.Fatal(err)
	}
	if in, err := m.Inline(); err != nil || in != m {
		t.Errorf("a call that stays: %v, the same model: %v", err, in == m)
	}
}

// A body that every function passes on twice doubles with every call.
func TestBodiesThatMultiply(t *testing.T) {
	var functions [][]byte
	functions = append(functions, functionOf("f0", "c", "b", []*Node{op("If", "c", "b", reference("then_branch", "body", AttrGraph), reference("else_branch", "body", AttrGraph))}))
	for i := 1; i < 40; i++ {
		both := graphOf("body", "", "t", []*Node{op("If", "c", "t", reference("then_branch", "body", AttrGraph), reference("else_branch", "body", AttrGraph))})
		functions = append(functions, functionOf(fmt.Sprintf("f%d", i), "c", "b", []*Node{op(fmt.Sprintf("my.f%d", i-1), "c", "b", both)}))
	}
	m, err := parse(calling([]*Node{op("my.f39", "x", "y", graphOf("body", "", "s", []*Node{op("Relu", "x", "s")}))}, functions...), nil, Limits{Copies: 1 << 20, Depth: 100})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Inline()
	exceeded(t, err, budget.Copies, "")
}
