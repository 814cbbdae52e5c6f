package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/nudge"
	"repmlp/onnxio"
)

// nudged writes a copy of a model with one element of a weight moved by its largest
// magnitude.
func nudged(t *testing.T, in, out, weight string) {
	t.Helper()
	m, err := onnxio.Load(in)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, w := range m.Graph().Inits() {
		if w.Name() == weight {
			moved, err := nudge.Weight(m, w, 1, 1)
			if err == nil {
				err = moved.Save(out)
			}
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no weight %q", weight)
}

// The first value that differs is named, and the piece that is saved shows it alone.
func TestLocate(t *testing.T) {
	dir := t.TempDir()
	in := "../../testdata/cases/v1_preserve_13/model.onnx"
	bad, saved := filepath.Join(dir, "bad.onnx"), filepath.Join(dir, "saved")
	nudged(t, in, bad, "fc3.weight")
	code, out, errw := repmlp("verify", in, bad, "--locate", "--save-case", saved)
	if code != exitNotEquivalent || !strings.Contains(errw, "not equivalent") {
		t.Fatalf("exit %d: %s", code, errw)
	}
	for _, want := range []string{"first value that differs: /fc3/Conv_output_0 [", "in the reference by /fc3/Conv (Conv)", "in the candidate by /fc3/Conv (Conv)", "of /Reshape", "constant fc3.weight differs by", "this piece alone differs", "saved; repmlp verify " + saved + "/reference.onnx"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	case1 := []string{"verify", filepath.Join(saved, "reference.onnx"), filepath.Join(saved, "candidate.onnx"), "--inputs", filepath.Join(saved, "test_data_set_0")}
	if code, _, errw := repmlp(case1...); code != exitNotEquivalent {
		t.Errorf("the saved case: exit %d: %s", code, errw)
	}
	if code, _, errw := repmlp(append(case1, "--locate")...); code != exitNotEquivalent {
		t.Errorf("the saved case again: exit %d: %s", code, errw)
	}

	// A folder that holds something is refused before any work, whatever it holds.
	for _, path := range []string{saved, dir, bad} {
		if code, out, errw := repmlp("verify", in, bad, "--save-case", path, "--json"); code != exitFailed || !strings.Contains(errw, "--save-case") || strings.Contains(out, `"check"`) {
			t.Errorf("%s: exit %d: %s", path, code, errw)
		}
	}
	if code, _, _ := repmlp("verify", in, bad, "--save-case", ""); code != exitUsage {
		t.Errorf("an empty name: exit %d", code)
	}

	code, out, _ = repmlp("verify", in, bad, "--locate", "--json")
	var r convert.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitNotEquivalent {
		t.Fatalf("exit %d, %v", code, err)
	}
	valid(t, "located", out)
	if l := r.Located; l == nil || l.Value != "/fc3/Conv_output_0" || !l.Alone || l.Saved != "" || len(l.Reference) != 1 || l.Reference[0].Op != "Conv" || len(l.Weights) != 1 {
		t.Errorf("%+v", r.Located)
	}

	// Models that agree have no such place, and nothing is written.
	none := filepath.Join(dir, "none")
	code, out, errw = repmlp("verify", in, in, "--save-case", none)
	if _, err := os.Stat(none); code != exitDone || err == nil || strings.Contains(out, "first value") {
		t.Errorf("exit %d, %v: %s%s", code, err, out, errw)
	}
}
