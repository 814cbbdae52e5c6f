package verify

import "repmlp/onnxio"

// Inputs reads real inputs for a model, see CompareOptions.Inputs. Of an axis that
// holds more samples than a run takes every run gets its piece.
func Inputs(m *onnxio.Model, paths []string) ([]map[string]*Tensor, error) {
	runs, err := realInputs(m, paths, ImageOptions{}, nil)
	if err != nil {
		return nil, err
	}
	var feeds []map[string]*Tensor
	for k := range runs.count {
		s, err := runs.at(k)
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, s.feed)
	}
	return feeds, nil
}

// samples counts the samples of a set that is cut into so many runs: rows of the first
// axis where it is free and all inputs share it. A run is one otherwise.
func (s *inputSet) samples(ins []*onnxio.ValueInfo, runs int) int {
	rows := 0
	for i, in := range ins {
		t := s.sources[in.Name()]
		if len(t.Shape) == 0 || len(in.Dims()) > 0 && in.Dims()[0].Known || i > 0 && rows != t.Shape[0] {
			return runs
		}
		rows = t.Shape[0]
	}
	return max(rows, 1)
}
