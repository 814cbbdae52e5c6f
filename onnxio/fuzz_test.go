package onnxio

import (
	"slices"
	"testing"
)

// fuzzSeeds are models of every part of the format in a few hundred bytes. Go's
// fuzzer minimises each input that reaches something new, which takes time in
// proportion to the square of its length: with models from files it does nothing
// else.
func fuzzSeeds() [][]byte {
	short := func(name string, d DType, body ...byte) []byte {
		return append(text(varint(varint(nil, 1, 1), 2, uint64(d)), 8, name), body...)
	}
	attr := func(name string, typ AttrType, body []byte) []byte {
		return varint(append(text(nil, 1, name), body...), 20, uint64(typ))
	}
	model := func(g []byte, more ...byte) []byte {
		m := message(varint(nil, 1, 8), 7, g)
		return append(message(m, 8, varint(text(nil, 1, ""), 2, 17)), more...)
	}
	ends := func(nodes ...[]byte) (g []byte) {
		for _, n := range nodes {
			g = message(g, 1, n)
		}
		g = message(g, 11, NewValue("x", Float32, Named("n")).raw)
		return message(g, 12, NewValue("y", Float32, Known(1)).raw)
	}
	node := func(op string, in, out string, attrs ...[]byte) []byte {
		b := text(text(text(nil, 1, in), 2, out), 4, op)
		for _, a := range attrs {
			b = message(b, 5, a)
		}
		return b
	}
	plain := model(ends(node("Relu", "x", "y")))
	attrs := model(ends(node("A", "x", "y",
		attr("f", AttrFloat, []byte{2<<3 | 5, 0, 0, 128, 63}), attr("i", AttrInt, varint(nil, 3, 7)), attr("s", AttrString, message(nil, 4, []byte("s"))),
		attr("fs", AttrFloats, message(nil, 7, make([]byte, 8))), attr("is", AttrInts, message(nil, 8, []byte{1, 2})), attr("ss", AttrStrings, message(nil, 9, []byte("t"))),
		attr("t", AttrTensor, message(nil, 5, short("", Int64, message(nil, 7, []byte{5})...))))))
	raw := short("w", Float32, message(nil, 9, make([]byte, 4))...)
	typed := short("h", Float16, message(nil, 5, []byte{1})...)
	external := varint(message(short("e", Int8), 13, text(text(nil, 1, "location"), 2, "e")), 14, 1)
	sparse := varint(message(message(nil, 1, short("p", Float32, message(nil, 4, make([]byte, 4))...)), 2, short("", Int64, message(nil, 7, []byte{0})...)), 3, 4)
	inits := model(message(message(message(ends(node("Sum", "w", "y")), 5, raw), 5, typed), 15, sparse))
	branch := func(op string) []byte {
		return message(message(nil, 1, node(op, "x", "b")), 12, NewValue("b", Float32).raw)
	}
	nested := model(ends(node("If", "x", "y", attr("then_branch", AttrGraph, message(nil, 6, branch("Neg"))), attr("else_branch", AttrGraph, message(nil, 6, branch("Abs"))))))
	call := node("F", "x", "y")
	function := text(text(text(text(nil, 1, "F"), 10, ""), 4, "a"), 5, "b")
	function = message(function, 7, append(node("Elu", "a", "b"), message(nil, 5, varint(text(text(nil, 1, "alpha"), 21, "k"), 20, 1))...))
	function = message(function, 11, attr("k", AttrFloat, []byte{2<<3 | 5, 0, 0, 128, 63}))
	functions := model(ends(call), message(nil, 25, function)...)
	sequence := model(message(ends(node("SplitToSequence", "x", "q"), node("SequenceAt", "q", "y")), 13, NewValue("q", Float32).raw), message(nil, 14, text(text(nil, 1, "k"), 2, "v"))...)
	return [][]byte{plain, attrs, inits, model(message(ends(node("Sum", "e", "y")), 5, external)), nested, functions, sequence}
}

// What is read can be written, and what is written can be read as the same.
func checkParse(t *testing.T, b []byte) {
	m, err := Parse(b, "")
	if err != nil {
		return
	}
	out, err := m.Encode()
	if err != nil {
		t.Fatalf("a model that was read cannot be written: %v", err)
	}
	again, err := Parse(out, "")
	if err != nil {
		t.Fatalf("a model that was written cannot be read: %v", err)
	}
	if twice, err := again.Encode(); err != nil || !slices.Equal(twice, out) {
		t.Fatalf("a model changes when it is written twice: %v", err)
	}
	plain, err := m.Plain()
	if err != nil {
		return
	}
	if _, err := plain.Encode(); err != nil {
		t.Fatalf("a model without functions cannot be written: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range fuzzSeeds() {
		f.Add(b)
	}
	f.Fuzz(checkParse)
}

// The seeds of the fuzzer are models, but for external data, and small.
func TestFuzzSeeds(t *testing.T) {
	refused := 0
	for i, b := range fuzzSeeds() {
		if len(b) > 400 {
			t.Errorf("seed %d has %d bytes", i, len(b))
		}
		if _, err := Parse(b, ""); err != nil {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d seeds are refused", refused)
	}
}
