package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

// ONNX Runtime without optimisations makes the same outputs to the bit of what was
// tidied and what was not.
func TestTidyInORT(t *testing.T) {
	lib, err := ort.Open(ort.Find("", os.Getenv))
	if err != nil {
		if os.Getenv("REPMLP_REQUIRE_ORT") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	files, err := filepath.Glob("../../testdata/cases/*/model.onnx")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	compared := 0
	for _, file := range files {
		if strings.Contains(file, "trainmode_dropout") {
			continue // it draws random numbers
		}
		m, err := onnxio.Load(file)
		if err != nil {
			continue // broken on purpose
		}
		defer m.Close()
		dir := t.TempDir()
		var made [2]map[string]*verify.Tensor
		for i := range made {
			out := filepath.Join(dir, fmt.Sprintf("%d.onnx", i))
			r, err := convert.File(t.Context(), file, out, convert.Options{NoTidy: i == 0, NoCheck: true, Unproved: true})
			if err != nil || r.Output.Identical {
				break
			}
			if made[i], err = runPlain(t, lib, out); err != nil {
				if i > 0 {
					t.Errorf("%s: %v", file, err)
				}
				break // ONNX Runtime lacks kernels of some types
			}
		}
		if made[1] == nil {
			continue
		}
		compared++
		for name, x := range made[0] {
			y := made[1][name]
			if y == nil || x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) || !slices.Equal(x.I, y.I) {
				t.Errorf("%s: output %q is not what it was", file, name)
				continue
			}
			for k := range x.Len() {
				if math.Float64bits(x.Float(k)) != math.Float64bits(y.Float(k)) {
					t.Errorf("%s: output %q, element %d is %g, want %g", file, name, k, y.Float(k), x.Float(k))
					break
				}
			}
		}
	}
	if compared < len(files)/2 {
		t.Errorf("only %d of %d cases were compared", compared, len(files))
	}
}

func runPlain(t *testing.T, lib *ort.Library, file string) (map[string]*verify.Tensor, error) {
	m, err := onnxio.Load(file)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { m.Close() })
	s, err := lib.Session(file, m, ort.Options{Plain: true, Threads: 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	feeds, err := verify.RandomInputs(m, nil, 2, 7)
	if err != nil {
		return nil, err
	}
	return s.Run(context.Background(), feeds)
}
