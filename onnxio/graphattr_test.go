package onnxio

import "testing"

// The body of a node that is made here is read back as it was meant, and what
// cannot be read is an error.
func TestGraphAttr(t *testing.T) {
	x := NewValue("x", Float32, Known(2))
	body := Parts{Outputs: []*ValueInfo{NewValue("z", Float32, Known(2))}, Nodes: []*Node{NewNode("inner", "Neg", []string{"x"}, []string{"z"})}}
	a, err := GraphAttr("then_branch", body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := GraphAttr("else_branch", body)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(Parts{
		Inputs: []*ValueInfo{x, NewValue("c", Bool)}, Outputs: []*ValueInfo{NewValue("y", Float32, Known(2))},
		Nodes: []*Node{NewNode("if", "If", []string{"c"}, []string{"y"}, a, b)},
	})
	if err != nil {
		t.Fatal(err)
	}
	subs := m.graph.nodes[0].Subgraphs()
	if len(subs) != 2 || subs[0].nodes[0].name != "inner" || subs[0].Captures()[0] != "x" {
		t.Errorf("the bodies are %+v", subs)
	}
	if _, err := GraphAttr("then_branch", Parts{Nodes: []*Node{NewNode("\xff", "Neg", nil, nil)}}); err == nil {
		t.Error("a name that is no UTF-8 is no error")
	}
}
