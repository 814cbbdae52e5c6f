package engine

import (
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// A walk stops at every value, in any order that is asked for, and makes what a run of that
// value alone makes; what was passed is forgotten.
func TestWalkMakesWhatRunsMake(t *testing.T) {
	m := model(t, onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{value("x", onnxio.Float32, 3)},
		Outputs: []*onnxio.ValueInfo{value("y", onnxio.Float32, 3), value("z", onnxio.Float32, 3)},
		Inits:   []*onnxio.Tensor{floats(t, "w", onnxio.Float32, []int64{3}, 1, -2, 3)},
		Nodes: []*onnxio.Node{
			node("Neg", "k", "w"), node("Mul", "a", "x", "k"), node("Relu", "b", "a"), node("Add", "y", "a", "b"), node("Sub", "z", "b", "k"),
		},
	})
	e, err := New(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, v := range e.Made() {
		made = append(made, v.Name)
		if v.Fixed != (v.Name == "k") || v.Node == nil {
			t.Errorf("%s is fixed: %v", v.Name, v.Fixed)
		}
	}
	if want := []string{"k", "a", "b", "y", "z"}; !slices.Equal(made, want) {
		t.Fatalf("it makes %q, want %q", made, want)
	}
	feeds := map[string]*tensor.Tensor{"x": vector(5, 6, -7)}
	want := map[string][]float32{"k": {-1, 2, -3}, "a": {-5, 12, 21}, "b": {0, 12, 21}, "y": {-5, 24, 42}, "z": {1, 10, 24}}
	for _, order := range [][]string{made, {"z", "y", "b", "a"}, {"b", "y"}} {
		w, err := e.Walk(feeds, order)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range order {
			v, err := w.To(t.Context(), name)
			if err != nil || v == nil || !slices.Equal(v.F32, want[name]) {
				t.Errorf("%q: %s is %+v, want %v, %v", order, name, v, want[name], err)
			}
			held := w.Held()
			if w.Pass(name); w.Held() > held {
				t.Errorf("%q: behind %s it holds %d bytes, before %d", order, name, w.Held(), held)
			}
		}
		if _, err := w.To(t.Context(), "q"); err == nil {
			t.Error("a value that there is not was made")
		}
		w.Pass("q")
		w.End()
	}
	if _, err := e.Walk(nil, made); err == nil {
		t.Error("a walk began without its input")
	}
}
