package verify

import (
	"context"
	"errors"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/storage"
)

// Runs that do not fit side by side go one after the other.
func TestRunsInTurn(t *testing.T) {
	const n = 1 << 16
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Inits:   []*onnxio.Tensor{onnxio.NewInts("k", []int64{1}, []int64{n})},
		Nodes:   []*onnxio.Node{onnxio.NewNode("wide", "Tile", []string{"x", "k"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	machines, failed := engine.NewAll(engine.Options{Limit: 5 * 4 * n}, m, m)
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	feed := map[string]*Tensor{"x": {DType: onnxio.Float32, Shape: []int{2}, F32: []float32{1, 2}}}
	engines := []*Engine{{machines[0]}, {machines[1]}}
	double := &Engine{machines[0].With(Double, nil, operator.NewArena(storage.New(storage.ModelShelf)))}
	got, err := runAll(context.Background(), [3]Runner{engines[0], double, engines[1]}, feed, feed, false)
	if err != nil || got[1]["y"].Len() != 2*n {
		t.Fatalf("%v", err)
	}
	if _, err := runAll(context.Background(), [3]Runner{engines[0]}, map[string]*Tensor{"x": {DType: onnxio.Float32, Shape: []int{4}, F32: make([]float32, 4)}}, nil, false); err != nil {
		t.Fatal(err)
	}
	tight, err := NewEngine(m, EngineOptions{Limit: 4 * n})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runAll(context.Background(), [3]Runner{tight}, feed, feed, false); err == nil {
		t.Error("twice the budget is given")
	}
}
