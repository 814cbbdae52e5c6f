package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/rules"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// graphs are small graphs whose plans are written down; what they compute is compared
// in the package edit.
const graphs = "testdata/graphs.txt"

func explained(t *testing.T, text string) *affine.Explained {
	t.Helper()
	return rules.Explain(sketch.Graph(t, text), nil, nil)
}

// What is planned for each graph, with and without growth, does not change unnoticed.
func TestPlans(t *testing.T) {
	var text strings.Builder
	for _, c := range sketch.Listed(t, graphs) {
		for _, grow := range []bool{false, true} {
			p := New(explained(t, c.Text), Options{AllowGrowth: grow})
			if err := p.Check(); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			if plain := New(p.Explained, Options{}); grow && plain.String() == p.String() {
				continue
			}
			fmt.Fprintf(&text, "\n# %s", c.Name)
			if grow {
				text.WriteString(", growing")
			}
			fmt.Fprintf(&text, "\n%v", p)
			for _, r := range p.Regions {
				fmt.Fprintf(&text, "%s: %s\n    reads %d for %d, costs %v, merges %s\n", r.ID, r.Derivation(), r.Before, r.Layer.Shape().Parameters, r.cost, strings.Join(r.Merged(), " "))
				if r.Fed != nil {
					fmt.Fprintf(&text, "    fed at %s\n", r.Fed.Name)
				}
				if r.Undone() != nil {
					t.Errorf("%s: undone at %s", c.Name, r.Undone().Title())
				}
			}
		}
	}
	sketch.Golden(t, "plans.txt", text.String())
}

// The cheapest cover of a chain is found: no other set of cuts costs less.
func TestCoverAgainstAllCuts(t *testing.T) {
	looked := 0
	for seed := range uint64(60) {
		e := explained(t, sketch.Random(seed, 7, 1))
		tr := &terrain{e: e, links: map[*graph.Value]*link{}}
		p := planRegions(tr, Options{AllowGrowth: seed%2 == 0}, nil, nil)
		p.visited = map[*graph.Value]bool{}
		for _, a := range e.All() {
			c := p.reach(a.Out)
			n := len(c.points) - 1
			if n < 2 || n > 9 {
				continue
			}
			looked++
			region := map[[2]int]*Region{}
			for j := range n + 1 {
				for i := range j {
					steps := affine.Between(e.Of, c.points[j], c.points[i])
					if e.Graph.IsConst(c.points[j]) {
						continue
					}
					s := affine.NewSegment(c.points[j], c.points[i], steps)
					q := &piece{u: s.From, v: s.To, walk: s.Walk(), tally: tr.tallyOf(steps), steps: func() []*affine.Affine { return steps }}
					r := p.region(q)
					if region[[2]int{j, i}] = r; r != nil && r.cost.Less(atLeast(q.walk, q.u, q.v, q.tally)) {
						t.Errorf("seed %d, %s to %s costs %v, at least it was to be %v", seed, q.u.Name, q.v.Name, r.cost, atLeast(q.walk, q.u, q.v, q.tally))
					}
				}
			}
			var best func(i int) affine.Cost
			best = func(i int) affine.Cost {
				if i == n {
					return affine.Cost{}
				}
				least := affine.Cost{Weights: math.MaxInt32}
				for j := i + 1; j <= n; j++ {
					var cost affine.Cost
					switch r := region[[2]int{j, i}]; {
					case r != nil:
						cost = r.cost
					case j == i+1:
						cost = c.between(j, i).cost
					default:
						continue
					}
					if j == i+1 && c.between(j, i).cost.Less(cost) {
						cost = c.between(j, i).cost
					}
					if sum := cost.Plus(best(j)); sum.Less(least) {
						least = sum
					}
				}
				return least
			}
			have := affine.Cost{}
			cuts := p.cover(c)
			for k, r := range cuts.regions {
				if r != nil {
					have = have.Plus(r.cost)
				} else {
					have = have.Plus(c.between(cuts.points[k+1], cuts.points[k]).cost)
				}
			}
			if want := best(0); have != want {
				t.Errorf("seed %d, to %s: costs %v, %v is possible", seed, a.Out.Name, have, want)
			}
		}
	}
	if looked < 50 {
		t.Errorf("only %d chains", looked)
	}
}

// A chain is one's own up to the first value that others need or that was planned before.
func TestOwnPartOfAChain(t *testing.T) {
	for _, c := range []struct {
		text, from, visited string
		own                 string
	}{
		{"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = MatMul(b, ?4x4)", "y", "", "x"},
		{"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = MatMul(b, ?4x4)\nz = Relu(b)\n> y z", "y", "", "b"},
		{"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = MatMul(b, ?4x4)\nz = Relu(a)\n> y z", "y", "", "a"},
		{"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = MatMul(b, ?4x4)", "y", "a", "a"},
		{"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = MatMul(b, ?4x4)\nz = Relu(x)\n> y z", "y", "", "x"},
		{"x : N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = MatMul(b, ?4x4)", "b", "", "x"},
		{"x : N 4\na = MatMul(x, ?4x4)\nb = Reshape(a, #-1_2_2)\nc = Reshape(b, #-1_4)\ny = MatMul(c, ?4x4)\nz = Relu(b)\n> y z", "y", "", "b"},
	} {
		e := explained(t, c.text)
		p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, nil, nil)
		p.visited = map[*graph.Value]bool{}
		if c.visited != "" {
			p.visited[e.Graph.Value(c.visited)] = true
		}
		chain := p.reach(e.Graph.Value(c.from))
		if have := chain.points[chain.own].Name; have != c.own {
			t.Errorf("%s, %q planned: to %s it is its own from %s, want %s", c.text, c.visited, c.from, have, c.own)
		}
		if last := len(chain.points) - 1; chain.own < last {
			if three := chain.coarser([]int{0, chain.own, last}); three.own != 1 || three.points[1].Name != c.own {
				t.Errorf("%s: of three points its own are up to %d", c.text, three.own)
			}
		}
		whole := chain.coarser([]int{0, len(chain.points) - 1})
		if have := whole.points[whole.own].Name; have != chain.points[len(chain.points)-1].Name || len(whole.points) != 2 || whole.between(1, 0) != chain.between(len(chain.points)-1, 0) {
			t.Errorf("%s: as one step from %s, costs %v, and %v in several", c.text, have, whole.between(1, 0), chain.between(len(chain.points)-1, 0))
		}
	}
}

// Whether a piece of a chain is sealed is whether nothing in it leaks.
func TestSealedPiecesDoNotLeak(t *testing.T) {
	for seed := range uint64(60) {
		e := explained(t, sketch.Random(seed, 12, 1))
		p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, nil, nil)
		for _, a := range e.All() {
			c := p.reach(a.Out)
			for j := range c.points {
				for i := range j {
					leaks := p.leaks(c.points[j], c.steps(j, i), nil)
					if c.sealed(j, i) != (len(leaks) == 0) {
						t.Errorf("seed %d: from %s to %s is sealed: %v, but %v leak", seed, c.points[j].Name, c.points[i].Name, c.sealed(j, i), named(leaks))
					}
					if have, want := c.between(j, i), p.t.tallyOf(c.steps(j, i)); have.cost != want.cost || have.layers != want.layers || have.others != want.others {
						t.Errorf("seed %d: from %s to %s counts %+v, want %+v", seed, c.points[j].Name, c.points[i].Name, have, want)
					}
				}
			}
		}
	}
}

// The layer before views that are one step stays where something else reads a value between
// these, and where what is read between them only comes back it does not.
func TestLeaksBetweenViewsOfOneStep(t *testing.T) {
	const shuffle = "x : 1 4 2 3\na = Conv(x, ?4x4x1x1)\nb = Reshape(a, #1_2_2_2_3)\nc = Transpose(b) perm=0,2,1,3,4\nd = Reshape(c, #1_4_2_3)\ny = Conv(d, ?4x4x1x1)"
	for _, c := range []struct{ text, leaks, merge string }{
		{shuffle, "", "x y"},
		{shuffle + "\nz = Relu(b)\n> y z", "a", "a y"},
		{shuffle + "\nz = Relu(c)\n> y z", "a", "a y"},
		{shuffle + "\n> y c", "a", "a y"},
		{shuffle + "\nz = Relu(d)\n> y z", "d a", "x d"},
		{shuffle + "\nz = Relu(y)\n> z", "", "x y"},
		{strings.Replace(shuffle, "d = Reshape(c, #1_4_2_3)", "s = Shape(c)\nd = Reshape(c, #1_4_2_3)", 1) + "\n> y", "", "x y"},
	} {
		e := explained(t, c.text)
		p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, nil, nil)
		x, y := e.Graph.Value("x"), e.Graph.Value("y")
		steps := affine.Between(e.Of, x, y)
		leaks := p.leaks(x, steps, nil)
		if have := strings.Join(named(leaks), " "); have != c.leaks {
			t.Errorf("%s: leaks %q, want %q", c.text, have, c.leaks)
		}
		if chain := p.reach(y); c.leaks == "" && !chain.sealed(len(chain.points)-1, 0) {
			t.Errorf("%s: it is open", c.text)
		}
		if r := New(e, Options{}).Regions; len(r) != 1 || r[0].Input()+" "+r[0].Value() != c.merge {
			t.Errorf("%s: %d merges, want one, %s", c.text, len(r), c.merge)
		}
	}
}

// leaksOf is what leaks by its definition: whatever leads to an output of the graph
// without a node inside; and what those that make such a value read.
func leaksOf(e *affine.Explained, u *graph.Value, steps []*affine.Affine) []*graph.Value {
	inside := map[*graph.Node]bool{}
	made := map[*graph.Value]bool{u: true}
	for _, a := range steps {
		made[a.Out] = true
		for _, n := range append(slices.Clone(a.Nodes), a.Out.Producer) {
			inside[n] = true
		}
	}
	var needed func(x *graph.Value) bool
	needed = func(x *graph.Value) bool {
		if x.IsOutput {
			return true
		}
		for _, r := range x.Readers {
			if inside[r.Node] {
				continue
			}
			if slices.ContainsFunc(r.Node.Out, needed) {
				return true
			}
		}
		return false
	}
	out := map[*graph.Value]bool{}
	last := steps[len(steps)-1].Out
	for _, a := range steps {
		if a.Out != last && needed(a.Out) {
			out[a.Out] = true
		}
	}
	for again := true; again; {
		again = false
		for _, a := range steps {
			for _, x := range a.Args {
				if out[a.Out] && x != u && !out[x] {
					out[x], again = true, true
				}
			}
		}
	}
	return slices.Collect(func(yield func(*graph.Value) bool) {
		for _, a := range steps {
			if out[a.Out] && !yield(a.Out) {
				return
			}
		}
	})
}

func TestLeaksAgainstTheirDefinition(t *testing.T) {
	some := 0
	for seed := range uint64(80) {
		e := explained(t, sketch.Random(seed, 10, 1))
		p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, nil, nil)
		for _, a := range e.All() {
			for u := range e.Chain(a.Out) {
				steps := affine.Between(e.Of, u, a.Out)
				if len(steps) == 0 {
					continue
				}
				have, want := p.leaks(u, steps, nil), leaksOf(e, u, steps)
				order := func(a, b *graph.Value) int { return strings.Compare(a.Name, b.Name) }
				slices.SortFunc(have, order)
				slices.SortFunc(want, order)
				if !slices.Equal(have, want) {
					t.Errorf("seed %d: from %s to %s leaks %v, want %v", seed, u.Name, a.Out.Name, named(have), named(want))
				}
				some += len(want)
			}
		}
	}
	if some == 0 {
		t.Error("nothing leaks anywhere")
	}
}

func named(vs []*graph.Value) []string {
	var out []string
	for _, v := range vs {
		out = append(out, v.Name)
	}
	return out
}

// What lies beyond the horizon of one round is found in the next: plans of long chains
// are those of a planner that looks at everything at once.
func TestHorizonChangesNoPlan(t *testing.T) {
	far := horizon{attention: 1 << 20, glance: 1 << 20, runEnds: 1 << 20}
	near := horizon{attention: 3, glance: 8, runEnds: 2}
	long := func(unit string, n int) string {
		var b strings.Builder
		b.WriteString("x : N 4 3 3\n")
		from := "x"
		for i := range n {
			to := fmt.Sprintf("v%d", i)
			b.WriteString(strings.NewReplacer("$x", from, "$y", to).Replace(unit))
			from = to
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"convs":            long("$y = Conv($x, ?4x4x1x1)\n", 40),
		"convs and norms":  long("$ya = Conv($x, ?4x4x1x1)\n$y = BatchNormalization($ya, ?4, ?4, ?4, !4)\n", 30),
		"scales":           long("$y = Mul($x, ?4x1x1)\n", 60),
		"views":            long("$ya = Reshape($x, #-1_36)\n$y = Reshape($ya, #-1_4_3_3)\n", 40) + "y = Conv(v39, ?4x4x1x1, ?4)\nz = Conv(y, ?4x4x1x1)",
		"sums":             long("$ya = Conv($x, ?4x4x1x1)\n$y = Add($ya, $x)\n", 30),
		"many activations": long("$ya = Conv($x, ?4x4x1x1)\n$yb = BatchNormalization($ya, ?4, ?4, ?4, !4)\n$y = Relu($yb)\n", 20),
		"a narrow middle":  long("$y = Conv($x, ?4x4x1x1)\n", 15) + "a = Conv(v14, ?1x4x1x1)\nb = Conv(a, ?4x1x1x1)\n" + strings.NewReplacer("(x,", "(b,", "v", "w", "x : N 4 3 3\n", "").Replace(long("$y = Conv($x, ?4x4x1x1)\n", 15)),
		"a wide middle":    long("$y = Conv($x, ?4x4x1x1)\n", 15) + "a = Conv(v14, ?9x4x1x1)\nb = Conv(a, ?4x9x1x1)\n",
	} {
		e := explained(t, text)
		want := New(e, Options{horizon: far}).String()
		for _, h := range []horizon{{}, near} {
			if h == near && strings.Contains(name, "views") {
				continue // a layer needs the whole run
			}
			if have := New(e, Options{horizon: h}).String(); have != want {
				t.Errorf("%s, %+v:\n%s\nwant\n%s", name, h, have, want)
			}
		}
	}
}

// Random graphs: every plan holds what plans promise, and none costs more than the
// graph as it is.
func TestRandomPlans(t *testing.T) {
	merged := 0
	for seed := range uint64(120) {
		e := explained(t, sketch.Random(seed, 14, 2))
		p := New(e, Options{})
		if err := p.Check(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		merged += len(p.Regions)
		nothing := &planner{t: p.planner.t}
		if nothing.total().Less(p.planner.total()) {
			t.Errorf("seed %d: costs %v, without a merge %v", seed, p.planner.total(), nothing.total())
		}
		inside := map[*graph.Value]string{}
		for _, r := range p.Regions {
			for _, a := range r.Segment.Steps {
				if a.Out != r.Segment.To && !slices.Contains(r.Kept, a.Out) && affine.IsLayer(a.Op) {
					if other := inside[a.Out]; other != "" {
						t.Errorf("seed %d: %s and %s both have the layer %s", seed, other, r.ID, a.Out.Name)
					}
					inside[a.Out] = r.ID
				}
			}
		}
		if again := New(e, Options{}).String(); again != p.String() {
			t.Errorf("seed %d: another plan the second time", seed)
		}
	}
	if merged < 60 {
		t.Errorf("only %d merges", merged)
	}
}

// Each clause of Check is there to fail.
func TestCheckFindsBrokenPlans(t *testing.T) {
	good := func() *Plan {
		p := New(explained(t, "x : N 4 6 6\na = Conv(x, ?4x4x3x3)\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\nc = Relu(b)\nd = Conv(c, ?4x4x1x1, ?4)\ny = Conv(d, ?2x4x1x1)"), Options{})
		if len(p.Regions) != 2 {
			t.Fatalf("%v", p)
		}
		for i, r := range p.Regions {
			s := *r.Segment
			p.Regions[i].Segment = &s
		}
		return p
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for want, breaks := range map[string]func(p *Plan){
		`r1 does not end in "b"`:                   func(p *Plan) { p.Regions[0].Segment.Steps = nil },
		`r1 does not end in "a"`:                   func(p *Plan) { p.Regions[0].Segment.To = p.Explained.Graph.Value("a") },
		`r1 and r2 both make "b"`:                  func(p *Plan) { p.Regions[1].Segment = p.Regions[0].Segment },
		`r1 reads "a", which is not inside`:        func(p *Plan) { p.Regions[0].Segment.Steps = p.Regions[0].Segment.Steps[1:] },
		`r1 reads "x", which is not inside`:        func(p *Plan) { p.Regions[0].Segment.From = p.Explained.Graph.Value("a") },
		`r2 reads 1000 weights, its nodes read 24`: func(p *Plan) { p.Regions[1].cost.Weights = 1000 },
		`a region starts at "a", which another has inside`: func(p *Plan) {
			p.planner.regions[0].Segment.From = p.Explained.Graph.Value("a")
			for _, r := range p.planner.regions {
				if r.ID == "r2" {
					r.Segment.From = p.Explained.Graph.Value("a")
					r.Segment.Steps = slices.Clone(r.Segment.Steps)
					r.Segment.Steps[0] = r.Segment.Steps[0].On(r.Segment.Steps[0].Out, []*graph.Value{p.Explained.Graph.Value("a")})
				} else {
					r.Segment.From = p.Explained.Graph.Value("x")
				}
			}
		},
	} {
		p := good()
		breaks(p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	p := good()
	p.planner.opts.AllowGrowth = true
	p.Regions[1].cost.Weights = 1000
	if err := p.Check(); err != nil {
		t.Errorf("growth that is allowed: %v", err)
	}
}

// The first merges of a plan are those that come first in the graph.
func TestFirstMerges(t *testing.T) {
	p := New(explained(t, "x : N 4 6 6\na = Conv(x, ?4x4x3x3)\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\nc = Relu(b)\nd = Conv(c, ?4x4x1x1, ?4)\ny = Conv(d, ?2x4x1x1)"), Options{})
	for n := range 3 {
		q := p.First(n)
		if len(q.Regions) != n || !slices.Equal(q.Regions, p.Regions[:n]) {
			t.Errorf("the first %d are %v", n, q)
		}
	}
	q := p.First(1)
	q.Regions = append(q.Regions, nil)
	if p.Regions[1] == nil {
		t.Error("what is appended to the first lands in the plan")
	}
}

// A plan that nobody waits for comes at once.
func TestEndedPlan(t *testing.T) {
	if p := New(explained(t, "x : N 4 6 6\na = Conv(x, ?4x4x3x3)\ny = BatchNormalization(a, ?4, ?4, ?4, !4)"), Options{Ended: func() bool { return true }}); len(p.Regions) != 0 {
		t.Errorf("%v", p)
	}
	asked := 0
	p := New(explained(t, "x : N 4 6 6\na = Conv(x, ?4x4x3x3)\ny = BatchNormalization(a, ?4, ?4, ?4, !4)"), Options{Ended: func() bool { asked++; return false }})
	if len(p.Regions) != 1 || asked == 0 {
		t.Errorf("%v after %d questions", p, asked)
	}
}

// A run of scales is one scale, wherever it begins: its ends alone are looked at.
func TestLongRunsOfScales(t *testing.T) {
	for _, n := range []int{2, 3, 9, 200} {
		text, from := "x : N 4 3\na = Relu(x)\n", "a"
		for i := range n {
			to := fmt.Sprint("s", i)
			text += fmt.Sprintf("%s = %s(%s, ?4x1)\n", to, []string{"Mul", "Add"}[i%2], from)
			from = to
		}
		p := New(explained(t, text+"y = Softmax("+from+")"), Options{})
		want := 2
		if n == 2 {
			want = 0 // they are two already
		}
		left := 0
		for _, r := range p.Regions {
			if left += r.cost.Work; r.Segment.From.Name != "a" || r.Segment.To.Name != from {
				t.Errorf("%d scales: %s", n, r.Derivation())
			}
		}
		if left != want {
			t.Errorf("%d scales: %v", n, p)
		}
	}
}

// Plans that are in conflict are made again both ways, and the cheaper one counts.
func TestSettle(t *testing.T) {
	e := explained(t, "x : N 4\na = Gemm(x, ?4x4)\nb = Reshape(a, #-1_2_2)\nc = Reshape(b, #-1_4)\ny = Gemm(c, ?4x4)")
	at := func(name string) *graph.Value { return e.Graph.Value(name) }
	tr := &terrain{e: e, links: map[*graph.Value]*link{}}
	region := func(from, to string, weights int, kept ...*graph.Value) *Region {
		return &Region{Segment: affine.NewSegment(at(from), at(to), affine.Between(e.Of, at(from), at(to))), Kept: kept, cost: affine.Cost{Weights: weights}}
	}
	plan := func(rs ...*Region) *planner { return &planner{t: tr, regions: rs} }
	conflict := func() *planner { return plan(region("b", "y", 1), region("x", "c", 1)) }
	if s := conflict().starved(); len(s) != 1 || s[0] != at("b") {
		t.Fatalf("starved %v", named(s))
	}
	if s := plan(region("b", "y", 1), region("x", "c", 1, at("b"))).starved(); len(s) != 0 {
		t.Errorf("starved at a value that stays: %v", named(s))
	}
	if s := plan(region("c", "y", 1), region("x", "c", 1)).starved(); len(s) != 0 {
		t.Errorf("starved at the end of another region: %v", named(s))
	}
	for _, c := range []struct{ banned, pinned, want int }{{10, 20, 10}, {20, 10, 10}, {10, 10, 10}} {
		tries := 0
		p := settle(func(banned, pinned map[*graph.Value]bool) *planner {
			tries++
			switch {
			case banned[at("b")] && len(banned) == 1 && pinned == nil:
				return plan(region("x", "y", c.banned))
			case pinned[at("b")] && len(pinned) == 1 && banned == nil:
				return plan(region("x", "y", c.pinned), &Region{Segment: affine.NewSegment(at("x"), at("y"), affine.Between(e.Of, at("x"), at("y"))), cost: affine.Cost{Moves: 1}})
			}
			return conflict()
		})
		if tries != 3 || p.total().Weights != c.want || (len(p.regions) == 2) != (c.pinned < c.banned) {
			t.Errorf("%+v: %d tries, %v", c, tries, p.total())
		}
	}
	tries := 0
	p := settle(func(_, _ map[*graph.Value]bool) *planner { tries++; return conflict() })
	if tries != 1+2*maxSettle || len(p.regions) != 1 || p.regions[0].Segment.From != at("x") {
		t.Errorf("what does not settle: %d tries, %d regions", tries, len(p.regions))
	}
	tries = 0
	if p := settle(func(_, _ map[*graph.Value]bool) *planner { tries++; return plan(region("x", "y", 1)) }); tries != 1 || len(p.regions) != 1 {
		t.Errorf("a plan without conflict was made %d times", tries)
	}
}

// Sums are flattened through sums that nobody else reads, products of coefficients
// and all; values that occur twice are one term.
func TestTerms(t *testing.T) {
	e := explained(t, "x : 2 3\nz : 2 3\na = Relu(x)\nb = Mean(a, z)\nc = Sub(x, b)\nd = Sub(c, z)\nk = Add(x, a)\nl = Relu(k)\nm = Sub(d, k)\nn = Add(m, l)\n> n")
	p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, nil, nil)
	s := p.terms(e.Of(e.Graph.Value("n")))
	want := map[string]float64{"x": 1, "a": -0.5, "z": -1.5, "k": -1, "l": 1}
	for i, v := range s.values {
		if want[v.Name] != s.coef[i] {
			t.Errorf("%g·%s, want %g", s.coef[i], v.Name, want[v.Name])
		}
		delete(want, v.Name)
	}
	if len(want) > 0 || !slices.Equal(titles(s.covers), []string{"Add_n", "Sub_m", "Sub_d", "Sub_c", "Mean_b"}) {
		t.Errorf("missing %v, covers %v", want, titles(s.covers))
	}
	a := s.pick(e.Graph.Value("n"), []int{0, 2})
	if len(a.Args) != 2 || a.Args[1] != s.values[2] || a.Op.(*affine.Sum).Coef[1] != s.coef[2] {
		t.Errorf("picked %v", a)
	}
	for coef, want := range map[float64]bool{1: false, -1: false, 0.5: true, 2: true, 0: true} {
		if hasFactor([]float64{1, coef}) != want {
			t.Errorf("the factor %g", coef)
		}
	}
}

func titles(ns []*graph.Node) []string {
	var out []string
	for _, n := range ns {
		out = append(out, n.Title())
	}
	return out
}

// Attempts say how a piece would be written, and why it is not.
func TestAttempts(t *testing.T) {
	p := New(explained(t, "x : N 4 6 6\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Conv(x, ?4x4x1x1, ?4)\nc = Add(a, b)\nd = Conv(c, ?4x4x3x3) pads=1,1,1,1\ny = Relu(d)\n> y a"), Options{})
	g := p.Explained.Graph
	at := p.Attempt(g.Value("x"), g.Value("c"))
	if at == nil || at.KernelWhy != nil || at.Kernel != 144 || at.Before.Weights != 160 || !at.Exact() || len(at.Leaks) != 1 || at.Leaks[0].Name != "a" || at.RowsWhy != nil {
		t.Errorf("%+v", at)
	}
	if at := p.Attempt(g.Value("x"), g.Value("d")); at.KernelWhy == nil || at.KernelWhy.Code != "inner_zero_padding" && at.KernelWhy.Code != "bias_before_zero_padding" || at.Exact() {
		t.Errorf("%+v", at)
	}
	if p.Attempt(g.Value("c"), g.Value("x")) != nil || p.Attempt(g.Value("a"), g.Value("c")) != nil || p.Attempt(g.Value("x"), g.Value("x")) != nil {
		t.Error("a piece that is none was attempted")
	}
	part := p.AttemptSum(g.Value("x"), g.Value("c"), []*graph.Value{g.Value("b"), g.Value("x")})
	if part == nil || part.Kernel != 16 || part.Segment.To.Name != "c.part" || len(part.Segment.Steps) != 2 || !slices.Equal(part.Segment.Steps[1].Op.(*affine.Sum).Coef, []float64{1, 1}) {
		t.Errorf("%+v", part)
	}
	q := *at
	for _, c := range []struct {
		change func(a *Attempt)
		exact  bool
	}{
		{func(a *Attempt) { a.Kernel = 160 }, true},
		{func(a *Attempt) { a.Kernel = 161 }, false},
		{func(a *Attempt) { a.Kernel, a.Before.Weights = 1<<20, at.Rows.Weights() }, true},
		{func(a *Attempt) { a.Kernel, a.Before.Weights = 1<<20, at.Rows.Weights()-1 }, false},
	} {
		a := q
		c.change(&a)
		if a.Exact() != c.exact {
			t.Errorf("%+v is exact: %v", a, a.Exact())
		}
	}
}

// One type of floats from end to end.
func TestSameFloat(t *testing.T) {
	v := func(d onnxio.DType) *graph.Value { return graph.Invent("v", d, nil) }
	for _, c := range []struct {
		a, b onnxio.DType
		want bool
	}{{onnxio.Float32, onnxio.Float32, true}, {onnxio.Float32, onnxio.Float16, false}, {onnxio.Int64, onnxio.Int64, false}, {onnxio.Undefined, onnxio.Undefined, false}} {
		if affine.SameFloat(v(c.a), v(c.b)) != c.want {
			t.Errorf("%v and %v", c.a, c.b)
		}
	}
}

// Values that are left out do not count, what stands behind them does.
func TestSameFloatOfSome(t *testing.T) {
	single, half := graph.Invent("v", onnxio.Float32, nil), graph.Invent("w", onnxio.Float16, nil)
	for i, c := range []struct {
		values []*graph.Value
		want   bool
	}{{[]*graph.Value{single, nil, single}, true}, {[]*graph.Value{single, nil, half}, false}, {[]*graph.Value{nil, single, half}, false}, {[]*graph.Value{nil}, true}, {nil, true}} {
		if affine.SameFloat(c.values...) != c.want {
			t.Errorf("%d: want %v", i, c.want)
		}
	}
}

// Merges into a value that had an ID keep it, whatever comes before them now; others get
// the next ones.
func TestNumbers(t *testing.T) {
	p := New(explained(t, "x : N 4\na = Gemm(x, ?4x4)\nb = Gemm(a, ?4x4)\nc = Relu(b)\nd = Gemm(c, ?4x4)\ne = Gemm(d, ?4x4)\nf = Relu(e)\ng = Gemm(f, ?4x4)\nh = Gemm(g, ?4x4)\ny = Relu(h)"), Options{})
	ids := map[string]string{"e": "r1"}
	for range 2 {
		p.Number(ids)
		var have []string
		for _, r := range p.Regions {
			have = append(have, r.Segment.To.Name+" "+r.ID)
		}
		if !slices.Equal(have, []string{"b r2", "e r1", "h r3"}) {
			t.Errorf("%q", have)
		}
	}
}

// No region starts at a value that is banned, though it would otherwise, nor at a constant.
func TestBannedValuesStartNothing(t *testing.T) {
	banned := 0
	for _, c := range sketch.Listed(t, graphs) {
		e := explained(t, c.Text)
		starts := func(set map[*graph.Value]bool) map[*graph.Value]bool {
			p := planRegions(&terrain{e: e, links: map[*graph.Value]*link{}}, Options{}, set, nil)
			from := map[*graph.Value]bool{}
			for _, r := range p.regions {
				from[r.Segment.From] = true
			}
			return from
		}
		set := starts(nil)
		banned += len(set)
		for u := range starts(set) {
			if set[u] || e.Graph.IsConst(u) {
				t.Errorf("%s: a region starts at %q", c.Name, u.Name)
			}
		}
	}
	if banned < 50 {
		t.Errorf("%d values were banned", banned)
	}
}
