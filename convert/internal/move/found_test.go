package move_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/move"
	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// found makes each move that there is in a graph by itself, whether it pays or not: it
// keeps what the graph computes. It returns what moved, and what is in the way of the rest.
func found(t *testing.T, text string) string {
	t.Helper()
	g := sketch.Graph(t, text)
	p := plan.New(rules.Explain(g, nil, nil), plan.Options{})
	names := layer.NewWriter(g, nil)
	var out strings.Builder
	for _, across := range []bool{false, true} {
		moves, refusals := move.Find(p, nil, across, names.Fresh)
		for _, m := range moves {
			fmt.Fprintf(&out, "%v", m)
			if len(m.Elsewhere) > 0 {
				fmt.Fprintf(&out, ", elsewhere %v", m.Elsewhere)
			}
			out.WriteByte('\n')
			w, err := move.Write(g, []*move.Move{m}, names.Fresh)
			if err != nil {
				t.Fatal(err)
			}
			moved, err := g.Model.Apply(w.Edit)
			if err != nil {
				t.Fatalf("%v: %v", m, err)
			}
			equalRuns(t, g.Model, moved)
			var parts []string
			for _, n := range w.Edit.AddNodes {
				if w.Origin[n.Node] == nil {
					t.Errorf("%v: %q comes from nothing", m, n.Node.Name())
				}
				if w.Move[n.Node] != nil {
					i := slices.IndexFunc(w.Edit.AddInits, func(t *onnxio.Tensor) bool { return t.Name() == n.Node.Inputs()[1] })
					parts = append(parts, fmt.Sprintf("%s by %v before %s", n.Node.OpType(), w.Edit.AddInits[i].Dims(), n.Before.Title()))
				}
			}
			fmt.Fprintf(&out, "    %s\n", strings.Join(parts, ", "))
			if unpaid := w.Unpaid(func(*onnxio.Node) bool { return true }); len(unpaid) != 0 {
				t.Errorf("%v: unpaid %v", m, unpaid)
			}
			if unpaid := w.Unpaid(func(*onnxio.Node) bool { return false }); !unpaid[m] && len(parts) > 0 || len(unpaid) > 1 {
				t.Errorf("%v: unpaid %v", m, unpaid)
			}
		}
		for _, r := range refusals {
			fmt.Fprintf(&out, "%s stays, %s: %s\n", r.Node.Title(), r.Code, r.Message)
		}
		for _, m := range moves { // what was tried is not found again
			tried := map[string]move.Tried{m.Value(): {}}
			way := tried[m.Value()]
			way[m.Way] = true
			tried[m.Value()] = way
			again, _ := move.Find(p, tried, across, names.Fresh)
			for _, a := range again {
				if a.Value() == m.Value() && a.Way == m.Way {
					t.Errorf("%v is tried again", m)
				}
			}
		}
	}
	return out.String()
}

// What moves and what is in the way of what does not, does not change unnoticed.
func TestFound(t *testing.T) {
	var text strings.Builder
	for _, c := range movings {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			fmt.Fprintf(&text, "\n# %s\n%s", c.name, found(t, c.text))
		})
	}
	for _, c := range sketch.Listed(t, "testdata/graphs.txt") {
		t.Run(strings.ReplaceAll(c.Name, " ", "_"), func(t *testing.T) {
			fmt.Fprintf(&text, "\n# %s\n%s", c.Name, found(t, c.Text))
		})
	}
	sketch.Golden(t, "moves.txt", text.String())
}

// A search looks at so many nodes, and no further.
func TestLongWays(t *testing.T) {
	way := func(n int, from string) (text, last string) {
		var b strings.Builder
		for i := range n {
			to := fmt.Sprintf("r%d", i)
			fmt.Fprintf(&b, "%s = LeakyRelu(%s)\n", to, from)
			from = to
		}
		return b.String(), from
	}
	for n, want := range map[int]bool{127: true, 128: false} {
		relus, last := way(n, "b")
		if have := found(t, "x : float32 N 2 3\na = Sigmoid(x)\nb = Mul(a, !2x1)\n"+relus+"c = Conv("+last+", ?2x2x1)\nz = Softmax(c)"); strings.Contains(have, "moved on through") != want {
			t.Errorf("%d nodes behind: %s", n, have)
		}
		relus, last = way(n, "a")
		have := found(t, "x : float32 N 2 3\na = Conv(x, ?2x2x1)\n"+relus+"c = Mul("+last+", !2x1)\nz = Softmax(c)")
		if strings.Contains(have, "moved back through") != want || strings.Contains(have, "more than 128 nodes stand before it") == want {
			t.Errorf("%d nodes before: %s", n, have)
		}
	}
}

// Of a long run of scales and shifts the ends are tried.
func TestLongRuns(t *testing.T) {
	for n, want := range map[int]int{16: 16, 17: 16, 40: 16} {
		text, from := "x : float32 N 2 3\na = Tanh(x)\n", "a"
		for i := range n {
			to := fmt.Sprintf("s%d", i)
			text += fmt.Sprintf("%s = %s(%s, ?2x1)\n", to, []string{"Mul", "Add"}[i%2], from)
			from = to
		}
		have := found(t, text+"z = Softmax("+from+")")
		if count := strings.Count(have, " stays, "); count != want {
			t.Errorf("%d scales: %d refusals\n%s", n, count, have)
		}
		for i := range n {
			end := i < 8 || i >= n-8
			if told := strings.Contains(have, fmt.Sprintf("_s%d stays", i)); told != end {
				t.Errorf("%d scales, number %d: %v", n, i, told)
			}
		}
	}
}
