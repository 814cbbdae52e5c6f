package verify

import "repmlp/onnxio"

// Inputs reads real inputs for a model: a .npy for a model with one input, a .npz
// with one array for each, an ONNX test_data_set folder. Of an axis that holds
// more samples than a run takes every run gets its piece.
func Inputs(m *onnxio.Model, paths []string) ([]map[string]*Tensor, error) {
	return realInputs(m, paths)
}
