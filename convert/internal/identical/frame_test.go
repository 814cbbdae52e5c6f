package identical

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// with is a model with fields of its message behind those that it has.
func with(t *testing.T, m *onnxio.Model, fields ...[]byte) *onnxio.Model {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = onnxio.Parse(slices.Concat(append([][]byte{b}, fields...)...), ""); err != nil {
		t.Fatal(err)
	}
	return m
}

func message(field protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), slices.Concat(parts...))
}

func text(field protowire.Number, s string) []byte { return message(field, []byte(s)) }

func opset(domain string, version uint64) []byte {
	return message(8, text(1, domain), protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), version))
}

func metadata(key, value string) []byte { return message(14, text(1, key), text(2, value)) }

// definition is a function of one node.
func definition(name, op, in, out string) []byte {
	return message(25, text(1, name), text(10, "my"), text(4, "a"), text(5, "b"), message(7, text(1, in), text(2, out), text(4, op)))
}

// What differs around nodes and constants is told, each of it, and nothing else.
func TestFrame(t *testing.T) {
	const body = "y = Relu(x)"
	model := func(inputs string, fields ...[]byte) *onnxio.Model {
		return with(t, sketch.Model(t, inputs+"\n"+body), fields...)
	}
	plain := func(fields ...[]byte) *onnxio.Model { return model("x : N 4", fields...) }
	my := opset("my", 1)
	parts := func(ir int64, inputs ...string) *onnxio.Model {
		x := sketch.Model(t, "x : N 4\nw : N 4\n"+body).Graph()
		p := onnxio.Parts{IRVersion: ir, Nodes: x.Nodes(), Outputs: x.Outputs(), Inits: []*onnxio.Tensor{onnxio.NewInts("w", []int64{1}, []int64{3}), onnxio.NewInts("k", []int64{1}, []int64{3})}}
		for _, name := range inputs {
			if name == "x" {
				p.Inputs = append(p.Inputs, x.Inputs()[0])
				continue
			}
			p.Inputs = append(p.Inputs, onnxio.NewValue(name, onnxio.Int64, onnxio.Known(1)))
		}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		what   string
		a, b   *onnxio.Model
		frozen bool
		want   []string
	}{
		{"nothing", plain(), plain(), false, nil},
		{"IR version", parts(8, "x"), parts(9, "x"), false, []string{"the IR version is 9 and was 8"}},
		{"one input more", plain(), model("x : N 4\nz : 3"), false, []string{"there are 2 inputs and were 1"}},
		{"a size of an input", plain(), model("x : N 5"), false, []string{`input "x" is declared otherwise than "x" was`}},
		{"a symbol of an input", plain(), model("x : M 4"), false, []string{`input "x" is declared otherwise than "x" was`}},
		{"an input of any shape", plain(), model("x : ?"), false, []string{`input "x" is declared otherwise than "x" was`}},
		{"the type of an input", plain(), model("x : float16 N 4"), false, []string{`input "x" is declared otherwise than "x" was`, `output "y" is declared otherwise than "y" was`}},
		{"the second input", model("x : N 4\nz : 3"), model("x : N 4\nz : 4"), false, []string{`input "z" is declared otherwise than "z" was`}},
		{"the name of an output", plain(), with(t, sketch.Model(t, "x : N 4\nz = Relu(x)")), false, []string{`output "z" is declared otherwise than "y" was`}},
		{"another output", plain(), with(t, sketch.Model(t, "x : N 4\ny = Relu(x)\nz = Relu(x)\n> y z")), false, []string{"there are 2 outputs and were 1"}},
		{"the opset", plain(), with(t, sketch.Model(t, "opset 16\nx : N 4\n"+body)), false, []string{`the operator sets are "" 16 and were "" 17`}},
		{"another domain", plain(), plain(my), false, []string{`the operator sets are "" 17, "my" 1 and were "" 17`}},
		{"the order of domains", plain(my, opset("your", 2)), plain(opset("your", 2), my), false, nil},
		{"a function that stayed", plain(my, definition("f", "Neg", "a", "b"), definition("g", "Abs", "a", "b")), plain(my, definition("g", "Abs", "a", "b"), definition("f", "Neg", "a", "b")), false, nil},
		{"a function that is another", plain(my, definition("f", "Neg", "a", "b")), plain(my, definition("f", "Abs", "a", "b")), false, []string{`the function "f" is another`}},
		{"a function that is new", plain(my), plain(my, definition("f", "Abs", "a", "b")), false, []string{`the function "f" is another`}},
		{"a function that nobody has any more", plain(my, definition("f", "Abs", "a", "b")), plain(my), false, nil},
		{"metadata that stayed", plain(metadata("k", "v"), metadata("l", "w")), plain(metadata("l", "w"), metadata("k", "v"), metadata("m", "")), false, nil},
		{"metadata that is another", plain(metadata("k", "v")), plain(metadata("k", "w")), false, []string{`the metadata "k" is "w" and was "v"`}},
		{"metadata that is gone", plain(metadata("k", ""), metadata("l", "v")), plain(), false, []string{`the metadata "k" is "" and was ""`, `the metadata "l" is "" and was "v"`}},
		{"metadata of conversions", plain(metadata("repmlp.version", "1")), plain(metadata("repmlp.version", "2")), false, nil},
		{"what conversions wrote is gone", plain(metadata("repmlp.version", "1")), plain(), false, nil},
		{"frozen inputs", parts(8, "x", "w"), parts(8, "x"), true, nil},
		{"frozen inputs that stayed", parts(8, "k", "w", "x"), parts(8, "w", "x"), true, nil},
		{"inputs with defaults", parts(8, "x", "w"), parts(8, "x"), false, []string{"there are 1 inputs and were 2"}},
		{"inputs with defaults, from IR version 4 on", parts(4, "x", "w"), parts(4, "x"), false, []string{"there are 1 inputs and were 2"}},
		{"initializers that older versions list", parts(3, "x", "w", "k"), parts(3, "x", "k", "w"), false, nil},
	} {
		if have := Frame(c.a, c.b, c.frozen); !slices.Equal(have, c.want) {
			t.Errorf("%s: %q, want %q", c.what, have, c.want)
		}
	}
}
