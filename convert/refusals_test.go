package convert_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A counted context counts how often it is asked whether it has ended, which work of
// any kind does again and again.
type counted struct {
	context.Context
	asked *atomic.Int64
}

func (c counted) Err() error {
	c.asked.Add(1)
	return c.Context.Err()
}

// Layers whose numbers forbid their merges are found together: one after the other,
// each of them had the model planned, and its weights computed, anew.
func TestManyRefusalsTakeFewPlans(t *testing.T) {
	for _, c := range []struct {
		what      string
		weight, v float32
		values    bool
	}{
		{"a variance below zero", 0.1, -1, false},
		{"weights that overflow", 3e38, 1e-12, true},
	} {
		work := func(n int) int64 {
			m := chainOfNorms(t, n, c.weight, c.v)
			var asked atomic.Int64
			r, err := convert.Inspect(counted{t.Context(), &asked}, m, convert.Options{Values: c.values})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Declined) != n {
				t.Fatalf("%s: %d of %d places are declined: %v", c.what, len(r.Declined), n, r.Declined)
			}
			return asked.Load()
		}
		if few, many := work(20), work(80); many > 6*few {
			t.Errorf("%s: the work for 20 layers is %d, for 80 it is %d", c.what, few, many)
		}
	}
}

// chainOfNorms is Conv, BatchNormalization and Relu, n times.
func chainOfNorms(t *testing.T, n int, weight, variance float32) *onnxio.Model {
	t.Helper()
	const channels = 4
	tensor := func(name string, v float32, dims ...int64) *onnxio.Tensor {
		count := int64(1)
		for _, d := range dims {
			count *= d
		}
		data := make([]float64, count)
		for i := range data {
			data[i] = float64(v)
		}
		b, err := onnxio.EncodeFloat64(data, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		w, err := onnxio.NewTensor(name, onnxio.Float32, dims, b)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	p := onnxio.Parts{
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(1), onnxio.Known(channels), onnxio.Known(5), onnxio.Known(5))},
		Inits:  []*onnxio.Tensor{tensor("w", weight, channels, channels, 3, 3), tensor("one", 1, channels), tensor("v", variance, channels)},
	}
	x := "x"
	for i := range n {
		s := func(name string) string { return fmt.Sprintf("%s%d", name, i) }
		p.Nodes = append(p.Nodes,
			onnxio.NewNode(s("conv"), "Conv", []string{x, "w"}, []string{s("c")}, onnxio.IntsAttr("pads", []int64{1, 1, 1, 1})),
			onnxio.NewNode(s("norm"), "BatchNormalization", []string{s("c"), "one", "one", "one", "v"}, []string{s("b")}, onnxio.FloatAttr("epsilon", 0)),
			onnxio.NewNode(s("relu"), "Relu", []string{s("b")}, []string{s("r")}))
		x = s("r")
	}
	p.Outputs = []*onnxio.ValueInfo{onnxio.NewValue(x, onnxio.Float32, onnxio.Known(1), onnxio.Known(channels), onnxio.Known(5), onnxio.Known(5))}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
