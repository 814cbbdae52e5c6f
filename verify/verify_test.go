package verify

import (
	"context"
	le "encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
)

func f32(name string, dims []int64, v ...float32) *onnxio.Tensor {
	var b []byte
	for _, x := range v {
		b = le.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	t, err := onnxio.NewTensor(name, onnxio.Float32, dims, b)
	if err != nil {
		panic(err)
	}
	return t
}

// linear is y = x·w with a fixed batch of two.
func linear(t *testing.T, w ...float32) *onnxio.Model {
	t.Helper()
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("fc", "MatMul", []string{"x", "w"}, []string{"y"})},
		Inits:   []*onnxio.Tensor{f32("w", []int64{2, 2}, w...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCompare(t *testing.T) {
	ctx := context.Background()
	ref := linear(t, 1, 2, 3, 4)
	for _, tc := range []struct {
		name string
		w    []float32
		o    CompareOptions
		pass bool
	}{
		{"the same", []float32{1, 2, 3, 4}, CompareOptions{}, true},
		{"one rounding off", []float32{1, 2, 3, math.Nextafter32(4, 5)}, CompareOptions{}, true},
		{"a thousandth off", []float32{1, 2, 3, 4.004}, CompareOptions{}, false},
		{"a thousandth off, but allowed", []float32{1, 2, 3, 4.004}, CompareOptions{RTol: 0.01}, true},
		{"one rounding off, not allowed", []float32{1, 2, 3, math.Nextafter32(4, 5)}, CompareOptions{Fixed: true}, false},
		{"NaN in the candidate", []float32{1, 2, 3, float32(math.NaN())}, CompareOptions{RTol: 1}, false},
	} {
		c, err := Compare(ctx, ref, linear(t, tc.w...), tc.o)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if c.Passed != tc.pass {
			t.Errorf("%s: passed is %v: %+v", tc.name, c.Passed, c.Outputs)
		}
	}
	nan := linear(t, 1, 2, 3, float32(math.NaN()))
	if c, err := Compare(ctx, nan, linear(t, 1, 2, 3, float32(math.NaN())), CompareOptions{}); err != nil || !c.Passed {
		t.Errorf("NaN does not equal NaN: %+v, %v", c, err)
	}
}

func TestCompareRefusesOtherInterfaces(t *testing.T) {
	ref := linear(t, 1, 2, 3, 4)
	other, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("input", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Known(2))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("r", "Relu", []string{"input"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compare(context.Background(), ref, other, CompareOptions{}); err == nil || !strings.Contains(err.Error(), `"input"`) {
		t.Errorf("another input name: %v", err)
	}
}

// A claim about a wrong replacement fails, a right one passes; a weight off by
// 1e-3 of the largest is far beyond the bound.
func TestProve(t *testing.T) {
	before := linear(t, 1, 2, 3, 4)
	for w, pass := range map[float32]bool{4: true, 4.004: false} {
		p := &Prover{Seed: 1}
		proof, err := p.Prove(context.Background(), Claim{ID: "r1", Before: before, After: linear(t, 1, 2, 3, w), Inputs: []string{"x"}, Output: "y"})
		if err != nil {
			t.Fatal(err)
		}
		if (proof.Bound < 1) != pass {
			t.Errorf("weight %g: bound ratio %g", w, proof.Bound)
		}
	}
}

// halvings is a chain of n poolings by two.
func halvings(n int) []*onnxio.Node {
	var nodes []*onnxio.Node
	x := "x"
	for i := range n {
		out := fmt.Sprint("p", i)
		if i == n-1 {
			out = "y"
		}
		nodes = append(nodes, onnxio.NewNode(out, "MaxPool", []string{x}, []string{out}, onnxio.IntsAttr("kernel_shape", []int64{2, 2}), onnxio.IntsAttr("strides", []int64{2, 2})))
		x = out
	}
	return nodes
}

func emptyWeight(t *testing.T, dims ...int64) *onnxio.Tensor {
	t.Helper()
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

func TestChooseSizes(t *testing.T) {
	load := func(name string) *onnxio.Model {
		m, err := onnxio.Load(filepath.Join("../testdata/cases", name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	// Tiles of 4×4: the smallest size from 8 on that divides is 8 itself.
	sizes, err := ChooseSizes(load("dyn_v2_dynNHW"), nil, 2)
	if err != nil || !slices.Equal(sizes["inputs"], []int64{2, 8, 8, 8}) {
		t.Errorf("sizes %v, %v", sizes, err)
	}
	for name, tc := range map[string]struct {
		nodes []*onnxio.Node
		inits []*onnxio.Tensor
		want  int64
	}{
		// edgenext_xx_small: no size of the input changes 7/2.
		"a division of constants": {[]*onnxio.Node{
			onnxio.NewNode("half", "Div", []string{"seven", "two"}, []string{"three"}),
			onnxio.NewNode("cut", "Reshape", []string{"x", "cut_to"}, []string{"cut"}),
			onnxio.NewNode("sum", "ReduceSum", []string{"cut", "three"}, []string{"y"}),
		}, []*onnxio.Tensor{onnxio.NewInts("seven", nil, []int64{7}), onnxio.NewInts("two", []int64{1}, []int64{2}), onnxio.NewInts("cut_to", []int64{4}, []int64{-1, 1, 4, 16})}, 8},
		// convnext_atto: windows of two on a map that was halved four times.
		"windows": {halvings(4), nil, 16},
		// gmixer_12_224: a weight holds the number of positions.
		"a weight of 144 positions": {[]*onnxio.Node{
			onnxio.NewNode("flat", "Flatten", []string{"x"}, []string{"flat"}),
			onnxio.NewNode("fc", "MatMul", []string{"flat", "w"}, []string{"y"}),
		}, []*onnxio.Tensor{emptyWeight(t, 144, 2)}, 12},
		// The model rounds whatever the size is: the first common one.
		"a division that never comes out even": {[]*onnxio.Node{
			onnxio.NewNode("shape", "Shape", []string{"x"}, []string{"s"}),
			onnxio.NewNode("twice", "Mul", []string{"s", "two"}, []string{"even"}),
			onnxio.NewNode("more", "Add", []string{"even", "one"}, []string{"odd"}),
			onnxio.NewNode("half", "Div", []string{"odd", "two"}, []string{"t"}),
			onnxio.NewNode("expand", "Expand", []string{"x", "t"}, []string{"y"}),
		}, []*onnxio.Tensor{onnxio.NewInts("two", nil, []int64{2}), onnxio.NewInts("one", nil, []int64{1})}, 224},
	} {
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1), onnxio.Known(1), onnxio.Named("h"), onnxio.Named("w"))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
			Nodes:   tc.nodes, Inits: tc.inits,
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sizes, err := ChooseSizes(m, nil, 1)
		if err != nil || !slices.Equal(sizes["x"], []int64{1, 1, tc.want, tc.want}) {
			t.Errorf("%s: sizes %v, %v", name, sizes, err)
		}
	}
	m := load("dyn_v2_dynN")
	if _, err := ChooseSizes(m, map[string]int64{"nobody": 3}, 2); err == nil || !strings.Contains(err.Error(), "nobody") || !strings.Contains(err.Error(), "batch") {
		t.Errorf("a binding of an unknown dimension: %v", err)
	}
	sizes, err = ChooseSizes(m, map[string]int64{"batch": 5}, 2)
	if err != nil || sizes[m.Graph().Inputs()[0].Name()][0] != 5 {
		t.Errorf("a bound batch: %v, %v", sizes, err)
	}
}

// Random numbers do not depend on anything but the seed and a name.
func TestStreamsAreReproducible(t *testing.T) {
	a, b := random.Stream(3, "x").Uint64(), random.Stream(3, "x").Uint64()
	if a != b || a == random.Stream(4, "x").Uint64() || a == random.Stream(3, "y").Uint64() {
		t.Error("streams are not keyed by seed and name")
	}
}

// An operator that is missing is named.
func TestUnsupportedOperator(t *testing.T) {
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(2))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("odd", "Frobnicate", []string{"x"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Compare(context.Background(), m, m, CompareOptions{})
	if err == nil || !strings.Contains(err.Error(), "Frobnicate") || !strings.Contains(err.Error(), "odd") {
		t.Errorf("the message is %v", err)
	}
}
