package convert

import (
	"slices"
	"testing"

	"repmlp/internal/sketch"
)

// Conversions of one model with several selections share what they start from, and the plan of
// all merges; what numbers forbid has it planned anew.
func TestGroundIsShared(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\nr = Relu(b)\nc = MatMul(r, ?4x4)\ny = MatMul(c, ?4x4)")
	shared := &ground{}
	var seen []*planned
	for _, skip := range [][]string{nil, {"r1"}, {"r2"}, {"r1", "r2"}, nil} {
		o, err := Options{Skip: skip, NoMetadata: true}.complete()
		if err != nil {
			t.Fatal(err)
		}
		o.once = shared
		made := 0
		res, err := run(t.Context(), m, o, func(c *conversion) error {
			made = len(c.plan.Regions)
			seen = append(seen, c.planned)
			return nil
		})
		if err != nil || made != 2-len(skip) || len(res.Plan.Regions) != made || res.Plan.planned != 2 {
			t.Errorf("without %v: %v, %d merges of %+v", skip, err, made, res.Plan)
		}
	}
	if len(seen) != 4 || slices.ContainsFunc(seen, func(p *planned) bool { return p != seen[0] || p != shared.planned }) {
		t.Errorf("planned %v, and shared %p", seen, shared.planned)
	}
}
