package convert_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// dumped is the dump of one stage of planning m.
func dumped(t *testing.T, m *onnxio.Model, stage string) string {
	t.Helper()
	var out string
	_, _, err := convert.Model(t.Context(), m, convert.Options{NoCheck: true, Dump: func(name, text string) error {
		if name == stage {
			out = text
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every node is written with attributes of every type, and what its bodies hold.
func TestDumpOfNodes(t *testing.T) {
	tensor, err := onnxio.NewTensor("", onnxio.Int64, []int64{2}, append(le64(3), le64(-4)...))
	if err != nil {
		t.Fatal(err)
	}
	body := func(name string) *onnxio.Attr {
		a, err := onnxio.GraphAttr(name, onnxio.Parts{
			Nodes:   []*onnxio.Node{onnxio.NewNode("", "Relu", []string{"a"}, []string{name + "_out"}), onnxio.NewNode("", "Neg", []string{name + "_out"}, []string{name + "_end"})},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue(name+"_end", onnxio.Float32, onnxio.Known(1))},
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Opset:   17,
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1)), onnxio.NewValue("c", onnxio.Bool)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(1)), onnxio.NewValue("k", onnxio.Int64, onnxio.Known(2))},
		Nodes: []*onnxio.Node{
			onnxio.NewNode("first", "LeakyRelu", []string{"x"}, []string{"a"}, onnxio.FloatAttr("alpha", 0.25)),
			onnxio.NewNode("const", "Constant", nil, []string{"k"}, onnxio.TensorAttr("value", tensor)),
			onnxio.NewNode("cast", "Cast", []string{"k"}, []string{"f"}, onnxio.IntAttr("to", 1)),
			onnxio.NewNode("sum", "ReduceSum", []string{"f"}, []string{"s"}, onnxio.IntAttr("keepdims", 1)),
			onnxio.NewNode("", "ConstantOfShape", []string{"k"}, []string{"unused"}),
			onnxio.NewNode("choice", "If", []string{"c"}, []string{"y"}, body("then_branch"), body("else_branch")),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := dumped(t, m, convert.Stages()[0].Name)
	for _, want := range []string{
		`node "first" "LeakyRelu" ("x") -> ("a") alpha=0.25`,
		`node "const" "Constant" () -> ("k") value=`,
		`[3 -4]`,
		`node "cast" "Cast" ("k") -> ("f") to=1`,
		`keepdims=1`,
		`"Relu" ("a") -> ("then_branch_out")`,
		`"Neg" ("then_branch_out") -> ("then_branch_end")`,
		`output "else_branch_end"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func le64(v int64) []byte {
	out := make([]byte, 8)
	for i := range out {
		out[i] = byte(v >> (8 * i))
	}
	return out
}

// The merges in bodies come first and count: of three, one lies in the body of an If.
func TestStopAfterCountsBodies(t *testing.T) {
	x := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(4), onnxio.Known(8), onnxio.Known(8))
	var inits []*onnxio.Tensor
	twice := func(from, to string) (nodes []*onnxio.Node) { // two scales by channel
		for i, in := range []string{from, to + "_half"} {
			raw, err := onnxio.EncodeFloat64([]float64{1, 2, 3, 5 + float64(len(inits))}, onnxio.Float32)
			if err != nil {
				t.Fatal(err)
			}
			s, err := onnxio.NewTensor(to+strconv.Itoa(i), onnxio.Float32, []int64{4, 1, 1}, raw)
			if err != nil {
				t.Fatal(err)
			}
			inits = append(inits, s)
			nodes = append(nodes, onnxio.NewNode("", "Mul", []string{in, s.Name()}, []string{[]string{to + "_half", to}[i]}))
		}
		return nodes
	}
	body := func(name string, nodes []*onnxio.Node) *onnxio.Attr {
		a, err := onnxio.GraphAttr(name, onnxio.Parts{Nodes: nodes, Outputs: []*onnxio.ValueInfo{onnxio.NewValue(nodes[len(nodes)-1].Outputs()[0], onnxio.Float32, onnxio.Known(2), onnxio.Known(4), onnxio.Known(8), onnxio.Known(8))}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	nodes := twice("x", "a")
	nodes = append(nodes, onnxio.NewNode("", "Relu", []string{"a"}, []string{"r"}))
	nodes = append(nodes, onnxio.NewNode("choice", "If", []string{"c"}, []string{"i"}, body("then_branch", twice("r", "t")), body("else_branch", []*onnxio.Node{onnxio.NewNode("", "Relu", []string{"r"}, []string{"e"})})))
	nodes = append(nodes, onnxio.NewNode("", "Relu", []string{"i"}, []string{"y"}), onnxio.NewNode("", "Neg", []string{"x"}, []string{"n"}))
	nodes = append(nodes, twice("n", "z")...)
	m, err := onnxio.NewModel(onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{x, onnxio.NewValue("c", onnxio.Bool)}, Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32), onnxio.NewValue("z", onnxio.Float32)}, Nodes: nodes, Inits: inits})
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[int]int{0: 3, 1: 1, 2: 2, 3: 3, 9: 3} {
		_, r, err := convert.Model(t.Context(), m, convert.Options{NoCheck: true, StopAfter: asked})
		if err != nil {
			t.Fatal(err)
		}
		stopped := slices.ContainsFunc(r.Warnings, func(w convert.Warning) bool { return w.Code == "stopped_early" })
		if len(r.Regions) != want || stopped != (want < 3) {
			t.Errorf("StopAfter %d: %d regions, stopped %v, want %d", asked, len(r.Regions), stopped, want)
		}
	}
}

// Tidying is told once where once is enough.
func TestDumpOfTidying(t *testing.T) {
	text := dumped(t, sketch.Model(t, "x : float32 N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\nc = Identity(b)\ny = Relu(c)"), "tidy")
	if n := strings.Count(text, " nodes of "); n != 1 {
		t.Errorf("%d times:\n%s", n, text)
	}
}
