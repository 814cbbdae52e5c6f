package verify

import (
	"math"
	"testing"

	"repmlp/onnxio"
)

// Every kind of stress input is what its name says, in every float type.
func TestStressInputs(t *testing.T) {
	for _, d := range []onnxio.DType{onnxio.Float16, onnxio.BFloat16, onnxio.Float32, onnxio.Float64} {
		base := &Tensor{DType: d, Shape: []int{3, 5, 20}}
		ids := &Tensor{DType: onnxio.Int64, Shape: []int{2}, I: []int64{7, 8}}
		for _, s := range stressCases() {
			feed := s.feed(map[string]*Tensor{"x": base, "ids": ids}, 1)
			x := feed["x"]
			low, high, sum := math.Inf(1), 0.0, 0.0
			for i := range x.Len() {
				v := math.Abs(x.Float(i))
				low, high, sum = min(low, v), max(high, v), sum+v
			}
			f := factor(d)
			ok := map[string]bool{
				"zeros": high == 0, "ones": low == 1 && high == 1, "large": high > 1.5*f && high <= mostOf[d], "tiny": high > 1.5/f && high < 10/f,
				"denormal": high > 0 && high <= leastNormal(d), "one_hot_channel": sum == 3*20 && low == 0,
			}[s.name]
			if !ok || x.Len() != 300 {
				t.Errorf("%s %s: from %g to %g, sum %g", d, s.name, low, high, sum)
			}
			want := map[string]int64{"zeros": 0, "ones": 1}
			if v, own := want[s.name]; own && feed["ids"].I[0] != v || !own && feed["ids"].I[0] != 7 {
				t.Errorf("%s: ids %v", s.name, feed["ids"].I)
			}
		}
	}
}

// A difference that random inputs do not meet is found by the inputs that do, and
// reported by their name.
func TestStressFindsWhatRandomInputsMiss(t *testing.T) {
	model := func(above float64) *onnxio.Model {
		raw, err := onnxio.EncodeFloat64([]float64{above}, onnxio.Float32)
		if err != nil {
			t.Fatal(err)
		}
		most, err := onnxio.NewTensor("most", onnxio.Float32, nil, raw)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxio.NewModel(onnxio.Parts{
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(8))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Known(8))},
			Nodes:   []*onnxio.Node{onnxio.NewNode("c", "Clip", []string{"x", "", "most"}, []string{"y"})},
			Inits:   []*onnxio.Tensor{most},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	ref, cand := model(100), model(200)
	if c, err := Compare(t.Context(), ref, cand, CompareOptions{}); err != nil || !c.Passed || c.Stress != nil {
		t.Errorf("random inputs: %+v, %v", c, err)
	}
	c, err := Compare(t.Context(), ref, cand, CompareOptions{Stress: true})
	if err != nil || c.Passed || len(c.Stress) != 6 {
		t.Fatalf("stress inputs: %+v, %v", c, err)
	}
	for _, s := range c.Stress {
		if s.Passed != (s.Name != "large") {
			t.Errorf("%s: passed %t", s.Name, s.Passed)
		}
	}
	if c, err = Compare(t.Context(), ref, ref, CompareOptions{Stress: true}); err != nil || !c.Passed {
		t.Errorf("the same model: %+v, %v", c, err)
	}
}
