package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify"
)

// Tolerances of the ONNX project's own node tests (onnx.backend.test.runner).
const (
	relative = 1e-3
	absolute = 1e-7
	// 16-bit results may differ in the last place.
	relative16 = 2e-2
)

// An outcome is the result of one test.
type outcome struct {
	name   string
	claims bool  // the engine has every operator, type and form of the model
	err    error // why it failed; nil for a pass, or for a test that is not claimed
	why    string

	constants int // outputs that are constants where the inputs are
}

// conformance runs every test of a folder in the ONNX backend test layout
// (NAME/model.onnx, NAME/test_data_set_0/input_0.pb ...). Results have to agree
// with the data, and shapes that are known beforehand with the results.
func conformance(ctx context.Context, dir string) ([]outcome, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading conformance tests: %w", err)
	}
	var out []outcome
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		o := outcome{name: e.Name(), claims: true}
		err := o.conform(ctx, filepath.Join(dir, e.Name()))
		if wrapped[e.Name()] && err != nil {
			err = unsupported("its data were wrapped around to int8, where the operator saturates")
		}
		if u, ok := errors.AsType[*verify.Unsupported](err); ok {
			o.claims, o.why = false, u.What
		} else {
			o.err = err
		}
		out = append(out, o)
	}
	return out, nil
}

// wrapped are tests whose results, as ONNX Runtime too shows, are not those of the operator.
var wrapped = map[string]bool{
	"test_qlinearmatmul_2D_int8_float16": true,
	"test_qlinearmatmul_2D_int8_float32": true,
	"test_qlinearmatmul_3D_int8_float16": true,
	"test_qlinearmatmul_3D_int8_float32": true,
}

func unsupported(format string, args ...any) error {
	return &verify.Unsupported{What: fmt.Sprintf(format, args...)}
}

// conform runs one test, and works it out as constants.
func (o *outcome) conform(ctx context.Context, dir string) error {
	m, err := onnxio.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return err
	}
	defer m.Close()
	for _, v := range slices.Concat(m.Graph().Inputs(), m.Graph().Outputs()) {
		if v.Kind() != "" && v.Kind() != "tensor" {
			return unsupported("the Go engine has no values of kind %s", v.Kind())
		}
		if !v.Elem().IsFloat() && !v.Elem().IsInt() && v.Elem() != onnxio.Bool {
			return unsupported("the Go engine has no tensors of type %s", v.Elem())
		}
	}
	e, err := verify.NewEngine(m, verify.EngineOptions{})
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
		if err := agree(ctx, m, e, set); err != nil {
			return err
		}
	}
	o.constants, err = constants(m, dir)
	return err
}

// agree runs the model on one set of data.
func agree(ctx context.Context, m *onnxio.Model, e *verify.Engine, set string) error {
	inputs, err := verify.ReadDataSet(set, "input")
	if err != nil {
		return err
	}
	want, err := verify.ReadDataSet(set, "output")
	if err != nil {
		return err
	}
	feeds := map[string]*verify.Tensor{}
	for i, t := range inputs {
		if t != nil && i < len(m.Graph().Inputs()) {
			feeds[m.Graph().Inputs()[i].Name()] = t
		}
	}
	got, err := e.Run(ctx, feeds)
	if err != nil {
		return err
	}
	if e.Random() {
		return unsupported("random numbers differ from engine to engine")
	}
	for i, o := range m.Graph().Outputs() {
		if i >= len(want) || want[i] == nil {
			continue
		}
		if err := near(got[o.Name()], want[i]); err != nil {
			return fmt.Errorf("output %q: %w", o.Name(), err)
		}
		if shape, ok := verify.OutputShape(m, feeds, o.Name()); ok && !slices.Equal(shape, want[i].Shape) {
			return fmt.Errorf("output %q: its shape is %v before the run and %v after", o.Name(), shape, want[i].Shape)
		}
	}
	return nil
}

// near says in what an output is not what is wanted, nil if in nothing.
func near(got, want *verify.Tensor) error {
	if got == nil {
		return errors.New("it was not computed")
	}
	if got.DType != want.DType {
		return fmt.Errorf("its type is %s, want %s", got.DType, want.DType)
	}
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("its shape is %v, want %v", got.Shape, want.Shape)
	}
	rtol := relative
	if want.DType.Bits() == 16 && want.DType.IsFloat() {
		rtol = relative16
	}
	for i := range got.Len() {
		a, b := got.Float(i), want.Float(i)
		if a == b || math.IsNaN(a) && math.IsNaN(b) {
			continue
		}
		if !want.DType.IsFloat() || !(math.Abs(a-b) <= absolute+rtol*math.Abs(b)) {
			return fmt.Errorf("element %d is %g, want %g", i, a, b)
		}
	}
	return nil
}
