package graph_test

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// constTolerance: constants are worked out in float64 on both sides.
const constTolerance = 1e-12

// Propagated shapes and constants agree with running the model: numbers
// exactly, symbols with one value each.
func TestFactsAgainstExecution(t *testing.T) {
	files, err := filepath.Glob("../../testdata/cases/*/model.onnx")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	constants := 0
	for _, file := range files {
		dir := filepath.Dir(file)
		m, err := onnxio.Load(file)
		if err != nil {
			continue // the broken case, see onnxio
		}
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, mode := range []verify.Mode{verify.Double} {
			e, err := verify.NewEngine(m, verify.EngineOptions{Mode: mode})
			if err != nil || e.Supports() != nil {
				continue
			}
			sets, _ := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
			for _, set := range sets {
				inputs, err := verify.ReadDataSet(set, "input")
				if err != nil {
					t.Fatal(err)
				}
				feeds := map[string]*verify.Tensor{}
				for i, v := range g.Inputs {
					if i < len(inputs) {
						feeds[v.Name] = inputs[i]
					}
				}
				var want []string
				var values []*graph.Value
				for _, n := range g.Nodes {
					for _, v := range n.Out {
						if v != nil {
							want = append(want, v.Name)
							values = append(values, v)
						}
					}
				}
				got, err := e.Eval(context.Background(), feeds, want)
				if err != nil {
					t.Errorf("%s: %v", file, err)
					continue
				}
				symbols := map[string]int64{}
				for _, v := range values {
					x := got[v.Name]
					dims, ok := v.Shape()
					if ok && len(dims) != len(x.Shape) {
						t.Errorf("%s: %q has shape %v, propagated %v", file, v.Name, x.Shape, dims)
						continue
					}
					for i, d := range dims {
						have := int64(x.Shape[i])
						if n, ok := d.Int(); ok && n != have {
							t.Errorf("%s: axis %d of %q is %d, propagated %v", file, i, v.Name, have, d)
						} else if old, seen := symbols[d.String()]; !ok && seen && old != have {
							t.Errorf("%s: %v is %d and %d", file, d, old, have)
						} else {
							symbols[d.String()] = have
						}
					}
					if g.IsConst(v) && x.Len() > 0 {
						constants++
						checkConst(t, g, file, v, x)
					}
				}
			}
		}
		m.Close()
	}
	if constants < 1000 {
		t.Errorf("only %d constants were compared", constants)
	}
}

func checkConst(t *testing.T, g *graph.Graph, file string, v *graph.Value, x *verify.Tensor) {
	t.Helper()
	c, err := g.Const(v)
	if err != nil {
		t.Errorf("%s: constant %q: %v", file, v.Name, err)
		return
	}
	if c.Len() != x.Len() {
		t.Errorf("%s: constant %q has %d elements, want %d", file, v.Name, c.Len(), x.Len())
		return
	}
	for i, f := range c.Float() {
		if want := x.Float(i); math.Abs(f-want) > constTolerance*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: element %d of constant %q is %g, want %g", file, i, v.Name, f, want)
			return
		}
	}
}

// Polynomials behave like the numbers that they stand for.
func TestDimArithmetic(t *testing.T) {
	n, h := graph.Symbol("N"), graph.Symbol("H")
	for _, tc := range []struct {
		name string
		got  graph.Dim
		want string
	}{
		{"product", n.Times(graph.Size(4)).Times(h), "4*H*N"},
		{"sum", h.Plus(graph.Size(2)).Minus(graph.Size(2)), "H"},
		{"cancels", h.Minus(h), "0"},
		{"exact quotient", n.Times(graph.Size(8)).FloorDiv(graph.Size(4)), "2*N"},
		{"floor", h.FloorDiv(graph.Size(7)), "((H)//(7))"},
		{"number", graph.Size(29).FloorDiv(graph.Size(7)), "4"},
		{"negative", graph.Size(-3).FloorDiv(graph.Size(2)), "-2"},
		{"by zero", h.FloorDiv(graph.Size(0)), "?"},
		{"unknown", graph.Unknown.Times(graph.Size(0)), "?"},
	} {
		if tc.got.String() != tc.want {
			t.Errorf("%s: %v, want %s", tc.name, tc.got, tc.want)
		}
	}
	if graph.Unknown.Equal(graph.Unknown) {
		t.Error("two unknown sizes are not known to be equal")
	}
}

// Regrouping keeps the flat order: cutting a sequence of atoms in any way and
// back gives the same atoms, and numbers multiply out.
func TestRegroup(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 31))
		atoms := graph.NewAtoms()
		primes := []int64{2, 3, 2, 5, 2, 3}
		rng.Shuffle(len(primes), func(i, j int) { primes[i], primes[j] = primes[j], primes[i] })
		cut := func() (sizes []graph.Dim) {
			for i := 0; i < len(primes); {
				n := int64(1)
				for k := rng.IntN(3); k >= 0 && i < len(primes); k-- {
					n *= primes[i]
					i++
				}
				sizes = append(sizes, graph.Size(n))
			}
			return sizes
		}
		first := cut()
		var l graph.Layout
		for _, d := range first {
			l = append(l, atoms.Axis(d))
		}
		second, ok := atoms.Regroup(l.Flat(), cut())
		if !ok {
			t.Fatalf("seed %d: nested sizes do not regroup", seed)
		}
		back, ok := atoms.Regroup(second.Flat(), first)
		if !ok {
			t.Fatalf("seed %d: the way back does not regroup", seed)
		}
		a, b := atoms.ResolveLayout(l), atoms.ResolveLayout(back)
		for i := range a {
			if len(a[i]) != len(b[i]) {
				t.Fatalf("seed %d: axis %d changed", seed, i)
			}
			for k := range a[i] {
				if a[i][k] != b[i][k] {
					t.Fatalf("seed %d: atom %d of axis %d changed", seed, k, i)
				}
			}
		}
	}
}

// Sizes that do not nest are refused rather than guessed.
func TestRegroupRefuses(t *testing.T) {
	atoms := graph.NewAtoms()
	l := graph.Layout{atoms.Axis(graph.Size(6)), atoms.Axis(graph.Size(4))}
	if _, ok := atoms.Regroup(l.Flat(), []graph.Dim{graph.Size(4), graph.Size(6)}); ok {
		t.Error("6×4 was cut into 4×6 without splitting across atoms")
	}
	if _, ok := atoms.Regroup(l.Flat(), []graph.Dim{graph.Symbol("N"), graph.Size(24)}); ok {
		t.Error("24 elements were cut into N·24")
	}
}

// A constant that would expand to terabytes is an error that names the node.
func TestHugeConstantIsRefused(t *testing.T) {
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)},
		Nodes: []*onnxio.Node{
			onnxio.NewNode("bomb", "ConstantOfShape", []string{"shape"}, []string{"c"}),
			onnxio.NewNode("add", "Add", []string{"x", "c"}, []string{"y"}),
		},
		Inits: []*onnxio.Tensor{onnxio.NewInts("shape", []int64{2}, []int64{1 << 20, 1 << 22})},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := graph.New(m, graph.Options{}); err == nil {
		t.Error("a constant of 4 T elements was accepted")
	} else if s := err.Error(); !strings.Contains(s, "bomb") {
		t.Errorf("%q does not name the node", s)
	}
}

// Contradicting attributes are errors that name the node.
func TestContradictions(t *testing.T) {
	weight := func(dims ...int64) *onnxio.Tensor {
		n := int64(4)
		for _, d := range dims {
			n *= d
		}
		w, err := onnxio.NewTensor("w", onnxio.Float32, dims, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for name, tc := range map[string]struct {
		node *onnxio.Node
		w    *onnxio.Tensor
	}{
		"kernel_shape": {onnxio.NewNode("bad", "Conv", []string{"x", "w"}, []string{"y"}, onnxio.IntsAttr("kernel_shape", []int64{5, 5})), weight(4, 4, 3, 3)},
		"group":        {onnxio.NewNode("bad", "Conv", []string{"x", "w"}, []string{"y"}, onnxio.IntAttr("group", 3)), weight(4, 4, 3, 3)},
		"channels":     {onnxio.NewNode("bad", "Conv", []string{"x", "w"}, []string{"y"}), weight(4, 5, 3, 3)},
		"stride":       {onnxio.NewNode("bad", "Conv", []string{"x", "w"}, []string{"y"}, onnxio.IntsAttr("strides", []int64{0, 1})), weight(4, 4, 3, 3)},
		"pads":         {onnxio.NewNode("bad", "Conv", []string{"x", "w"}, []string{"y"}, onnxio.IntsAttr("pads", []int64{1})), weight(4, 4, 3, 3)},
		"type":         {onnxio.NewNode("bad", "Conv", []string{"x", "w"}, []string{"y"}, onnxio.StringAttr("group", "one")), weight(4, 4, 3, 3)},
		"perm":         {onnxio.NewNode("bad", "Transpose", []string{"x"}, []string{"y"}, onnxio.IntsAttr("perm", []int64{0, 1, 1, 3})), weight(1)},
		"arity":        {onnxio.NewNode("bad", "Conv", []string{"x"}, []string{"y"}), weight(1)},
		"batchnorm":    {onnxio.NewNode("bad", "BatchNormalization", []string{"x", "w", "w", "w", "w"}, []string{"y"}), weight(7)},
	} {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4), onnxio.Known(8), onnxio.Known(8))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32)},
			Nodes:   []*onnxio.Node{tc.node}, Inits: []*onnxio.Tensor{tc.w},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := graph.New(m, graph.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), "bad") {
			t.Errorf("%s: %q does not name the node", name, err)
		}
	}
}
