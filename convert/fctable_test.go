package convert

import (
	"math"
	"testing"
)

// What is measured to be far apart must be told apart.
func TestTableTellsFormsApart(t *testing.T) {
	time := func(f layerForm, rows float64) float64 { return formTime(f, 4, 1024, 1024, rows) }
	if !(time(formColumns, 16) < time(formRows, 16) && time(formColumns, 16) < time(formSplit, 16)) {
		t.Error("16 rows of large groups are not fastest with the weights on the left")
	}
	if !(time(formConv, 1) < time(formColumns, 1) && time(formSplit, 1) < time(formColumns, 1)) {
		t.Error("a single row is not slow with the weights on the left")
	}
	if !(2*time(formRows, 256) < time(formConv, 256)) {
		t.Error("the grouped Conv is not far slower with many rows")
	}
}

// Between measured points a time lies between theirs, and beyond the ends the
// last rates hold.
func TestFormTimeInterpolates(t *testing.T) {
	rate := func(k, rows float64) float64 {
		return math.Log2(formTime(formRows, 1, k, k, rows) * 1e6 / (k * k * rows))
	}
	for i, s := range fcSizes {
		for j, r := range fcRows {
			if have := rate(math.Exp2(s/2), math.Exp2(r)); math.Abs(have-fcTable[formRows][i][j]) > 1e-9 {
				t.Errorf("at point %d, %d the rate is %g, measured is %g", i, j, have, fcTable[formRows][i][j])
			}
		}
	}
	k := math.Exp2(fcSizes[3] / 2)
	low, high := fcTable[formRows][3][2], fcTable[formRows][3][3]
	if mid := rate(k, math.Exp2((fcRows[2]+fcRows[3])/2)); math.Abs(mid-(low+high)/2) > 1e-9 {
		t.Errorf("half way between %g and %g the rate is %g", low, high, mid)
	}
	if far := rate(k, 1<<20); math.Abs(far-fcTable[formRows][3][len(fcRows)-1]) > 1e-9 {
		t.Errorf("beyond the last rows the rate is %g", far)
	}
}
