package verify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"repmlp/internal/mutant"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// factLimit bounds what a run takes.
const factLimit = 64 << 20

var factSeeds = []string{"kin_repvit_dw_13", "kin_fcbn_mlp_13", "kin_reflect_1x1_17", "fw_ms_repvgg", "fw_tf_v2_dynNHW", "leg_v2_preserve_20_dynN", "re_view_size_dyn", "re_pixel_unshuffle"}

func seeds(t testing.TB, cases []string) []*mutant.Seed {
	var list []*mutant.Seed
	for _, name := range cases {
		m, err := onnxio.Load(filepath.Join("../testdata/cases", name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := mutant.NewSeed(m)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// checkFacts compares all sizes that the graph knows of a model with those that a
// run has, at sizes that the model's arithmetic fits. It reports how many.
func checkFacts(t *testing.T, b []byte) int {
	m, err := onnxio.Parse(b, "")
	if err != nil || m.Opset("") < 7 { // where the engine broadcasts more than ONNX did
		return 0
	}
	if m, err = m.Plain(); err != nil {
		return 0
	}
	undeclared := onnxio.Edit{DropInfo: m.Graph().ValueInfo()} // what a file declares of inner values may be wrong
	for _, o := range m.Graph().Outputs() {
		undeclared.Declare = append(undeclared.Declare, onnxio.Untyped(o.Name(), o.Elem()))
	}
	if m, err = m.Apply(undeclared); err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		return 0
	}
	f := newFitting(g, newSizing(m))
	values, err := f.solve(2)
	if err != nil {
		return 0
	}
	e, err := NewEngine(m, EngineOptions{Mode: Double, Limit: factLimit})
	if err != nil {
		return 0
	}
	named := map[string]int64{}
	feeds := map[string]*Tensor{}
	for i, sym := range f.s.symbols {
		named[sym] = values[i]
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, in := range f.s.inputs {
		x := &Tensor{DType: in.Elem(), Shape: []int{}}
		n := 1
		for _, d := range f.s.shapes(named)[in.Name()] {
			if d < 0 || d > 1<<12 {
				return 0
			}
			x.Shape = append(x.Shape, int(d))
			if n *= int(d); n > factLimit/64 {
				return 0
			}
		}
		if !in.Elem().IsFloat() {
			x.I = make([]int64, n)
		} else if x.F64 = make([]float64, n); n > 0 {
			for i := range x.F64 {
				x.F64[i] = rng.NormFloat64()
			}
		}
		feeds[in.Name()] = x
	}
	var facts []fact
	var want []string
	for _, n := range g.Nodes {
		for _, v := range n.Out {
			if v == nil || v.ReadCount() == 0 {
				continue
			}
			dims, ok := v.Shape()
			if ok {
				facts = append(facts, fact{v, dims, false})
			}
			if v.Ints() != nil {
				facts = append(facts, fact{v, v.Ints(), true})
			}
			want = append(want, v.Name)
		}
	}
	formulas := make([][]graph.Formula, len(facts))
	for i, k := range facts {
		for _, d := range k.dims {
			formula, ok := f.v.Formula(d)
			if !ok {
				formula = nil
			} else if formula == nil {
				formula = graph.Formula{}
			}
			formulas[i] = append(formulas[i], formula)
		}
	}
	out, err := e.Eval(context.Background(), feeds, want)
	if err != nil {
		return 0
	}
	compared, wrong := compareFacts(facts, formulas, f.v.Fill(values), out)
	for _, w := range wrong {
		t.Errorf("%s; sizes %v", w, named)
	}
	return compared
}

// A fact is what the graph says of a value: its shape, or its elements.
type fact struct {
	v    *graph.Value
	dims []graph.Dim
	ints bool
}

// compareFacts works facts out for the values of symbols and lists those that are
// not what was run. A formula is nil where the symbols do not decide.
func compareFacts(facts []fact, formulas [][]graph.Formula, at []int64, out map[string]*Tensor) (compared int, wrong []string) {
	for i, k := range facts {
		x := out[k.v.Name]
		if x == nil || k.ints && x.I == nil { // floats may be fractions
			continue
		}
		have := x.I
		if !k.ints {
			have = nil
			for _, d := range x.Shape {
				have = append(have, int64(d))
			}
		}
		if len(have) != len(k.dims) {
			wrong = append(wrong, fmt.Sprintf("%q: %v is said, %v is run", k.v.Name, k.dims, have))
			continue
		}
		for j, formula := range formulas[i] {
			if formula == nil {
				continue
			}
			if n, ok := formula.Value(at); ok && n != have[j] {
				wrong = append(wrong, fmt.Sprintf("%q: place %d of %v is %d, %v is run", k.v.Name, j, k.dims, n, have))
			}
			compared++
		}
	}
	return compared, wrong
}

// A wrong rank, size or element is found.
func TestWrongFactsAreFound(t *testing.T) {
	v := graph.Invent("v", onnxio.Int64, nil)
	symbols := graph.NewValuation([]string{"N"})
	formula := func(d graph.Dim) graph.Formula { f, _ := symbols.Formula(d); return f }
	dims := []graph.Dim{graph.Symbol("N"), graph.Size(4)}
	formulas := [][]graph.Formula{{formula(dims[0]), formula(dims[1])}}
	for _, c := range []struct {
		ints  bool
		shape []int
		i     []int64
		wrong int
	}{
		{false, []int{2, 4}, make([]int64, 8), 0},
		{false, []int{3, 4}, make([]int64, 12), 1},
		{false, []int{2, 4, 1}, make([]int64, 8), 1},
		{true, []int{2}, []int64{2, 4}, 0},
		{true, []int{2}, []int64{1, 5}, 2},
	} {
		out := map[string]*Tensor{"v": {DType: onnxio.Int64, Shape: c.shape, I: c.i}}
		if _, wrong := compareFacts([]fact{{v, dims, c.ints}}, formulas, symbols.Fill([]int64{2}), out); len(wrong) != c.wrong {
			t.Errorf("%+v: %q", c, wrong)
		}
	}
}

// What the graph says of sizes is what a run has, whatever became of a model.
func TestFactsOfMutants(t *testing.T) {
	compared := 0
	for i, s := range seeds(t, factSeeds) {
		for k := range uint64(rounds(40, 4)) {
			b, did := s.Make(rand.New(rand.NewPCG(k, 5)))
			compared += checkFacts(t, b)
			if t.Failed() {
				t.Fatalf("mutant %d of seed %d: %q", k, i, did)
			}
		}
	}
	if compared < rounds(5000, 500) {
		t.Errorf("only %d sizes were compared", compared)
	}
}

func FuzzFacts(f *testing.F) {
	list := seeds(f, factSeeds)
	f.Add(uint(0), uint64(1))
	f.Fuzz(func(t *testing.T, i uint, k uint64) {
		b, did := list[i%uint(len(list))].Make(rand.New(rand.NewPCG(k, 5)))
		checkFacts(t, b)
		if t.Failed() {
			t.Logf("changes: %q", did)
		}
	})
}
