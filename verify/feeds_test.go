package verify

import (
	"testing"

	"repmlp/onnxio"
)

// Samples are rows of a free first axis that all inputs share; anything else
// counts by run.
func TestCountSamples(t *testing.T) {
	free, two := onnxio.Dim{Param: "N"}, onnxio.Known(2)
	feed := func(rows ...int) map[string]*Tensor {
		f := map[string]*Tensor{}
		for i, n := range rows {
			f[string(rune('a'+i))] = &Tensor{DType: onnxio.Float32, Shape: []int{n, 3}}
		}
		return f
	}
	for name, c := range map[string]struct {
		first []onnxio.Dim
		feeds []map[string]*Tensor
		want  int
	}{
		"free":                  {[]onnxio.Dim{free}, []map[string]*Tensor{feed(64), feed(2)}, 66},
		"fixed":                 {[]onnxio.Dim{two}, []map[string]*Tensor{feed(2), feed(2)}, 2},
		"shared":                {[]onnxio.Dim{free, free}, []map[string]*Tensor{feed(5, 5)}, 5},
		"not shared":            {[]onnxio.Dim{free, free}, []map[string]*Tensor{feed(5, 4)}, 1},
		"one free, one fixed":   {[]onnxio.Dim{free, two}, []map[string]*Tensor{feed(2, 2)}, 1},
		"a model with no input": {nil, []map[string]*Tensor{feed()}, 1},
	} {
		p := onnxio.Parts{Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Int64)}, Inits: []*onnxio.Tensor{onnxio.NewInts("k", []int64{1}, []int64{1})},
			Nodes: []*onnxio.Node{onnxio.NewNode("n", "Identity", []string{"k"}, []string{"y"})}}
		for i, d := range c.first {
			p.Inputs = append(p.Inputs, onnxio.NewValue(string(rune('a'+i)), onnxio.Float32, d, onnxio.Known(3)))
		}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, feed := range c.feeds {
			s := &inputSet{sources: map[string]*source{}}
			for name, t := range feed {
				s.sources[name] = held(t)
			}
			got += s.samples(feedable(m), 1)
		}
		if got != c.want {
			t.Errorf("%s: %d samples, want %d", name, got, c.want)
		}
	}
}
