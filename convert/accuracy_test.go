package convert_test

import (
	"context"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Merging rounds other numbers than the original did; it may not round worse.
// The bounds are promises to users: RMS error at most twice the original's in
// 95 % of the cases, the largest error never above four times.
const (
	rmsFactor  = 2
	rmsShare   = 0.95
	worstTimes = 4
	// Rounding the merged weights moves an output by a few unit roundoffs of the
	// largest one, also where the original happens to have less error than that.
	weightRounding = 8 * 0x1p-24
)

func TestAccuracyAgainstFloat64(t *testing.T) {
	fused, good, samples := 0, 0, 8
	if testing.Short() {
		samples = 2
	}
	for _, c := range cases(t) {
		if c.Expect != "fused" {
			continue
		}
		m := c.load(t)
		single := true
		for _, x := range m.Graph().Inits() {
			single = single && (x.DType() == onnxio.Float32 || !x.DType().IsFloat())
		}
		res := convertModel(t, m)
		if !single || res.Verdict != convert.Fused {
			continue
		}
		a, err := verify.MeasureAccuracy(context.Background(), m, res.Model, verify.CompareOptions{Samples: samples})
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		fused++
		if a.CandRMS <= rmsFactor*a.RefRMS {
			good++
		} else {
			t.Logf("%s: RMS error %.2g, the original has %.2g", c.Name, a.CandRMS, a.RefRMS)
		}
		if a.CandMax > max(worstTimes*a.RefMax, weightRounding) {
			t.Errorf("%s: largest error %.2g, the original has %.2g", c.Name, a.CandMax, a.RefMax)
		}
	}
	if fused < 50 || float64(good) < rmsShare*float64(fused) {
		t.Errorf("%d of %d fused cases keep the RMS error", good, fused)
	}
}
