package move_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
)

// A grove writes a random graph: layers, joined by what scales and shifts pass, with
// scales and shifts anywhere. Sizes are those of maps [N, channels, 6, 6].
type grove struct {
	rng   *rand.Rand
	lines []string
	count int
	maps  []treeMap
	wild  bool // values are read again, activations and outputs stand anywhere
}

type treeMap struct {
	name     string
	channels int
}

func (g *grove) line(format string, args ...any) string {
	g.count++
	name := fmt.Sprintf("v%d", g.count)
	g.lines = append(g.lines, name+" = "+fmt.Sprintf(format, args...))
	return name
}

func (g *grove) conv(x treeMap, out int) treeMap {
	bias := ""
	if g.rng.IntN(2) == 0 {
		bias = fmt.Sprintf(", ?%d", out)
	}
	if g.rng.IntN(2) == 0 {
		return treeMap{g.line("Conv(%s, ?%dx%dx1x1%s)", x.name, out, x.channels, bias), out}
	}
	return treeMap{g.line("Conv(%s, ?%dx%dx3x3%s) pads=1,1,1,1", x.name, out, x.channels, bias), out}
}

// tree makes a map of so many channels from layers and what scales and shifts pass back.
func (g *grove) tree(depth, channels int) treeMap {
	if depth == 0 {
		return g.conv(g.input(), channels)
	}
	switch k := g.rng.IntN(12); {
	case k == 0 && channels > 1:
		n := 1 + g.rng.IntN(channels-1)
		return treeMap{g.line("Concat(%s, %s) axis=1", g.tree(depth-1, n).name, g.tree(depth-1, channels-n).name), channels}
	case k == 1:
		return treeMap{g.line("Add(%s, %s)", g.tree(depth-1, channels).name, g.tree(depth-1, channels).name), channels}
	case k == 2:
		return treeMap{g.line("Sub(%s, %s)", g.tree(depth-1, channels).name, g.tree(depth-1, channels).name), channels}
	case k == 3:
		x := g.tree(depth-1, channels+1+g.rng.IntN(2))
		return treeMap{g.line("Slice(%s, #%d, #%d, #1)", x.name, x.channels-channels, x.channels), channels}
	case k == 4:
		x := g.tree(depth-1, channels)
		return treeMap{g.line("MaxPool(%s) kernel_shape=3,3 pads=1,1,1,1", x.name), channels}
	case k == 5:
		x := g.tree(depth-1, channels)
		return treeMap{g.line("AveragePool(%s) kernel_shape=3,3 pads=1,1,1,1", x.name), channels}
	case k == 6:
		x := g.tree(depth-1, channels)
		return treeMap{g.line("Mean(%s, %s)", x.name, g.tree(depth-1, channels).name), channels}
	case k == 7 && channels%2 == 0:
		x := g.tree(depth-1, channels)
		a := g.line("Reshape(%s, #0_2_%d_6_6)", x.name, channels/2)
		b := g.line("Transpose(%s) perm=0,2,1,3,4", a)
		return treeMap{g.line("Reshape(%s, #0_%d_6_6)", b, channels), channels}
	case k == 8:
		x := g.tree(depth-1, channels)
		return treeMap{g.line("Resize(%s, -, =1_1_1_1:4) mode=nearest", x.name), channels}
	case k == 9:
		return g.scaled(g.tree(depth-1, channels), true)
	case k == 10:
		return treeMap{g.line("Max(%s, %s)", g.tree(depth-1, channels).name, g.tree(depth-1, channels).name), channels}
	case k == 11:
		x := g.tree(depth-1, channels)
		a := g.line("MaxPool(%s) kernel_shape=2,2", x.name)
		return treeMap{g.line("Pad(%s, #0_0_0_0_0_0_1_1) mode=edge", a), channels}
	}
	return g.conv(g.input(), channels)
}

func (g *grove) input() treeMap {
	if g.wild && len(g.maps) > 0 && g.rng.IntN(3) == 0 {
		return g.maps[g.rng.IntN(len(g.maps))]
	}
	return []treeMap{{"x", 3}, {"w", 4}}[g.rng.IntN(2)]
}

func (g *grove) scaled(x treeMap, positive bool) treeMap {
	sign := "?"
	if positive {
		sign = "!"
	}
	switch c := x.channels; g.rng.IntN(4) {
	case 0:
		return treeMap{g.line("Mul(%s, %s%dx1x1)", x.name, sign, c), c}
	case 1:
		return treeMap{g.line("Add(%s, ?%dx1x1)", x.name, c), c}
	case 2:
		return treeMap{g.line("Sub(?%dx1x1, %s)", c, g.line("Mul(%s, =-2)", x.name)), c}
	default:
		return treeMap{g.line("BatchNormalization(%s, %s%d, ?%d, ?%d, !%d)", x.name, sign, c, c, c, c), c}
	}
}

// any grows a graph in which values are read anywhere.
func (g *grove) any() {
	g.wild = true
	for range 3 + g.rng.IntN(4) {
		m := g.tree(g.rng.IntN(3), 1+g.rng.IntN(5))
		switch g.rng.IntN(4) {
		case 0:
			m.name = g.line("%s(%s)", []string{"Relu", "Sigmoid", "LeakyRelu"}[g.rng.IntN(3)], m.name)
		case 1, 2:
			m = g.scaled(m, g.rng.IntN(2) == 0)
		}
		g.maps = append(g.maps, m)
		if g.rng.IntN(3) == 0 {
			x := g.scaled(g.maps[g.rng.IntN(len(g.maps))], false)
			g.maps = append(g.maps, x)
			if g.rng.IntN(2) == 0 {
				g.maps = append(g.maps, g.conv(x, 3), g.conv(x, 2))
			}
		}
	}
}

func (g *grove) text(outputs ...string) string {
	text := "x : float32 N 3 6 6\nw : float32 N 4 6 6\n" + strings.Join(g.lines, "\n") + "\n"
	return text + "> " + strings.Join(outputs, " ") + "\n"
}

// blocks is how many random graphs are looked at: REPMLP_BLOCKS, from REPMLP_FIRST on.
func blocks() (first, count uint64) {
	number := func(name string, or uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return or
	}
	return number("REPMLP_FIRST", 0), number("REPMLP_BLOCKS", 60)
}

// Whatever a scale and shift is made of passes back to layers, is absorbed by these.
func TestRandomTrees(t *testing.T) {
	first, count := blocks()
	for seed := first; seed < first+count; seed++ {
		g := &grove{rng: rand.New(rand.NewPCG(seed, 77))}
		top := g.scaled(g.tree(1+g.rng.IntN(4), 1+g.rng.IntN(6)), true)
		text := g.text(g.line("Softmax(%s)", top.name))
		m := sketch.Model(t, text)
		out, _, err := convert.Model(context.Background(), m, convert.Options{NoCheck: true})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		equalRuns(t, m, out)
		for _, n := range out.Graph().Nodes() {
			// A part of a mean that is merged leaves the others times their coefficient.
			if n.OpType() == "BatchNormalization" || n.OpType() == "Mul" && !strings.Contains(text, "Mean(") {
				t.Errorf("seed %d: %s is left\n%s", seed, n.Title(), text)
			}
		}
	}
}

// Graphs in which anything is read anywhere keep their outputs.
func TestRandomGroves(t *testing.T) {
	first, count := blocks()
	moved := 0
	for seed := first; seed < first+count; seed++ {
		g := &grove{rng: rand.New(rand.NewPCG(seed, 78))}
		g.any()
		var outputs []string
		for i, m := range g.maps {
			if g.rng.IntN(3) == 0 || i == len(g.maps)-1 {
				outputs = append(outputs, m.name)
			}
		}
		text := g.text(outputs...)
		found(t, text)
		m := sketch.Model(t, text)
		out, report, err := convert.Model(context.Background(), m, convert.Options{NoCheck: true})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		for _, r := range report.Regions {
			if strings.Contains(r.Derivation, "moved") {
				moved++
			}
		}
		equalRuns(t, m, out)
	}
	if moved == 0 {
		t.Error("nothing moved")
	}
}
