package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// tinyInput is what small graphs read.
var tinyInput = tinyShape{2, 3, false}

// A tinyGraph is a few nodes in a row, which make values of values made before; value 0
// is the input.
type tinyGraph struct {
	nodes   []tinyNode
	shapes  []tinyShape // of the values
	outputs []int       // values that are outputs
}

type tinyNode struct {
	op     int
	in     []int
	out    int // its first value
	params []float64
}

// newTinyGraph begins a graph.
func newTinyGraph() *tinyGraph { return &tinyGraph{shapes: []tinyShape{tinyInput}} }

// add adds a node; false where its operands do not go together.
func (g *tinyGraph) add(rng *rand.Rand, op int, in ...int) bool {
	o := tinyOps[op]
	var shapes []tinyShape
	for _, v := range in {
		shapes = append(shapes, g.shapes[v])
	}
	made := o.shape(shapes)
	if made == nil || o.keeps && len(in) > 1 && (o.even && in[0] >= in[1] || in[0] == in[1]) {
		return false
	}
	if slices.Contains([]string{"Sub", "Max", "Product"}, o.name) && g.scaled(in[0]) == g.scaled(in[1]) {
		return false // a constant, by its numbers one of both, or a square, which is not below zero
	}
	n := tinyNode{op: op, in: in, out: len(g.shapes)}
	if o.draw != nil {
		n.params = o.draw(rng, shapes)
	}
	g.nodes, g.shapes = append(g.nodes, n), append(g.shapes, made...)
	return true
}

// scaled is what a value is by scales and shifts alone.
func (g *tinyGraph) scaled(v int) int {
	for i := len(g.nodes) - 1; i >= 0; i-- {
		switch n := g.nodes[i]; tinyOps[n.op].name {
		case "Norm", "Scale", "Rise", "Shift":
			if n.out == v {
				v = n.in[0]
			}
		case "Add", "Sub":
			if n.out == v && g.scaled(n.in[0]) == g.scaled(n.in[1]) {
				v = n.in[0]
			}
		}
	}
	return v
}

// unread lists the values that no node reads.
func (g *tinyGraph) unread() []int {
	var list []int
	for v := range g.shapes {
		if !slices.ContainsFunc(g.nodes, func(n tinyNode) bool { return slices.Contains(n.in, v) }) {
			list = append(list, v)
		}
	}
	return list
}

// layered reports whether there is a layer.
func (g *tinyGraph) layered() bool {
	return slices.ContainsFunc(g.nodes, func(n tinyNode) bool { return tinyOps[n.op].taps > 0 })
}

// choices is how many nodes of narrow graphs there are to choose from where n values are made.
func choices(n int) int {
	total := 0
	for _, o := range tinyOps[:narrowOps] {
		total += power(n, o.ins)
	}
	return total
}

func power(n, k int) int {
	p := 1
	for range k {
		p *= n
	}
	return p
}

// countNarrow is how many numbers of narrow graphs with some nodes there are.
func countNarrow(nodes int) int {
	total := 1
	for i := range nodes {
		total *= choices(i + 1)
	}
	return total
}

// narrowGraph makes the narrow graph of a number; ok is false where it stands for none.
// Each value but the last is read.
func narrowGraph(nodes, number int) (g *tinyGraph, ok bool) {
	g = newTinyGraph()
	rng := rand.New(rand.NewPCG(uint64(number), uint64(nodes)))
	for i := range nodes {
		k := number % choices(i+1)
		number /= choices(i + 1)
		op := 0
		for ; k >= power(i+1, tinyOps[op].ins); op++ {
			k -= power(i+1, tinyOps[op].ins)
		}
		in := []int{k % (i + 1)}
		if tinyOps[op].ins > 1 {
			in = []int{k / (i + 1), k % (i + 1)}
		}
		if !g.add(rng, op, in...) {
			return nil, false
		}
	}
	g.outputs = g.unread()
	return g, len(g.outputs) == 1 && g.layered()
}

// narrowGraphs draws some numbers of graphs of some nodes, or lists all.
func narrowGraphs(nodes, count int) func(yield func(*tinyGraph) bool) {
	rng := rand.New(rand.NewPCG(uint64(nodes), 3))
	total := countNarrow(nodes)
	return func(yield func(*tinyGraph) bool) {
		for i := range total {
			if count > 0 && i == count {
				return
			}
			if count > 0 && total > count {
				i = rng.IntN(total)
			}
			if g, ok := narrowGraph(nodes, i); ok && !yield(g) {
				return
			}
		}
	}
}

// wideGraph draws a graph of up to some nodes with all operators: what nobody reads is an
// output, and perhaps something else.
func wideGraph(seed uint64, nodes int) (g *tinyGraph, ok bool) {
	g = newTinyGraph()
	rng := rand.New(rand.NewPCG(seed, 91))
	for len(g.nodes) < nodes {
		op := rng.IntN(len(tinyOps))
		if rng.IntN(3) == 0 {
			op = rng.IntN(narrowOps)
		}
		for range 4 {
			in := make([]int, tinyOps[op].ins)
			for k := range in {
				in[k] = len(g.shapes) - 1 - min(rng.IntN(len(g.shapes)), rng.IntN(len(g.shapes)))
				if open := g.unread(); rng.IntN(2) == 0 { // else there are many outputs
					in[k] = open[rng.IntN(len(open))]
				}
			}
			if g.add(rng, op, in...) {
				break
			}
		}
	}
	g.outputs = g.unread()
	if v := 1 + rng.IntN(len(g.shapes)-1); rng.IntN(3) == 0 && !slices.Contains(g.outputs, v) {
		g.outputs = append(g.outputs, v)
	}
	return g, g.layered() && len(g.outputs) <= 3 && !slices.Contains(g.outputs, 0)
}

// String lists the nodes.
func (g *tinyGraph) String() string {
	var parts []string
	for _, n := range g.nodes {
		parts = append(parts, fmt.Sprintf("v%d = %s%v", n.out, tinyOps[n.op].name, n.in))
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(" > %v", g.outputs)
}

// valueNames are what the values are called in the model: first values after their node.
func (g *tinyGraph) valueNames() []string {
	names := make([]string, len(g.shapes))
	names[0] = "x"
	for i, n := range g.nodes {
		names[n.out] = fmt.Sprintf("y%d", i)
		if n.out+1 < len(names) {
			names[n.out+1] = fmt.Sprintf("y%d.second", i)
		}
	}
	return names
}

// node is the node that one of a result stands for, by its name: its own or that of a
// value; ok is false for others.
func (g *tinyGraph) node(name string) (i int, ok bool) {
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "y"), ".")
	i, err := strconv.Atoi(name)
	return i, err == nil && tinyOps[g.nodes[i].op].keeps
}

// model writes the graph; node i is called "i".
func (g *tinyGraph) model(t *testing.T) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{elem: onnxio.Float64}
	names := g.valueNames()
	for i, n := range g.nodes {
		w := &tinyWriter{graphBuilder: b, title: strconv.Itoa(i), params: n.params, out: []string{names[n.out]}}
		if tinyOps[n.op].name == "Split" {
			w.out = names[n.out : n.out+2]
		}
		for _, v := range n.in {
			w.in, w.shapes = append(w.in, names[v]), append(w.shapes, g.shapes[v])
		}
		tinyOps[n.op].write(w)
	}
	side := onnxio.Known(int64(tinyInput.side))
	parts := onnxio.Parts{Opset: 13, Nodes: b.nodes, Inits: b.inits,
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float64, onnxio.Named("N"), onnxio.Known(int64(tinyInput.channels)), side, side)}}
	for _, v := range g.outputs {
		parts.Outputs = append(parts.Outputs, onnxio.NewValue(names[v], onnxio.Float64))
	}
	m, err := onnxio.NewModel(parts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run gives the outputs for one input, one after the other; nodes in without are passed over.
func (g *tinyGraph) run(x []float64, without map[int]bool) []float64 {
	values := []tinyValue{{tinyInput, x}}
	for i, n := range g.nodes {
		if without[i] {
			values = append(values, values[n.in[0]])
			continue
		}
		var in []tinyValue
		for _, v := range n.in {
			in = append(in, values[v])
		}
		values = append(values, tinyOps[n.op].run(n.params, in)...)
	}
	var out []float64
	for _, v := range g.outputs {
		out = append(out, values[v].v...)
	}
	return out
}

// tinyCount is how many small graphs are tried of each kind: REPMLP_GRAPHS; 0 stands for all.
func tinyCount(t *testing.T, usual int) int {
	t.Helper()
	s := os.Getenv("REPMLP_GRAPHS")
	if s == "" {
		return usual
	}
	count, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// A tinyTally counts what is left of small graphs.
type tinyTally struct{ asked, entries, wrong int }

// ask converts a graph, and asks of all that is left whether it could be merged.
func (c *tinyTally) ask(t *testing.T, g *tinyGraph) {
	t.Helper()
	c.asked++
	res, err := convert.Convert(t.Context(), g.model(t), convert.Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatalf("%v: %v", g, err)
	}
	if bad := unnamed(res); len(bad) > 0 {
		t.Errorf("%v: not named: %v", g, bad)
	}
	into := map[string][]string{}
	for _, r := range res.Plan.Regions {
		for _, n := range r.Into {
			into[n] = r.Merged
		}
	}
	for _, x := range res.Plan.Left {
		c.entries++
		without := map[int]bool{}
		for _, name := range append(into[x.Node], x.Node) {
			if i, ok := g.node(name); ok {
				without[i] = true
			}
		}
		if len(without) == 0 {
			t.Errorf("%v: %q stands for no node", g, x.Node)
		}
		if g.spare(without) {
			c.wrong++
			t.Errorf("%v: %s could be merged, but: %s", g, x.Node, x.Message)
		}
	}
}

// Of small graphs what is left could not be merged: no scales and biases of the layers make
// up for a node that a result still has. Narrow graphs are listed, of up to four nodes;
// wide ones are drawn.
func TestNoEntryOfLeftHasAMerge(t *testing.T) {
	var narrow, wide tinyTally
	for nodes := 2; nodes <= 4; nodes++ {
		for g := range narrowGraphs(nodes, tinyCount(t, 4000)) {
			narrow.ask(t, g)
		}
	}
	count := tinyCount(t, 400)
	if count == 0 {
		count = 20000
	}
	for seed := range count {
		if g, ok := wideGraph(uint64(seed), 2+seed%4); ok {
			wide.ask(t, g)
		}
	}
	for name, c := range map[string]tinyTally{"narrow": narrow, "wide": wide} {
		t.Logf("%d %s graphs, %d entries, %d of which could be merged", c.asked, name, c.entries, c.wrong)
		if c.entries < c.asked/20 {
			t.Errorf("%d %s graphs have %d entries of what is left", c.asked, name, c.entries)
		}
	}
}

// The search finds merges that are there, through what scales and shifts pass, and none
// where there is none.
func TestTinyGraphsThatCanSpareANode(t *testing.T) {
	type node struct {
		op     string
		params []float64
		in     []int
	}
	conv := func(in int) node { return node{"Conv", []float64{1, -2, 0.5, 3, 0.1, -0.7}, []int{in}} }
	of := func(op string, params []float64, in ...int) node { return node{op, params, in} }
	for name, c := range map[string]struct {
		nodes []node
		spare bool
	}{
		"a norm behind a conv":        {[]node{conv(0), of("Norm", []float64{-1, 2, 0.5, 1}, 1)}, true},
		"a shift behind a maximum":    {[]node{conv(0), of("MaxPool", nil, 1), of("Shift", []float64{1, -1}, 2)}, true},
		"signs behind a maximum":      {[]node{conv(0), of("MaxPool", nil, 1), of("Scale", []float64{1.5, -1}, 2)}, false},
		"scales behind a maximum":     {[]node{conv(0), of("MaxPool", nil, 1), of("Scale", []float64{1.5, 2}, 2)}, true},
		"scales behind an activation": {[]node{conv(0), of("Relu", nil, 1), of("Scale", []float64{1.5, 2}, 2)}, true},
		"a shift behind one":          {[]node{conv(0), of("Relu", nil, 1), of("Shift", []float64{1.5, 2}, 2)}, false},
		"a shift behind an average":   {[]node{conv(0), of("AveragePool", nil, 1), of("Shift", []float64{1.5, 2}, 2)}, true},
		"a part without a layer":      {[]node{conv(0), of("Relu", nil, 0), of("Add", nil, 1, 2), of("Scale", []float64{1.5, 2}, 3)}, false},
		"a shift of such a sum":       {[]node{conv(0), of("Relu", nil, 0), of("Add", nil, 1, 2), of("Shift", []float64{1.5, 2}, 3)}, true},
		"a scale before a difference": {[]node{conv(0), of("Scale", []float64{1.5, -2}, 0), of("Sub", nil, 1, 2)}, false},
		"one behind rows and layers":  {[]node{conv(0), of("Rows", nil, 1), of("Scale", []float64{1.5, -2}, 2)}, true},
	} {
		g := newTinyGraph()
		for _, n := range c.nodes {
			op := slices.IndexFunc(tinyOps, func(o tinyOp) bool { return o.name == n.op })
			if !g.add(rand.New(rand.NewPCG(1, 1)), op, n.in...) {
				t.Fatalf("%s: no such node", name)
			}
			g.nodes[len(g.nodes)-1].params = n.params
		}
		g.outputs = g.unread()
		if have := g.spare(map[int]bool{len(c.nodes) - 1: true}); have != c.spare {
			t.Errorf("%s: the last node of %v can be spared: %v", name, g, have)
		}
	}
}

// A small graph is run here as the engine runs its model.
func TestTinyGraphsRunAsTheirModels(t *testing.T) {
	var graphs []*tinyGraph
	for number := 0; number < countNarrow(3); number += 7 {
		if g, ok := narrowGraph(3, number); ok {
			graphs = append(graphs, g)
		}
	}
	met := map[int]bool{}
	for seed := range uint64(600) {
		if g, ok := wideGraph(seed, 4); ok {
			graphs = append(graphs, g)
			for _, n := range g.nodes {
				met[n.op] = true
			}
		}
	}
	if len(met) < len(tinyOps) {
		t.Errorf("only %d of %d operators are met", len(met), len(tinyOps))
	}
	for i, g := range graphs {
		m := g.model(t)
		e, err := verify.NewEngine(m, verify.EngineOptions{})
		if err != nil {
			t.Fatalf("%v: %v", g, err)
		}
		feeds, err := verify.RandomInputs(m, nil, 1, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Run(t.Context(), feeds)
		if err != nil {
			t.Fatalf("%v: %v", g, err)
		}
		x := make([]float64, feeds["x"].Len())
		for i := range x {
			x[i] = feeds["x"].Float(i)
		}
		want, at := g.run(x, nil), 0
		for _, v := range g.outputs {
			y := out[g.valueNames()[v]]
			for k := range y.Len() {
				if math.Abs(y.Float(k)-want[at]) > 1e-9*(1+math.Abs(want[at])) {
					t.Fatalf("%v: element %d of v%d is %g, want %g", g, k, v, y.Float(k), want[at])
				}
				at++
			}
		}
	}
}
