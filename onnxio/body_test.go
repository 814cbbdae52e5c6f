package onnxio

import (
	"slices"
	"strings"
	"testing"
)

// branching is a model with an If whose then_branch reads x and the constant k from
// outside.
func branching(t *testing.T, ir int64) (*Model, *Node, *Graph) {
	t.Helper()
	p := Parts{IRVersion: ir, Opset: 17, Inputs: []*ValueInfo{NewValue("x", Float32, Known(1)), NewValue("c", Bool)}, Outputs: []*ValueInfo{NewValue("y", Float32, Known(1))},
		Inits: []*Tensor{floats(t, "k", 3)}}
	if ir < 4 {
		p.Inputs = append(p.Inputs, NewValue("k", Float32, Known(1)))
	}
	then, err := GraphAttr("then_branch", Parts{Inits: []*Tensor{floats(t, "own", 1)}, Outputs: []*ValueInfo{NewValue("t", Float32, Known(1))},
		Nodes: []*Node{NewNode("mul", "Mul", []string{"x", "k"}, []string{"p"}), NewNode("add", "Add", []string{"p", "own"}, []string{"t"})}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := GraphAttr("else_branch", Parts{Outputs: []*ValueInfo{NewValue("e", Float32, Known(1))}, Nodes: []*Node{NewNode("neg", "Neg", []string{"x"}, []string{"e"})}})
	if err != nil {
		t.Fatal(err)
	}
	p.Nodes = []*Node{NewNode("if", "If", []string{"c"}, []string{"y"}, then, other)}
	m, err := NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	n := m.graph.nodes[0]
	return m, n, n.Subgraphs()[0]
}

func floats(t *testing.T, name string, v ...float64) *Tensor {
	t.Helper()
	b, err := EncodeFloat64(v, Float32)
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewTensor(name, Float32, []int64{int64(len(v))}, b)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// A body that is edited as a model goes back into its node without what it got from
// outside; before IR version 4 its new constants are nodes, since bodies have no
// inputs of that kind.
func TestBodyGoesBack(t *testing.T) {
	for ir, want := range map[int64]string{
		8: "in x; in c; init k; y = If(c) then_branch{init w; t = Mul(x, w); out t} else_branch{e = Neg(x); out e}; out y",
		3: "in x; in c; in k; init k; y = If(c) then_branch{w = Constant(); t = Mul(x, w); out t} else_branch{e = Neg(x); out e}; out y",
	} {
		m, n, sub := branching(t, ir)
		before, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		inputs, inits := []*ValueInfo{NewValue("x", Float32, Known(1))}, []*Tensor{floats(t, "k", 3)}
		body, err := m.Body(sub, inputs, inits)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := program(body.graph), "in x; init own; init k; p = Mul(x, k); t = Add(p, own); out t"; got != want {
			t.Errorf("IR %d: the body is\n%s, want\n%s", ir, got, want)
		}
		b, err := body.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(b, ""); err != nil || program(back.graph) != program(body.graph) {
			t.Errorf("IR %d: the body is written as another one: %v", ir, err)
		}
		edited, err := body.Apply(Edit{DropNodes: body.graph.nodes, DropInits: body.graph.inits[:1], AddInits: []*Tensor{floats(t, "w", 2)},
			AddNodes: []Placed{{NewNode("merged", "Mul", []string{"x", "w"}, []string{"t"}), nil}}})
		if err != nil {
			t.Fatal(err)
		}
		now, err := n.WithBody(sub, edited, inputs, inits)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Apply(Edit{DropNodes: []*Node{n}, AddNodes: []Placed{{now, nil}}})
		if err != nil {
			t.Fatal(err)
		}
		if b, err = out.Encode(); err != nil {
			t.Fatal(err)
		}
		back, err := Parse(b, "")
		if err != nil {
			t.Fatalf("IR %d: %v", ir, err)
		}
		if got := program(back.graph); got != want || program(out.graph) != want {
			t.Errorf("IR %d: the model is\n%s\n%s, want\n%s", ir, program(out.graph), got, want)
		}
		if after, err := m.Encode(); err != nil || !slices.Equal(before, after) {
			t.Errorf("IR %d: the model that was edited changed: %v", ir, err)
		}
	}
}

// A body that is run declares what it captures behind its own inputs.
func TestSubgraph(t *testing.T) {
	m, _, sub := branching(t, 8)
	if got, want := program(m.Subgraph(sub).graph), "in x; in k; init own; p = Mul(x, k); t = Add(p, own); out t"; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
	if len(sub.inputs) != 0 {
		t.Error("the body itself got inputs")
	}
}

// A body that does not get what it reads is no model.
func TestBodyIsChecked(t *testing.T) {
	m, _, sub := branching(t, 8)
	if _, err := m.Body(sub, nil, nil); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%v", err)
	}
}
