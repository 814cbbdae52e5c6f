package convert

import (
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// A comparison that shows little says so: an output without finite numbers, and
// one that rounding alone changes.
func TestWeakness(t *testing.T) {
	model := func(nodes ...*onnxio.Node) *onnxio.Model {
		raw, err := onnxio.EncodeFloat64([]float64{1e9}, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		large, err := onnxio.NewTensor("large", onnxio.Float32, []int64{1}, raw)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(4))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(4))},
			Nodes:   nodes, Inits: []*onnxio.Tensor{large},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for code, m := range map[string]*onnxio.Model{
		"":            model(onnxio.NewNode("a", "Mul", []string{"x", "large"}, []string{"y"})),
		"not_finite":  model(onnxio.NewNode("a", "Sub", []string{"x", "x"}, []string{"zero"}), onnxio.NewNode("b", "Div", []string{"zero", "zero"}, []string{"y"})),
		"noisy_model": model(onnxio.NewNode("a", "Mul", []string{"x", "large"}, []string{"wide"}), onnxio.NewNode("b", "Sin", []string{"wide"}, []string{"y"})),
	} {
		var o verify.CompareOptions
		c, err := verify.Compare(t.Context(), m, m, o)
		if err != nil {
			t.Fatal(err)
		}
		notes := weakness(c, o)
		if code == "" && len(notes) > 0 || code != "" && (len(notes) != 1 || notes[0].Code != code) {
			t.Errorf("%q: %v", code, notes)
		}
	}
}
