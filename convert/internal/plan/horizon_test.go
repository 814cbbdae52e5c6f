package plan

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// How far one candidate looks back: over so many layers and sums, and so many steps of any
// kind. What lies beyond is found in rounds, so that the plan is the same.
func TestHorizons(t *testing.T) {
	var layers, scales strings.Builder
	layers.WriteString("x : N 4\nv0 = Relu(x)\n")
	scales.WriteString("x : N 4\ns0 = MatMul(x, ?4x4)\n")
	for i := range 5 {
		fmt.Fprintf(&layers, "a%d = MatMul(v%d, ?4x4)\nv%d = Mul(a%d, ?4)\n", i, i, i+1, i)
		fmt.Fprintf(&scales, "s%d = Mul(s%d, ?4)\n", i+1, i)
	}
	for _, c := range []struct {
		text string
		horizon
		short  bool
		pieces string // the merges of one round, from the end
	}{
		{layers.String(), horizon{5, 96, 4}, false, "v0-v5"},
		{layers.String(), horizon{6, 96, 4}, false, "v0-v5"},
		{layers.String(), horizon{4, 96, 4}, true, "v4-v5 v0-v4"},
		{layers.String(), horizon{2, 96, 4}, true, "v4-v5 v2-v4 v0-v2"},
		{layers.String(), horizon{6, 10, 4}, false, "v0-v5"},
		{layers.String(), horizon{6, 9, 4}, true, "v0-a4"},
		{scales.String(), horizon{1, 6, 4}, false, "x-s5"},
		{scales.String(), horizon{1, 5, 4}, true, "x-s4"},
	} {
		e := explained(t, c.text)
		p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{horizon: c.horizon}, nil, nil)
		if len(p.regions) != 1 {
			t.Errorf("%v: %d regions in the end", c.horizon, len(p.regions))
		}
		p.visited = map[*graph.Value]bool{}
		all := e.All()
		cuts := p.cover(p.reach(all[len(all)-1].Out))
		var have []string
		for _, r := range cuts.regions {
			if r != nil {
				have = append(have, r.Segment.From.Name+"-"+r.Segment.To.Name)
			}
		}
		if cuts.cutShort != c.short || strings.Join(have, " ") != c.pieces {
			t.Errorf("%v: cut short %t, %q, want %t, %q", c.horizon, cuts.cutShort, have, c.short, c.pieces)
		}
	}
}

// Of what scales the result of a norm so many steps are looked at, and of the sums in a sum so
// many are planned by themselves as well.
func TestBounds(t *testing.T) {
	for _, n := range []int{1, maxBehind - 1, maxBehind, maxBehind + 1, maxBehind + 9} {
		text := "x : N 4\ns0 = LayerNormalization(x, ?4, ?4)\n"
		for i := range n {
			text += fmt.Sprintf("s%d = Mul(s%d, ?4)\n", i+1, i)
		}
		e := explained(t, text)
		p := &planner{t: &terrain{e: e, links: map[*graph.Value]*link{}}}
		if b := p.scalesBehind(e.Graph.Value("s0"), p.remains(), nil); len(b.steps) != min(n, maxBehind) || len(b.merged) > 0 {
			t.Errorf("%d of %d scales", len(b.steps), n)
		}
	}
	for _, n := range []int{2, maxPartners - 1, maxPartners, maxPartners + 1} {
		text := "x : N 4\ns0 = Relu(x)\n"
		for i := range n {
			text += fmt.Sprintf("r%d = Sigmoid(s%d)\ns%d = Add(s%d, r%d)\n", i, 0, i+1, i, i)
		}
		e := explained(t, text)
		p := &planner{t: &terrain{e: e, links: map[*graph.Value]*link{}}, visited: map[*graph.Value]bool{}}
		if p.partialSum(e.Graph.Value(fmt.Sprintf("s%d", n))); p.visited[e.Graph.Value("s1")] != (n > maxPartners) || len(p.regions) > 0 {
			t.Errorf("a sum of %d sums: visited %t, %d regions", n, p.visited[e.Graph.Value("s1")], len(p.regions))
		}
	}
}

// What a graph costs is what its regions cost, and what is alive beside them.
func TestTotal(t *testing.T) {
	for text, want := range map[string]affine.Cost{
		"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\nr = Relu(b)\ny = MatMul(r, ?4x2)":                                   {Weights: 24, Work: 2},
		"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\nd = MatMul(b, ?4x4)\nr = Relu(b)\nc = MatMul(r, ?4x2)\n> c":         {Weights: 24, Work: 2},
		"x : N 4\nd = MatMul(x, ?4x4)\na = MatMul(x, ?4x3)\nr = Relu(a)\nb = MatMul(r, ?3x4)\nq = Relu(b)\nc = Mul(q, =2)\n> c": {Weights: 24, Work: 3},
	} {
		e := explained(t, text)
		p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, nil, nil)
		if have := p.total(); have != want {
			t.Errorf("%s: %v, want %v", text, have, want)
		}
	}
}
