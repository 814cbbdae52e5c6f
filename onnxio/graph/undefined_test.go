package graph_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

func intTensor(t *testing.T, name string, d onnxio.DType, v ...int64) *onnxio.Tensor {
	t.Helper()
	raw, err := onnxio.EncodeInt64(v, d)
	if err != nil {
		t.Fatal(err)
	}
	x, err := onnxio.NewTensor(name, d, []int64{int64(len(v))}, raw)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func intModel(t *testing.T, nodes []*onnxio.Node, inits ...*onnxio.Tensor) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{Opset: 17, Nodes: nodes, Inits: inits, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ONNX Runtime adds and multiplies integers of reductions in float64 and stops at
// the limits of the type, others wrap: what shows the difference is no constant.
// So is a power of -1 whose exponent float64 rounds.
func TestUndefinedIntegers(t *testing.T) {
	const i32, i64 = onnxio.Int32, onnxio.Int64
	for _, c := range []struct {
		op   string
		d    onnxio.DType
		v    []int64
		want any
	}{
		{"ReduceSum", i64, []int64{1 << 52, 1}, int64(1<<52 + 1)},
		{"ReduceSum", i64, []int64{1 << 53, 1}, nil},
		{"ReduceSum", i64, []int64{1 << 62, -1 << 62, 3}, nil},
		{"ReduceSum", i64, []int64{math.MaxInt64, 1}, nil},
		{"ReduceSum", i32, []int64{math.MaxInt32, -1}, int64(math.MaxInt32 - 1)},
		{"ReduceSum", i32, []int64{math.MaxInt32, 1}, nil},
		{"ReduceProd", i64, []int64{1 << 26, -1 << 26}, int64(-1 << 52)},
		{"ReduceProd", i64, []int64{1 << 40, 1 << 40}, nil},
		{"ReduceProd", i64, []int64{1 << 40, 1 << 40, 0}, int64(0)},
		{"ReduceProd", i32, []int64{1 << 16, 1 << 15}, nil},
		{"ReduceSumSquare", i32, []int64{1 << 15, 5}, int64(1<<30 + 25)},
		{"ReduceSumSquare", i32, []int64{1 << 15, 1 << 15}, nil},
		{"Pow", i64, []int64{-1, 1<<53 - 1}, int64(-1)},
		{"Pow", i64, []int64{-1, 1<<53 + 1}, nil},
		{"Pow", i64, []int64{-1, -1<<53 - 1}, nil},
		{"Pow", i64, []int64{1, math.MaxInt64}, int64(1)},
	} {
		node, inits := onnxio.NewNode("n", c.op, []string{"a"}, []string{"y"}, onnxio.IntAttr("keepdims", 0)), []*onnxio.Tensor{intTensor(t, "a", c.d, c.v...)}
		if c.op == "Pow" {
			node, inits = onnxio.NewNode("n", c.op, []string{"a", "b"}, []string{"y"}), []*onnxio.Tensor{intTensor(t, "a", c.d, c.v[0]), intTensor(t, "b", c.d, c.v[1])}
		}
		g, err := graph.New(intModel(t, []*onnxio.Node{node}, inits...), graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		y := g.Value("y")
		if got := g.IsConst(y); got != (c.want != nil) {
			t.Errorf("%s of %s %v: a constant: %v", c.op, c.d, c.v, got)
		} else if got {
			if k, err := g.Const(y); err != nil || k.I[0] != c.want {
				t.Errorf("%s of %s %v: %v, want %v (%v)", c.op, c.d, c.v, k.I, c.want, err)
			}
		}
	}
}

// 32767 is no float16: the constant and the engine have what the Cast makes of it.
func TestIntegersBecomeNarrowFloats(t *testing.T) {
	m := intModel(t, []*onnxio.Node{
		onnxio.NewNode("half", "Cast", []string{"a"}, []string{"h"}, onnxio.IntAttr("to", int64(onnxio.Float16))),
		onnxio.NewNode("wide", "Cast", []string{"h"}, []string{"y"}, onnxio.IntAttr("to", int64(onnxio.Float32)))},
		intTensor(t, "a", onnxio.Int32, 32767, 70000, -2049, 5))
	want := []float64{32768, math.Inf(1), -2048, 5}
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := g.Const(g.Value("y")); err != nil || !slices.Equal(c.F, want) {
		t.Errorf("the constant is %v (%v), want %v", c, err, want)
	}
	for _, mode := range []verify.Mode{verify.Single, verify.Double} {
		e, err := verify.NewEngine(m, verify.EngineOptions{Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Eval(context.Background(), nil, []string{"y"})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if got := out["y"].Float(i); got != w {
				t.Errorf("mode %v: element %d is %g, want %g", mode, i, got, w)
			}
		}
	}
}

// A large constant is worked out late; once it has no value, it is none, and what
// is made of it is none.
func TestDisownedConstants(t *testing.T) {
	v := slices.Repeat([]int64{1 << 20}, 2*70000)
	big := intTensor(t, "a", onnxio.Int32, v...)
	m := intModel(t, []*onnxio.Node{
		onnxio.NewNode("shape", "Constant", nil, []string{"s"}, onnxio.IntsAttr("value_ints", []int64{2, 70000})),
		onnxio.NewNode("rows", "Reshape", []string{"a", "s"}, []string{"r"}),
		onnxio.NewNode("prod", "ReduceProd", []string{"r"}, []string{"p"}, onnxio.IntsAttr("axes", []int64{0})),
		onnxio.NewNode("cast", "Cast", []string{"p"}, []string{"y"}, onnxio.IntAttr("to", int64(onnxio.Float32)))}, big)
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !g.IsConst(g.Value("y")) {
		t.Fatal("nothing says yet that it has no value")
	}
	_, err = g.Const(g.Value("y"))
	bad, ok := errors.AsType[*graph.UndefinedError](err)
	if !ok || bad.Node.OpType() != "ReduceProd" {
		t.Fatalf("error %v", err)
	}
	without, ok, err := g.Without(bad.Node, bad.Why())
	if !ok || err != nil {
		t.Fatal("a constant stays one", err)
	}
	if _, again, err := without.Without(without.Node(bad.Node.Node), ""); again || err != nil {
		t.Error("it is news once", err)
	}
	if !g.IsConst(g.Value("y")) {
		t.Error("the graph that was asked has changed")
	}
	g = without
	for name, want := range map[string]bool{"a": true, "r": true, "p": false, "y": false} {
		if got := g.IsConst(g.Value(name)); got != want {
			t.Errorf("%s is a constant: %v", name, got)
		}
	}
}
