package convert_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A weight that bodies read from outside is worked out once, and never copied, for
// however many bodies: a small file of many made as many weights.
func TestBodiesShareWhatTheyRead(t *testing.T) {
	const side = 512
	const bytes = 4 * side * side
	work := func(bodies int, computed bool) uint64 {
		w, err := onnxio.NewTensor("w", onnxio.Float32, []int64{side, side}, make([]byte, bytes))
		if err != nil {
			t.Fatal(err)
		}
		x := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(side))
		weight := "w"
		nodes := []*onnxio.Node{}
		if computed {
			weight = "negative"
			nodes = append(nodes, onnxio.NewNode("", "Neg", []string{"w"}, []string{weight}))
		}
		var outs []*onnxio.ValueInfo
		for i := range bodies {
			body := func(name string) *onnxio.Attr {
				out := fmt.Sprintf("%s%d", name, i)
				a, err := onnxio.GraphAttr(name+"_branch", onnxio.Parts{
					Nodes:   []*onnxio.Node{onnxio.NewNode("", "MatMul", []string{"x", weight}, []string{out})},
					Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32, onnxio.Known(2), onnxio.Known(side))},
				})
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			y := fmt.Sprintf("y%d", i)
			nodes = append(nodes, onnxio.NewNode("", "If", []string{"c"}, []string{y}, body("then"), body("else")))
			outs = append(outs, onnxio.NewValue(y, onnxio.Float32, onnxio.Known(2), onnxio.Known(side)))
		}
		m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{x, onnxio.NewValue("c", onnxio.Bool)}, Outputs: outs, Nodes: nodes, Inits: []*onnxio.Tensor{w}})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := convert.Inspect(t.Context(), m, convert.Options{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, computed := range []bool{false, true} {
		few, many := work(2, computed), work(32, computed)
		if many > few+10*bytes {
			t.Errorf("computed %v: 30 bodies more take %d bytes more, the weight has %d", computed, many-few, bytes)
		}
	}
}

// Merges in bodies are numbered by the bodies in which there are any, each with its proof;
// an inspection knows the same ones, and the first of them are those that come first.
func TestNumbersOfMergesInBodies(t *testing.T) {
	x := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(4))
	w, err := onnxio.NewTensor("w", onnxio.Float32, []int64{4, 4}, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	body := func(branch, name string, ops ...string) *onnxio.Attr {
		var nodes []*onnxio.Node
		from := "x"
		for i, op := range ops {
			in := []string{from}
			if op == "MatMul" {
				in = append(in, "w")
			}
			from = fmt.Sprint(name, i)
			nodes = append(nodes, onnxio.NewNode("", op, in, []string{from}))
		}
		a, err := onnxio.GraphAttr(branch, onnxio.Parts{Nodes: nodes, Outputs: []*onnxio.ValueInfo{onnxio.NewValue(from, onnxio.Float32, onnxio.Known(2), onnxio.Known(4))}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs: []*onnxio.ValueInfo{x, onnxio.NewValue("c", onnxio.Bool)}, Inits: []*onnxio.Tensor{w},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32), onnxio.NewValue("z", onnxio.Float32), onnxio.NewValue("v", onnxio.Float32)},
		Nodes: []*onnxio.Node{
			onnxio.NewNode("before", "Sigmoid", []string{"x"}, []string{"v"}),
			onnxio.NewNode("first", "If", []string{"c"}, []string{"y"}, body("then_branch", "p", "MatMul", "MatMul", "Relu", "MatMul", "MatMul"), body("else_branch", "q", "Relu")),
			onnxio.NewNode("second", "If", []string{"c"}, []string{"z"}, body("then_branch", "r", "MatMul", "MatMul"), body("else_branch", "s", "Relu", "MatMul", "MatMul")),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"b1.r1", "b1.r2", "b2.r1", "b3.r1"}
	ids := func(r *convert.Report) []string {
		var list []string
		for _, region := range r.Regions {
			list = append(list, region.ID)
		}
		return list
	}
	inspected, err := convert.Inspect(t.Context(), m, convert.Options{})
	if err != nil || !slices.Equal(ids(inspected), all) {
		t.Errorf("%v: inspected %q", err, ids(inspected))
	}
	for n := range 5 { // 0: all
		made, r, err := convert.Model(t.Context(), m, convert.Options{StopAfter: n})
		if err != nil {
			t.Fatal(err)
		}
		want := all
		if n > 0 {
			want = all[:n]
		}
		if !slices.Equal(ids(r), want) {
			t.Errorf("the first %d are %q", n, ids(r))
		}
		for _, region := range r.Regions {
			if region.Proof == nil {
				t.Errorf("%s has no proof", region.ID)
			}
		}
		products := 0
		for _, node := range made.Graph().Nodes() {
			for _, sub := range node.Subgraphs() {
				for _, inner := range sub.Nodes() {
					if inner.OpType() == "MatMul" || inner.OpType() == "Gemm" {
						products++
					}
				}
			}
		}
		if products != 8-len(want) {
			t.Errorf("the first %d leave %d products", n, products)
		}
	}
	only, err := convert.Inspect(t.Context(), m, convert.Options{Skip: []string{"b1.r1"}})
	if err != nil || !slices.Equal(ids(only), all[1:]) {
		t.Errorf("%v: without the first %q", err, ids(only))
	}
}

// A body with merges of its own and in a body of its own counts once.
func TestNumbersOfMergesInBodiesOfBodies(t *testing.T) {
	w, err := onnxio.NewTensor("w", onnxio.Float32, []int64{4, 4}, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	body := func(branch, out string, nodes ...*onnxio.Node) *onnxio.Attr {
		a, err := onnxio.GraphAttr(branch, onnxio.Parts{Nodes: nodes, Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32, onnxio.Known(2), onnxio.Known(4))}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	products := func(from, to string) []*onnxio.Node {
		return []*onnxio.Node{onnxio.NewNode("", "MatMul", []string{from, "w"}, []string{to + ".half"}), onnxio.NewNode("", "MatMul", []string{to + ".half", "w"}, []string{to})}
	}
	sigmoid := func(to string) *onnxio.Node { return onnxio.NewNode("", "Sigmoid", []string{"x"}, []string{to}) }
	choose := func(to string, branches ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode(to, "If", []string{"c"}, []string{to}, branches...)
	}
	inner := choose("m", body("then_branch", "q", sigmoid("q")), body("else_branch", "p", products("h", "p")...))
	outer := append(products("x", "h"), inner)
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(4)), onnxio.NewValue("c", onnxio.Bool)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)}, Inits: []*onnxio.Tensor{w},
		Nodes: []*onnxio.Node{choose("y", body("then_branch", "m", outer...), body("else_branch", "n", append(products("s", "n"), sigmoid("s"))...))},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := convert.Inspect(t.Context(), m, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, region := range r.Regions {
		ids = append(ids, region.ID)
	}
	if want := []string{"b1.r1", "b1.b1.r1", "b2.r1"}; !slices.Equal(ids, want) {
		t.Errorf("merges are %q, want %q", ids, want)
	}
}
