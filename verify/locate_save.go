package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"repmlp/onnxio"
)

// The names of the files of a saved case.
const (
	CaseReference = "reference.onnx"
	CaseCandidate = "candidate.onnx"
	CaseInputs    = "test_data_set_0"
)

// Save writes the case into a folder that is there: both models, and a folder with what
// they read and what the reference makes of it, as ONNX keeps test data.
func (c *Case) Save(ctx context.Context, dir string) error {
	data := filepath.Join(dir, CaseInputs)
	if err := os.Mkdir(data, 0o777); err != nil {
		return err
	}
	for name, m := range map[string]*onnxio.Model{CaseReference: c.Reference, CaseCandidate: c.Candidate} {
		p, err := m.Write(ctx, filepath.Join(dir, name), nil)
		if err != nil {
			return err
		}
		err = p.Commit()
		p.Discard()
		if err != nil {
			return err
		}
	}
	ins := feedable(c.Reference)
	for i, t := range c.Inputs {
		if err := saveTensor(filepath.Join(data, fmt.Sprintf("input_%d.pb", i)), ins[i].Name(), t); err != nil {
			return err
		}
	}
	return saveTensor(filepath.Join(data, "output_0.pb"), c.Reference.Graph().Outputs()[0].Name(), c.Output)
}

func saveTensor(path, name string, t *Tensor) error {
	raw, err := t.Raw()
	if err != nil {
		return fmt.Errorf("writing value %q: %w", name, err)
	}
	dims := make([]int64, len(t.Shape))
	for i, n := range t.Shape {
		dims[i] = int64(n)
	}
	stored, err := onnxio.NewTensor(name, t.DType, dims, raw)
	if err != nil {
		return fmt.Errorf("writing value %q: %w", name, err)
	}
	b, err := stored.Encode()
	if err != nil {
		return fmt.Errorf("writing value %q: %w", name, err)
	}
	return os.WriteFile(path, b, 0o666)
}
