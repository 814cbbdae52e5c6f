package layer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// planned is a layer of groups of k to q features, on rows for each of a batch of
// samples, without any weights.
func planned(t *testing.T, batch graph.Dim, rows, groups, k, q int) (*affine.Segment, *affine.Rows) {
	t.Helper()
	g := sketch.Graph(t, "x : 1\ny = Neg(x)")
	size := func(n int) graph.Dim { return graph.Size(int64(n)) }
	x := graph.Invent("x", onnxio.Float32, []graph.Dim{batch, size(rows), size(groups * k)})
	y := graph.Invent("y", onnxio.Float32, []graph.Dim{batch, size(rows), size(groups * q)})
	fc := affine.NewFC(affine.NewConstants(g), affine.FC{Data: [][]affine.Index{{0}, {1}, {2, 3}}, Out: [][]affine.Index{{0}, {1}, {2, 4}}, Weight: []affine.Index{2, 3, 4},
		Size: map[affine.Index]int{2: groups, 3: k, 4: q}, Matrices: []*graph.Value{graph.Invent("w", onnxio.Float32, nil)}, Alpha: 1})
	s := affine.NewSegment(x, y, []*affine.Affine{{Out: y, Args: []*graph.Value{x}, Nodes: g.Nodes, Op: fc}})
	m, why := s.AsRows()
	if why != nil {
		t.Fatal(why)
	}
	return s, m
}

// Which form a layer gets follows from its sizes; a change of the table shows here.
func TestFormsBySize(t *testing.T) {
	var text strings.Builder
	for _, batch := range []graph.Dim{graph.Symbol("N"), graph.Size(1), graph.Size(8)} {
		for _, groups := range []int{1, 2, 4, 16, 32} {
			for _, k := range []int{8, 64, 256, 1024} {
				fmt.Fprintf(&text, "batch %v, %d groups of %d:", batch, groups, k)
				for _, rows := range []int{1, 4, 16, 64} {
					s, m := planned(t, batch, rows, groups, k, k)
					l, ok := PlanFC(s, m, math.MaxInt, Options{Opset: 17})
					if !ok {
						t.Fatal("no layer")
					}
					fmt.Fprintf(&text, " %d rows %s;", rows, l.form.name)
				}
				text.WriteByte('\n')
			}
		}
	}
	sketch.Golden(t, "forms.txt", text.String())
}

// The form that is chosen has the least cost of those that may be, by their costs one
// by one.
func TestChosenFormIsTheCheapest(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 150 {
		batch := []graph.Dim{graph.Symbol("N"), graph.Size(1), graph.Size(8)}[rng.IntN(3)]
		groups, k, q, rows := 1<<rng.IntN(6), 1<<rng.IntN(11), 1<<rng.IntN(11), 1<<rng.IntN(7)
		s, m := planned(t, batch, rows, groups, k, q)
		o := Options{Opset: []int64{6, 7, 17}[rng.IntN(3)], Form: Choice(rng.IntN(5))}
		l, ok := PlanFC(s, m, math.MaxInt, o)
		if !ok {
			t.Fatalf("no layer for %+v", o)
		}
		small := timesRows.of(float64(groups), float64(k), float64(q), rowsOfOne(m, unknownRows)*32) < 50
		for _, f := range forms() {
			many := groups > 1
			var may bool
			switch { // which form stands for which choice, said once more
			case o.Opset < 7:
				may = f.name == "grouped Conv" // none of the nodes is a Gemm
			case f.name == "Gemm", f.name == "MatMul":
				may = (f.name == "MatMul") == many && (o.Form == Auto || o.Form == Gemm || o.Form == Split && !many)
			case f.name == "Gemm, weights left", f.name == "MatMul, weights left":
				may = (f.name == "MatMul, weights left") == many && (o.Form == Columns || o.Form == Auto && !small)
			case f.name == "Gemm for each group":
				may = many && (o.Form == Split || o.Form == Auto && !small && groups <= 16)
			case f.name == "grouped Conv":
				may = o.Form == Grouped
			case f.name == "MatMul in place", f.name == "MatMul in place, weights left":
				may = o.Form == Auto
			}
			if !may {
				if l.form.name == f.name {
					t.Errorf("%+v, %d groups: %s", o, groups, f.name)
				}
				continue
			}
			other, ok := planForm(s, m, f, o)
			if ok && other.cost().less(l.cost()) {
				t.Errorf("%d groups of %d -> %d, %d rows, %+v: %s costs %v, %s %v", groups, k, q, rows, o, l.form.name, l.cost(), f.name, other.cost())
			}
		}
		if _, ok := PlanFC(s, m, m.Weights()-1, o); ok {
			t.Error("a layer of more weights than allowed")
		}
	}
}

// Costs are compared by how far they are beyond what is allowed first.
func TestFormCostOrder(t *testing.T) {
	order := []formCost{{0, 1}, {0, 2}, {1.1, 0}, {1.1, 5}, {2, 0}}
	for i, a := range order {
		for j, b := range order {
			if a.less(b) != (i < j) {
				t.Errorf("%v before %v is %v", a, b, a.less(b))
			}
		}
	}
	// A form is out of question where it is slower than the Conv at one batch size, by
	// the sum of what is measured and guessed for the nodes around it.
	s, m := planned(t, graph.Symbol("N"), 3, 4, 256, 128)
	for _, f := range forms() {
		l, ok := planForm(s, m, f, Options{Opset: 17})
		if !ok {
			continue
		}
		nodes, turns := 1.0, 0.0
		for _, mv := range slices.Concat(l.before, l.after) {
			nodes++
			if mv.perm != nil {
				turns++
			}
		}
		worst, mean := 0.0, 0.0
		for _, b := range []float64{1, 8, 32} {
			rows := 3 * b
			limit := timesConv.of(4, 256, 128, rows) + nodes*4
			time := f.time.of(4, 256, 128, rows) + nodes*4 + turns*rows*4*(256+128)/2/1000
			if f.name == splitForm.name {
				time += 5 * 4
			}
			worst, mean = max(worst, time/limit/1.05), mean+math.Log(time)
		}
		if !f.plain {
			mean += 3 * math.Log(1.2)
		}
		if worst <= 1 {
			worst = 0
		}
		if c := l.cost(); math.Abs(c.beyond-worst) > 1e-9 || math.Abs(c.mean-mean) > 1e-9 {
			t.Errorf("%s costs %v, want %g %g", f.name, c, worst, mean)
		}
	}
}

// flat is a 1×1 Conv on a map of one position, in groups of k to q channels.
func flat(t *testing.T, batch graph.Dim, groups, k, q int) (*affine.Segment, *Conv, *FC) {
	t.Helper()
	g := sketch.Graph(t, "x : 1\ny = Neg(x)")
	size := func(n int) graph.Dim { return graph.Size(int64(n)) }
	x := graph.Invent("x", onnxio.Float32, []graph.Dim{batch, size(groups * k), size(1), size(1)})
	y := graph.Invent("y", onnxio.Float32, []graph.Dim{batch, size(groups * q), size(1), size(1)})
	ones, none := []int64{1, 1}, []int64{0, 0}
	conv := affine.NewConv(affine.NewConstants(g), graph.Window{Kernel: ones, Stride: ones, Dilation: ones, Begin: none, End: none}, []int{groups * q, k, 1, 1}, groups, graph.Invent("w", onnxio.Float32, nil), nil)
	s := affine.NewSegment(x, y, []*affine.Affine{{Out: y, Args: []*graph.Value{x}, Nodes: g.Nodes, Op: conv}})
	walk := s.Walk()
	m, why := walk.Map(y)
	rows, why2 := walk.Rows(y)
	if why != nil || why2 != nil {
		t.Fatal(why, why2)
	}
	c, ok := PlanConv(s, m, math.MaxInt, 17)
	fc, ok2 := PlanFC(s, rows, math.MaxInt, Options{Opset: 17, Form: Gemm})
	if !ok || !ok2 {
		t.Fatal("no layers")
	}
	return s, c, fc
}

// Where map and result have one position, the tables say whether a product is faster
// at every number of samples.
func TestProductsOnMapsOfOnePosition(t *testing.T) {
	var text strings.Builder
	for _, batch := range []graph.Dim{graph.Symbol("N"), graph.Size(1), graph.Size(4), graph.Size(16), graph.Size(64), graph.Symbol("N").Times(graph.Size(49))} {
		for _, groups := range []int{1, 4, 32} {
			fmt.Fprintf(&text, "batch %v, %d groups:", batch, groups)
			for _, k := range []int{1, 4, 32, 128, 512, 1024} {
				s, conv, fc := flat(t, batch, groups, k, k)
				fmt.Fprintf(&text, " %d %v,", k, FCWins(s, conv, fc, Auto))
				if !FCWins(s, conv, fc, Gemm) || FCWins(s, conv, fc, Grouped) || !MayBeFC(conv) {
					t.Error("what is asked for is not what wins")
				}
				in := planInto(t, s, Grouped)
				if FCWins(s, conv, in, Auto) {
					t.Error("a Conv in place of a Conv")
				}
			}
			text.WriteByte('\n')
		}
	}
	sketch.Golden(t, "flat.txt", text.String())
	s, conv, fc := flat(t, graph.Size(64), 1, 512, 512)
	conv.after = []move{{perm: []int64{0, 2, 3, 1}}}
	if MayBeFC(conv) || FCWins(s, conv, fc, Gemm) {
		t.Error("a Conv with a Transpose may be an FC")
	}
}

func planInto(t *testing.T, s *affine.Segment, c Choice) *FC {
	t.Helper()
	rows, why := s.AsRows()
	if why != nil {
		t.Fatal(why)
	}
	l, ok := PlanFC(s, rows, math.MaxInt, Options{Opset: 17, Form: c})
	if !ok {
		t.Fatal("no layer")
	}
	return l
}

// The ratio of measured points is what was measured, half way between two it is their
// mean, along each of the three axes.
func TestFlatRatioInterpolates(t *testing.T) {
	exp := math.Exp2
	for _, column := range []*ratios{besideRows, besideColumns, besideSplit} {
		for i, a := range flatGroups {
			for j, b := range flatSizes {
				for k, c := range flatRows {
					if have := column.of(exp(a), exp(b), exp(c)); math.Abs(have-column.at[i][j][k]) > 1e-9 {
						t.Fatalf("%s at %d %d %d: %g", column.name, i, j, k, have)
					}
				}
			}
		}
	}
	at := func(i, j, k int) float64 { return besideColumns.at[i][j][k] }
	half := func(p []float64, i int) float64 { return exp((p[i] + p[i+1]) / 2) }
	g, s, r := flatGroups[:], flatSizes[:], flatRows[:]
	for _, c := range []struct{ have, a, b float64 }{
		{besideColumns.of(half(g, 2), exp(s[3]), exp(r[4])), at(2, 3, 4), at(3, 3, 4)},
		{besideColumns.of(exp(g[2]), half(s, 3), exp(r[4])), at(2, 3, 4), at(2, 4, 4)},
		{besideColumns.of(exp(g[2]), exp(s[3]), half(r, 4)), at(2, 3, 4), at(2, 3, 5)},
		{besideColumns.of(1<<20, 1<<40, 1<<20), at(4, 9, 6), at(4, 9, 6)},
		{besideColumns.of(1, 1, 0.5), at(0, 0, 0), at(0, 0, 0)},
	} {
		if math.Abs(c.have-(c.a+c.b)/2) > 1e-9 {
			t.Errorf("between %g and %g it is %g", c.a, c.b, c.have)
		}
	}
}

// A map of one position.
func TestFlatMap(t *testing.T) {
	size := graph.Size
	for _, c := range []struct {
		dims []graph.Dim
		want bool
	}{
		{[]graph.Dim{size(4), size(3), size(1), size(1)}, true},
		{[]graph.Dim{size(4), size(3), size(1)}, true},
		{[]graph.Dim{size(4), size(3)}, false},
		{[]graph.Dim{size(4), size(3), size(1), size(2)}, false},
		{[]graph.Dim{size(4), size(3), size(2), size(1)}, false},
		{[]graph.Dim{graph.Symbol("N"), graph.Symbol("C"), size(1), size(1)}, true},
		{[]graph.Dim{size(4), size(3), graph.Symbol("H"), size(1)}, false},
	} {
		if have := FlatMap(graph.Invent("v", onnxio.Float32, c.dims)); have != c.want {
			t.Errorf("%v: %v", c.dims, have)
		}
	}
	if FlatMap(sketch.Graph(t, "x : ?\ny = Neg(x)").Value("x")) {
		t.Error("a value of unknown shape is flat")
	}
}

// A SpaceToDepth, or what slices and a Concat make of one, stays where a conv that takes
// it in was measured to be slower.
func TestBlocksThatStay(t *testing.T) {
	slices := "a = Slice(x, #0, #4, #2, #2)\nb = Slice(x, #1, #4, #2, #2)\nc = Slice(a, #0, #4, #3, #2)\nd = Slice(a, #1, #4, #3, #2)\n" +
		"f = Slice(b, #0, #4, #3, #2)\ng = Slice(b, #1, #4, #3, #2)\nm = Concat(c, d, f, g) axis=1\n"
	for _, c := range []struct {
		channels, kernel int
		ok, beside       bool // alone, and beside another conv
	}{
		{2, 2, true, true}, {8, 2, true, true}, {9, 2, false, true}, {15, 2, false, true}, {16, 2, true, true}, {17, 2, false, true}, {31, 2, false, true}, {32, 2, false, false},
		{8, 1, true, true}, {9, 1, false, true}, {15, 1, false, true}, {16, 1, true, true}, {17, 1, true, true}, {32, 1, true, true}, {33, 1, true, true},
	} {
		for _, into := range []string{"m = SpaceToDepth(x) blocksize=2\n", slices} {
			text := fmt.Sprintf("x : 1 %d 4 4\n%sy = Conv(m, ?2x%dx%dx%d)", c.channels, into, 4*c.channels, c.kernel, c.kernel)
			w := wholeOf(t, text)
			m, why := w.walk.Map(w.s.To)
			if why != nil {
				t.Fatal(why)
			}
			if _, ok := PlanConv(w.s, m, math.MaxInt, 17); ok != c.ok {
				t.Errorf("%+v: %v", c, ok)
			}
			if _, ok := PlanConv(w.s, m, m.Win.Size(), 17); ok != c.ok {
				t.Errorf("%+v, as many weights as allowed: %v", c, ok)
			}
			if _, ok := PlanConv(w.s, m, m.Win.Size()-1, 17); ok {
				t.Error("more weights than allowed")
			}
			w = wholeOf(t, text+fmt.Sprintf("\nz = Conv(m, ?2x%dx%dx%d)\nw = Add(y, z)\n> w", 4*c.channels, c.kernel, c.kernel))
			if m, why = w.walk.Map(w.s.To); why != nil {
				t.Fatal(why)
			}
			if _, ok := PlanConv(w.s, m, math.MaxInt, 17); ok != c.beside {
				t.Errorf("%+v beside another: %v", c, ok)
			}
		}
	}
	// Slices that nothing joins to blocks are no SpaceToDepth.
	w := wholeOf(t, "x : 1 12 4 4\na = Slice(x, #0, #4, #2, #2)\ny = Conv(a, ?2x12x3x3) pads=1,1,1,1")
	m, why := w.walk.Map(w.s.To)
	if why != nil {
		t.Fatal(why)
	}
	if _, ok := PlanConv(w.s, m, math.MaxInt, 17); !ok {
		t.Error("a slice at a stride stays before a conv")
	}
}

// Sums of parts: what is still added, with its coefficients, in every opset.
func TestRestOfASum(t *testing.T) {
	for _, opset := range []int{6, 17} {
		for _, coef := range [][]float64{{1}, {-1}, {1, 1, 1}, {1, -1}, {-2, 1}, {0.5, -1, 3}} {
			if opset < 7 && hasOther(coef) {
				continue
			}
			text := fmt.Sprintf("opset %d\nx : 2 3\nb : 2 3\nc : 2 3\nd : 2 3\ny = Neg(x)", opset)
			m := sketch.Model(t, text)
			g, err := graph.New(m, graph.Options{})
			if err != nil {
				t.Fatal(err)
			}
			w := NewWriter(g, []map[string]bool{{"y.sum": true}})
			w.Before(m.Graph().Nodes()[0])
			values := []*graph.Value{g.Value("b"), g.Value("c"), g.Value("d")}[:len(coef)]
			w.Rest([]string{"x"}, "y", values, coef)
			w.Edit.DropNodes = m.Graph().Nodes()
			made, err := m.Apply(w.Edit)
			if err != nil {
				t.Fatal(err)
			}
			feeds := sketch.Feeds(t, m, 5)
			y := sketch.Run(t, made, feeds)["y"]
			for i, x := range feeds["x"].F64 {
				want := x
				for k, v := range values {
					want += coef[k] * feeds[v.Name].F64[i]
				}
				if math.Abs(y.F64[i]-want) > tolerance {
					t.Errorf("opset %d, %v: element %d is %g, want %g", opset, coef, i, y.F64[i], want)
				}
			}
			for _, n := range made.Graph().Nodes() {
				if slices.Contains(n.Outputs(), "y.sum") {
					t.Error("a name of the graph around is used again")
				}
			}
			if sums := slices.DeleteFunc(slices.Clone(made.Graph().Nodes()), func(n *onnxio.Node) bool { return n.OpType() == "Mul" }); opset >= 7 && len(sums) != len(coef) {
				t.Errorf("%v takes %d nodes", coef, len(sums))
			}
		}
	}
}

func hasOther(coef []float64) bool {
	return slices.ContainsFunc(coef, func(f float64) bool { return f != 1 })
}

// Before opset 7 a constant broadcasts along neighbouring axes only, and terms have no
// factors.
func TestScalesThatFit(t *testing.T) {
	for _, c := range []struct {
		varies  []bool
		old     bool
		dims    []int64
		written []int64
	}{
		{[]bool{false, true, false}, true, []int64{1, 3, 1}, []int64{3}},
		{[]bool{false, true, true}, true, []int64{1, 3, 4}, []int64{3, 4}},
		{[]bool{true, false, true}, false, nil, nil},
		{[]bool{false, false}, true, []int64{1, 1}, []int64{1}},
		{[]bool{true, false}, true, []int64{3, 1}, []int64{3}},
		{[]bool{true, false, false, true}, false, nil, nil},
	} {
		if scaleFits(6, c.varies) != c.old || !scaleFits(7, c.varies) {
			t.Errorf("%v fits: %v", c.varies, scaleFits(6, c.varies))
		}
		if c.dims != nil {
			old, new := &Writer{opset: 6}, &Writer{opset: 7}
			if have, attrs := old.beside(c.dims); !slices.Equal(have, c.written) || len(attrs) == 0 {
				t.Errorf("%v is written as %v", c.dims, have)
			}
			if have, attrs := new.beside(c.dims); !slices.Equal(have, c.dims) || attrs != nil {
				t.Errorf("%v is written as %v", c.dims, have)
			}
		}
	}
	if Factors(6) || !Factors(7) {
		t.Error("factors in the wrong opsets")
	}
}

// Shapes are shared, names are new.
func TestWriterNames(t *testing.T) {
	g := sketch.Graph(t, "x : 2\na = Neg(x)\ny = Add(a, ?2)")
	w := NewWriter(g, nil)
	if one, two := w.ints([]int64{1, -1}), w.ints([]int64{1, -1}); one != two || len(w.Edit.AddInits) != 1 {
		t.Errorf("%s and %s", one, two)
	}
	if w.ints([]int64{1}) == w.ints([]int64{1, 1}) {
		t.Error("other shapes have one name")
	}
	for _, taken := range []string{"x", "a", "y", "k1", "Neg_a", "Add_y"} {
		if w.Fresh(taken) == taken {
			t.Errorf("%s is used already", taken)
		}
	}
	if w.Fresh("z") != "z" || w.Fresh("z") == "z" {
		t.Error("a new name is not new")
	}
}

// Kernels are folded once for weight and bias, and again when both are asked for again.
func TestKernelsAreFoldedOnce(t *testing.T) {
	w := wholeOf(t, "x : N 3 5 5\na = Conv(x, ?3x3x3x3) pads=1,1,1,1\nb = Conv(x, ?3x3x1x1, ?3)\ny = Add(a, b)")
	m, _ := w.walk.Map(w.s.To)
	c, ok := PlanConv(w.s, m, math.MaxInt, 17)
	if !ok {
		t.Fatal("no conv")
	}
	weight, bias, err := c.numbers(w.s)
	if err != nil {
		t.Fatal(err)
	}
	first, again := make([]float64, c.Touch.Size()), make([]float64, c.Touch.Size())
	b, b2 := make([]float64, 3), make([]float64, 3)
	for _, f := range []error{weight.Fold(0, first), bias.Fold(0, b), bias.Fold(0, b2), weight.Fold(0, again)} {
		if f != nil {
			t.Fatal(f)
		}
	}
	if !slices.Equal(first, again) || !slices.Equal(b, b2) {
		t.Error("other numbers the second time")
	}
	if err := weight.Fold(0, make([]float64, 3)); err == nil {
		t.Error("a weight of another length")
	}
}

// Which forms are looked at for which question, form by form.
func TestWhichFormsAreAsked(t *testing.T) {
	var text strings.Builder
	for _, opset := range []int64{6, 7, 17} {
		for c := Auto; c <= Split; c++ {
			for _, groups := range []int{1, 2, 16, 17} {
				fmt.Fprintf(&text, "opset %d, choice %d, %d groups:", opset, c, groups)
				for _, q := range []question{{}, {tiny: true}, {gemm: true}} {
					q.choice, q.opset, q.groups = c, opset, groups
					var asked []string
					for _, f := range forms() {
						if f.groups.fit(groups) && f.when(&q) {
							asked = append(asked, f.name)
						}
					}
					if len(asked) == 0 {
						t.Errorf("%+v: no form", q)
					}
					fmt.Fprintf(&text, " %s;", strings.Join(asked, ", "))
				}
				text.WriteByte('\n')
			}
		}
	}
	sketch.Golden(t, "asked.txt", text.String())
}

// Layers have at most 2 G weights.
func TestLargestLayers(t *testing.T) {
	for _, c := range []struct {
		k, q int
		ok   bool
	}{{1 << 16, 1 << 15, true}, {1 << 16, 1<<15 + 1, false}, {1 << 30, 1 << 30, false}} {
		s, m := planned(t, graph.Symbol("N"), 1, 1, c.k, c.q)
		if _, ok := PlanFC(s, m, math.MaxInt, Options{Opset: 17}); ok != c.ok {
			t.Errorf("%d·%d weights: %v", c.k, c.q, ok)
		}
		end, _ := affine.MapInput(affine.Form{Dims: []graph.Dim{graph.Size(1), graph.Size(int64(c.k)), graph.Size(1)}})
		end.Win.In, end.Win.Out, end.Win.Groups = c.k, c.q, 1
		from := affine.NewSegment(graph.Invent("x", onnxio.Float32, []graph.Dim{graph.Size(1), graph.Size(int64(c.k)), graph.Size(1)}), s.To, s.Steps)
		if _, ok := PlanConv(from, end, math.MaxInt, 17); ok != c.ok {
			t.Errorf("a conv of %d·%d weights: %v", c.k, c.q, ok)
		}
	}
}

// Every column of measurements has a name of its own, and a layer that stands for it.
func TestMeasuredColumns(t *testing.T) {
	for _, flat := range []bool{false, true} {
		names := Measured(flat)
		for _, f := range forms() {
			if name := f.column(flat); name != "" && !slices.Contains(names, name) {
				t.Errorf("flat %v: %s takes the times of %q, which is not measured", flat, f.name, name)
			}
		}
		for i, name := range names {
			if slices.Contains(names[:i], name) {
				t.Errorf("flat %v: %q is measured twice", flat, name)
			}
			found := false
			for _, groups := range []int{1, 4} {
				s, _ := planned(t, graph.Size(8), 1, groups, 64, 64)
				_, ok := NewExample(name, flat, s, 17)
				found = found || ok
			}
			if !found {
				t.Errorf("flat %v: no layer stands for %q", flat, name)
			}
		}
		s, _ := planned(t, graph.Size(8), 1, 4, 64, 64)
		if _, ok := NewExample("no such column", flat, s, 17); ok {
			t.Error("a layer stands for a column that there is not")
		}
	}
}

// Before opset 7 scales along axes that are not neighbours stay two nodes; from then on
// they are one.
func TestScalesOfOldOpsets(t *testing.T) {
	for opset, want := range map[int64]bool{6: false, 7: true} {
		text := "opset 6\nx : 2 3 4 5\na = Mul(x, ?3) broadcast=1 axis=1\ny = Mul(a, ?5) broadcast=1 axis=3"
		if opset == 7 {
			text = "opset 7\nx : 2 3 4 5\na = Mul(x, ?3x1x1)\ny = Mul(a, ?5)"
		}
		w := wholeOf(t, text)
		if l, ok := PlanScale(w.s, w.s.Walk(), opset); ok != want {
			t.Errorf("opset %d: %v, %v", opset, l, ok)
		}
	}
}

// A transposed conv without a stride is written as a Conv unless it makes few channels of
// many, or is smaller.
func TestTransposedBeatsConv(t *testing.T) {
	for _, c := range []struct {
		out  int
		pads string
		want bool
	}{{2, "1,1,1,1", true}, {3, "1,1,1,1", false}, {4, "1,1,1,1", false}, {4, "3,2,2,2", true}} {
		w := wholeOf(t, fmt.Sprintf("x : N 3 6 6\na = ConvTranspose(x, ?3x%dx3x3) pads=%s\ny = Neg(a)", c.out, c.pads))
		m, why := w.walk.Map(w.s.To)
		if why != nil {
			t.Fatal(why)
		}
		conv, ok := PlanConv(w.s, m, math.MaxInt, 17)
		l, ok2 := PlanConvTranspose(w.s, m, math.MaxInt, 17)
		if !ok || !ok2 {
			t.Fatalf("%+v: %v, %v", c, ok, ok2)
		}
		if have := l.Beats(conv); have != c.want || !l.Beats(nil) {
			t.Errorf("%+v: %v", c, have)
		}
		if _, ok := PlanConvTranspose(w.s, m, m.Win.Size(), 17); !ok {
			t.Errorf("%+v: as many weights as allowed", c)
		}
		if _, ok := PlanConvTranspose(w.s, m, m.Win.Size()-1, 17); ok {
			t.Errorf("%+v: more weights than allowed", c)
		}
	}
}

// output_padding of stride or dilation is none, and a map cannot begin before its first tap.
func TestTransposedThatIsNotWritten(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"strides=@3 output_padding=@2", true},
		{"strides=@3 output_padding=@3", false},
		{"strides=@3 dilations=@4 output_padding=@3", true},
		{"strides=@3 dilations=@4 output_padding=@4", false},
		{"strides=@3 output_shape=@16", true},
		{"strides=@3 output_shape=@17", true},
		{"strides=@3 output_shape=@18", false},
		{"strides=@2 pads=2,1", true},
	} {
		w := wholeOf(t, "x : N 3 5\na = ConvTranspose(x, ?3x2x3) "+c.text+"\ny = Neg(a)")
		m, why := w.walk.Map(w.s.To)
		if why != nil {
			t.Fatal(why)
		}
		if _, ok := PlanConvTranspose(w.s, m, math.MaxInt, 17); ok != c.want {
			t.Errorf("%s: %v", c.text, ok)
		}
	}
	for text, want := range map[string]bool{
		"x : N 3 5\na = ConvTranspose(x, ?3x2x3) strides=@2\ny = Slice(a, #1, #9, #2)":                   true,
		"x : N 3 5\na = ConvTranspose(x, ?3x2x3) strides=@2\ny = Slice(a, #1, #10, #2, #2)":              false, // every second position
		"x : N 3 5\na = ConvTranspose(x, ?3x2x3) strides=@2\ny = Pad(a, #0_0_1_0_0_0)":                   false, // begins with a zero
		"x : N 3 5\na = ConvTranspose(x, ?3x2x3) strides=@2 output_padding=@0\ny = Pad(a, #0_0_0_0_0_1)": true,
		"x : 6 3 5\na = Slice(x, #0, #4, #0)\nb = ConvTranspose(a, ?3x2x3) strides=@2\ny = Neg(b)":       false, // another batch
	} {
		w := wholeOf(t, text)
		m, why := w.walk.Map(w.s.To)
		if why != nil {
			if want {
				t.Errorf("%s: %v", text, why)
			}
			continue
		}
		if _, ok := PlanConvTranspose(w.s, m, math.MaxInt, 17); ok != want {
			t.Errorf("%s: %v", text, ok)
		}
	}
}
