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

// The operators of small graphs.
const (
	tinyConv  = iota // 1×1 with a bias, to two channels
	tinyNorm         // BatchNormalization
	tinyScale        // by numbers of both signs
	tinyRise         // by numbers above zero
	tinyShift
	tinyRelu
	tinyMax  // 2×2, on a map that keeps its size
	tinyMean // 3×3, without its padding
	tinyConcat
	tinyAdd
	tinyOps
)

// tinySide is the height and width of the map of a small graph.
const tinySide = 3

// A tinyGraph is a few nodes on a map of two channels, in a row: node i makes value
// i+1 of values made before. Each value but the last is read.
type tinyGraph struct {
	nodes    []tinyNode
	channels []int // of the values
}

type tinyNode struct {
	op     int
	in     []int
	params []float64 // a conv's weights, then its biases; scales, then shifts
}

// choices is how many nodes there are to choose from where n values are made.
func choices(n int) int { return tinyConcat*n + (tinyOps-tinyConcat)*n*n }

// smallGraphs is how many numbers of graphs with some nodes there are.
func countTiny(nodes int) int {
	total := 1
	for i := range nodes {
		total *= choices(i + 1)
	}
	return total
}

// newTinyGraph makes the graph of a number; ok is false where it stands for none.
func newTinyGraph(nodes, number int) (g *tinyGraph, ok bool) {
	g = &tinyGraph{channels: []int{2}}
	rng := rand.New(rand.NewPCG(uint64(number), uint64(nodes)))
	read := map[int]bool{}
	convs := 0
	for i := range nodes {
		k := number % choices(i+1)
		number /= choices(i + 1)
		n := tinyNode{}
		if n.op = k / (i + 1); n.op < tinyConcat {
			n.in = []int{k % (i + 1)}
		} else {
			k -= tinyConcat * (i + 1)
			n.op = tinyConcat + k/((i+1)*(i+1))
			n.in = []int{k / (i + 1) % (i + 1), k % (i + 1)}
		}
		c := g.channels[n.in[0]]
		for _, v := range n.in {
			read[v] = true
		}
		draw := func(count int, f func() float64) {
			for range count {
				n.params = append(n.params, f())
			}
		}
		positive := func() float64 { return 0.3 + rng.Float64() }
		both := func() float64 { return math.Copysign(positive(), rng.Float64()-0.5) }
		switch n.op {
		case tinyConv:
			convs++
			draw(2*c+2, rng.NormFloat64)
			c = 2
		case tinyNorm:
			draw(c, []func() float64{positive, both}[rng.IntN(2)])
			draw(c, rng.NormFloat64)
		case tinyScale:
			draw(c, both)
			n.params[rng.IntN(c)] = -positive()
		case tinyRise:
			draw(c, positive)
		case tinyShift:
			draw(c, rng.NormFloat64)
		case tinyConcat:
			c += g.channels[n.in[1]]
		case tinyAdd:
			if g.channels[n.in[1]] != c || n.in[0] >= n.in[1] {
				return nil, false
			}
		}
		g.nodes, g.channels = append(g.nodes, n), append(g.channels, c)
	}
	return g, convs > 0 && len(read) == nodes
}

// tinyNumbers draws some numbers of graphs, or lists all.
func tinyNumbers(nodes, count int) func(yield func(int) bool) {
	rng := rand.New(rand.NewPCG(uint64(nodes), 3))
	total := countTiny(nodes)
	return func(yield func(int) bool) {
		for i := range total {
			if count > 0 && i == count {
				return
			}
			if count > 0 && total > count {
				i = rng.IntN(total)
			}
			if !yield(i) {
				return
			}
		}
	}
}

// String lists the nodes.
func (g *tinyGraph) String() string {
	names := []string{"Conv", "Norm", "Scale", "Rise", "Shift", "Relu", "MaxPool", "AveragePool", "Concat", "Add"}
	var parts []string
	for i, n := range g.nodes {
		parts = append(parts, fmt.Sprintf("v%d = %s%v", i+1, names[n.op], n.in))
	}
	return strings.Join(parts, ", ")
}

// model writes the graph; node i is called "i".
func (g *tinyGraph) model(t *testing.T) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{elem: onnxio.Float64}
	list := func(v []float64, dims ...int) string {
		k := -1
		return b.weight(func() float64 { k++; return v[k] }, dims...)
	}
	name := func(v int) string {
		if v == 0 {
			return "x"
		}
		return fmt.Sprintf("y%d", v)
	}
	for i, n := range g.nodes {
		c := g.channels[n.in[0]]
		in := []string{name(n.in[0])}
		var op string
		var attrs []*onnxio.Attr
		switch n.op {
		case tinyConv:
			op, in = "Conv", append(in, list(n.params[:2*c], 2, c, 1, 1), list(n.params[2*c:], 2))
		case tinyNorm:
			zero, one := make([]float64, c), slices.Repeat([]float64{1}, c)
			op, in = "BatchNormalization", append(in, list(n.params[:c], c), list(n.params[c:], c), list(zero, c), list(one, c))
			attrs = []*onnxio.Attr{onnxio.FloatAttr("epsilon", 0)}
		case tinyScale, tinyRise:
			op, in = "Mul", append(in, list(n.params, c, 1, 1))
		case tinyShift:
			op, in = "Add", append(in, list(n.params, c, 1, 1))
		case tinyRelu:
			op = "Relu"
		case tinyMax:
			op, attrs = "MaxPool", []*onnxio.Attr{onnxio.IntsAttr("kernel_shape", attrs64(2, 2)), onnxio.IntsAttr("pads", attrs64(0, 0, 1, 1))}
		case tinyMean:
			op, attrs = "AveragePool", []*onnxio.Attr{onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1))}
		case tinyConcat:
			op, in, attrs = "Concat", append(in, name(n.in[1])), []*onnxio.Attr{onnxio.IntAttr("axis", 1)}
		case tinyAdd:
			op, in = "Add", append(in, name(n.in[1]))
		}
		b.nodes = append(b.nodes, onnxio.NewNode(strconv.Itoa(i), op, in, []string{name(i + 1)}, attrs...))
	}
	m, err := onnxio.NewModel(onnxio.Parts{Opset: 13, Nodes: b.nodes, Inits: b.inits,
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float64, onnxio.Named("N"), onnxio.Known(2), onnxio.Known(tinySide), onnxio.Known(tinySide))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(name(len(g.nodes)), onnxio.Float64)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run gives the output for one input; nodes in without are passed over.
func (g *tinyGraph) run(x []float64, without map[int]bool) []float64 {
	const size = tinySide * tinySide
	values := [][]float64{x}
	for i, n := range g.nodes {
		a := values[n.in[0]]
		if without[i] {
			values = append(values, a)
			continue
		}
		c := g.channels[n.in[0]]
		y := make([]float64, g.channels[i+1]*size)
		for k := range y {
			ch, at := k/size, k%size
			switch n.op {
			case tinyConv:
				y[k] = n.params[2*c+ch]
				for j := range c {
					y[k] += n.params[ch*c+j] * a[j*size+at]
				}
			case tinyNorm:
				y[k] = n.params[ch]*a[k] + n.params[c+ch]
			case tinyScale, tinyRise:
				y[k] = n.params[ch] * a[k]
			case tinyShift:
				y[k] = a[k] + n.params[ch]
			case tinyRelu:
				y[k] = max(a[k], 0)
			case tinyMax, tinyMean:
				y[k] = pooled(a[ch*size:], at, n.op == tinyMax)
			case tinyConcat:
				if ch < c {
					y[k] = a[k]
				} else {
					y[k] = values[n.in[1]][k-c*size]
				}
			case tinyAdd:
				y[k] = a[k] + values[n.in[1]][k]
			}
		}
		values = append(values, y)
	}
	return values[len(values)-1]
}

// pooled is one position of a pooled channel.
func pooled(a []float64, at int, largest bool) float64 {
	r, s := at/tinySide, at%tinySide
	best, sum, count := math.Inf(-1), 0.0, 0.0
	from := -1
	if largest {
		from = 0
	}
	for i := r + from; i <= r+1; i++ {
		for j := s + from; j <= s+1; j++ {
			if i >= 0 && j >= 0 && i < tinySide && j < tinySide {
				best, sum, count = max(best, a[i*tinySide+j]), sum+a[i*tinySide+j], count+1
			}
		}
	}
	if largest {
		return best
	}
	return sum / count
}

// spare reports whether the graph without some nodes is the same function with convs whose
// inputs and outputs are scaled and which have other biases, as a layer is that takes
// scales and shifts: least squares over random inputs leave nothing.
func (g *tinyGraph) spare(without map[int]bool) bool {
	rng := rand.New(rand.NewPCG(7, 11))
	var inputs [][]float64
	var want []float64
	for range 12 {
		x := make([]float64, 2*tinySide*tinySide)
		scale := math.Exp(2 * rng.NormFloat64()) // so that each activation shows both sides
		for i := range x {
			x[i] = scale * rng.NormFloat64()
		}
		inputs = append(inputs, x)
		want = append(want, g.run(x, nil)...)
	}
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(v))
	}
	for try := range 6 {
		fit := &tinyGraph{nodes: slices.Clone(g.nodes), channels: g.channels}
		var scales, free []*float64
		var apply []func()
		for i := range fit.nodes {
			if n := &fit.nodes[i]; n.op == tinyConv {
				c := g.channels[n.in[0]]
				was, by := n.params, slices.Repeat([]float64{1}, 2+c)
				n.params = slices.Clone(was)
				for k := range by {
					scales = append(scales, &by[k])
				}
				free = append(free, &n.params[2*c], &n.params[2*c+1])
				apply = append(apply, func() {
					for k := range 2 * c {
						n.params[k] = was[k] * by[k/c] * by[2+k%c]
					}
				})
			}
		}
		free = append(free, scales...)
		for _, p := range free {
			*p += 0.5 * float64(try) * rng.NormFloat64()
		}
		left := func() []float64 {
			for _, f := range apply {
				f()
			}
			var out []float64
			for _, x := range inputs {
				out = append(out, fit.run(x, without)...)
			}
			for i := range out {
				out[i] = (out[i] - want[i]) / size
			}
			return out
		}
		if leastSquares(free, left) < 1e-9 {
			return true
		}
	}
	return false
}

// leastSquares moves some numbers until what is left is small, by Gauss and Newton with
// damping (Levenberg and Marquardt), and gives the largest of it.
func leastSquares(free []*float64, left func() []float64) float64 {
	now, damp := left(), 1e-3
	for range 60 {
		if largest(now) < 1e-10 {
			break
		}
		slope := make([][]float64, len(free))
		for k, p := range free {
			at := *p
			*p = at + 1e-6
			moved := left()
			*p = at
			for i := range moved {
				moved[i] = (moved[i] - now[i]) / 1e-6
			}
			slope[k] = moved
		}
		better := false
		for range 8 {
			step := normalEquations(slope, now, damp)
			for k, p := range free {
				*p -= step[k]
			}
			if next := left(); dotOf(next, next) < dotOf(now, now) {
				now, damp, better = next, damp/10, true
				break
			}
			for k, p := range free {
				*p += step[k]
			}
			damp *= 10
		}
		if !better {
			break
		}
	}
	return largest(now)
}

func largest(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}

func dotOf(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// normalEquations solves (JᵀJ + damp·D) step = Jᵀr, D the diagonal of JᵀJ.
func normalEquations(slope [][]float64, r []float64, damp float64) []float64 {
	n := len(slope)
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for j := range n {
			m[i][j] = dotOf(slope[i], slope[j])
		}
		m[i][i] += damp*m[i][i] + 1e-14
		m[i][n] = dotOf(slope[i], r)
	}
	for i := range n {
		p := i
		for k := i + 1; k < n; k++ {
			if math.Abs(m[k][i]) > math.Abs(m[p][i]) {
				p = k
			}
		}
		m[i], m[p] = m[p], m[i]
		for k := range n {
			if k != i && m[i][i] != 0 {
				f := m[k][i] / m[i][i]
				for j := i; j <= n; j++ {
					m[k][j] -= f * m[i][j]
				}
			}
		}
	}
	step := make([]float64, n)
	for i := range step {
		if m[i][i] != 0 {
			step[i] = m[i][n] / m[i][i]
		}
	}
	return step
}

// chain reports whether every value is read once, no scales or shifts stand behind each
// other, of which one could take in the others, and none between activations, which may
// have it that nothing comes through.
func (g *tinyGraph) chain() bool {
	scales := func(n tinyNode) bool { return n.op >= tinyNorm && n.op <= tinyShift }
	for i, n := range g.nodes {
		if n.op >= tinyConcat || i > 0 && (n.in[0] != i || scales(n) && scales(g.nodes[i-1])) ||
			i > 1 && n.op == tinyRelu && scales(g.nodes[i-1]) && g.nodes[i-2].op == tinyRelu {
			return false
		}
	}
	return true
}

// Of graphs of up to four tiny nodes, what is left could not be merged: no scales and
// biases of the convs make up for a node that a result still has. Of chains that holds of
// all; where values meet, the share of the others is bounded.
// REPMLP_GRAPHS is how many numbers of graphs of each size are tried, drawn at random; 0
// stands for all; with -v they are listed.
func TestNoEntryOfLeftHasAMerge(t *testing.T) {
	count := 8000
	if s := os.Getenv("REPMLP_GRAPHS"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	asked, entries, wrong := 0, 0, 0
	for nodes := 2; nodes <= 4; nodes++ {
		for number := range tinyNumbers(nodes, count) {
			g, ok := newTinyGraph(nodes, number)
			if !ok {
				continue
			}
			asked++
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
				entries++
				without := map[int]bool{}
				for _, name := range append(into[x.Node], x.Node) {
					if value, ok := strings.CutPrefix(name, "y"); ok { // what moved is called after its value
						value, _, _ = strings.Cut(value, ".")
						if i, err := strconv.Atoi(value); err == nil {
							without[i-1] = true
						}
					} else if i, err := strconv.Atoi(name); err == nil {
						without[i] = true
					}
				}
				if !g.spare(without) {
					continue
				}
				wrong++
				told := fmt.Sprintf("%v: %s could be merged, but: %s", g, x.Node, x.Message)
				if g.chain() {
					t.Error(told)
				} else {
					t.Log(told)
				}
			}
		}
	}
	t.Logf("%d graphs, %d entries, %d of which could be merged", asked, entries, wrong)
	if entries < asked/10 || wrong > entries/10 {
		t.Errorf("%d graphs have %d entries of what is left, %d of which could be merged", asked, entries, wrong)
	}
}

// The search finds merges that are there, through what scales and shifts pass, and none
// where there is none.
func TestTinyGraphsThatCanSpareANode(t *testing.T) {
	node := func(op int, params []float64, in ...int) tinyNode { return tinyNode{op, in, params} }
	conv := func(in int) tinyNode { return node(tinyConv, []float64{1, -2, 0.5, 3, 0.1, -0.7}, in) }
	relu := func(in int) tinyNode { return node(tinyRelu, nil, in) }
	for name, c := range map[string]struct {
		nodes []tinyNode
		spare bool
	}{
		"a norm behind a conv":        {[]tinyNode{conv(0), node(tinyNorm, []float64{-1, 2, 0.5, 1}, 1)}, true},
		"a shift behind a maximum":    {[]tinyNode{conv(0), node(tinyMax, nil, 1), node(tinyShift, []float64{1, -1}, 2)}, true},
		"signs behind a maximum":      {[]tinyNode{conv(0), node(tinyMax, nil, 1), node(tinyScale, []float64{1.5, -1}, 2)}, false},
		"scales behind a maximum":     {[]tinyNode{conv(0), node(tinyMax, nil, 1), node(tinyScale, []float64{1.5, 2}, 2)}, true},
		"scales behind an activation": {[]tinyNode{conv(0), relu(1), node(tinyScale, []float64{1.5, 2}, 2)}, true},
		"a shift behind one":          {[]tinyNode{conv(0), relu(1), node(tinyShift, []float64{1.5, 2}, 2)}, false},
		"a shift behind an average":   {[]tinyNode{conv(0), node(tinyMean, nil, 1), node(tinyShift, []float64{1.5, 2}, 2)}, true},
		"a part without a layer":      {[]tinyNode{conv(0), relu(0), node(tinyAdd, nil, 1, 2), node(tinyScale, []float64{1.5, 2}, 3)}, false},
		"a shift of such a sum":       {[]tinyNode{conv(0), relu(0), node(tinyAdd, nil, 1, 2), node(tinyShift, []float64{1.5, 2}, 3)}, true},
	} {
		g := &tinyGraph{nodes: c.nodes, channels: slices.Repeat([]int{2}, len(c.nodes)+1)}
		if have := g.spare(map[int]bool{len(c.nodes) - 1: true}); have != c.spare {
			t.Errorf("%s: the last node of %v can be spared: %v", name, g, have)
		}
	}
}

// A small graph is run here as the engine runs its model.
func TestTinyGraphsRunAsTheirModels(t *testing.T) {
	for number := range countTiny(3) {
		g, ok := newTinyGraph(3, number)
		if !ok || number%7 > 0 {
			continue
		}
		m := g.model(t)
		e, err := verify.NewEngine(m, verify.EngineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		feeds, err := verify.RandomInputs(m, nil, 1, uint64(number))
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Run(t.Context(), feeds)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float64, feeds["x"].Len())
		for i := range x {
			x[i] = feeds["x"].Float(i)
		}
		for _, y := range out {
			for i, want := range g.run(x, nil) {
				if math.Abs(y.Float(i)-want) > 1e-9*(1+math.Abs(want)) {
					t.Fatalf("%v: element %d is %g, want %g", g, i, y.Float(i), want)
				}
			}
		}
	}
}
