package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"repmlp/convert"
)

// What the reports of real files promise to scripts: the verdict fits the exit
// code and what was merged, inspect foretells convert, sizes and hashes are those
// of the files, there is an output exactly where there is a file, and all of it
// conforms to the schema.
func TestReportsOfRealFiles(t *testing.T) {
	files, err := filepath.Glob("../../testdata/cases/*/model.onnx")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	few := 1
	if testing.Short() {
		few = 5
	}
	dir := t.TempDir()
	seen := map[string]int{}
	for i, file := range files {
		if i%few != 0 {
			continue
		}
		out := filepath.Join(dir, "o.onnx")
		code, text, errw := repmlp("convert", "--json", "--no-check", file, "-o", out)
		var r convert.Report
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Errorf("%s: %v: %s", file, err, text)
			continue
		}
		seen[r.Verdict]++
		valid(t, file, text)
		b, missing := os.ReadFile(out)
		verdicts := map[int][]string{exitDone: {convert.Fused, convert.Partial, convert.Declined, convert.Unchanged}, exitFailed: {convert.Failed}, exitNotEquivalent: {convert.NotEquivalent}}
		switch {
		case !slices.Contains(verdicts[code], r.Verdict):
			t.Errorf("%s: exit %d with verdict %q", file, code, r.Verdict)
		case (code == exitDone) != (r.Output != nil) || (code == exitDone) != (missing == nil) || (code == exitDone) != (r.Error == nil):
			t.Errorf("%s: exit %d, output %v, error %v, file %v", file, code, r.Output, r.Error, missing)
		case code == exitDone && (r.Output.SHA256 != hashBytes(b) || r.Output.Bytes != int64(len(b))):
			t.Errorf("%s: size or hash of the output is another", file)
		case code == exitDone && r.Output.Identical != (r.Output.SHA256 == r.Input.SHA256):
			t.Errorf("%s: identical is %v", file, r.Output.Identical)
		case (r.Verdict == convert.Fused || r.Verdict == convert.Partial) != (code == exitDone && len(r.Regions) > 0):
			t.Errorf("%s: %q with %d merges", file, r.Verdict, len(r.Regions))
		case code != exitDone && errw == "":
			t.Errorf("%s: exit %d without a word", file, code)
		}
		for _, g := range r.Regions {
			if len(g.Merged) == 0 || len(g.Into) == 0 && g.Kind != "identity" || code == exitDone && g.Proof == nil {
				t.Errorf("%s: region %s: %+v", file, g.ID, g)
			}
		}
		os.Remove(out)
		os.Remove(out + ".data")

		_, text, _ = repmlp("inspect", "--json", "--values", file)
		var would convert.Report
		if err := json.Unmarshal([]byte(text), &would); err != nil {
			t.Errorf("%s: %v: %s", file, err, text)
			continue
		}
		valid(t, "inspect "+file, text)
		if code != exitDone {
			continue
		}
		if would.Verdict != convert.Would(r.Verdict) || len(would.Regions) != len(r.Regions) || would.Input.SHA256 != r.Input.SHA256 || would.Input.Bytes != r.Input.Bytes {
			t.Errorf("%s: inspect says %q with %d merges, convert %q with %d", file, would.Verdict, len(would.Regions), r.Verdict, len(r.Regions))
		}
		for k, g := range would.Regions {
			if k < len(r.Regions) && (!slices.Equal(g.Into, r.Regions[k].Into) || g.Rows != r.Regions[k].Rows) {
				t.Errorf("%s: inspect foretells %v for region %s, convert makes %v", file, g.Into, g.ID, r.Regions[k].Into)
			}
		}
	}
	t.Logf("verdicts: %v", seen)
}
