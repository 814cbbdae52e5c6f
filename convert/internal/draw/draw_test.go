package draw

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/plan"
	"repmlp/convert/internal/rules"
	"repmlp/internal/drawing"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// regions plans a graph that is given as text.
func regions(t *testing.T, text string) (*graph.Graph, []*plan.Region) {
	t.Helper()
	g := sketch.Graph(t, text)
	p := plan.New(rules.Explain(g, nil, nil), plan.Options{})
	p.Number(map[string]string{})
	return g, p.Regions
}

// printed is a drawing as text, a box in each line and behind it the boxes that lead to it.
func printed(g drawing.Graph) string {
	var b strings.Builder
	for i, x := range g.Boxes {
		fmt.Fprintf(&b, "  %d %s [%s] [%s] %s", i, x.Kind, x.Title, x.Detail, strings.Join(x.Nodes, " "))
		for _, a := range g.Arrows {
			if a[1] == i {
				fmt.Fprintf(&b, " <-%d", a[0])
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// whole draws all nodes of a model as what a region became.
func whole(m *onnxio.Model) drawing.Graph {
	var names []string
	for _, n := range m.Graph().Nodes() {
		names = append(names, n.Name())
	}
	return After(m, names, m.Graph().Outputs()[0].Name())
}

// What boxes say of nodes before and after stands in testdata/boxes.txt, graphs in
// testdata/graphs.txt.
func TestBoxes(t *testing.T) {
	var b strings.Builder
	for _, c := range sketch.Listed(t, "testdata/graphs.txt") {
		g, list := regions(t, c.Text)
		fmt.Fprintf(&b, "# %s\n%s", c.Name, printed(whole(g.Model)))
		for _, r := range list {
			fmt.Fprintf(&b, " region %s\n%s", r.ID, printed(Before(r, g, func(n *graph.Node) string { return "the " + n.Name() })))
		}
	}
	sketch.Golden(t, "boxes.txt", b.String())
}

// Nothing is drawn of no node, and nothing of more than 80.
func TestPiecesThatAreNotDrawn(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 3, 80: 82, 81: 0} {
		text := "x : 4\nv0 = Relu(x)\n"
		for i := 1; i < max(n, 1); i++ {
			text += fmt.Sprintf("v%d = Relu(v%d)\n", i, i-1)
		}
		m := sketch.Model(t, text)
		g := whole(m)
		if n == 0 {
			g = After(m, nil, "v0")
		}
		if len(g.Boxes) != want {
			t.Errorf("%d nodes: %d boxes, want %d", n, len(g.Boxes), want)
		}
	}
}

// The text of a shape has numbers and short names; what is longer is left out.
func TestShapes(t *testing.T) {
	g := sketch.Graph(t, "x : N 3 twelve_chars\nz : ?\ny = Concat(x, x, x) axis=2\nw = Relu(z)\n> y w")
	for name, want := range map[string]string{"x": "N×3×twelve_chars", "y": "N×3×…", "w": "", "none": ""} {
		if have := shapeOf(g.Value(name)); have != want {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	for name, want := range map[string]bool{"x": false, "w": false, "none": false} {
		if dims, ok := dimsOf(g.Value(name)); ok != want || dims != nil {
			t.Errorf("%s: %v", name, dims)
		}
	}
}

// The pictures of an FC on a tile of 2×3 beside a conv of 3×3 and one of 1×1 are the means
// that loops over their weights find.
func TestReachAgainstLoops(t *testing.T) {
	const block = `x : N 2 2 3
f = Reshape(x, #0_12)
g = Gemm(f, ?12x12, ?12)
h = Reshape(g, #0_2_2_3)
c = Conv(x, ?2x2x3x3, ?2) pads=1,1,1,1
p = Conv(x, ?2x2x1x1)
`
	for _, sums := range []string{"s = Add(c, p)\ny = Add(h, s)", "s = Add(h, p)\ny = Add(s, c)", "s = Add(p, h)\ny = Add(c, s)"} {
		reachAgainstLoops(t, block+sums)
	}
}

func reachAgainstLoops(t *testing.T, text string) {
	t.Helper()
	g, list := regions(t, text)
	if len(list) != 1 {
		t.Fatalf("%d regions", len(list))
	}
	reach, err := Reach(list[0])
	if err != nil || len(reach) != 3 {
		t.Fatalf("%v, %d pictures", err, len(reach))
	}
	numbers := func(node string) []float64 {
		for _, n := range g.Nodes {
			if n.Name() == node {
				v, err := n.In[1].Init.Float64s()
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
		t.Fatalf("no node %q", node)
		return nil
	}
	fc, wide, point := numbers("Gemm_g"), numbers("Conv_c"), numbers("Conv_p")
	for i, at := range [][2]int{{0, 0}, {1, 0}, {1, 1}} {
		r := reach[i]
		if r.Y != at[0] || r.X != at[1] || r.Height != 2 || r.Width != 3 || len(r.Of) != 3 {
			t.Fatalf("picture %d: %+v", i, r)
		}
		titles := []string{"FC3 before", "convs 1×1, 3×3 as W(F, p)", "merged"}
		for y := range 2 {
			for x := range 3 {
				var want [3]float64
				for in := range 2 {
					for out := range 2 {
						a := fc[(in*6+y*3+x)*12+out*6+r.Y*3+r.X]
						b := 0.0
						if k, l := y-r.Y+1, x-r.X+1; k >= 0 && k < 3 && l >= 0 && l < 3 {
							b = wide[(out*2+in)*9+k*3+l]
						}
						if x == r.X && y == r.Y {
							b += point[out*2+in]
						}
						want[0], want[1], want[2] = want[0]+math.Abs(a)/4, want[1]+math.Abs(b)/4, want[2]+math.Abs(a+b)/4
					}
				}
				for k, of := range r.Of {
					if of.Title != titles[k] || math.Abs(of.Mean[y*3+x]-want[k]) > 1e-12 {
						t.Errorf("picture %d, %s, from (%d, %d): %g, want %g", i, of.Title, y, x, of.Mean[y*3+x], want[k])
					}
				}
			}
		}
	}
}

// Layers that are no FC merged with convs have no pictures.
func TestNoReach(t *testing.T) {
	for _, text := range []string{
		"x : N 12\na = Gemm(x, ?12x12, ?12)\ny = Mul(a, ?12)",                                                                     // no sum
		"x : N 12\na = Gemm(x, ?12x12, ?12)\nb = Gemm(x, ?12x12)\ny = Add(a, b)",                                                  // no conv
		"x : N 2 4 4\na = Conv(x, ?2x2x3x3) pads=1,1,1,1\nb = Conv(x, ?2x2x1x1)\ny = Add(a, b)",                                   // no FC
		"x : N 4 1 1\na = Conv(x, ?4x4x1x1)\nb = Conv(x, ?4x4x1x1)\ny = Add(a, b)",                                                // on one position
		"x : N 2 4\nf = Reshape(x, #0_8)\ng = Gemm(f, ?8x8)\nh = Reshape(g, #0_2_4)\nc = Conv(x, ?2x2x3) pads=1,1\ny = Add(h, c)", // a line, no tile
	} {
		_, list := regions(t, text)
		if len(list) == 0 {
			t.Errorf("%s: no region", text)
		}
		for _, r := range list {
			if reach, err := Reach(r); err != nil || reach != nil {
				t.Errorf("%s: %v, %d pictures", text, err, len(reach))
			}
		}
	}
	if have := positions(1, 1); !slices.Equal(have, [][2]int{{0, 0}}) {
		t.Errorf("a tile of one position: %v", have)
	}
	if have := positions(4, 1); !slices.Equal(have, [][2]int{{0, 0}, {2, 0}}) {
		t.Errorf("a tile of one column: %v", have)
	}
	if have := positions(5, 3); !slices.Equal(have, [][2]int{{0, 0}, {2, 0}, {2, 1}}) {
		t.Errorf("a tile: %v", have)
	}
}
