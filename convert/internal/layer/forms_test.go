package layer

import (
	"math"
	"testing"
)

// What is measured to be far apart must be told apart.
func TestTableTellsFormsApart(t *testing.T) {
	time := func(c *rates, rows float64) float64 { return c.of(4, 1024, 1024, rows) }
	if !(time(timesColumns, 16) < time(timesRows, 16) && time(timesColumns, 16) < time(timesSplit, 16)) {
		t.Error("16 rows of large groups are not fastest with the weights on the left")
	}
	if !(time(timesConv, 1) < time(timesColumns, 1) && time(timesSplit, 1) < time(timesColumns, 1)) {
		t.Error("a single row is not slow with the weights on the left")
	}
	if !(2*time(timesRows, 256) < time(timesConv, 256)) {
		t.Error("the grouped Conv is not far slower with many rows")
	}
}

// Between measured points a time lies between theirs, and beyond the ends the
// last rates hold.
func TestFormTimeInterpolates(t *testing.T) {
	rate := func(k, rows float64) float64 {
		return math.Log2(timesRows.of(1, k, k, rows) * 1e6 / (k * k * rows))
	}
	for i, s := range fcSizes {
		for j, r := range fcRows {
			if have := rate(math.Exp2(s/2), math.Exp2(r)); math.Abs(have-timesRows.at[i][j]) > 1e-9 {
				t.Errorf("at point %d, %d the rate is %g, measured is %g", i, j, have, timesRows.at[i][j])
			}
		}
	}
	k := math.Exp2(fcSizes[3] / 2)
	low, high := timesRows.at[3][2], timesRows.at[3][3]
	if mid := rate(k, math.Exp2((fcRows[2]+fcRows[3])/2)); math.Abs(mid-(low+high)/2) > 1e-9 {
		t.Errorf("half way between %g and %g the rate is %g", low, high, mid)
	}
	if far := rate(k, 1<<20); math.Abs(far-timesRows.at[3][len(fcRows)-1]) > 1e-9 {
		t.Errorf("beyond the last rows the rate is %g", far)
	}
}
