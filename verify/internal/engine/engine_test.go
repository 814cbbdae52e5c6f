package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

func node(op, out string, in ...string) *onnxio.Node {
	return onnxio.NewNode(out, op, in, strings.Fields(out))
}

func with(n *onnxio.Node, attrs ...*onnxio.Attr) *onnxio.Node {
	return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), n.Outputs(), attrs...)
}

func value(name string, d onnxio.DType, dims ...int64) *onnxio.ValueInfo {
	var list []onnxio.Dim
	for _, n := range dims {
		list = append(list, onnxio.Known(n))
	}
	return onnxio.NewValue(name, d, list...)
}

func floats(t *testing.T, name string, d onnxio.DType, dims []int64, v ...float64) *onnxio.Tensor {
	t.Helper()
	raw, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnxio.NewTensor(name, d, dims, raw)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func vector(v ...float32) *tensor.Tensor {
	return &tensor.Tensor{DType: onnxio.Float32, Shape: []int{len(v)}, F32: v}
}

func model(t *testing.T, p onnxio.Parts) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func prepared(t *testing.T, o Options, p onnxio.Parts) *Engine {
	t.Helper()
	e, err := New(model(t, p), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func body(t *testing.T, name string, p onnxio.Parts) *onnxio.Attr {
	t.Helper()
	a, err := onnxio.GraphAttr(name, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An If runs the branch that its condition names, with values from outside; a body
// is prepared once.
func TestIf(t *testing.T) {
	branch := func(name, op string) *onnxio.Attr {
		return body(t, name, onnxio.Parts{Nodes: []*onnxio.Node{node(op, "b", "x", "w")}, Outputs: []*onnxio.ValueInfo{value("b", onnxio.Float32, 2)}})
	}
	e := prepared(t, Options{}, onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("c", onnxio.Bool), value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, 10, 20)},
		Nodes: []*onnxio.Node{with(node("If", "y", "c"), branch("then_branch", "Add"), branch("else_branch", "Mul"))}})
	for range 2 {
		for c, want := range map[int64][]float32{1: {11, 22}, 0: {10, 40}} {
			out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"c": {DType: onnxio.Bool, Shape: []int{}, I: []int64{c}}, "x": vector(1, 2)})
			if err != nil || !slices.Equal(out["y"].F32, want) {
				t.Errorf("condition %d: %v, %v", c, out["y"], err)
			}
		}
	}
	if len(e.bodies) != 2 {
		t.Errorf("%d bodies are prepared", len(e.bodies))
	}
}

// A body with an operator that the engine lacks is an error of the run.
func TestBodyThatIsNotSupported(t *testing.T) {
	b := func(name string) *onnxio.Attr {
		return body(t, name, onnxio.Parts{Nodes: []*onnxio.Node{node("Frobnicate", "b", "x")}, Outputs: []*onnxio.ValueInfo{value("b", onnxio.Float32, 2)}})
	}
	e := prepared(t, Options{}, onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("c", onnxio.Bool), value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Nodes: []*onnxio.Node{with(node("If", "y", "c"), b("then_branch"), b("else_branch"))}})
	_, err := e.Run(t.Context(), map[string]*tensor.Tensor{"c": {DType: onnxio.Bool, Shape: []int{}, I: []int64{1}}, "x": vector(1, 2)})
	if u, ok := errors.AsType[*operator.Unsupported](err); !ok || !strings.Contains(u.What, "Frobnicate") {
		t.Errorf("%v", err)
	}
}

// A Loop carries its state, collects what it scans and ends by its condition or by
// its count.
func TestLoop(t *testing.T) {
	step := body(t, "body", onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{value("i", onnxio.Int64), value("go", onnxio.Bool), value("s", onnxio.Float32, 1)},
		Outputs: []*onnxio.ValueInfo{value("on", onnxio.Bool), value("s2", onnxio.Float32, 1), value("seen", onnxio.Float32, 1)},
		Nodes:   []*onnxio.Node{node("Add", "s2", "s", "x"), node("Less", "on", "s2", "end"), node("Mul", "seen", "s2", "s2")},
	})
	build := func(first string) onnxio.Parts {
		return onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("n", onnxio.Int64), value("c", onnxio.Bool), value("x", onnxio.Float32, 1)},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("last", onnxio.Float32), onnxio.Untyped("all", onnxio.Float32)},
			Inits:   []*onnxio.Tensor{floats(t, "zero", onnxio.Float32, []int64{1}, 0), floats(t, "end", onnxio.Float32, nil, 5)},
			Nodes:   []*onnxio.Node{with(onnxio.NewNode("loop", "Loop", []string{first, "c", "zero"}, []string{"last", "all"}), step)}}
	}
	flag := func(v int64) *tensor.Tensor { return &tensor.Tensor{DType: onnxio.Bool, Shape: []int{}, I: []int64{v}} }
	count := func(v int64) *tensor.Tensor {
		return &tensor.Tensor{DType: onnxio.Int64, Shape: []int{}, I: []int64{v}}
	}
	e := prepared(t, Options{}, build("n"))
	run := func(n, c int64) (map[string]*tensor.Tensor, error) {
		return e.Run(t.Context(), map[string]*tensor.Tensor{"n": count(n), "c": flag(c), "x": vector(2)})
	}
	out, err := run(2, 1)
	if err != nil || !slices.Equal(out["last"].F32, []float32{4}) || !slices.Equal(out["all"].F32, []float32{4, 16}) || !slices.Equal(out["all"].Shape, []int{2, 1}) {
		t.Errorf("two rounds: %v, %v", out, err)
	}
	if out, err = run(100, 1); err != nil || !slices.Equal(out["all"].F32, []float32{4, 16, 36}) {
		t.Errorf("until the condition fails: %v, %v", out, err)
	}
	for what, n := range map[string]int64{"does not run": 0, "runs 9999999 times": 9999999} {
		if _, err = run(n, 1); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err = run(3, 0); err == nil {
		t.Error("a loop that does not run has scanned")
	}
	e = prepared(t, Options{}, build("")) // no count
	if out, err = e.Run(t.Context(), map[string]*tensor.Tensor{"n": count(0), "c": flag(1), "x": vector(3)}); err != nil || !slices.Equal(out["all"].F32, []float32{9, 36}) {
		t.Errorf("without a count: %v, %v", out, err)
	}
}

// Dropout in training keeps what its stream says, the same for one seed, and the
// mean; nothing random has run before.
func TestDropout(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 4000)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32), onnxio.Untyped("m", onnxio.Bool)},
		Inits: []*onnxio.Tensor{floats(t, "r", onnxio.Float32, nil, 0.25), yes(t)},
		Nodes: []*onnxio.Node{onnxio.NewNode("d", "Dropout", []string{"x", "r", "on"}, []string{"y", "m"})}}
	x := vector(slices.Repeat([]float32{3}, 4000)...)
	run := func(mode operator.Mode, seed uint64) (*tensor.Tensor, []int64) {
		e := prepared(t, Options{Mode: mode, Seed: seed}, parts)
		if e.Random() {
			t.Error("something random has run before the run")
		}
		out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": x})
		if err != nil || !e.Random() {
			t.Fatalf("random %t, %v", e.Random(), err)
		}
		return out["y"], out["m"].I
	}
	y, mask := run(operator.Single, 1)
	kept := 0
	for i, m := range mask {
		if kept += int(m); y.Float(i) != float64(4*m) {
			t.Fatalf("element %d is %g under %d", i, y.Float(i), m)
		}
	}
	if math.Abs(float64(kept)/4000-0.75) > 0.03 {
		t.Errorf("%d of 4000 are kept of three quarters", kept)
	}
	if _, same := run(operator.Double, 1); !slices.Equal(mask, same) {
		t.Error("one seed gives two masks")
	}
	if _, other := run(operator.Single, 2); slices.Equal(mask, other) {
		t.Error("two seeds give one mask")
	}
}

func yes(t *testing.T) *onnxio.Tensor {
	t.Helper()
	v, err := onnxio.NewTensor("on", onnxio.Bool, nil, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A sparse tensor is its values at their places, which are numbers of elements or
// of each axis.
func TestSparseTensors(t *testing.T) {
	e := prepared(t, Options{Mode: operator.Double}, onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 1)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Nodes: []*onnxio.Node{node("Relu", "y", "x")}})
	for _, mode := range []operator.Mode{operator.Single, operator.Double} {
		e.run.Mode = mode
		for what, at := range map[string]*onnxio.Tensor{
			"flat": onnxio.NewInts("", []int64{2}, []int64{1, 5}),
			"axes": onnxio.NewInts("", []int64{2, 2}, []int64{0, 1, 1, 2}),
		} {
			v, err := e.densify(sparse(t, floats(t, "s", onnxio.Float32, []int64{2}, 7, -8), at, 2, 3))
			if err != nil || !slices.Equal(v.Floats(), []float64{0, 7, 0, 0, 0, -8}) || !slices.Equal(v.Shape, []int{2, 3}) {
				t.Errorf("mode %d, %s: %v, %v", mode, what, v, err)
			}
		}
	}
	four := onnxio.NewInts("s", []int64{1}, []int64{4})
	if v, err := e.densify(sparse(t, four, onnxio.NewInts("", []int64{1}, []int64{1}), 2)); err != nil || !slices.Equal(v.I, []int64{0, 4}) {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := e.densify(sparse(t, four, onnxio.NewInts("", []int64{1}, []int64{2}), 2)); err == nil {
		t.Error("an index out of range is taken")
	}
}

func sparse(t *testing.T, values, indices *onnxio.Tensor, dims ...int64) *onnxio.SparseTensor {
	t.Helper()
	s, err := onnxio.NewSparse(values, indices, dims)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What shapes determine is known without the values that they are read from.
func TestSizesAreKnown(t *testing.T) {
	e := prepared(t, Options{Mode: operator.Double, Sizes: map[string][]int64{"x": {3, 4}}}, onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits:   []*onnxio.Tensor{onnxio.NewInts("two", nil, []int64{2})},
		Nodes: []*onnxio.Node{node("Relu", "r", "x"), node("Shape", "s", "x"), node("Size", "n", "x"), node("Mul", "n2", "n", "two"),
			node("Relu", "h", "r"), node("Reshape", "y", "h", "s")},
	})
	h := &tensor.Tensor{DType: onnxio.Float32, Shape: []int{12}, F64: make([]float64, 12)}
	out, err := e.Eval(t.Context(), map[string]*tensor.Tensor{"h": h}, []string{"y", "n2", "two"})
	if err != nil || !slices.Equal(out["y"].Shape, []int{3, 4}) || out["n2"].I[0] != 24 || out["two"].I[0] != 2 {
		t.Errorf("%v, %v", out, err)
	}
	for what, f := range map[string]func() error{
		`"z"`:                  func() error { _, err := e.Eval(t.Context(), nil, []string{"z"}); return err },
		`"x"`:                  func() error { _, err := e.Eval(t.Context(), nil, []string{"r"}); return err },
		`input "x" is not fed`: func() error { _, err := e.Run(t.Context(), nil); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Eval(ctx, map[string]*tensor.Tensor{"h": h}, []string{"y"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run: %v", err)
	}
}

// An engine in another mode shares what is prepared; constants are those of its mode,
// or of what replaces them.
func TestModes(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, -3, 5), floats(t, "p", onnxio.Float32, nil, -7)},
		Nodes: []*onnxio.Node{node("Sub", "d", "x", "w"), node("Pad", "y", "d", "pads", "p")}}
	parts.Inits = append(parts.Inits, onnxio.NewInts("pads", []int64{2}, []int64{0, 1}))
	e := prepared(t, Options{Mode: operator.Double}, parts)
	timed := map[string]int{}
	e.Profile(func(op string, d time.Duration) { timed[op]++ })
	run := func(e *Engine) []float64 {
		out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 2)})
		if err != nil {
			t.Fatal(err)
		}
		return out["y"].Floats()
	}
	arena := func() *operator.Arena { return operator.NewArena(storage.New(storage.ModelShelf)) }
	if y := run(e); !slices.Equal(y, []float64{4, -3, -7}) {
		t.Errorf("float64: %v", y)
	}
	if y := run(e.With(operator.Absolute, nil, arena())); !slices.Equal(y, []float64{4, 7, 7}) {
		t.Errorf("magnitudes: %v", y)
	}
	exact := map[string]func() ([]float64, error){"w": func() ([]float64, error) { return []float64{0.5, 1}, nil }}
	other := e.With(operator.Double, exact, arena())
	if y := run(other); !slices.Equal(y, []float64{0.5, 1, -7}) || other.Mode() != operator.Double {
		t.Errorf("other weights: %v", y)
	}
	exact["w"] = func() ([]float64, error) { return nil, errors.New("no weights") }
	if _, err := other.Run(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 2)}); err == nil || !strings.Contains(err.Error(), "no weights") {
		t.Errorf("weights that cannot be computed: %v", err)
	}
	if timed["Sub"] < 3 || timed["Pad"] < 3 || e.Nodes() != 2 {
		t.Errorf("%d nodes, %v", e.Nodes(), timed)
	}
}

// Weights of float32 are read where they lie in a run in float64, if they are large;
// 16-bit numbers are rounded after every node of a run in float32.
func TestConstants(t *testing.T) {
	large := make([]float64, stored.StreamSize)
	for i := range large {
		large[i] = float64(i%7) - 3
	}
	n := int64(stored.StreamSize / 64)
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 1, n)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{n, 64}, large...)},
		Nodes: []*onnxio.Node{node("MatMul", "y", "x", "w")}}
	x := vector(slices.Repeat([]float32{1}, int(n))...)
	x.Shape = []int{1, int(n)}
	var results [][]float64
	for _, mode := range []operator.Mode{operator.Single, operator.Double} {
		e := prepared(t, Options{Mode: mode}, parts)
		v, err := e.initializer("w", mode, true)
		if err != nil || (v.File != nil) != (mode == operator.Double) {
			t.Errorf("mode %d: %v, %v", mode, v, err)
		}
		out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, out["y"].Floats())
	}
	if !slices.Equal(results[0], results[1]) {
		t.Errorf("%v in float32, %v in float64", results[0], results[1])
	}
	half := prepared(t, Options{}, onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float16, 1)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float16)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float16, []int64{1}, 1.0/1024)}, Nodes: []*onnxio.Node{node("Mul", "y", "x", "w")}})
	in := &tensor.Tensor{DType: onnxio.Float16, Shape: []int{1}, F32: []float32{1 + 1.0/4096}}
	out, err := half.Run(t.Context(), map[string]*tensor.Tensor{"x": in})
	if err != nil || out["y"].F32[0] != 1.0/1024 || in.F32[0] == 1 {
		t.Errorf("%v, %v; what was fed is %v", out["y"], err, in.F32)
	}
	text, err := onnxio.NewTensor("t", onnxio.Complex64, []int64{1}, make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.constant(text, operator.Single); err == nil {
		t.Error("complex numbers are read")
	}
}

// What panics in a kernel is an error of its node, and what the engine lacks names the
// node.
func TestErrorsNameTheNode(t *testing.T) {
	e := prepared(t, Options{}, onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}, Nodes: []*onnxio.Node{node("Relu", "y", "x")}})
	v := &evaluation{Engine: e}
	_, err := v.call(t.Context(), &step{n: e.order[0].n, op: operator.Operator{Kernel: func(*operator.Call) ([]*operator.Value, error) { panic("out of range") }}}, []*operator.Value{{Tensor: *vector(1, 2)}})
	if err == nil || !strings.Contains(err.Error(), "do not fit") {
		t.Errorf("%v", err)
	}
	if err := (&step{n: e.order[0].n}).supported(); err == nil || !strings.Contains(err.Error(), `"y"`) || !strings.Contains(err.Error(), "Relu") {
		t.Errorf("%v", err)
	}
}

// Where magnitudes are asked for, constants are worked out as they are, and the magnitude
// of what comes out counts: exp(-8) stays small, 3-5 is 2 and not 8.
func TestMagnitudesOfConstants(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32), onnxio.Untyped("k", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, -8, 1), floats(t, "a", onnxio.Float32, nil, 3)},
		Nodes: []*onnxio.Node{with(node("Constant", "b"), onnxio.FloatAttr("value_float", 5)), node("Sub", "k", "a", "b"), node("Exp", "e", "w"),
			node("Mul", "f", "e", "k"), node("Mul", "m", "x", "f"), node("Add", "s", "m", "k"), node("Sub", "y", "s", "w")}}
	e := prepared(t, Options{Mode: operator.Double}, parts)
	run := func(e *Engine) (y, k float64) {
		out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": vector(1, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return out["y"].F64[0], out["k"].F64[0]
	}
	if y, k := run(e); k != -2 || y != -2*math.Exp(-8)-2+8 {
		t.Errorf("as they are: %g, %g", y, k)
	}
	if y, k := run(e.With(operator.Absolute, nil, operator.NewArena(storage.New(storage.ModelShelf)))); k != 2 || y != 2*math.Exp(-8)+2+8 {
		t.Errorf("magnitudes: %g, %g", y, k)
	}
}

// The error function is exact where a constant is worked out, whatever its type.
func TestErfOfConstants(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 1)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32), onnxio.Untyped("z", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{1}, 0.7)}, Nodes: []*onnxio.Node{node("Erf", "y", "w"), node("Erf", "z", "x")}}
	w := float64(float32(0.7))
	for mode, same := range map[operator.Mode]bool{operator.Double: true, operator.Absolute: true, operator.Single: false} {
		out, err := prepared(t, Options{Mode: mode}, parts).Run(t.Context(), map[string]*tensor.Tensor{"x": vector(0.7)})
		if err != nil {
			t.Fatal(err)
		}
		if have := out["y"].Float(0); (have == math.Erf(w)) != same || math.Abs(have-math.Erf(w)) > 1e-7 {
			t.Errorf("mode %d: %g, want %g", mode, have, math.Erf(w))
		}
		if have := out["z"].Float(0); math.Abs(have-math.Erf(w)) > 1e-7 {
			t.Errorf("mode %d: of data %g, want %g", mode, have, math.Erf(w))
		}
	}
}

// A body runs as what it reads is, and random numbers are noticed in it.
func TestFixedNodes(t *testing.T) {
	parts := onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", onnxio.Float32, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits: []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{2}, -3, 5)},
		Nodes: []*onnxio.Node{node("Identity", "v", "w"), node("Abs", "a", "v"), node("Shape", "s", "x"), node("Add", "y", "x", "a")}}
	e := prepared(t, Options{}, parts)
	var fixed []string
	for _, s := range e.order {
		if s.fixed {
			fixed = append(fixed, s.n.OpType())
		}
	}
	if !slices.Equal(fixed, []string{"Identity", "Abs"}) {
		t.Errorf("fixed: %v", fixed)
	}
}

// Float initializers are changed as they are read, in every mode and type; scalars, and
// what is fed in the place of one, are not.
func TestChangedWeights(t *testing.T) {
	twice := func(name string, x *tensor.Tensor) *tensor.Tensor {
		out := &tensor.Tensor{DType: x.DType, Shape: x.Shape, F32: slices.Clone(x.F32), F64: slices.Clone(x.F64)}
		for i := range out.F32 {
			out.F32[i] *= 2
		}
		for i := range out.F64 {
			out.F64[i] *= 2
		}
		return out
	}
	for _, d := range []onnxio.DType{onnxio.Float16, onnxio.BFloat16, onnxio.Float32, onnxio.Float64} {
		for _, mode := range []operator.Mode{operator.Single, operator.Double} {
			e := prepared(t, Options{Mode: mode, Change: twice}, onnxio.Parts{Inputs: []*onnxio.ValueInfo{value("x", d, 2)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", d)},
				Inits: []*onnxio.Tensor{floats(t, "w", d, []int64{2}, 3, 5), floats(t, "s", d, nil, 10)},
				Nodes: []*onnxio.Node{node("Mul", "xw", "x", "w"), node("Add", "y", "xw", "s")}})
			x := &tensor.Tensor{DType: d, Shape: []int{2}, F32: []float32{1, -1}}
			if d == onnxio.Float64 {
				x.F32, x.F64 = nil, []float64{1, -1}
			}
			out, err := e.Run(t.Context(), map[string]*tensor.Tensor{"x": x})
			if err != nil || !slices.Equal(out["y"].Floats(), []float64{16, 0}) {
				t.Errorf("%s, mode %d: %v, %v", d, mode, out["y"], err)
			}
		}
	}
}
