package onnxio

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Every kind of attribute is read as it was made, packed or not, and says its type.
func TestAttributesOfEveryKind(t *testing.T) {
	tensor := message(nil, 5, tensorBytes(t, NewInts("v", nil, []int64{4})))
	graph := message(nil, 6, text(nil, 2, "body"))
	sparse := message(nil, 22, message(message(nil, 1, tensorBytes(t, NewInts("v", []int64{1}, []int64{4}))), 2, tensorBytes(t, NewInts("", []int64{1}, []int64{0}))))
	f32 := func(b []byte, num protowire.Number, bits uint32) []byte {
		return protowire.AppendFixed32(protowire.AppendTag(b, num, protowire.Fixed32Type), bits)
	}
	show := func(a *Attr) string {
		s := fmt.Sprintf("%g %d %s %v %v %d %d %d %s", a.f, a.i, a.s, a.floats, a.ints, len(a.strings), len(a.tensors), len(a.graphs), a.ref)
		if a.t != nil {
			s += " " + a.t.name
		}
		if a.g != nil {
			s += " " + a.g.name
		}
		if a.sparse != nil {
			s += " sparse " + a.sparse.values.name
		}
		return s
	}
	const half, two = 0x3F000000, 0x40000000
	for name, c := range map[string]struct {
		body []byte
		typ  AttrType
		want string
	}{
		"float":           {f32(nil, 2, half), AttrFloat, "0.5 0  [] [] 0 0 0 "},
		"int":             {varint(nil, 3, 7), AttrInt, "0 7  [] [] 0 0 0 "},
		"string":          {message(nil, 4, []byte("s")), AttrString, "0 0 s [] [] 0 0 0 "},
		"tensor":          {tensor, AttrTensor, "0 0  [] [] 0 0 0  v"},
		"graph":           {graph, AttrGraph, "0 0  [] [] 0 0 0  body"},
		"floats":          {f32(f32(nil, 7, half), 7, two), AttrFloats, "0 0  [0.5 2] [] 0 0 0 "},
		"floats, packed":  {message(nil, 7, []byte{0, 0, 0, 0x3F, 0, 0, 0, 0x40}), AttrFloats, "0 0  [0.5 2] [] 0 0 0 "},
		"ints":            {varint(varint(nil, 8, 3), 8, 4), AttrInts, "0 0  [] [3 4] 0 0 0 "},
		"ints, packed":    {message(nil, 8, []byte{3, 0x84, 1}), AttrInts, "0 0  [] [3 132] 0 0 0 "},
		"strings":         {message(message(nil, 9, []byte("a")), 9, nil), AttrStrings, "0 0  [] [] 2 0 0 "},
		"tensors":         {message(nil, 10, tensorBytes(t, NewInts("v", nil, []int64{4}))), AttrTensors, "0 0  [] [] 0 1 0 "},
		"graphs":          {message(message(nil, 11, text(nil, 2, "g")), 11, text(nil, 2, "h")), AttrGraphs, "0 0  [] [] 0 0 2 "},
		"a sparse tensor": {sparse, 11, "0 0  [] [] 0 0 0  sparse v"},
		"a reference":     {text(nil, 21, "alpha"), AttrFloat, "0 0  [] [] 0 0 0 alpha"},
		"an empty list":   {nil, AttrInts, "0 0  [] [] 0 0 0 "},
	} {
		body := text(nil, 1, "a")
		for _, typed := range []bool{true, false} {
			b := append(slices.Clone(body), c.body...)
			if typed {
				b = varint(b, 20, uint64(c.typ))
			} else if name == "a sparse tensor" || name == "a reference" || name == "an empty list" {
				continue // nothing else says what it is
			}
			a, err := (&parser{}).attr(b, 0)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := show(a); got != c.want || a.typ != c.typ {
				t.Errorf("%s: read as %q of type %d, want %q of type %d", name, got, a.typ, c.want, c.typ)
			}
		}
	}
	for name, body := range map[string][]byte{
		"a float of another form":   varint(nil, 2, 1),
		"an int of another form":    f32(nil, 3, 0),
		"a string of another form":  varint(nil, 4, 1),
		"a name that is no text":    text(nil, 1, "\xff"),
		"floats that are cut":       message(nil, 7, make([]byte, 5)),
		"floats of another form":    varint(nil, 7, 1),
		"ints that are cut":         message(nil, 8, []byte{0x80}),
		"ints of another form":      f32(nil, 8, 1),
		"a tensor that is cut":      message(nil, 5, []byte{8}),
		"a graph that is cut":       message(nil, 6, []byte{10, 9}),
		"a tensor among tensors":    message(nil, 10, []byte{8}),
		"a graph among graphs":      message(nil, 11, []byte{10, 9}),
		"a sparse tensor":           message(nil, 22, []byte{10, 9}),
		"values of two types":       varint(f32(nil, 2, 0), 3, 1),
		"a tensor without a value":  varint(nil, 20, uint64(AttrTensor)),
		"a field that is no field":  {0xff},
		"a field without an end":    {10, 200, 1, 0},
		"a group that nobody opens": {0x0c},
	} {
		if a, err := (&parser{}).attr(body, 0); err == nil {
			t.Errorf("%s is accepted: %s", name, show(a))
		}
	}
}

func tensorBytes(t *testing.T, of *Tensor) []byte {
	t.Helper()
	b, err := (&encoder{}).tensor(of)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.join()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Attributes that are made are read back as the same.
func TestMadeAttributes(t *testing.T) {
	for _, a := range []*Attr{IntAttr("a", -3), IntsAttr("a", []int64{1, -2}), FloatAttr("a", 0.5), FloatsAttr("a", []float32{1, 2}), StringAttr("a", "text"), TensorAttr("a", NewInts("v", nil, []int64{1})), ReferenceAttr("a", "r", AttrInt)} {
		b, err := (&parser{}).attr(a.encode(), 0)
		if err != nil {
			t.Errorf("type %d: %v", a.typ, err)
			continue
		}
		if b.name != "a" || b.typ != a.typ || b.ref != a.ref || b.i != a.i || b.f != a.f || string(b.s) != string(a.s) || !slices.Equal(a.ints, b.ints) || !slices.Equal(a.floats, b.floats) || (a.t == nil) != (b.t == nil) {
			t.Errorf("type %d is read as %+v", a.typ, b)
		}
	}
	n := NewNode("", "Op", []string{"x"}, []string{"y"}, IntAttr("i", 3), FloatAttr("f", 0.5), IntsAttr("l", []int64{4}), StringAttr("s", "t"))
	if n.Int("i", 0) != 3 || n.Int("no", 8) != 8 || n.Float("f", 0) != 0.5 || n.Float("no", 8) != 8 || !slices.Equal(n.Ints("l"), []int64{4}) || n.Ints("no") != nil || n.Str("s", "") != "t" || n.Str("no", "8") != "8" {
		t.Error("an attribute is not what it was made of, or its default")
	}
	for want, n := range map[string]*Node{"name": NewNode("name", "Op", nil, []string{"y"}), "Op -> y": NewNode("", "Op", nil, []string{"y"}), "Op": NewNode("", "Op", nil, nil)} {
		if n.Title() != want {
			t.Errorf("a node is called %q, want %q", n.Title(), want)
		}
	}
}

// Declared types are what the file says of them.
func TestDeclaredValues(t *testing.T) {
	dim := func(parts ...[]byte) []byte { return message(nil, 1, slices.Concat(parts...)) }
	shape := slices.Concat(dim(varint(nil, 1, 3)), dim(text(nil, 2, "N")), dim(), dim(varint(nil, 1, 1<<64-1)), varint(nil, 9, 1))
	typed := func(num protowire.Number, body []byte) []byte {
		return message(text(nil, 1, "v"), 2, message(nil, num, body))
	}
	for want, b := range map[string][]byte{
		"tensor float32 true [{3  true} {0 N false} {0  false} {0  false}]": typed(1, message(varint(nil, 1, 1), 2, shape)),
		"tensor float32 true []":          typed(1, message(varint(nil, 1, 1), 2, nil)),
		"tensor int64 false []":           typed(1, varint(nil, 1, 7)),
		"sequence undefined false []":     typed(4, nil),
		"optional undefined false []":     typed(9, nil),
		"map undefined false []":          typed(5, nil),
		" undefined false []":             text(nil, 1, "v"),
		"tensor type 99 true [{7  true}]": typed(1, message(varint(nil, 1, 99), 2, dim(varint(nil, 1, 7)))),
	} {
		v, err := (&parser{}).valueInfo(b)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := fmt.Sprint(v.kind, " ", v.elem, " ", v.shape, " ", v.dims); got != want || v.name != "v" {
			t.Errorf("read as %q, want %q", got, want)
		}
	}
	for name, b := range map[string][]byte{
		"a name that is no text": text(nil, 1, "\xff"), "a type that is cut": message(nil, 2, []byte{10, 9}), "a tensor that is cut": typed(1, []byte{8}),
		"a shape that is cut": typed(1, message(nil, 2, []byte{10, 9})), "a size that is cut": typed(1, message(nil, 2, dim([]byte{8}))),
		"a size whose name is no text": typed(1, message(nil, 2, dim(text(nil, 2, "\xff")))), "nothing but a tag": {8},
	} {
		if _, err := (&parser{}).valueInfo(b); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// What a model says of itself.
func TestWhatAModelSays(t *testing.T) {
	b := calling([]*Node{call("c", "f", "x", "y")}, twice("f", "Relu", "t", ""))
	b = message(text(text(b, 2, "a tool"), 3, "1.2"), 14, text(text(nil, 1, "k"), 2, "v"))
	b = message(b, 8, varint(text(nil, 1, "ai.onnx.ml"), 2, 3))
	m, err := parse(b, nil, Limits{Nodes: 5})
	if err != nil {
		t.Fatal(err)
	}
	if m.producerName != "a tool" || m.producerVersion != "1.2" || m.Opset("ai.onnx") != 17 || m.Opset("") != 17 || m.Opset("ai.onnx.ml") != 3 || m.Opset("other") != 0 || m.Limits().Nodes != 5 {
		t.Errorf("it says %+v", m)
	}
	if f := m.Function(m.graph.nodes[0].Calls()); f == nil || f.name != "f" || m.Function(FunctionID{"my", "g", ""}) != nil {
		t.Errorf("the function is %+v", f)
	}
	if m.FileBytes() != nil || len(m.Files()) != 0 || m.Close() != nil || m.Changed() != nil {
		t.Error("a model in memory has files")
	}
	again, err := m.Apply(Edit{Metadata: []Property{{"k", "w"}, {"new", "n"}}})
	if err != nil || !slices.Equal(again.metadata, []Property{{"k", "w"}, {"new", "n"}}) || !slices.Equal(m.metadata, []Property{{"k", "v"}}) {
		t.Errorf("%v: the metadata are %v, before %v", err, again.metadata, m.metadata)
	}
	if out, err := again.Encode(); err != nil || strings.Count(string(out), "new") != 1 {
		t.Errorf("%v: the metadata are not written", err)
	}
	for name, b := range map[string][]byte{
		"two graphs": message(b, 7, nil), "an opset that is cut": message(b, 8, []byte{8}), "an opset of another form": varint(b, 8, 1), "metadata that are cut": message(b, 14, []byte{8}),
		"metadata of another form": varint(b, 14, 1), "a function of another form": varint(b, 25, 1), "a producer that is no text": text(b, 2, "\xff"), "a graph of another form": varint(varint(nil, 1, 8), 7, 1),
		"two functions of one name": message(b, 25, twice("f", "Relu", "t", "")), "a version beyond all": append(slices.Clone(b), varint(nil, 1, 1<<40)...),
		"a function that returns what it does not make": message(b, 25, text(text(text(nil, 1, "g"), 10, "my"), 5, "b")), "a function's name that is no text": message(b, 25, text(nil, 1, "\xff")),
	} {
		if _, err := Parse(b, ""); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
