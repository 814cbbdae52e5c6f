package explain

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/convert/internal/reason"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
)

// What is told of nodes that a result has does not change unnoticed.
func TestStays(t *testing.T) {
	var text strings.Builder
	for _, c := range sketch.Listed(t, "testdata/remains.txt") {
		fmt.Fprintf(&text, "\n# %s\n", c.Name)
		for _, x := range Stays(rules.Explain(sketch.Graph(t, c.Text), nil, nil), nil, nil, nil) {
			fmt.Fprintf(&text, "%s at %s: %s\n", x.Code, x.Node, x.Message)
		}
	}
	sketch.Golden(t, "stays.txt", text.String())
}

// What a decline names is not named again; nodes of merges have names of the file.
func TestStaysBesideDeclines(t *testing.T) {
	e := rules.Explain(sketch.Graph(t, "x : N 4 8 8\na = Conv(x, ?4x4x1x1)\nb = Mul(a, ?4x1x1)\nc = Sin(b)\nd = Mul(c, ?4x1x1)\ny = Conv(d, ?4x4x1x1)\nz = Exp(d)\n> y z"), nil, nil)
	made := map[string]string{"Conv_a": "first", "Conv_y": "last"}
	all := Stays(e, nil, made, nil)
	if len(all) != 2 || !strings.Contains(all[0].Message, `"first"`) || !strings.Contains(all[1].Message, `"last"`) || strings.Contains(all[0].Message, "Conv_a") {
		t.Fatalf("%+v", all)
	}
	for _, d := range []Decline{{Node: "Mul_b"}, {Node: "y", Nodes: []string{"y", "Mul_b"}}} {
		if some := Stays(e, []Decline{d}, made, nil); len(some) != 1 || some[0] != all[1] {
			t.Errorf("beside %+v: %+v", d, some)
		}
	}
}

// Where a search for a layer ended is told where a look around a node says less.
func TestStaysWhereASearchEnded(t *testing.T) {
	e := rules.Explain(sketch.Graph(t, "x : N 4 8 8\na = Conv(x, ?4x4x1x1)\nb = MaxPool(a) kernel_shape=2,2\nc = Mul(b, ?4x1x1)\nd = Sin(c)\ne = Mul(d, ?4x1x1)\nf = Conv(e, ?4x4x1x1)\ng = Sin(f)\ny = Mul(g, ?4x1x1)"), nil, nil)
	for code, want := range map[reason.Code][]bool{reason.SignDepends: {true, true, true}, reason.BiasBeforeZeroPadding: {true, true, true}, reason.PartWithoutLayer: {true, true, false}, reason.NoLinearNeighbour: {true, true, false}} {
		for i, node := range []string{"Mul_c", "Mul_e", "Mul_y"} {
			told := Stays(e, nil, nil, map[string]*reason.Refusal{node: reason.Refuse(code, "it ends")})
			if have := told[i].Message == `"`+node+`" (Mul) stays: it ends` && told[i].Code == string(code); len(told) != 3 || have != want[i] {
				t.Errorf("%s at %s: %+v", code, node, told)
			}
		}
	}
}
