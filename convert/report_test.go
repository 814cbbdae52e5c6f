package convert_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"repmlp/convert"
)

// A report is JSON whatever its numbers are, and is read back as it was.
func TestReportHoldsEveryNumber(t *testing.T) {
	nan, inf := convert.Number(math.NaN()), convert.Number(math.Inf(1))
	r := &convert.Report{
		Schema: convert.Schema, Command: "convert", Verdict: convert.NotEquivalent,
		Input:   &convert.FileFacts{Path: "m.onnx", Opset: map[string]int64{"": 17}},
		Regions: []convert.RegionReport{{ID: "r1", Proof: &convert.ProofReport{Rows: 3, MaxAbs: inf, Bound: nan}}},
		Check:   &convert.Check{RTol: 0.5, NoiseFloor: nan, Outputs: []convert.CheckOutput{{Name: "y", MaxAbs: -inf, MaxRel: inf}}},
		Error:   &convert.Failure{Message: "no"},
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"max_abs":"Infinity","bound_ratio":"NaN"`, `"noise_floor":"NaN"`, `"max_abs":"-Infinity"`, `"nodes":0`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing in %s", want, b)
		}
	}
	var back convert.Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if err != nil || string(again) != string(b) {
		t.Errorf("read back and written: %v\n%s\n%s", err, again, b)
	}
}

// Of a file that could not be read the path alone is told.
func TestReportOfAnUnreadFile(t *testing.T) {
	b, err := json.Marshal(&convert.Report{Input: &convert.FileFacts{Path: "m.onnx"}})
	if err != nil || !strings.Contains(string(b), `"input":{"path":"m.onnx"}`) {
		t.Errorf("%v, %s", err, b)
	}
}
