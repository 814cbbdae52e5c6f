package convert_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/convert"
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

// valueBytes is a ValueInfoProto.
func valueBytes(name string, elem onnxio.DType, dims ...uint64) []byte {
	var shape []byte
	for _, d := range dims {
		shape = message(shape, 1, number(nil, 1, d))
	}
	return message(text(nil, 1, name), 2, message(nil, 1, message(number(nil, 1, uint64(elem)), 2, shape)))
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
func branchModel(t *testing.T) *onnxio.Model { return branches(t, 8) }

// branches is branchModel in an IR version.
func branches(t *testing.T, ir uint64) *onnxio.Model {
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
	g := message(nil, 1, node)
	g = message(message(g, 11, valueBytes("cond", onnxio.Bool)), 11, valueBytes("x", onnxio.Float32, 2, 4, 8, 8))
	g = message(g, 12, valueBytes("y", onnxio.Float32, 2, 4, 8, 8))
	b := message(message(number(nil, 1, ir), 7, g), 8, number(text(nil, 1, ""), 2, 17))
	m, err := onnxio.Parse(b, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A merge in the body of an If is made there; values from outside are its
// inputs.
func TestMergeInsideSubgraph(t *testing.T) {
	m := branchModel(t)
	res := convertModel(t, m)
	if res.Verdict != convert.Fused || len(res.Plan.Regions) != 1 || len(res.Proofs) != 1 {
		t.Fatalf("verdict %s, %d regions, %d proofs, declined %v", res.Verdict, len(res.Plan.Regions), len(res.Proofs), res.Plan.Declined)
	}
	body := res.Model.Graph().Nodes()[0].Attr("then_branch").G()
	if len(body.Nodes()) != 1 || body.Nodes()[0].OpType() != "Conv" || len(body.Inputs()) != 0 {
		t.Errorf("the body holds %d nodes and %d inputs", len(body.Nodes()), len(body.Inputs()))
	}
	again, err := onnxio.Parse(encode(t, res.Model), "")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(6) { // both branches
		sameModel(t, seed, seed, m, again)
	}
	if r := convertModel(t, again); r.Verdict != convert.Unchanged {
		t.Errorf("converting the result again: %s", r.Verdict)
	}
}

// The body of an If of IR version 3 may have no inputs, so that merged weights there
// are Constant nodes.
func TestOldBodies(t *testing.T) {
	m := branches(t, 3)
	res := convertModel(t, m)
	body := res.Model.Graph().Nodes()[0].Attr("then_branch").G()
	ops := map[string]int{}
	for _, n := range body.Nodes() {
		ops[n.OpType()]++
	}
	if len(res.Plan.Regions) != 1 || len(body.Inits()) > 0 || len(body.Inputs()) > 0 || ops["Constant"] != 2 || ops["Conv"] != 1 {
		t.Errorf("%d regions, body with %d initializers, %d inputs, %v", len(res.Plan.Regions), len(body.Inits()), len(body.Inputs()), ops)
	}
	again, err := onnxio.Parse(encode(t, res.Model), "")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(6) { // both branches
		sameModel(t, seed, seed, m, again)
	}
}

// A place in a body that cannot be merged there is reported.
func TestInsideSubgraph(t *testing.T) {
	wantDecline(t, "inside_subgraph", unknownRank(t))
}

// unknownRank is branchModel behind an operator of unknown shape.
func unknownRank(t *testing.T) *onnxio.Model {
	m := branchModel(t)
	n := m.Graph().Nodes()[0]
	x := m.Graph().Inputs()[1]
	out, err := m.Apply(onnxio.Edit{DropInputs: []*onnxio.ValueInfo{x}, AddNodes: []onnxio.Placed{
		{Node: onnxio.NewNode("odd", "Frobnicate", []string{"cond"}, []string{"x"}), Before: n}}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Weights that are stored sparse are left.
func TestSparseInitializer(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string { return b.norm(b.conv("x", 4, 4, 1, 0), 4) })
	weight := m.Graph().Nodes()[0].Inputs()[1]
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
				if m.Graph().Inits()[next-1].Name() == weight {
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
	sameModel(t, "", 0, s, convertModel(t, s).Model)
}

// A merge in the body of a Loop, whose input is carried from round to round.
func TestMergeInsideLoop(t *testing.T) {
	inner := near(t, onnxio.Float32, func(b *graphBuilder) string {
		return b.op("Tanh", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)})
	})
	body := message(message(nil, 11, valueBytes("round", onnxio.Int64)), 11, valueBytes("go", onnxio.Bool))
	body = message(body, 11, valueBytes("x", onnxio.Float32, 2, 4, 8, 8))
	keep := text(text(text(text(nil, 1, "go"), 2, "still"), 3, "keep"), 4, "Identity")
	body = message(message(body, 1, keep), 12, valueBytes("still", onnxio.Bool))
	fields(t, graphBytes(t, inner), func(num protowire.Number, raw, _ []byte) {
		if num != 11 {
			body = append(body, raw...)
		}
	})
	node := text(text(text(text(nil, 1, "rounds"), 1, "cond"), 1, "image"), 2, "y")
	node = text(text(node, 3, "loop"), 4, "Loop")
	node = message(node, 5, number(message(text(nil, 1, "body"), 6, body), 20, 5))
	g := message(nil, 1, node)
	g = message(message(g, 11, valueBytes("cond", onnxio.Bool)), 11, valueBytes("image", onnxio.Float32, 2, 4, 8, 8))
	g = message(g, 12, valueBytes("y", onnxio.Float32, 2, 4, 8, 8))
	rounds := message(text(number(nil, 2, uint64(onnxio.Int64)), 8, "rounds"), 9, []byte{3, 0, 0, 0, 0, 0, 0, 0})
	g = message(g, 5, rounds)
	m, err := onnxio.Parse(message(message(number(nil, 1, 8), 7, g), 8, number(text(nil, 1, ""), 2, 17)), "")
	if err != nil {
		t.Fatal(err)
	}
	res := convertModel(t, m)
	if res.Verdict != convert.Fused || len(res.Proofs) != 1 {
		t.Fatalf("verdict %s, %d proofs, declined %v", res.Verdict, len(res.Proofs), res.Plan.Declined)
	}
	for seed := range uint64(6) { // with and without a round
		sameModel(t, seed, seed, m, res.Model)
	}
}

// Nodes of bodies say what they were merged from, where the IR version has a place for
// it; the model says once where it comes from.
func TestProvenanceInBodies(t *testing.T) {
	for _, ir := range []uint64{8, 10} {
		m, _, err := convert.Model(t.Context(), branches(t, ir), convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for _, n := range m.Graph().Nodes() {
			for _, sub := range n.Subgraphs() {
				for _, inner := range sub.Nodes() {
					if strings.HasPrefix(inner.DocString(), "repmlp.merged_from: [") && ir < 10 || len(inner.Metadata()) == 1 && ir >= 10 {
						said++
					}
				}
			}
		}
		if said != 1 || len(m.Metadata()) != 1 {
			t.Errorf("IR version %d: %d nodes of bodies say it, the model says %q", ir, said, m.Metadata())
		}
	}
}
