package verify

import "repmlp/onnxio"

// Inputs reads real inputs for a model: a .npy for a model with one input, a .npz
// with one array for each, an ONNX test_data_set folder. Of an axis that holds
// more samples than a run takes every run gets its piece.
func Inputs(m *onnxio.Model, paths []string) ([]map[string]*Tensor, error) {
	list, err := realInputs(m, paths)
	var feeds []map[string]*Tensor
	for _, s := range list {
		feeds = append(feeds, s.feed)
	}
	return feeds, err
}

// countSamples counts the samples of all runs on real inputs: rows of the first
// axis where it is free and all inputs share it. A run is one otherwise.
func countSamples(m *onnxio.Model, feeds []map[string]*Tensor) int {
	total := 0
	for _, feed := range feeds {
		rows := 0
		for i, in := range feedable(m) {
			t := feed[in.Name()]
			if t == nil || len(t.Shape) == 0 || len(in.Dims()) > 0 && in.Dims()[0].Known || i > 0 && rows != t.Shape[0] {
				rows = 1
				break
			}
			rows = t.Shape[0]
		}
		total += max(rows, 1)
	}
	return total
}
