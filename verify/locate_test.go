package verify

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// floatTensor is a constant of standard normal numbers.
func floatTensor(t *testing.T, name string, seed uint64, dims ...int64) *onnxio.Tensor {
	t.Helper()
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	rng := rand.New(rand.NewPCG(seed, 5))
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	b, err := onnxio.EncodeFloat64(v, onnxio.Float32)
	if err != nil {
		t.Fatal(err)
	}
	out, err := onnxio.NewTensor(name, onnxio.Float32, dims, b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// locatable is a model of a few layers, in the middle an If that reads from outside. What
// differs is the seed of one weight.
func locatable(t *testing.T, seeds [3]uint64, nodes ...*onnxio.Node) *onnxio.Model {
	t.Helper()
	body := func(out string) *onnxio.Attr {
		a, err := onnxio.GraphAttr(out+"_branch", onnxio.Parts{
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32, onnxio.Known(3), onnxio.Known(4))},
			Nodes:   []*onnxio.Node{onnxio.NewNode("inner", "MatMul", []string{"a", "w2"}, []string{out})},
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(3), onnxio.Known(4)), onnxio.NewValue("c", onnxio.Bool)},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(3), onnxio.Known(4))},
		Inits:   []*onnxio.Tensor{floatTensor(t, "w1", seeds[0], 4, 4), floatTensor(t, "w2", seeds[1], 4, 4), floatTensor(t, "w3", seeds[2], 4, 4)},
		Nodes: append([]*onnxio.Node{
			onnxio.NewNode("first", "MatMul", []string{"x", "w1"}, []string{"a0"}),
			onnxio.NewNode("relu", "Relu", []string{"a0"}, []string{"a"}),
			onnxio.NewNode("choose", "If", []string{"c"}, []string{"b"}, body("then"), body("else")),
			onnxio.NewNode("last", "MatMul", []string{"b", "w3"}, []string{"y"}),
		}, nodes...),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// saved writes a case and compares what was written.
func saved(t *testing.T, c *Case) *Comparison {
	t.Helper()
	dir := t.TempDir()
	if err := c.Save(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	var models []*onnxio.Model
	for _, name := range []string{CaseReference, CaseCandidate} {
		m, err := onnxio.Load(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		models = append(models, m)
	}
	shown, err := Compare(t.Context(), models[0], models[1], CompareOptions{Inputs: []string{filepath.Join(dir, CaseInputs)}})
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestLocate(t *testing.T) {
	names := []string{"a0", "b", "y"}
	of := [][]string{{"x"}, {"c", "a"}, {"b"}}
	for i, want := range names {
		seeds := [3]uint64{1, 2, 3}
		ref := locatable(t, seeds)
		seeds[i] = 9
		cand := locatable(t, seeds, onnxio.NewNode("new", "Identity", []string{"x"}, []string{"of no use"}))
		l, err := Locate(t.Context(), ref, cand, CompareOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if l == nil || l.Difference.Name != want || !l.Alone || !slices.Equal(l.From, of[i]) || l.Values != 4 || len(l.Reference) != 1 || len(l.Candidate) != 1 {
			t.Errorf("%s: %+v", want, l)
			continue
		}
		if len(l.Weights) != 1 || l.Weights[0].Name != "w"+string(rune('1'+i)) {
			t.Errorf("%s: weights %+v", want, l.Weights)
		}
		if c := saved(t, l.Case); c.Passed {
			t.Errorf("%s: the saved case agrees", want)
		}
	}
	m := locatable(t, [3]uint64{1, 2, 3})
	if l, err := Locate(t.Context(), m, m, CompareOptions{}); l != nil || err != nil {
		t.Errorf("a model differs from itself: %+v, %v", l, err)
	}
}

// chainOf is a model of Mul by constants that stand close to one, one after the other, with
// values of the names that are given.
func chainOf(t *testing.T, by []float32, names ...string) *onnxio.Model {
	t.Helper()
	p := onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(8))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(names[len(names)-1], onnxio.Float32, onnxio.Known(8))},
	}
	from := "x"
	for i, name := range names {
		raw, err := onnxio.EncodeFloat64([]float64{float64(by[i])}, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		c, err := onnxio.NewTensor("k"+name, onnxio.Float32, []int64{1}, raw)
		if err != nil {
			t.Fatal(err)
		}
		p.Inits = append(p.Inits, c)
		p.Nodes = append(p.Nodes, onnxio.NewNode("node "+name, "Mul", []string{from, "k" + name}, []string{name}))
		from = name
	}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Where differences add up, none of which would be seen alone, the piece reaches back as
// far as it has to, and no farther.
func TestDifferencesThatAddUp(t *testing.T) {
	const n, small = 40, 2e-6 // a single one is below the limit, a few are not
	names := make([]string, n)
	ones, more := make([]float32, n), make([]float32, n)
	for i := range n {
		names[i], ones[i], more[i] = "v"+strings.Repeat("i", i+1), 1, 1
		if i >= 20 {
			more[i] = 1 + small
		}
	}
	l, err := Locate(t.Context(), chainOf(t, ones, names...), chainOf(t, more, names...), CompareOptions{})
	if err != nil || l == nil {
		t.Fatalf("%+v, %v", l, err)
	}
	first := slices.Index(names, l.Difference.Name)
	if !l.Alone || first < 24 || first > 30 || len(l.Reference) != first-19 {
		t.Errorf("value %d by %d nodes, alone %v", first, len(l.Reference), l.Alone)
	}
	if c := saved(t, l.Case); c.Passed {
		t.Error("the saved case agrees")
	}
}

// A name that stands for two values in the two models is not taken for the place: what
// follows agrees.
func TestOneNameForTwoValues(t *testing.T) {
	ref := chainOf(t, []float32{2, 3, 4, 5}, "a", "b", "c", "y")
	cand := chainOf(t, []float32{2, 6, 2, 5.5}, "a", "b", "c", "y")
	l, err := Locate(t.Context(), ref, cand, CompareOptions{})
	if err != nil || l == nil || l.Difference.Name != "y" || !slices.Equal(l.From, []string{"c"}) {
		t.Errorf("%+v, %v", l, err)
	}
}

// Shapes that differ and numbers that are not finite are places too.
func TestLocateOtherDifferences(t *testing.T) {
	make1 := func(nodes ...*onnxio.Node) *onnxio.Model {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(3))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Inits:   []*onnxio.Tensor{onnxio.NewInts("flat", []int64{1}, []int64{-1})},
			Nodes:   nodes,
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	relu := onnxio.NewNode("", "Relu", []string{"x"}, []string{"a"})
	ref := make1(relu, onnxio.NewNode("", "Sqrt", []string{"a"}, []string{"y"}))
	for what, cand := range map[string]*onnxio.Model{
		"shape": make1(relu, onnxio.NewNode("", "Sqrt", []string{"a"}, []string{"b"}), onnxio.NewNode("", "Reshape", []string{"b", "flat"}, []string{"y"})),
		"NaN":   make1(relu, onnxio.NewNode("", "Sqrt", []string{"x"}, []string{"y"})),
		"rank":  make1(relu, onnxio.NewNode("", "Sqrt", []string{"a"}, []string{"b"}), onnxio.NewNode("", "Transpose", []string{"b"}, []string{"y"})),
	} {
		l, err := Locate(t.Context(), ref, cand, CompareOptions{})
		if err != nil || l == nil || l.Difference.Name != "y" || !l.Alone {
			t.Errorf("%s: %+v, %v", what, l, err)
			continue
		}
		if c := saved(t, l.Case); c.Passed {
			t.Errorf("%s: the saved case agrees", what)
		}
	}
}

// Of integers and with a tolerance that was asked for, the limit is that of the comparison.
func TestLocateWithATolerance(t *testing.T) {
	ref := chainOf(t, []float32{1, 1, 1}, "a", "b", "y")
	cand := chainOf(t, []float32{1 + 0x1p-23, 1, 1.5}, "a", "b", "y")
	for _, c := range []struct {
		o    CompareOptions
		want string
	}{{CompareOptions{}, "y"}, {CompareOptions{Fixed: true}, "a"}, {CompareOptions{RTol: 0.1}, "y"}} {
		l, err := Locate(t.Context(), ref, cand, c.o)
		if err != nil || l == nil || l.Difference.Name != c.want {
			t.Errorf("%+v: %+v, %v", c.o, l, err)
		}
	}
	if l, err := Locate(t.Context(), ref, cand, CompareOptions{RTol: 0.9}); l != nil || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
}

// While models walk side by side, what nothing needs any more is forgotten.
func TestLocateForgets(t *testing.T) {
	const n = 60
	names := make([]string, n)
	by := make([]float32, n)
	for i := range n {
		names[i], by[i] = "v"+strings.Repeat("i", i+1), 1
	}
	m := chainOf(t, by, names...)
	x := &Tensor{DType: onnxio.Float32, Shape: []int{8}, F32: make([]float32, 8)}
	l, err := newLocating(m, m, CompareOptions{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	w, err := l.engines[0].Walk(map[string]*Tensor{"x": x}, l.stops)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range l.stops {
		if _, err := w.To(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if held := w.Held(); held > 3*8*4 {
			t.Fatalf("%d bytes are held at %s", held, name)
		}
		w.Pass(name)
	}
	w.End()
}

// A folder that is in the way, or not there, leaves nothing.
func TestCaseIsNotWrittenOver(t *testing.T) {
	ref := chainOf(t, []float32{1}, "y")
	l, err := Locate(t.Context(), ref, chainOf(t, []float32{2}, "y"), CompareOptions{})
	if err != nil || l == nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, CaseInputs), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := l.Case.Save(t.Context(), dir); err == nil {
		t.Error("a folder was written over")
	}
	if math.IsNaN(l.Limit) || l.Limit <= 0 {
		t.Errorf("limit %g", l.Limit)
	}
}
