package identical

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/internal/ops"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// numbered numbers two models with one table.
func numbered(t *testing.T, a, b *onnxio.Model) (first, second *Side) {
	t.Helper()
	table := NewTable()
	var sides [2]*Side
	for i, m := range []*onnxio.Model{a, b} {
		g, err := graph.New(m, graph.Options{Sure: true})
		if err != nil {
			t.Fatal(err)
		}
		if sides[i], err = table.Number(g, nil); err != nil {
			t.Fatal(err)
		}
	}
	return sides[0], sides[1]
}

// Names and order count for nothing.
func TestRenamedIsTheSame(t *testing.T) {
	for seed := range uint64(60) {
		m := sketch.Model(t, sketch.Random(seed, 14, 3))
		first, second := numbered(t, m, sketch.Renamed(t, m, seed))
		alive := len(second.Graph.Alive())
		if d := second.Differences(first); len(d) > 0 || second.Count(first).Nodes != alive {
			t.Fatalf("seed %d: %q, %d of %d nodes\n%s", seed, d, second.Count(first).Nodes, alive, sketch.Random(seed, 14, 3))
		}
	}
}

// What is written in two ways and computes the same has one number; what does not has two.
func TestSameAndOther(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"x : N 4 6\ny = Relu(x)", "x : N 4 6\na = Identity(x)\nb = Dropout(a)\ny = Relu(b)", true},
		{"x : 2 4 6\na = Reshape(x, #2_24)\nb = Reshape(a, #4_12)\ny = Relu(b)", "x : 2 4 6\na = Reshape(x, #4_12)\ny = Relu(a)", true},
		{"x : 2 4 6\na = Reshape(x, #2_24)\nb = Reshape(a, #2_4_6)\ny = Relu(b)", "x : 2 4 6\ny = Relu(x)", true},
		{"x : 2 4 6\na = Reshape(x, #2_24)\ny = Relu(a)", "x : 2 4 6\na = Reshape(x, #4_12)\ny = Relu(a)", false},
		{"x : N 4 6\na = Transpose(x) perm=0,2,1\nb = Transpose(a) perm=2,1,0\ny = Relu(b)", "x : N 4 6\na = Transpose(x) perm=1,2,0\ny = Relu(a)", true},
		{"x : N 4 6\na = Transpose(x) perm=0,2,1\nb = Transpose(a) perm=2,1,0\ny = Relu(b)", "x : N 4 6\na = Transpose(x) perm=2,0,1\ny = Relu(a)", false},
		{"x : N 4 6\na = Flatten(x)\ny = Relu(a)", "x : N 4 6\na = Reshape(x, #-1_24)\ny = Relu(a)", true},
		{"x : N 4 6\na = Mul(x, =1:4x1)\nb = Add(a, =0:6)\ny = Relu(b)", "x : N 4 6\ny = Relu(x)", true},
		{"x : N 4 6\na = Mul(=1:4x1, x)\nb = Add(=0:6, a)\ny = Relu(b)", "x : N 4 6\ny = Relu(x)", true},
		{"x : N 4 6\na = Sub(=0:6, x)\ny = Relu(a)", "x : N 4 6\ny = Relu(x)", false},
		{"x : N 4 6\na = Mul(x, =1.5:4x1)\ny = Relu(a)", "x : N 4 6\ny = Relu(x)", false},
		{"x : N 4 8 8\ny = Conv(x, =0.5:4x4x3x3)", "x : N 4 8 8\ny = Conv(x, =0.5:4x4x3x3) group=1 strides=1,1", false}, // the default of strides is no single value
		{"x : N 4 8 8\ny = Conv(x, =0.5:4x4x3x3)", "x : N 4 8 8\ny = Conv(x, =0.5:4x4x3x3) group=1", true},
		{"x : N 4 8 8\ny = Conv(x, =0.5:4x4x3x3)", "x : N 4 8 8\ny = Conv(x, =0.5:4x4x3x3) pads=1,1,1,1", false},
		{"x : N 4\nz : N 4\ny = Sub(x, z)", "x : N 4\nz : N 4\ny = Sub(z, x)", false},
		{"x : N 4\na = Softmax(x)\ny = Relu(a)", "x : N 4\na = Softmax(x) axis=-1\ny = Relu(a)", true},
		{"x : N 4\na = Softmax(x)\ny = Relu(a)", "x : N 4\na = Softmax(x) axis=0\ny = Relu(a)", false},
		{"x : N 4\na = Relu(x)\nb = Neg(a)\ny = Add(a, b)", "x : N 4\na = Relu(x)\nc = Relu(x)\nb = Neg(c)\ny = Add(a, b)", true},
		{"x : N 4\na = Cast(x) to=11\ny = Relu(a)", "x : N 4\ny = Relu(x)", true},
		{"x : N 2\ns = Shape(x)\ng = Slice(s, #1, #2)\nq = Equal(g, #2)\ny = Where(q, x, =0:2)", "x : N 2\nq = Cast(#1) to=9\ny = Where(q, x, =0:2)", true},
		{"x : N 2\ns = Shape(x)\ng = Slice(s, #1, #2)\nq = Equal(g, #3)\ny = Where(q, x, =0:2)", "x : N 2\nq = Cast(#1) to=9\ny = Where(q, x, =0:2)", false},
		{"x : N 2\ns = Shape(x)\ng = Slice(s, #1, #2)\nf = Cast(g) to=11\nr = Sqrt(f)\ny = Mul(x, r)", "x : N 2\nr = Sqrt(=2:1)\ny = Mul(x, r)", true}, // a constant on one side alone
		{"x : N 2\ns = Shape(x)\ng = Slice(s, #1, #2)\nf = Cast(g) to=11\nr = Sqrt(f)\ny = Mul(x, r)", "x : N 2\nr = Sqrt(=3:1)\ny = Mul(x, r)", false},
		{"x : 1\nk = Expand(=1.5, #65536)\ny = Add(x, k)", "x : 1\nk = Tile(=1.5:1, #65536)\ny = Add(x, k)", true},
		{"x : 1\nk = Expand(=1.5, #2_32769)\ny = Add(x, k)", "x : 1\nk = Tile(=1.5:1x1, #2_32769)\ny = Add(x, k)", false}, // nobody works them out
		{"opset 13\nx : N 4\ny = LeakyRelu(x)", "opset 16\nx : N 4\ny = LeakyRelu(x)", true},
		{"opset 14\nx : N 4\ny = Hardmax(x)", "opset 17\nx : N 4\ny = Hardmax(x)", true}, // of one version
		{"opset 12\nx : N 4\ny = Hardmax(x) axis=1", "opset 13\nx : N 4\ny = Hardmax(x) axis=1", false},
		{"opset 12\nx : N 4\ny = Softmax(x) axis=1", "opset 13\nx : N 4\ny = Softmax(x) axis=1", false},
		{"opset 6\nx : 4\ny = Add(x, =1:1) broadcast=1", "opset 7\nx : 4\ny = Add(x, =1:1)", false},
		{"opset 17\nx : N 4\ny = Unknown(x)", "opset 16\nx : N 4\ny = Unknown(x)", false}, // of nobody knows what version
		{"x : N 4 6\ny = Add(x, =0.5:6)", "x : N 4 6\ny = Add(x, =0.5:1x6)", false},       // another shape
	} {
		first, second := numbered(t, sketch.Model(t, c.a), sketch.Model(t, c.b))
		if d := second.Differences(first); (len(d) == 0) != c.same {
			t.Errorf("%s\n---\n%s\n: %q", c.a, c.b, d)
		}
	}
}

// An initializer that is an input as well is what its name says, and else its numbers; frozen,
// it is its numbers.
func TestDefaults(t *testing.T) {
	model := func(number int64, fed bool) *onnxio.Model {
		x := onnxio.NewValue("x", onnxio.Int64, onnxio.Named("N"))
		p := onnxio.Parts{Inputs: []*onnxio.ValueInfo{x}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Int64)}, Inits: []*onnxio.Tensor{onnxio.NewInts("w", []int64{1}, []int64{number})},
			Nodes: []*onnxio.Node{onnxio.NewNode("", "Add", []string{"x", "w"}, []string{"y"})}}
		if fed {
			p.Inputs = append(p.Inputs, onnxio.NewValue("w", onnxio.Int64, onnxio.Known(1)))
		}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		a, b   *onnxio.Model
		freeze bool
		same   bool
	}{
		{model(2, true), model(2, true), false, true},
		{model(2, true), model(3, true), false, false},
		{model(2, true), model(2, false), false, false},
		{model(2, false), model(2, false), false, true},
		{model(2, true), model(2, false), true, true},
		{model(2, true), model(3, true), true, false},
	} {
		table := NewTable()
		var sides []*Side
		for _, m := range []*onnxio.Model{c.a, c.b} {
			g, err := graph.New(m, graph.Options{Sure: true, FreezeInputs: c.freeze})
			if err != nil {
				t.Fatal(err)
			}
			s, err := table.Number(g, nil)
			if err != nil {
				t.Fatal(err)
			}
			sides = append(sides, s)
		}
		if same := sides[0].Named("y") == sides[1].Named("y"); same != c.same {
			t.Errorf("%+v: the same %v", c, same)
		}
	}
}

// A claim gives a value the number of another, and what is a view of it the view of that.
func TestClaim(t *testing.T) {
	a := sketch.Graph(t, "x : 2 4 6\na = Relu(x)\nb = Sigmoid(a)\nc = Reshape(b, #8_6)\ny = Relu(c)")
	merged := sketch.Graph(t, "x : 2 4 6\na = Relu(x)\nt = Tanh(a)\nu = Reshape(t, #6_8)\nb = Reshape(u, #2_4_6)\nc = Reshape(b, #8_6)\ny = Relu(c)")
	tidied := sketch.Graph(t, "x : 2 4 6\na = Relu(x)\nt = Tanh(a)\nc = Reshape(t, #8_6)\ny = Relu(c)")
	table := NewTable()
	first, err := table.Number(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Number(merged, func(s *Side, v *graph.Value, _ Class) Class {
		if v.Name == "b" {
			return first.Named("b")
		}
		return 0
	}); err != nil {
		t.Fatal(err)
	}
	last, err := table.Number(tidied, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := last.Differences(first); len(d) > 0 {
		t.Error(d)
	}
}

// Of several outputs those that differ are told, whichever stand before them.
func TestDifferencesOfSomeOutputs(t *testing.T) {
	const inputs = "x : N 4\na = Relu(x)\n"
	for _, c := range []struct {
		before, after string
		want          []string
	}{
		{"b = Neg(a)\nc = Exp(a)\n> b c", "b = Neg(a)\nc = Exp(a)\n> b c", nil},
		{"b = Neg(a)\nc = Exp(a)\n> b c", "b = Neg(a)\nc = Log(a)\n> b c", []string{`output "c" is not what it was: `}},
		{"b = Neg(a)\nc = Exp(a)\n> b c", "b = Abs(a)\nc = Log(a)\n> b c", []string{`output "b" is not what it was: `, `output "c" is not what it was: `}},
		{"b = Neg(a)\nc = Exp(a)\n> b c", "b = Neg(a)\nc = Exp(a)\n> c b", []string{`the outputs are ["c" "b"] and were ["b" "c"]`}},
	} {
		first, second := numbered(t, sketch.Model(t, inputs+c.before), sketch.Model(t, inputs+c.after))
		have := second.Differences(first)
		if len(have) != len(c.want) {
			t.Fatalf("%s: %q", c.after, have)
		}
		for i, d := range have {
			if !strings.HasPrefix(d, c.want[i]) {
				t.Errorf("%s: %q", c.after, d)
			}
		}
	}
}

// What settled operators mean came with a version of theirs, and is what they mean now.
func TestSettledOperators(t *testing.T) {
	for op, from := range settled {
		o := ops.Lookup(op, from)
		if o == nil || o.Since != from {
			t.Errorf("%s has no version %d", op, from)
		}
		m := sketch.Model(t, "opset 17\nx : N 4\ny = Relu(x)")
		if have := operator(onnxio.NewNode("", op, nil, nil), m); have != fmt.Sprintf("%q %q %d", "", op, from) {
			t.Errorf("%s", have)
		}
	}
}

// Claims that say something else each time are asked a few times, not for ever.
func TestClaimsThatDoNotSettle(t *testing.T) {
	asked := 0
	g := sketch.Graph(t, "x : 2 4\ny = Relu(x)")
	s, err := NewTable().Number(g, func(s *Side, _ *graph.Value, _ Class) Class {
		asked++
		return s.t.of(fmt.Sprint("another ", asked))
	})
	if err != nil || asked != passes || s.Named("y") != s.t.of(fmt.Sprint("another ", passes)) {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// A number that is repeated over two shapes is two constants.
func TestConstantsOfShapes(t *testing.T) {
	value, err := onnxio.NewTensor("v", onnxio.Float32, []int64{1}, []byte{0, 0, 128, 63})
	if err != nil {
		t.Fatal(err)
	}
	of := func(rows int) *onnxio.Model {
		m := sketch.Model(t, fmt.Sprintf("x : float32 N 4\ns = Identity(#%d_4)\ny = Concat(x, c) axis=0\nc : float32 R 4", rows))
		g := m.Graph()
		edit := onnxio.Edit{DropInputs: g.Inputs()[1:], AddNodes: []onnxio.Placed{{Node: onnxio.NewNode("c", "ConstantOfShape", []string{"s"}, []string{"c"}, onnxio.TensorAttr("value", value)), Before: g.Nodes()[1]}}}
		made, err := m.Apply(edit)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	for _, c := range []struct {
		a, b int
		same bool
	}{{2, 2, true}, {2, 3, false}} {
		first, second := numbered(t, of(c.a), of(c.b))
		if d := second.Differences(first); (len(d) == 0) != c.same {
			t.Errorf("%d and %d rows: %q", c.a, c.b, d)
		}
	}
}
