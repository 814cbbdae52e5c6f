package engine

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"repmlp/internal/budget"
	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// widening is a model of one node that makes much of little: of x, two numbers,
// and an integer constant.
func widening(t *testing.T, node *onnxio.Node, ints ...int64) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits:   []*onnxio.Tensor{onnxio.NewInts("k", []int64{int64(len(ints))}, ints), onnxio.NewInts("zero", nil, []int64{0}), onnxio.NewInts("one", nil, []int64{1}), onnxio.NewInts("last", nil, ints[:1])},
		Nodes:   []*onnxio.Node{node},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Operators whose output is as large as a number in the file says ask before they
// allocate.
func TestMemoryIsAskedFor(t *testing.T) {
	const n = 50 << 20 // 200 MB of float32
	for _, c := range []struct {
		node *onnxio.Node
		ints []int64
	}{
		{onnxio.NewNode("wide", "Tile", []string{"x", "k"}, []string{"y"}), []int64{n / 2}},
		{onnxio.NewNode("wide", "Expand", []string{"x", "k"}, []string{"y"}), []int64{n / 2, 2}},
		{onnxio.NewNode("wide", "Pad", []string{"x", "k"}, []string{"y"}), []int64{n, 0}},
		{onnxio.NewNode("wide", "ConstantOfShape", []string{"k"}, []string{"y"}), []int64{n}},
		{onnxio.NewNode("wide", "Range", []string{"zero", "last", "one"}, []string{"y"}), []int64{n}},
	} {
		m := widening(t, c.node, c.ints...)
		x := map[string]*tensor.Tensor{"x": {DType: onnxio.Float32, Shape: []int{2}, F32: []float32{1, 2}}}
		e, err := New(m, Options{Limit: 100 << 20})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = e.Run(context.Background(), x)
		runtime.ReadMemStats(&after)
		if x, ok := errors.AsType[*budget.Exceeded](err); !ok || x.Kind != budget.Memory || !strings.Contains(err.Error(), "wide") {
			t.Errorf("%s: %v", c.node.OpType(), err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 50<<20 {
			t.Errorf("%s allocates %d bytes before it is refused", c.node.OpType(), grown)
		}
	}
}

// A tensor that no memory holds is no fault of the program, whatever the budget.
func TestTensorsBeyondMemory(t *testing.T) {
	for _, n := range []int64{1 << 29, 1 << 40} {
		m := widening(t, onnxio.NewNode("wide", "EyeLike", []string{"k"}, []string{"y"}, onnxio.IntAttr("dtype", 1)), 1)
		e, err := New(m, Options{Limit: 1 << 60})
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&evaluation{Engine: e}).call(context.Background(), &step{n: e.order[0].n, op: operator.Operator{Kernel: func(c *operator.Call) ([]*operator.Value, error) {
			return []*operator.Value{operator.Like(c.In[0], onnxio.Float32, []int{int(n), 3})}, nil
		}}}, []*operator.Value{{Tensor: tensor.Tensor{DType: onnxio.Int64, Shape: []int{1}, I: []int64{1}}}})
		if _, ok := errors.AsType[*budget.Exceeded](err); !ok {
			t.Errorf("%v", err)
		}
	}
}

// What nodes that are done held is free again, also what they needed in between.
func TestMemoryIsGivenBack(t *testing.T) {
	const n, nodes = 1 << 16, 20
	var list []*onnxio.Node
	name := func(i int) string { return string(rune('a' + i)) }
	for i := range nodes {
		list = append(list, onnxio.NewNode("", "Pad", []string{name(i), "none"}, []string{name(i + 1)}))
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue(name(0), onnxio.Float32, onnxio.Known(n))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped(name(nodes), onnxio.Float32)},
		Inits:   []*onnxio.Tensor{onnxio.NewInts("none", []int64{2}, []int64{0, 0})},
		Nodes:   list,
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(m, Options{Limit: 5 * 4 * n})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := e.Run(context.Background(), map[string]*tensor.Tensor{name(0): {DType: onnxio.Float32, Shape: []int{n}, F32: make([]float32, n)}}); err != nil {
			t.Fatal(err)
		}
	}
	if used := e.run.Arena.Meter.Used(); used != 0 {
		t.Errorf("%d bytes are never given back", used)
	}
}
