package verify

import (
	"strings"
	"testing"

	"repmlp/onnxio"
)

// Random inputs lie in the range that was asked for and reach both ends nearly; a range
// that nothing has is an error.
func TestRanges(t *testing.T) {
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("image", onnxio.Float32, onnxio.Known(500)), onnxio.NewValue("half", onnxio.Float16, onnxio.Known(500)),
			onnxio.NewValue("ids", onnxio.Int32, onnxio.Known(500)), onnxio.NewValue("bytes", onnxio.Uint8, onnxio.Known(500))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(500))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("n", "Relu", []string{"image"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(ranges map[string][2]float64) (map[string]*Tensor, error) {
		s, err := samples(m, CompareOptions{Ranges: ranges})
		if err != nil {
			return nil, err
		}
		one, err := s.at(0)
		return one.feed, err
	}
	feed, err := run(map[string][2]float64{"": {-3, -2}, "image": {0, 255}, "bytes": {7, 9}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]float64{"image": {0, 255}, "half": {-3, -2}, "ids": {0, 1}, "bytes": {7, 9}} {
		low, high := feed[name].Float(0), feed[name].Float(0)
		for i := range feed[name].Len() {
			low, high = min(low, feed[name].Float(i)), max(high, feed[name].Float(i))
		}
		if margin := (want[1] - want[0]) / 50; low < want[0] || high > want[1] || low > want[0]+margin || high < want[1]-margin {
			t.Errorf("%s lies in %g to %g, want %v", name, low, high, want)
		}
	}
	for says, ranges := range map[string]map[string][2]float64{
		"no input \"img\"": {"img": {0, 1}}, "no range of numbers": {"image": {1, 0}}, "does not reach": {"half": {0, 1e6}}, "no whole range": {"bytes": {-1, 3}},
		"no whole range from 0.2": {"ids": {0.2, 0.8}},
	} {
		if _, err := run(ranges); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", ranges, err)
		}
	}
}
