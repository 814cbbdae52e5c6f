package explain

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/reason"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// What people are told of each graph does not change unnoticed; a graph with the name
// of a code is declined with it.
func TestFindings(t *testing.T) {
	codes := map[string]bool{}
	for _, r := range reason.Reasons() {
		codes[string(r.Code)] = true
	}
	var text strings.Builder
	for _, c := range sketch.Listed(t, "testdata/graphs.txt") {
		p := plan.New(rules.Explain(sketch.Graph(t, c.Text), nil, nil), plan.Options{})
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		f := Of(p)
		fmt.Fprintf(&text, "\n# %s\n", c.Name)
		for _, r := range p.Regions {
			fmt.Fprintf(&text, "%s: %s\n", r.ID, r.Derivation())
		}
		for _, b := range f.Blocks {
			fmt.Fprintf(&text, "%s %s (%s): %s, becomes %s\n", b.Kind, b.Name, b.Region, b.Detail, b.Becomes)
		}
		code, _, _ := strings.Cut(c.Name, " ")
		code = strings.Trim(code, ",")
		found := !codes[code]
		for _, d := range f.Declined {
			fmt.Fprintf(&text, "%s at %s, %s: %s\n", d.Code, d.Node, strings.Join(d.Nodes, " "), d.Message)
			found = found || d.Code == code
			if d.Node == "" || len(d.Nodes) == 0 || d.Nodes[0] != d.Node || !codes[d.Code] {
				t.Errorf("%s: %+v", c.Name, d)
			}
		}
		if len(p.Regions) == 0 {
			for _, x := range append(f.Left, Stays(p.Explained, f.Declined, nil, nil)...) {
				fmt.Fprintf(&text, "left, %s at %s: %s\n", x.Code, x.Node, x.Message)
				found = found || x.Code == code
				if x.Node == "" || !codes[x.Code] || !strings.Contains(x.Message, x.Node) {
					t.Errorf("%s: %+v", c.Name, x)
				}
			}
		}
		if !found {
			t.Errorf("%s: declined with %+v", c.Name, f.Declined)
		}
		for _, w := range f.Warnings {
			fmt.Fprintf(&text, "warning %s: %s\n", w.Code, w.Message)
		}
		seen := map[[2]string]bool{}
		for _, d := range f.Declined {
			if key := [2]string{d.Code, d.Node}; seen[key] {
				t.Errorf("%s: %s is told twice of %s", c.Name, d.Code, d.Node)
			} else {
				seen[key] = true
			}
		}
	}
	sketch.Golden(t, "findings.txt", text.String())
}

// Bodies of control flow are looked into.
func TestLayersInABody(t *testing.T) {
	raw, err := onnxio.EncodeFloat64(make([]float64, 16), onnxio.Float64)
	if err != nil {
		t.Fatal(err)
	}
	weight := func(name string, dims ...int64) *onnxio.Tensor {
		n := int64(8)
		for _, d := range dims {
			n *= d
		}
		w, err := onnxio.NewTensor(name, onnxio.Float64, dims, raw[:n])
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	body := func(op string) onnxio.Parts {
		return onnxio.Parts{Inits: []*onnxio.Tensor{weight("w"+op, 2, 2), weight("v"+op, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("n"+op, onnxio.Float64)},
			Nodes: []*onnxio.Node{onnxio.NewNode("layer", op, []string{"x", "w" + op}, []string{"a" + op}),
				onnxio.NewNode("norm", "BatchNormalization", []string{"a" + op, "v" + op, "v" + op, "v" + op, "v" + op}, []string{"n" + op})}}
	}
	then, err := onnxio.GraphAttr("then_branch", body("MatMul"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := onnxio.GraphAttr("else_branch", body("Identity"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float64, onnxio.Known(2), onnxio.Known(2)), onnxio.NewValue("c", onnxio.Bool)},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)}, Nodes: []*onnxio.Node{onnxio.NewNode("if", "If", []string{"c"}, []string{"y"}, then, other)}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := Of(plan.New(rules.Explain(g, nil, nil), plan.Options{}))
	if len(f.Declined) != 1 || f.Declined[0].Code != "inside_subgraph" || f.Declined[0].Node != "if" || strings.Join(f.Declined[0].Nodes, " ") != "if layer norm" {
		t.Errorf("%+v", f.Declined)
	}
}

// Each family stands in the page, with all that is to be said of it.
func TestFamiliesPage(t *testing.T) {
	page := FamiliesPage()
	names := map[string]bool{}
	for _, f := range Families() {
		if f.Name == "" || f.Structure == "" || f.Becomes == "" || f.Formula == "" || f.Declined == "" || names[f.Name] {
			t.Errorf("%+v", f)
		}
		names[f.Name] = true
		for _, part := range []string{"\n## " + f.Name + "\n", f.Structure, f.Becomes, f.Formula, f.Declined} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %q", part)
			}
		}
	}
	kindred := AllKindred()
	if len(kindred) < 10 || !strings.Contains(page, "\n\n## Further blocks\n") {
		t.Errorf("%d further blocks\n%s", len(kindred), page)
	}
	for _, k := range kindred {
		if !strings.Contains(page, "\n| "+k.Name+" | ") {
			t.Errorf("the page lacks %q", k.Name)
		}
	}
}

// A sum that is read by a node that nobody knows, which may make nothing, is no operand of a larger one.
func TestSumThatNothingIsMadeOf(t *testing.T) {
	for _, outputs := range [][]string{nil, {""}} {
		m, err := sketch.Model(t, "x : float32 2 4 8 8\na = Conv(x, ?4x4x3x3)\nb = Conv(x, ?4x4x3x3)\nc = Relu(x)\ns = Add(a, b)\ny = Sigmoid(c)").
			Apply(onnxio.Edit{AddNodes: []onnxio.Placed{{Node: onnxio.NewNode("sink", "Sink", []string{"s"}, outputs)}}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l := &look{e: rules.Explain(g, nil, nil)}
		if l.innerSum(g.Value("s")) {
			t.Errorf("outputs %q: it is", outputs)
		}
	}
}
