package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"repmlp/internal/output"
	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// Tolerances of the ONNX project's own node tests (onnx.backend.test.runner).
const (
	conformanceRTol = 1e-3
	conformanceATol = 1e-7
	// 16-bit results may differ in the last place.
	conformanceRTol16 = 2e-2
)

// An Outcome is the result of one conformance test.
type Outcome struct {
	Name   string
	Claims bool  // the engine has every operator, type and form of the model
	Err    error // why it failed; nil for a pass, or for a test that is not claimed
	Why    string
}

// Conformance runs every test of a folder in the ONNX backend test layout
// (NAME/model.onnx, NAME/test_data_set_0/input_0.pb ...). Results have to agree
// with the data, and shapes that are known beforehand with the results.
func Conformance(ctx context.Context, dir string) ([]Outcome, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading conformance tests: %w", err)
	}
	var out []Outcome
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		o := Outcome{Name: e.Name(), Claims: true}
		err := conform(ctx, filepath.Join(dir, e.Name()))
		if u, ok := errors.AsType[*operator.Unsupported](err); ok {
			o.Claims, o.Why = false, u.What
		} else {
			o.Err = err
		}
		out = append(out, o)
	}
	return out, nil
}

func conform(ctx context.Context, dir string) error {
	m, err := onnxio.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return err
	}
	defer m.Close()
	for _, v := range slices.Concat(m.Graph.Inputs, m.Graph.Outputs) {
		if v.Kind != "" && v.Kind != "tensor" {
			return operator.Unsupportedf("the Go engine has no values of kind %s", v.Kind)
		}
		if !v.Elem.IsFloat() && !v.Elem.IsInt() && v.Elem != onnxio.Bool {
			return operator.Unsupportedf("the Go engine has no tensors of type %s", v.Elem)
		}
	}
	e, err := NewEngine(m, engine.Options{})
	if err != nil {
		return err
	}
	if err := e.Supports(); err != nil {
		return err
	}
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		return fmt.Errorf("%q holds no data", dir)
	}
	for _, set := range sets {
		inputs, err := ReadDataSet(set, "input")
		if err != nil {
			return err
		}
		want, err := ReadDataSet(set, "output")
		if err != nil {
			return err
		}
		feeds := map[string]*Tensor{}
		for i, t := range inputs {
			if t != nil && i < len(m.Graph.Inputs) {
				feeds[m.Graph.Inputs[i].Name] = t
			}
		}
		got, err := e.Run(ctx, feeds)
		if err != nil {
			return err
		}
		if e.m.Random() {
			return operator.Unsupportedf("random numbers differ from engine to engine")
		}
		for i, o := range m.Graph.Outputs {
			if i >= len(want) || want[i] == nil {
				continue
			}
			if err := near(got[o.Name], want[i]); err != nil {
				return fmt.Errorf("output %q: %w", o.Name, err)
			}
			if shape, ok := OutputShape(m, feeds, o.Name); ok && !slices.Equal(shape, want[i].Shape) {
				return fmt.Errorf("output %q: its shape is %v before the run and %v after", o.Name, shape, want[i].Shape)
			}
		}
	}
	return nil
}

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
		if err := output.Regular(f); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		t, err := onnxio.ParseTensor(b)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", f, err)
		}
		if !t.DType.IsFloat() && !t.DType.IsInt() && t.DType != onnxio.Bool {
			return nil, operator.Unsupportedf("the Go engine has no tensors of type %s", t.DType)
		}
		if out[k], err = tensor.FromFile(t, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func near(got, want *Tensor) error {
	if got == nil {
		return errors.New("it was not computed")
	}
	if got.DType != want.DType {
		return fmt.Errorf("its type is %s, want %s", got.DType, want.DType)
	}
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("its shape is %v, want %v", got.Shape, want.Shape)
	}
	rtol := conformanceRTol
	if want.DType.Bits() == 16 && want.DType.IsFloat() {
		rtol = conformanceRTol16
	}
	for i := range got.Len() {
		a, b := got.Float(i), want.Float(i)
		if a == b || math.IsNaN(a) && math.IsNaN(b) {
			continue
		}
		if !want.DType.IsFloat() || !(math.Abs(a-b) <= conformanceATol+rtol*math.Abs(b)) {
			return fmt.Errorf("element %d is %g, want %g", i, a, b)
		}
	}
	return nil
}
