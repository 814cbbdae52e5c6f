package onnxio

import (
	"strings"
	"testing"
)

// Values have other names wherever they are read, in bodies too, and the values of bodies
// keep theirs.
func TestRenamed(t *testing.T) {
	m, _, _ := branching(t, 8)
	renamed, err := m.Renamed(map[string]string{"x": "in", "k": "c", "c": "k", "y": "z", "p": "of no value"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := renamed.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(b, "")
	if err != nil {
		t.Fatal(err)
	}
	want := "init c; in in; in k; z = If(k) then_branch{init own; p = Mul(in, c); t = Add(p, own); out t} else_branch{e = Neg(in); out e}; out z"
	for _, g := range []*Graph{renamed.graph, back.graph} {
		if got := ordered(program(g)); got != ordered(want) {
			t.Errorf("the model is\n%s, want\n%s", got, want)
		}
	}
	if n := renamed.graph.nodes[0]; n.Name() != "if" {
		t.Errorf("the node is called %q", n.Name())
	}
	if got := ordered(program(m.graph)); !strings.Contains(got, "Mul(x, k)") {
		t.Errorf("the model itself is another: %s", got)
	}
	for what, names := range map[string]map[string]string{"two values of one name": {"x": "c"}, "a name that a body has for a value of its own": {"x": "p"}} {
		if _, err := m.Renamed(names); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
