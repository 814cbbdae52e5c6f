package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Sizes that exporters compute from the shape of x, which is N×4×H×W, element by element.
func TestSizesOfExporters(t *testing.T) {
	node := func(op, in, out string, attrs ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode("", op, strings.Fields(strings.ReplaceAll(in, "_", "")), []string{out}, attrs...)
	}
	i := onnxio.IntAttr
	to := func(d onnxio.DType) *onnxio.Attr { return i("to", int64(d)) }
	value := func(text string) *onnxio.Attr { return onnxio.TensorAttr("value", stored(t, "", text)) }
	type nodes = []*onnxio.Node
	h := node("Gather", "s two", "h") // a scalar, where two is one
	for _, tc := range []struct {
		name  string
		nodes nodes
		want  string
	}{
		{"sum", nodes{h, node("Add", "h one", "y")}, "1+H"},
		{"difference", nodes{h, node("Sub", "h one", "y")}, "-1+H"},
		{"product", nodes{h, node("Mul", "h h", "y")}, "H*H"},
		{"negative", nodes{h, node("Neg", "h", "y")}, "-1*H"},
		{"quotient", nodes{h, node("Div", "h three", "y")}, "((H)//(3))"},
		{"exact quotient", nodes{h, node("Mul", "h six", "m"), node("Div", "m three", "y")}, "2*H"},
		{"quotient of numbers", nodes{node("Div", "seven three", "y")}, "const"},
		{"quotient by zero", nodes{h, node("Mul", "h zero", "z"), node("Div", "h z", "y")}, "?"},
		{"floating quotient", nodes{h, node("Cast", "h", "f", to(onnxio.Float32)), node("Div", "f threef", "q"), node("Floor", "q", "r"), node("Cast", "r", "y", to(onnxio.Int64))}, "((H)//(3))"},
		{"floating quotient, cast", nodes{h, node("Cast", "h", "f", to(onnxio.Float32)), node("Div", "f threef", "q"), node("Cast", "q", "y", to(onnxio.Int64))}, "((H)//(3))"},
		{"floating quotient, exact", nodes{h, node("Cast", "h", "f", to(onnxio.Float32)), node("Mul", "f threef", "m"), node("Div", "m threef", "q"), node("Cast", "q", "y", to(onnxio.Int64))}, "H"},
		{"floating quotient of a sum", nodes{h, node("Add", "h one", "a"), node("Cast", "a", "f", to(onnxio.Float32)), node("Div", "f threef", "q"), node("Floor", "q", "y")}, "((1+H)//(3))"},
		{"floating channels", nodes{node("Gather", "s onei", "c"), node("Cast", "c", "f", to(onnxio.Float32)), node("Div", "f threef", "q"), node("Floor", "q", "y")}, "1"},
		{"remainder", nodes{h, node("Mod", "h three", "y")}, "?"},
		{"larger", nodes{h, node("Max", "h one", "y")}, "H"},
		{"larger, turned", nodes{h, node("Max", "one h", "y")}, "H"},
		{"larger of three", nodes{h, node("Max", "h one seven", "y")}, "nothing"},
		{"larger, open", nodes{h, node("Max", "h seven", "y")}, "?"},
		{"smaller", nodes{h, node("Min", "h h", "y")}, "H"},
		{"smaller, open", nodes{h, node("Min", "h one", "y")}, "?"},
		{"equal", nodes{h, node("Equal", "h h", "y")}, "1"},
		{"never minus one", nodes{h, node("Equal", "h minus", "y")}, "0"},
		{"never minus one, turned", nodes{h, node("Equal", "minus h", "y")}, "0"},
		{"equal, open", nodes{h, node("Equal", "h seven", "y")}, "?"},
		{"flag", nodes{h, node("Cast", "h", "y", to(onnxio.Bool))}, "?"},
		{"flag of channels", nodes{node("Shape", "x", "t"), node("Cast", "t", "y", to(onnxio.Bool))}, "? 1 ? ?"},
		{"picked", nodes{node("Equal", "s s", "e"), node("Where", "e s sevens", "y")}, "N 4 H W"},
		{"picked the other", nodes{node("Equal", "s minus1", "e"), node("Where", "e sevens s", "y")}, "N 4 H W"},
		{"picked, open", nodes{node("Equal", "s sevens", "e"), node("Where", "e s sevens", "y")}, "? 7 ? ?"},
		{"picked, all the same", nodes{node("Equal", "s sevens", "e"), node("Where", "e s s", "y")}, "N 4 H W"},
		{"joined", nodes{node("Concat", "s sevens", "y", i("axis", 0))}, "N 4 H W 7 7 7 7"},
		{"joined with data", nodes{node("Concat", "s data", "y", i("axis", 0))}, "nothing"},
		{"cut", nodes{node("Slice", "s onev threev", "y")}, "4 H"},
		{"cut to nothing", nodes{node("Slice", "s threev onev", "y")}, ""},
		{"taken twice", nodes{node("Gather", "s twos", "y")}, "H H"},
		{"taken beyond", nodes{node("Gather", "s nine", "y")}, "nothing"},
		{"number of elements", nodes{node("Size", "x", "y")}, "4*H*N*W"},
		{"product of sizes", nodes{node("ReduceProd", "s", "y")}, "4*H*N*W"},
		{"sum of sizes", nodes{node("ReduceSum", "s", "y")}, "nothing"},
		{"views", nodes{node("Unsqueeze", "h0 zerov", "u"), node("Squeeze", "u zerov", "q"), node("Reshape", "q onev", "r"), node("Identity", "r", "y")}, "H"},
		{"filled", nodes{node("Shape", "s", "four"), node("ConstantOfShape", "four", "y", value("int64 [1] 3"))}, "const"},
		{"repeated", nodes{h, node("Expand", "h fourv", "y")}, "H H H H"},
		{"repeated beyond", nodes{h, node("Expand", "h many", "y")}, "nothing"},
		{"narrow", nodes{h, node("Cast", "h", "y", to(onnxio.Int8))}, "nothing"},
		{"int32", nodes{h, node("Cast", "h", "n", to(onnxio.Int32)), node("CastLike", "n three32", "y")}, "H"},
		{"int32 that wraps", nodes{node("Cast", "s", "n", to(onnxio.Int32)), node("Mul", "n huge32", "y")}, "2147483647*N ? 2147483647*H 2147483647*W"},
	} {
		p := onnxio.Parts{Opset: 18,
			Inputs: []*onnxio.ValueInfo{
				onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4), onnxio.Named("H"), onnxio.Named("W")),
				onnxio.NewValue("data", onnxio.Int64, onnxio.Known(2))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Undefined)},
			Nodes:   append(nodes{node("Shape", "x", "s"), onnxio.NewNode("", "Gather", []string{"s", "twoi"}, []string{"h0"})}, tc.nodes...)}
		for name, text := range map[string]string{"zero": "int64 [] 0", "one": "int64 [] 1", "onei": "int64 [] 1", "twoi": "int64 [] 2", "two": "int64 [] 2", "three": "int64 [] 3", "six": "int64 [] 6", "seven": "int64 [] 7", "minus": "int64 [] -1", "minus1": "int64 [1] -1",
			"threef": "float32 [] 3", "sevens": "int64 [4] 7 7 7 7", "zerov": "int64 [1] 0", "onev": "int64 [1] 1", "threev": "int64 [1] 3", "fourv": "int64 [1] 4", "twos": "int64 [2] 2 -2", "nine": "int64 [1] 9", "many": "int64 [1] 4000", "three32": "int32 [1] 3", "huge32": "int32 [1] 2147483647"} {
			p.Inits = append(p.Inits, stored(t, name, text))
		}
		slices.SortFunc(p.Inits, func(a, b *onnxio.Tensor) int { return strings.Compare(a.Name(), b.Name()) })
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		y := g.Value("y")
		have := "nothing"
		switch ints := y.Ints(); {
		case g.IsConst(y):
			have = "const"
		case ints != nil:
			have = strings.Trim(fmt.Sprint(ints), "[]")
		}
		if have != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, have, tc.want)
		}
		if len(g.Notes) > 0 {
			t.Errorf("%s: %v", tc.name, g.Notes)
		}
	}
}

// A Reshape that asks for ⌊H/7⌋·7 rows of H promises that 7 divides H.
func TestPromisedTiles(t *testing.T) {
	p := onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Named("H"))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Undefined)},
		Nodes: []*onnxio.Node{
			onnxio.NewNode("", "Shape", []string{"x"}, []string{"s"}),
			onnxio.NewNode("", "Gather", []string{"s", "one"}, []string{"h"}),
			onnxio.NewNode("", "Div", []string{"h", "seven"}, []string{"q"}),
			onnxio.NewNode("", "Concat", []string{"minus", "q", "seven"}, []string{"to"}, onnxio.IntAttr("axis", 0)),
			onnxio.NewNode("", "Reshape", []string{"x", "to"}, []string{"y"}),
		},
		Inits: []*onnxio.Tensor{stored(t, "one", "int64 [1] 1"), stored(t, "seven", "int64 [1] 7"), stored(t, "minus", "int64 [1] -1")},
	}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	if have, want := describe(m), "float32 [N ((H)//(7)) 7]; a size of h to be a multiple of 7"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	h := graph.Symbol("H")
	atoms := graph.NewAtoms()
	if l, ok := atoms.Regroup(graph.Layout{atoms.Axis(h)}.Flat(), []graph.Dim{h.FloorDiv(graph.Size(7)), graph.Size(7)}); !ok || len(l) != 2 || !atoms.Size(l[1][0]).Is(7) {
		t.Errorf("H is not cut into tiles of 7: %v", l)
	}
	if _, ok := atoms.Regroup(graph.Layout{atoms.Axis(h)}.Flat(), []graph.Dim{h.FloorDiv(h.Plus(graph.Size(1))), graph.Size(7)}); ok {
		t.Error("H was cut by a quotient that is no number")
	}
}

func TestDeclaredSizes(t *testing.T) {
	v := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(3), onnxio.Named("4*hp*hp"), onnxio.Named("a/b"), onnxio.Dim{}, onnxio.Named("2*"), onnxio.Named("h p"))
	dims := graph.Declared(v)
	if have, want := fmt.Sprint(dims), "[3 4*hp*hp 'a/b' x.3 '2*' 'h p']"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	if names := dims[1].Names(); !slices.Equal(names, []string{"hp"}) {
		t.Errorf("4*hp*hp has the names %q", names)
	}
}
