//go:build cgo

package ort_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

// library opens ONNX Runtime. Where it is not installed the tests skip, unless
// REPMLP_REQUIRE_ORT says that it has to be there.
func library(t *testing.T) *ort.Library {
	t.Helper()
	lib, err := ort.Open(ort.Find("", os.Getenv))
	if err != nil {
		if os.Getenv("REPMLP_REQUIRE_ORT") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return lib
}

// Two engines that share no code agree on whole models of several exporters,
// float types and kinds of inputs.
func TestAgreesWithGoEngine(t *testing.T) {
	lib := library(t)
	for _, c := range []struct {
		file      string
		tolerance float64 // of the largest output
	}{
		{digits, 1e-5},
		{"../../testdata/digits/digits_dynamo.onnx", 1e-5},
		{"../../testdata/cases/v1_preserve_13/model.onnx", 1e-5},
		{"../../testdata/cases/dyn_v2_dynNHW/model.onnx", 1e-5},
		{"../../testdata/cases/dyn_v1_dynN_ext/model.onnx", 1e-5},
		{"../../testdata/cases/dyn_v1_f16/model.onnx", 8e-3},
		{"../../testdata/cases/kin_repmixer_13/model.onnx", 1e-5},
	} {
		m := load(t, c.file)
		s, err := lib.Session(c.file, m, ort.Options{Plain: true, Threads: 1})
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		defer s.Close()
		feeds, err := verify.RandomInputs(m, nil, 2, 7)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Run(context.Background(), feeds)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		e, err := verify.NewEngine(m, verify.EngineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.Run(context.Background(), feeds)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range m.Graph().Outputs() {
			a, b := want[o.Name()], got[o.Name()]
			if !slices.Equal(a.Shape, b.Shape) || a.DType != b.DType {
				t.Errorf("%s: output %q is %s %v and %s %v", c.file, o.Name(), a.DType, a.Shape, b.DType, b.Shape)
				continue
			}
			worst, top := 0.0, 0.0
			for i := range a.Len() {
				worst, top = max(worst, math.Abs(a.Float(i)-b.Float(i))), max(top, math.Abs(a.Float(i)))
			}
			if !(worst <= c.tolerance*top) || top == 0 {
				t.Errorf("%s: output %q differs by %g of %g", c.file, o.Name(), worst, top)
			}
		}
	}
}

const digits = "../../testdata/digits/digits_legacy.onnx"

func load(t *testing.T, file string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Prepared inputs can run again and again.
func TestPrepare(t *testing.T) {
	lib := library(t)
	m := load(t, digits)
	profile := filepath.Join(t.TempDir(), "p")
	s, err := lib.Session(digits, m, ort.Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	feeds, err := verify.RandomInputs(m, nil, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	run, done, err := s.Prepare(feeds)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := run(); err != nil {
			t.Fatal(err)
		}
	}
	done()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(profile + "*.json"); len(files) != 1 {
		t.Errorf("profiles: %v", files)
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	lib := library(t)
	m := load(t, digits)
	if _, err := lib.Session(filepath.Join(t.TempDir(), "absent.onnx"), m, ort.Options{}); err == nil {
		t.Error("a missing file was opened")
	}
	s, err := lib.Session(digits, m, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(context.Background(), nil); err == nil {
		t.Error("a run without inputs passed")
	}
}
