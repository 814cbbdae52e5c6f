package onnxio

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/internal/budget"
)

// calling is a model whose nodes call functions of the domain "my".
func calling(nodes []*Node, functions ...[]byte) []byte {
	var g []byte
	for _, n := range nodes {
		g = message(g, 1, n.raw)
	}
	g = message(message(g, 11, NewValue("x", Float32, Known(2)).raw), 12, NewValue("y", Float32, Known(2)).raw)
	m := message(varint(nil, 1, 8), 7, g)
	m = message(m, 8, varint(text(nil, 1, ""), 2, 17))
	m = message(m, 8, varint(text(nil, 1, "my"), 2, 1))
	for _, f := range functions {
		m = message(m, 25, f)
	}
	return m
}

// call is a node that calls a function of "my".
func call(name, fn, in, out string) *Node {
	n := NewNode(name, fn, []string{in}, []string{out})
	n.raw = text(n.raw, 7, "my")
	return n
}

// twice is a function from a to b of two nodes, both of them op.
func twice(name, op, inner, domain string) []byte {
	f := text(text(text(text(nil, 1, name), 10, "my"), 4, "a"), 5, "b")
	for _, n := range []*Node{NewNode("", op, []string{"a"}, []string{inner}), NewNode("", op, []string{inner}, []string{"b"})} {
		if domain != "" {
			n.raw = text(n.raw, 7, domain)
		}
		f = message(f, 7, n.raw)
	}
	return f
}

func exceeded(t *testing.T, err error, kind budget.Kind, names string) {
	t.Helper()
	e, ok := errors.AsType[*budget.Exceeded](err)
	if !ok || e.Kind != kind || !strings.Contains(err.Error(), names) || Advice(err) == "" {
		t.Errorf("%v: want an error of the budget that names %q", err, names)
	}
}

// Forty functions that each call the one before twice would be 2^40 nodes.
func TestFunctionsThatMultiply(t *testing.T) {
	functions := [][]byte{twice("f0", "Relu", "t", "")}
	for i := 1; i < 40; i++ {
		functions = append(functions, twice(fmt.Sprintf("f%d", i), fmt.Sprintf("f%d", i-1), "t", "my"))
	}
	m, err := Parse(calling([]*Node{call("laugh", "f39", "x", "y")}, functions...), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Inline()
	exceeded(t, err, budget.Nodes, "laugh")
}

// Names, attributes and constants of a body are copied for every call.
func TestFunctionsThatAreLarge(t *testing.T) {
	var nodes []*Node
	for i := range 300 {
		in, out := fmt.Sprintf("v%d", i), fmt.Sprintf("v%d", i+1)
		if i == 0 {
			in = "x"
		}
		if i == 299 {
			out = "y"
		}
		nodes = append(nodes, call(fmt.Sprintf("call%d", i), "f", in, out))
	}
	m, err := Parse(calling(nodes, twice("f", "Relu", strings.Repeat("n", 1<<20), "")), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Inline()
	exceeded(t, err, budget.Copies, "call12")

	m, err = Parse(calling(nodes, twice("f", "Relu", strings.Repeat("n", 1000), "")), "")
	if err != nil {
		t.Fatal(err)
	}
	if m, err = m.Inline(); err != nil {
		t.Fatal(err)
	}
	for _, n := range m.graph.nodes {
		if len(n.outputs[0]) > 300 {
			t.Fatalf("a value of a call has a name of %d bytes", len(n.outputs[0]))
		}
	}
}

// A chain of functions may be deep whether a function stands before the one it
// calls or behind it.
func TestFunctionsThatAreDeep(t *testing.T) {
	chain := func(depth int) (up, down [][]byte) {
		for i := range depth {
			f := twice(fmt.Sprintf("f%d", i), "Relu", "t", "")
			if i > 0 {
				f = text(text(text(text(nil, 1, fmt.Sprintf("f%d", i)), 10, "my"), 4, "a"), 5, "b")
				f = message(f, 7, call("", fmt.Sprintf("f%d", i-1), "a", "b").raw)
			}
			up, down = append(up, f), append([][]byte{f}, down...)
		}
		return up, down
	}
	for _, depth := range []int{budget.DefaultDepth, budget.DefaultDepth + 1} {
		up, down := chain(depth)
		for _, functions := range [][][]byte{up, down} {
			b := calling([]*Node{call("top", fmt.Sprintf("f%d", depth-1), "x", "y")}, functions...)
			m, err := Parse(b, "")
			if depth > budget.DefaultDepth {
				exceeded(t, err, budget.Depth, "nested")
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if in, err := m.Inline(); err != nil || len(in.graph.nodes) != 2 {
				t.Errorf("%v", err)
			}
		}
	}
}

// Other limits than the defaults hold, also for subgraphs.
func TestLoadWithin(t *testing.T) {
	b := calling([]*Node{call("c", "f", "x", "y")}, twice("f", "Relu", "t", ""))
	m, err := parse(b, nil, budget.Limits{Nodes: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Inline()
	exceeded(t, err, budget.Nodes, "c")

	branch := func(inner *Node, out string) []byte {
		return message(message(nil, 1, inner.raw), 12, NewValue(out, Float32).raw)
	}
	nested := func(depth int) *Node {
		n := NewNode("", "Relu", []string{"x"}, []string{"b0"})
		for i := range depth {
			g := branch(n, n.outputs[0])
			n = NewNode("", "If", []string{"x"}, []string{fmt.Sprintf("b%d", i+1)})
			for _, name := range []string{"then_branch", "else_branch"} {
				a := varint(message(text(nil, 1, name), 6, g), 20, uint64(AttrGraph))
				n.raw = message(n.raw, 5, a)
				if name == "then_branch" {
					g = branch(NewNode("", "Neg", []string{"x"}, []string{"e"}), "e")
				}
			}
		}
		n.raw = append(protowire.AppendTag(nil, 2, protowire.BytesType), append([]byte{1, 'y'}, dropOutputs(n.raw)...)...)
		return n
	}
	for _, c := range []struct {
		depth int
		ok    bool
	}{{3, true}, {4, false}} {
		_, err := parse(calling([]*Node{nested(c.depth)}), nil, budget.Limits{Depth: 3})
		if c.ok && err != nil {
			t.Errorf("depth %d: %v", c.depth, err)
		}
		if !c.ok {
			exceeded(t, err, budget.Depth, "nested")
		}
	}
}

// dropOutputs is a node's message without its outputs.
func dropOutputs(raw []byte) (out []byte) {
	fields, _ := splitFields(raw)
	for _, f := range fields {
		if f.num != 2 {
			out = append(out, f.raw...)
		}
	}
	return out
}

// A name is fresh whatever is taken, in the order of the numbers.
func TestFresh(t *testing.T) {
	n := Names{}
	for i, want := range []string{"a", "a.2", "a.3", "a.4", "a.5", "a.6"} {
		if got := n.Fresh("a"); got != want {
			t.Errorf("name %d is %q, want %q", i, got, want)
		}
	}
	n = Names{"b": true, "b.2": true, "b.4": true, "b.8": true}
	for range 20 {
		before := len(n)
		if n.Fresh("b"); len(n) != before+1 {
			t.Fatal("a name that was taken")
		}
	}
}
