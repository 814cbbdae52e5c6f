package convert_test

import (
	"testing"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
)

// A run of scales that leaves its type is cut where it does, all at once: what is between
// merges. 300 doublings are 2^127 twice, and 2^44.
func TestRunOfScalesThatOverflows(t *testing.T) {
	m := near(t, onnxio.Float32, func(b *graphBuilder) string {
		x := "x"
		for range 300 {
			x = b.op("Add", []string{x, x})
		}
		return x
	})
	res := convertModel(t, m)
	if n := len(res.Plan.Regions); n != 3 {
		t.Errorf("%d merges, want 3", n)
	}
	if n := len(res.Model.Graph().Nodes()); n != 5 {
		t.Errorf("%d nodes are left, want 5", n)
	}
	for _, d := range res.Plan.Declined {
		if d.Code != string(reason.FP16Overflow) {
			t.Errorf("declined: %+v", d)
		}
	}
}
