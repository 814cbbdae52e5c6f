package verify

import (
	"math"
	"testing"
	"time"
)

// What is left can be estimated from what is done, once one run is over, though nodes take
// very different times.
func TestPaceIsThatOfTime(t *testing.T) {
	const nodes, runs = 320, 8
	cost := func(i int) time.Duration {
		if i >= nodes*3/4 { // the last ones take most of it
			return 100 * time.Millisecond
		}
		return time.Millisecond
	}
	var whole time.Duration
	for i := range nodes {
		whole += runs * cost(i)
	}
	var now time.Duration
	done, of, worst := 0, 0, 0.0
	p := &pace{nodes: nodes, runs: runs, tell: func(d, total int) {
		if d < done || d > total {
			t.Errorf("from %d to %d of %d", done, d, total)
		}
		if done, of = d, total; d > nodes {
			estimate := float64(now) * float64(total) / float64(d)
			worst = max(worst, math.Abs(estimate/float64(whole)-1))
		}
	}}
	for range runs {
		for i := range nodes {
			now += cost(i)
			p.node("", cost(i))
		}
		p.ran()
	}
	if done != of || of != nodes*runs {
		t.Errorf("at the end %d of %d", done, of)
	}
	if worst > 0.05 {
		t.Errorf("the estimate is off by %.2g", worst)
	}
}
