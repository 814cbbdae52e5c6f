package convert_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/onnxio"
)

// message appends a length-delimited protobuf field.
func message(b []byte, num protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), body)
}

func text(b []byte, num protowire.Number, s string) []byte { return message(b, num, []byte(s)) }

func number(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// graphBytes is the GraphProto of a model.
func graphBytes(t *testing.T, m *onnxio.Model) []byte {
	t.Helper()
	var g []byte
	fields(t, encode(t, m), func(num protowire.Number, _, body []byte) {
		if num == 7 {
			g = body
		}
	})
	return g
}

// branchModel is If(cond) { BN(Conv(x)) } else { x }.
func branchModel(t *testing.T) *onnxio.Model {
	body := near(t, onnxio.Float32, func(b *graphBuilder) string { return b.norm(b.conv("x", 4, 4, 3, 1), 4) })
	plain := near(t, onnxio.Float32, func(b *graphBuilder) string { return b.op("Identity", []string{"x"}) })
	withoutInputs := func(m *onnxio.Model) []byte {
		var g []byte
		fields(t, graphBytes(t, m), func(num protowire.Number, raw, _ []byte) {
			if num != 11 { // x is captured from outside
				g = append(g, raw...)
			}
		})
		return g
	}
	attr := func(name string, g []byte) []byte { return number(message(text(nil, 1, name), 6, g), 20, 5) }
	node := text(text(text(text(nil, 1, "cond"), 2, "y"), 3, "choice"), 4, "If")
	node = message(message(node, 5, attr("then_branch", withoutInputs(body))), 5, attr("else_branch", withoutInputs(plain)))
	value := func(name string, elem onnxio.DType, dims ...uint64) []byte {
		var shape []byte
		for _, d := range dims {
			shape = message(shape, 1, number(nil, 1, d))
		}
		return message(text(nil, 1, name), 2, message(nil, 1, message(number(nil, 1, uint64(elem)), 2, shape)))
	}
	g := message(nil, 1, node)
	g = message(message(g, 11, value("cond", onnxio.Bool)), 11, value("x", onnxio.Float32, 2, 4, 8, 8))
	g = message(g, 12, value("y", onnxio.Float32, 2, 4, 8, 8))
	b := message(message(number(nil, 1, 8), 7, g), 8, number(text(nil, 1, ""), 2, 17))
	m, err := onnxio.Parse(b, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A place in the body of an If is reported; the model runs unchanged.
func TestInsideSubgraph(t *testing.T) {
	m := branchModel(t)
	wantDecline(t, "inside_subgraph", m)
	sameModel(t, blockSpec{}, m, convertModel(t, m).Model)
}

// Weights that are stored sparse are left.
func TestSparseInitializer(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string { return b.norm(b.conv("x", 4, 4, 1, 0), 4) })
	weight := m.Graph.Nodes[0].Inputs[1]
	tensor := func(elem onnxio.DType, name string, data []byte, dims ...uint64) []byte {
		var b []byte
		for _, d := range dims {
			b = number(b, 1, d)
		}
		return message(text(number(b, 2, uint64(elem)), 8, name), 9, data)
	}
	sparse := message(nil, 1, tensor(onnxio.Float32, weight, []byte{0, 0, 128, 63}, 1)) // 1.0
	sparse = message(sparse, 2, tensor(onnxio.Int64, "", []byte{5, 0, 0, 0, 0, 0, 0, 0}, 1))
	for _, d := range []uint64{4, 4, 1, 1} {
		sparse = number(sparse, 3, d)
	}
	var out []byte
	fields(t, encode(t, m), func(num protowire.Number, raw, body []byte) {
		if num != 7 {
			out = append(out, raw...)
			return
		}
		var g []byte
		next := 0
		fields(t, body, func(num protowire.Number, raw, _ []byte) {
			if num == 5 {
				next++
				if m.Graph.Inits[next-1].Name == weight {
					return
				}
			}
			g = append(g, raw...)
		})
		out = message(out, 7, message(g, 15, sparse))
	})
	s, err := onnxio.Parse(out, "")
	if err != nil {
		t.Fatal(err)
	}
	wantDecline(t, "sparse_initializer", s)
	sameModel(t, blockSpec{}, s, convertModel(t, s).Model)
}
