package onnxio

import (
	"strings"
	"testing"
)

// A piece has what its outputs need and nothing else, what bodies read from outside
// included.
func TestPiece(t *testing.T) {
	for ir, want := range map[int64]string{
		8: "init k; in x; in c; y = If(c) then_branch{init own; p = Mul(x, k); t = Add(p, own); out t} else_branch{e = Neg(x); out e}; out y",
		3: "init k; in x; in c; in k; y = If(c) then_branch{init own; p = Mul(x, k); t = Add(p, own); out t} else_branch{e = Neg(x); out e}; out y",
	} {
		m, n, _ := branching(t, ir)
		whole, err := m.Apply(Edit{DropNodes: []*Node{n}, AddInits: []*Tensor{floats(t, "spare", 1)}, AddNodes: []Placed{
			{Node: NewNode("before", "Relu", []string{"x"}, []string{"r"})}, {Node: n}, {Node: NewNode("after", "Mul", []string{"y", "spare"}, []string{"z"})}}})
		if err != nil {
			t.Fatal(err)
		}
		piece, err := whole.Piece([]*ValueInfo{NewValue("x", Float32, Known(1)), NewValue("c", Bool)}, []*ValueInfo{NewValue("y", Float32, Known(1))})
		if err != nil {
			t.Fatal(err)
		}
		b, err := piece.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(b, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []*Graph{piece.graph, back.graph} {
			if got := ordered(program(g)); got != ordered(want) {
				t.Errorf("IR %d: the piece is\n%s, want\n%s", ir, got, want)
			}
		}
		if back.Opset("") != m.Opset("") || back.IRVersion() != ir {
			t.Errorf("IR %d: opset %d, IR %d", ir, back.Opset(""), back.IRVersion())
		}
	}
}

// ordered is a program with its declarations in order.
func ordered(p string) string {
	var first, rest []string
	for s := range strings.SplitSeq(p, "; ") {
		if strings.HasPrefix(s, "in ") && len(rest) == 0 {
			first = append(first, s)
		} else if strings.HasPrefix(s, "init ") && len(rest) == 0 {
			first = append([]string{s}, first...)
		} else {
			rest = append(rest, s)
		}
	}
	return strings.Join(append(first, rest...), "; ")
}

// What cannot be a piece is refused.
func TestPieceRefuses(t *testing.T) {
	m, err := NewModel(Parts{Inputs: []*ValueInfo{NewValue("x", Float32, Known(4))}, Outputs: []*ValueInfo{NewValue("z", Float32, Known(2))},
		Nodes: []*Node{NewNode("split", "Split", []string{"x"}, []string{"a", "b"}), NewNode("add", "Add", []string{"a", "b"}, []string{"z"})}, Opset: 13})
	if err != nil {
		t.Fatal(err)
	}
	two := func(name string) []*ValueInfo { return []*ValueInfo{NewValue(name, Float32, Known(2))} }
	for what, c := range map[string]struct {
		in, out []*ValueInfo
		want    string
	}{
		"a value that is missing":      {nil, two("z"), `"x"`},
		"an output that is an input":   {two("z"), two("z"), "an input and an output"},
		"an input that a node makes":   {append(two("a"), NewValue("x", Float32, Known(4))), two("z"), `makes "a"`},
		"an output that there is not ": {two("a"), two("q"), `"q"`},
	} {
		if _, err := m.Piece(c.in, c.out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
