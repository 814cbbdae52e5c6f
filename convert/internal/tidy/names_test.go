package tidy

import (
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// model makes a model of nodes on a float vector x of two, with integers k = [0].
func model(t *testing.T, p onnxio.Parts) *onnxio.Model {
	t.Helper()
	p.Inputs = append([]*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2))}, p.Inputs...)
	p.Outputs = append(p.Outputs, onnxio.NewValue("y", onnxio.Float32, onnxio.Known(2)))
	p.Inits = append(p.Inits, onnxio.NewInts("k", []int64{1}, []int64{0}))
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What a body reads keeps its name and the node that makes it, or is a constant of that name.
func TestBodiesKeepTheirNames(t *testing.T) {
	out := []*onnxio.ValueInfo{onnxio.Untyped("inner", onnxio.Float32)}
	var bodies []*onnxio.Attr
	for _, name := range []string{"then_branch", "else_branch"} {
		body, err := onnxio.GraphAttr(name, onnxio.Parts{Nodes: []*onnxio.Node{onnxio.NewNode("", "Add", []string{"a", "c"}, []string{"inner"})}, Outputs: out})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	m := model(t, onnxio.Parts{Nodes: []*onnxio.Node{
		onnxio.NewNode("same", "Identity", []string{"x"}, []string{"a"}),
		onnxio.NewNode("relu", "Relu", []string{"a"}, []string{"b"}),
		onnxio.NewNode("list", "Constant", nil, []string{"c"}, onnxio.FloatsAttr("value_floats", []float32{1, 2})),
		onnxio.NewNode("true", "Equal", []string{"k", "k"}, []string{"e"}),
		onnxio.NewNode("if", "If", []string{"e"}, []string{"d"}, bodies...),
		onnxio.NewNode("sum", "Add", []string{"b", "d"}, []string{"s"}),
		onnxio.NewNode("out", "Identity", []string{"s"}, []string{"y"}),
	}})
	r, made := tidied(t, m, Options{})
	if err := sameBits(t, m, made, 1); err != nil {
		t.Error(err)
	}
	nodes := sketch.Nodes(made)
	for _, want := range []string{"a = Identity(x)", "b = Relu(a)", "y = Add(b, d)", "d = If(e[1])"} {
		if !strings.Contains(nodes, want+"\n") && !strings.Contains(nodes, want+" ") {
			t.Errorf("there is no %s\n%s\n%s", want, nodes, r)
		}
	}
	if inits := initNames(made); !slices.Equal(inits, []string{"e", "c"}) {
		t.Errorf("the constants are %q", inits)
	}
}

// Where the version of the format lists initializers as inputs, Constant nodes stay and
// new ones are made.
func TestOldFormat(t *testing.T) {
	for _, ir := range []int64{3, 4} {
		m := model(t, onnxio.Parts{IRVersion: ir, Opset: 9, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("k", onnxio.Int64, onnxio.Known(1))}, Nodes: []*onnxio.Node{
			onnxio.NewNode("list", "Constant", nil, []string{"c"}, onnxio.TensorAttr("value", onnxio.NewInts("", []int64{2}, []int64{1, 0}))),
			onnxio.NewNode("sum", "Add", []string{"c", "k"}, []string{"d"}),
			onnxio.NewNode("neg", "Sub", []string{"d", "c"}, []string{"e"}),
			onnxio.NewNode("pick", "Gather", []string{"x", "c"}, []string{"g"}),
			onnxio.NewNode("again", "Gather", []string{"g", "e"}, []string{"h"}),
			onnxio.NewNode("out", "Relu", []string{"h"}, []string{"y"}),
		}})
		_, made := tidied(t, m, Options{})
		if err := sameBits(t, m, made, 1); err != nil {
			t.Error(err)
		}
		var ops []string
		for _, n := range made.Graph().Nodes() {
			ops = append(ops, n.OpType())
		}
		want, inputs := []string{"Constant", "Constant", "Gather", "Gather", "Relu"}, 1
		if ir == 4 { // here k may be fed
			want, inputs = []string{"Add", "Sub", "Gather", "Gather", "Relu"}, 2
		}
		slices.Sort(ops)
		slices.Sort(want)
		if !slices.Equal(ops, want) || len(made.Graph().Inputs()) != inputs {
			t.Errorf("version %d: nodes %v, %d inputs\n%s", ir, ops, len(made.Graph().Inputs()), sketch.Nodes(made))
		}
	}
}

// New names are those of nothing, not in the graphs around either.
func TestNewNamesAreNew(t *testing.T) {
	text := "x : N 2 3\nrepmlp.shape.-1x3x2 = Reshape(x, #0_6)\nb = Reshape(repmlp.shape.-1x3x2, #0_3_2)\ny = Relu(b)"
	_, made := tidied(t, sketch.Model(t, text), Options{Reserved: []map[string]bool{{"repmlp.shape.-1x3x2.2": true}}})
	if nodes := sketch.Nodes(made); !strings.Contains(nodes, "b = Reshape(x, repmlp.shape.-1x3x2.3[3]=[-1 3 2])") {
		t.Error(nodes)
	}
}

// A constant that grows is made as long as it is small, one that does not grow while it
// is read, and what is large stays.
func TestSizesOfConstants(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"x : N 1024\na = Expand(?1, #1024)\ny = Add(x, a)", true},
		{"x : N 1025\na = Expand(?1, #1025)\ny = Add(x, a)", false},
		{"x : N 2 1024\na = Transpose(?1024x2) perm=1,0\ny = Add(x, a)", true},
		{"x : N 1025 2\nk = Add(?2x1025, ?1)\na = Transpose(k) perm=1,0\ny = Add(x, a)", false},
		{"x : N 2 1000\na = Transpose(?1000x2) perm=1,0\nb = Relu(?1)\ny = Add(x, a)", true},
		{"x : N 2 40000\na = Transpose(?40000x2) perm=1,0\ny = Add(x, a)", false},
		{"x : N 4\nw = Gather(?20000x4, %3)\ny = Add(x, w)", false},
	} {
		m := sketch.Model(t, c.text)
		_, made := tidied(t, m, Options{})
		if has := len(made.Graph().Nodes()) == 1; has != c.want {
			t.Errorf("%s: %v\n%s", c.text, has, sketch.Nodes(made))
		}
	}
}

// Check finds what is wrong with a result.
func TestCheckFinds(t *testing.T) {
	for name, spoil := range map[string]func(r *Result){
		"others than nodes read it": func(r *Result) { r.Names["y"] = "x" },
		"a view of sizes":           func(r *Result) { r.net.nodes[1].sizes = []int64{-1, -1} },
		"becomes a Transpose":       func(r *Result) { r.net.nodes[1].perm = []int64{0, 2} },
		"nobody makes":              func(r *Result) { r.net.nodes[0].alive = false },
	} {
		g := sketch.Graph(t, "x : N 2\na = Relu(x)\nb = Neg(a)\ny = Abs(b)")
		r := Of(g, Options{})
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(r)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A node that makes something else than its first output is left alone.
func TestNoFirstOutput(t *testing.T) {
	m := model(t, onnxio.Parts{Nodes: []*onnxio.Node{
		onnxio.NewNode("drop", "Dropout", []string{"x"}, []string{"", "mask"}),
		onnxio.NewNode("cast", "Cast", []string{"mask"}, []string{"c"}, onnxio.IntAttr("to", int64(onnxio.Float32))),
		onnxio.NewNode("out", "Add", []string{"c", "x"}, []string{"y"}),
	}})
	_, made := tidied(t, m, Options{})
	if len(made.Graph().Nodes()) != 3 {
		t.Error(sketch.Nodes(made))
	}
}
