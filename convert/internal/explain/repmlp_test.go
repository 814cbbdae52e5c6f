package explain

import (
	"strings"
	"testing"

	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

const (
	vector2021 = `x : float32 N 2 4 4
p = AveragePool(x) kernel_shape=2,2 strides=2,2
r = Reshape(p, #-1_8)
s = Gemm(r, ?8x4, ?4)
t = Relu(s)
u = Gemm(t, ?4x8, ?8)
v = Reshape(u, #-1_2_2_1_2_1)
a = Reshape(x, #-1_2_2_2_2_2)
`
	block2021 = `
b = Transpose(w) perm=0,2,4,1,3,5
c = Reshape(b, #-1_8_1_1)
d = Conv(c, ?8x4x1x1) group=2
e = Reshape(d, #-1_2_2_2_2_2)
f = Reshape(b, #-1_2_2_2)
g = Conv(f, ?2x1x3x3) group=2 pads=1,1,1,1
h = Reshape(g, #-1_2_2_2_2_2)
i = Add(e, h)
j = Transpose(i) perm=0,3,1,4,2,5
y = Reshape(j, #-1_2_4_4)`
	block2022 = `x : float32 N 4 4 4
a = Reshape(x, #-1_4_2_2_2_2)
b = Transpose(a) perm=0,2,4,1,3,5
c = Reshape(b, #-1_8_1_1)
d = Conv(c, ?8x4x1x1) group=2
e = Reshape(d, #-1_2_2_2)
f = Reshape(b, #-1_2_2_2)
g = Conv(f, ?2x1x3x3) group=2 pads=1,1,1,1
i = Add(e, g)
k = Reshape(i, #-1_2_2_4_2_2)
l = Transpose(k) perm=0,3,1,4,2,5
m = Reshape(l, #-1_4_4_4)
p = GlobalAveragePool(x)
q = Conv(p, ?2x4x1x1, ?2)
r = Relu(q)
s = Conv(r, ?4x2x1x1, ?4)
t = Sigmoid(s)
`
)

func findingsOf(t *testing.T, text string) *Findings {
	t.Helper()
	return Of(plan.New(rules.Explain(sketch.Graph(t, text), nil, nil), plan.Options{}))
}

// The global perceptron is found whichever operand of the sum or product it is, and
// nothing else is taken for one.
func TestGlobalPerceptron(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
	}{
		"2021":                      {vector2021 + "w = Add(a, v)" + block2021, "FC1 8 -> 4, FC2 4 -> 8"},
		"2021, the vector first":    {vector2021 + "w = Add(v, a)" + block2021, "FC1 8 -> 4, FC2 4 -> 8"},
		"2021, a vector of input":   {strings.Replace(vector2021, "x : float32 N 2 4 4\n", "x : float32 N 2 4 4\nz : float32 N 2 2 1 2 1\n", 1) + "w = Add(a, z)" + block2021 + "\n> y v", ""},
		"2022":                      {block2022 + "y = Mul(m, t)", "FC1 4 -> 2, FC2 2 -> 4"},
		"2022, the vector first":    {block2022 + "y = Mul(t, m)", "FC1 4 -> 2, FC2 2 -> 4"},
		"2022, squared":             {block2022 + "n = Identity(m)\ny = Mul(m, m)\nz = Add(y, t)\n> z", ""},
		"2022, the vector is added": {block2022 + "y = Add(m, t)", ""},
	} {
		var got []string
		for _, b := range findingsOf(t, c.text).Blocks {
			if b.Kind == "RepMLP" {
				got = append(got, b.Detail)
			}
		}
		if len(got) != 1 {
			t.Errorf("%s: blocks %q", name, got)
			continue
		}
		want := "partition perceptron "
		if c.want != "" {
			want = "global perceptron " + c.want + "; " + want
		}
		if !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: %s, want %q", name, got[0], want)
		}
	}
}

// Share sets are named where every channel of a tile has its own FC3.
func TestShareSets(t *testing.T) {
	one := strings.NewReplacer("?8x4x1x1) group=2", "?8x8x1x1)", "?2x1x3x3) group=2", "?2x2x3x3)")
	four := strings.NewReplacer("#-1_8_1_1", "#-1_16_1_1", "?8x4x1x1) group=2", "?16x4x1x1) group=4", "#-1_2_2_2)", "#-1_4_2_2)", "?2x1x3x3) group=2", "?4x1x3x3) group=4")
	for text, want := range map[string]bool{block2022: true, four.Replace(block2022): true, one.Replace(block2022): false} {
		blocks := findingsOf(t, text+"y = Mul(m, t)").Blocks
		if len(blocks) != 1 || strings.Contains(blocks[0].Detail, "share sets") != want {
			t.Errorf("%+v, want share sets: %v", blocks, want)
		}
	}
}

// A node without a first output, among the readers of a sum, is looked past.
func TestReadersWithoutAnOutput(t *testing.T) {
	for _, c := range []struct {
		text, read string
		blocks     int
	}{
		{"x : float32 N 4 6 6\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Relu(x)\nc = Conv(b, ?4x4x3x3) pads=1,1,1,1\ny = Add(a, c)", "y", 0},
		{block2022 + "> m", "m", 1},
		{block2022 + "n = Identity(m)\n> n", "n", 1},
	} {
		m := sketch.Model(t, c.text)
		for _, outs := range [][]string{{}, {""}, {"", "mask"}} {
			odd, err := m.Apply(onnxio.Edit{AddNodes: []onnxio.Placed{{Node: onnxio.NewNode("odd", "Frobnicate", []string{c.read}, outs)}}})
			if err != nil {
				t.Fatal(err)
			}
			g, err := graph.New(odd, graph.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := plan.New(rules.Explain(g, nil, nil), plan.Options{})
			if found := Of(p); len(found.Blocks) != c.blocks {
				t.Errorf("%s with outputs %q: %v, %+v", c.read, outs, p, found)
			}
		}
	}
}
