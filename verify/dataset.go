package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"repmlp/internal/output"
	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// ReadDataSet reads the tensors PREFIX_0.pb, PREFIX_1.pb, ... of a folder, in
// order of their numbers.
func ReadDataSet(dir, prefix string) ([]*Tensor, error) {
	files, err := filepath.Glob(filepath.Join(dir, prefix+"_*.pb"))
	if err != nil {
		return nil, err
	}
	out := make([]*Tensor, len(files))
	for _, f := range files {
		k, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), prefix+"_"), ".pb"))
		if err != nil || k < 0 || k >= len(files) {
			return nil, fmt.Errorf("reading %q: its number does not fit", f)
		}
		if out[k] != nil {
			return nil, fmt.Errorf("reading %q: its number is there twice", f)
		}
		if out[k], err = readTensorFile(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readTensorFile reads one tensor as ONNX stores it.
func readTensorFile(path string) (*Tensor, error) {
	if err := output.Regular(path); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := onnxio.ParseTensor(b)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	if !t.DType().IsFloat() && !t.DType().IsInt() && t.DType() != onnxio.Bool {
		return nil, operator.Unsupportedf("the Go engine has no tensors of type %s", t.DType())
	}
	return tensor.FromFile(t, false)
}
