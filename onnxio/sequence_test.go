package onnxio

import (
	"strings"
	"testing"
)

// Sequences whose pieces are read at constant positions are Split; all others stay.
func TestSequencesOfPieces(t *testing.T) {
	at := func(name, i, out string) *Node { return NewNode(name, "SequenceAt", []string{"seq", i}, []string{out}) }
	split := func(sizes string, attrs ...*Attr) *Node {
		return NewNode("split", "SplitToSequence", []string{"x", sizes}, []string{"seq"}, attrs...)
	}
	add := NewNode("add", "Add", []string{"p", "q"}, []string{"y"})
	ints := func(name string, v ...int64) *Tensor {
		if len(v) == 1 && strings.HasPrefix(name, "s") {
			return NewInts(name, nil, v)
		}
		return NewInts(name, []int64{int64(len(v))}, v)
	}
	first, last := NewInts("0", nil, []int64{0}), NewInts("-1", nil, []int64{-1})
	for name, c := range map[string]struct {
		opset int64
		nodes []*Node
		inits []*Tensor
		want  string
	}{
		"sizes as an input": {17, []*Node{split("v", IntAttr("axis", 1)), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{ints("v", 2, 3), first, last},
			"p, q = Split(x, seq.sizes); y = Add(p, q)"},
		"sizes as an attribute": {12, []*Node{split("v", IntAttr("axis", 1)), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{ints("v", 2, 3), first, last},
			"p, q = Split(x); y = Add(p, q)"},
		"pieces of one size, one of them unread": {17, []*Node{split("s", IntAttr("axis", -1)), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{ints("s", 2), first, last},
			"p, seq.1, q = Split(x, seq.sizes); y = Add(p, q)"},
		"a piece that is read twice": {17, []*Node{split("v", IntAttr("axis", 1)), at("a", "0", "p"), at("b", "0", "q"), add}, []*Tensor{ints("v", 2, 3), first},
			"p, seq.1 = Split(x, seq.sizes); q = Identity(p); y = Add(p, q)"},
		"positions of Constant nodes": {17, []*Node{NewNode("", "Constant", nil, []string{"k"}, IntAttr("value_int", 1)), NewNode("", "Constant", nil, []string{"v"}, IntsAttr("value_ints", []int64{2, 3})),
			NewNode("", "Constant", nil, []string{"j"}, TensorAttr("value", NewInts("", nil, []int64{0}))), split("v", IntAttr("axis", 1)), at("a", "k", "p"), at("b", "j", "q"), add}, nil,
			"q, p = Split(x, seq.sizes); y = Add(p, q)"},
		"a position behind the end":  {17, []*Node{split("v"), at("a", "0", "p"), at("b", "9", "q"), add}, []*Tensor{ints("v", 2, 3), first, NewInts("9", nil, []int64{9})}, ""},
		"a position that is data":    {17, []*Node{split("v"), at("a", "0", "p"), at("b", "i", "q"), add}, []*Tensor{ints("v", 2, 3), first}, ""},
		"another reader":             {17, []*Node{split("v"), at("a", "0", "p"), NewNode("", "SequenceLength", []string{"seq"}, []string{"q"}), add}, []*Tensor{ints("v", 2, 3), first}, ""},
		"sizes that are data":        {17, []*Node{split("i"), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{first, last}, ""},
		"an axis of unknown size":    {17, []*Node{split("s"), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{ints("s", 2), first, last}, ""},
		"an axis that there is not":  {17, []*Node{split("s", IntAttr("axis", 5)), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{ints("s", 2), first, last}, ""},
		"pieces without an element":  {17, []*Node{split("s", IntAttr("axis", 1)), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{ints("s", 0), first, last}, ""},
		"floats as sizes":            {17, []*Node{split("f"), at("a", "0", "p"), at("b", "-1", "q"), add}, []*Tensor{floats(t, "f", 2, 3), first, last}, ""},
		"a position others may give": {17, []*Node{split("v"), at("a", "d", "p"), at("b", "d", "q"), add}, []*Tensor{ints("v", 2, 3), NewInts("d", nil, []int64{0})}, ""},
	} {
		m, err := NewModel(Parts{Opset: c.opset, Inputs: []*ValueInfo{NewValue("x", Float32, Named("N"), Known(5)), NewValue("i", Int64), NewValue("d", Int64)}, Outputs: []*ValueInfo{Untyped("y", Float32)},
			Nodes: c.nodes, Inits: c.inits})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		plain, err := m.Plain()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.want == "" {
			if plain != m {
				t.Errorf("%s: became %s", name, program(plain.graph))
			}
			continue
		}
		var got []string
		for _, line := range strings.Split(program(plain.graph), "; ") {
			if strings.Contains(line, " = ") && !strings.Contains(line, "Constant") {
				got = append(got, line)
			}
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: became %s, want %s", name, strings.Join(got, "; "), c.want)
		}
		if b, err := plain.Encode(); err != nil {
			t.Error(err)
		} else if _, err := Parse(b, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a file declares of a sequence goes with it; graph outputs keep it.
func TestSequencesThatAreDeclared(t *testing.T) {
	sequence := func(num int) []byte {
		kind := message(nil, 4, message(nil, 1, message(nil, 1, varint(nil, 1, uint64(Float32)))))
		return message(nil, 13, message(text(nil, 1, "seq"), 2, kind))
	}
	var g []byte
	for _, n := range []*Node{NewNode("", "SplitToSequence", []string{"x", "v"}, []string{"seq"}), NewNode("", "SequenceAt", []string{"seq", "i"}, []string{"y"})} {
		g = message(g, 1, n.raw)
	}
	for _, c := range []*Tensor{NewInts("v", []int64{2}, []int64{1, 1}), NewInts("i", nil, []int64{0})} {
		b, err := (&encoder{}).tensor(c)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := b.join()
		if err != nil {
			t.Fatal(err)
		}
		g = message(g, 5, raw)
	}
	g = message(message(append(g, sequence(13)...), 11, NewValue("x", Float32, Known(2)).raw), 12, Untyped("y", Float32).raw)
	m, err := Parse(message(message(varint(nil, 1, 8), 7, g), 8, varint(text(nil, 1, ""), 2, 17)), "")
	if err != nil {
		t.Fatal(err)
	}
	if v := m.graph.valueInfo; len(v) != 1 || v[0].kind != "sequence" || v[0].elem != Undefined || v[0].shape {
		t.Errorf("declared are %+v", v)
	}
	if m, err = m.Plain(); err != nil || len(m.graph.valueInfo) != 0 || m.graph.nodes[0].opType != "Split" {
		t.Errorf("%v: %s", err, program(m.graph))
	}
}
