package pieces

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// pairs are two models each, the second below ---.
var pairs = []struct{ what, text string }{
	{"nothing differs", "x : N 4 5 5\na = Conv(x, =1_2_3:4x4x1x1)\ny = Relu(a)\n---\nx : N 4 5 5\nb = Conv(x, =1_2_3:4x4x1x1)\ny = Relu(b)"},
	{"a norm in a conv", "x : N 4 5 5\na = Conv(x, ?4x4x3x3)\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\ny = Relu(b)\n---\nx : N 4 5 5\nb = Conv(x, ?4x4x3x3, ?4)\ny = Relu(b)"},
	{"under another name", "x : N 4 5 5\na = Conv(x, ?4x4x3x3)\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\ny = Relu(b)\n---\nx : N 4 5 5\nc = Conv(x, ?4x4x3x3, ?4)\ny = Relu(c)"},
	{"two in a row", "x : N 4 5 5\na = Conv(x, ?4x4x1x1)\nb = Mul(a, =2:4x1x1)\nc = Relu(b)\nd = Conv(c, ?4x4x1x1)\ne = Mul(d, =3:4x1x1)\ny = Relu(e)\n---\nx : N 4 5 5\nb = Conv(x, ?4x4x1x1)\nc = Relu(b)\ne = Conv(c, ?4x4x1x1)\ny = Relu(e)"},
	{"branches of one value", "x : N 4 5 5\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Conv(x, ?4x4x1x1)\nc = Add(a, b)\nd = Add(c, x)\ny = Relu(d)\n---\nx : N 4 5 5\nd = Conv(x, ?4x4x3x3) pads=1,1,1,1\ny = Relu(d)"},
	{"a layer of rows", "x : N 4\na = MatMul(x, ?4x6)\nb = MatMul(a, ?6x3)\ny = Relu(b)\n---\nx : N 4\nb = Gemm(x, ?4x3)\ny = Relu(b)"},
	{"a scale of two", "x : N 4 3\na = Mul(x, =2:4x1)\nb = Mul(a, =3:4x1)\ny = Relu(b)\n---\nx : N 4 3\nb = Mul(x, =6:4x1)\ny = Relu(b)"},
	{"a sum with another value", "x : N 4 5 5\nz : N 4 5 5\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Mul(a, =2:4x1x1)\nc = Add(b, z)\ny = Relu(c)\n---\nx : N 4 5 5\nz : N 4 5 5\nb = Conv(x, ?4x4x3x3) pads=1,1,1,1\nc = Add(z, b)\ny = Relu(c)"},
	{"of two values at once", "x : N 4\nz : N 4\na = Concat(x, z) axis=1\nb = MatMul(a, ?8x3)\ny = Relu(b)\n---\nx : N 4\nz : N 4\nc = MatMul(x, ?4x3)\nd = MatMul(z, ?4x3)\nb = Add(c, d)\ny = Relu(b)"},
	{"no linear one", "x : N 4\na = Sigmoid(x)\nb = Mul(x, a)\ny = Relu(b)\n---\nx : N 4\nc = Neg(x)\nd = Exp(c)\ne = Add(d, =1)\nb = Div(x, e)\ny = Relu(b)"},
	{"a layer whose size is asked for", "x : N 4 3\ns = Shape(x)\nn = Gather(s, #0)\nq = Concat(n, #12) axis=0\na = Reshape(x, q)\nb = MatMul(a, ?12x5)\nc = MatMul(b, ?5x5)\ny = Relu(c)\n---\nx : N 4 3\na = Flatten(x)\nc = MatMul(a, ?12x5)\ny = Relu(c)"},
	{"another operator", "x : N 4\ny = Relu(x)\n---\nx : N 4\ny = Tanh(x)"},
	{"a value in place of another", "x : N 4\na = Relu(x)\nb = Tanh(x)\ny = Exp(a)\n---\nx : N 4\na = Relu(x)\nb = Tanh(x)\ny = Exp(b)"},
	{"what nobody reads", "x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = Relu(b)\n---\nx : N 4\na = MatMul(x, ?4x4)\nb = MatMul(x, ?4x4)\ny = Relu(b)"},
	{"another type", "x : N 4\na = Cast(x) to=1\nb = Relu(a)\ny = Neg(b)\n---\nx : N 4\nb = Relu(x)\ny = Neg(b)"},
	{"a layer that is part of a sum", "x : N 4 5 5\nz : N 4 5 5\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Conv(x, ?4x4x1x1)\nc = Sum(a, z, b)\ny = Relu(c)\n---\nx : N 4 5 5\nz : N 4 5 5\ne = Conv(x, ?4x4x3x3) pads=1,1,1,1\nc = Add(e, z)\ny = Relu(c)"},
	{"a layer in groups", "x : N 4 9\na = Conv(x, ?8x2x3) group=2 strides=@2\nb = Mul(a, =2:8x1)\ny = Relu(b)\n---\nx : N 4 9\nb = Conv(x, ?8x2x3) group=2 strides=@2\ny = Relu(b)"},
	{"a transposed conv", "x : N 4 5 5\na = ConvTranspose(x, ?4x3x2x2) strides=2,2\nb = Mul(a, =2:3x1x1)\ny = Relu(b)\n---\nx : N 4 5 5\nb = ConvTranspose(x, ?4x3x2x2) strides=2,2\ny = Relu(b)"},
	{"a mean that moved", "x : N 4 5 5\na = Conv(x, ?4x4x1x1)\nb = GlobalAveragePool(a)\ny = Relu(b)\n---\nx : N 4 5 5\na2 = GlobalAveragePool(x)\nb = Conv(a2, ?4x4x1x1)\ny = Relu(b)"},
	{"a norm that is an affine function of no data", "x : N 4\na = Mul(x, =2:4)\nb = Div(a, =4)\nc = Sub(=1:4, b)\ny = Relu(c)\n---\nx : N 4\nb = Mul(x, =0.5:4)\nc = Sub(=1:4, b)\ny = Relu(c)"},
	{"a number that follows from sizes", "x : N 4 3\na = Relu(x)\ns = Shape(a)\nn = Gather(s, #2)\nf = Cast(n) to=11\nb = Mul(a, f)\ny = Relu(b)\n---\nx : N 4 3\na = Relu(x)\nb = Mul(a, =3:1)\ny = Relu(b)"},
	{"a list that follows from sizes", "x : N 4 3\na = MatMul(x, ?3x3)\ns = Shape(x)\nb = Reshape(a, s)\nc = MatMul(b, ?3x3)\ny = Relu(c)\n---\nx : N 4 3\nc = MatMul(x, ?3x3)\ny = Relu(c)"},
	{"shapes that are not known", "x : ?\na = Mul(x, =2)\nb = Mul(a, =3)\ny = Relu(b)\n---\nx : ?\nb = Mul(x, =6)\ny = Relu(b)"},
	{"values that do not fit each other", "x : N 4\na = Relu(x)\nb = Concat(a, a) axis=1\ny = Exp(b)\n---\nx : N 4\na = Relu(x)\nb = Concat(a, a, a) axis=1\ny = Exp(b)"},
	{"a scale that moved over an activation", "x : N 4\na = MatMul(x, ?4x4)\nb = Relu(a)\nc = Mul(b, !4)\ny = Sigmoid(c)\n---\nx : N 4\na2 = MatMul(x, ?4x4)\nc = Relu(a2)\ny = Sigmoid(c)"},
}

func searched(t *testing.T, text string) *Search {
	t.Helper()
	a, b, _ := strings.Cut(text, "\n---\n")
	before, err := graph.New(sketch.Model(t, a), graph.Options{Sure: true})
	if err != nil {
		t.Fatal(err)
	}
	after, err := graph.New(sketch.Model(t, b), graph.Options{Sure: true})
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := verify.ChooseSizes(before.Model, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSearch(t.Context(), before, after, sizes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// numbersOf are the sizes of a declared value.
func numbersOf(v *onnxio.ValueInfo) (shape []int) {
	for _, d := range v.Dims() {
		shape = append(shape, int(d.Value))
	}
	return shape
}

// told is a piece with what is claimed of it.
func told(t *testing.T, p *Piece) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "  %s as %s from %q, type %v\n", p.Value, p.New, p.From, p.Elem)
	for i, m := range []*onnxio.Model{p.Before, p.After} {
		fmt.Fprintf(&b, "  %s\n%s", []string{"before", "after"}[i], sketch.Nodes(m))
		if len(m.Graph().Inputs()) != len(p.Inputs) || len(m.Graph().Outputs()) != 1 || m.Graph().Outputs()[0].Name() != p.Output {
			t.Errorf("%s: inputs and outputs", p.Value)
		}
	}
	claims, linear, err := p.Claims(func() bool { return false })
	fmt.Fprintf(&b, "  linear %v, %v\n", linear, err)
	if !linear {
		return b.String()
	}
	shapes := map[string][]int{}
	for _, v := range p.Before.Graph().Inputs() {
		shapes[v.Name()] = numbersOf(v)
	}
	out := numbersOf(p.Before.Graph().Outputs()[0])
	for _, c := range claims {
		fmt.Fprintf(&b, "  claim %s of %q: rows %v, reach %v", c.Output, c.Inputs, c.Rows != nil, c.Reach)
		if u := c.Units(shapes[c.Inputs[0]], out); u != nil {
			fmt.Fprintf(&b, ", %d slots, %d units of %d, %d groups, random %v", len(u.Slots), len(u.Each), len(u.Each[0]), len(u.Groups), u.Random)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Pieces are found from values that both models have, the smallest first; those that do not
// hold make room for larger ones, until none is left.
func TestPieces(t *testing.T) {
	var text strings.Builder
	for _, c := range pairs {
		s := searched(t, c.text)
		fmt.Fprintf(&text, "# %s\n", c.what)
		for {
			list, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := s.Next(); err != nil || len(again) != len(list) {
				t.Errorf("%s: %d pieces, and then %d: %v", c.what, len(list), len(again), err)
			}
			if len(list) == 0 {
				fmt.Fprintf(&text, "differs: %q\n\n", s.Second.Differences(s.First))
				break
			}
			fmt.Fprintf(&text, "differs but for %d pieces: %q\n", len(list), s.Second.Differences(s.First))
			for _, p := range list {
				text.WriteString(told(t, p))
				s.Wrong(p)
			}
		}
	}
	sketch.Golden(t, "pieces.txt", text.String())
}

// What goes through a body depends on whatever that captures: no piece begins behind it.
func TestBodiesEndPieces(t *testing.T) {
	model := func(inner string) *onnxio.Model {
		branch := func(name, text string) *onnxio.Attr {
			g := sketch.Model(t, text).Graph()
			a, err := onnxio.GraphAttr(name, onnxio.Parts{Outputs: g.Outputs(), Inits: g.Inits(), Nodes: g.Nodes()})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		x := onnxio.NewValue("x", onnxio.Float64, onnxio.Known(2), onnxio.Known(4))
		m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{x, onnxio.NewValue("c", onnxio.Bool)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)}, Nodes: []*onnxio.Node{
			onnxio.NewNode("", "If", []string{"c"}, []string{"a"}, branch("then_branch", "x : 2 4\nt = "+inner+"(x)"), branch("else_branch", "x : 2 4\ne = Neg(x)")),
			onnxio.NewNode("", "Relu", []string{"a"}, []string{"y"}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var graphs []*graph.Graph
	for _, inner := range []string{"Sin", "Cos"} {
		g, err := graph.New(model(inner), graph.Options{Sure: true})
		if err != nil {
			t.Fatal(err)
		}
		graphs = append(graphs, g)
	}
	s, err := NewSearch(t.Context(), graphs[0], graphs[1], map[string][]int64{"x": {2, 4}, "c": nil})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.Next(); err != nil || len(list) != 0 || len(s.Second.Differences(s.First)) != 1 {
		t.Errorf("%d pieces, %v, %q", len(list), err, s.Second.Differences(s.First))
	}
}

// A piece goes through the values that it makes on its way.
func TestGoes(t *testing.T) {
	list, err := searched(t, pairs[4].text).Next()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	for _, c := range []struct {
		value, new string
		goes       bool
	}{{"d", "d", true}, {"a", "d", true}, {"c", "d", true}, {"y", "d", false}, {"d", "y", false}, {"x", "d", false}, {"d", "a", false}} {
		if have := list[0].Goes(c.value, c.new); have != c.goes {
			t.Errorf("%s as %s: %v", c.value, c.new, have)
		}
	}
}
