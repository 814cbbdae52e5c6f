package measure

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A clock that functions move themselves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestInterleaved(t *testing.T) {
	c := &clock{}
	var order []int
	take := func(k int, d time.Duration) func() error {
		return func() error { order = append(order, k); c.at = c.at.Add(d); return nil }
	}
	got, err := Interleaved(context.Background(), []func() error{take(0, time.Second), take(1, 2*time.Second)}, 1, 2, c.now)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []int{0, 1, 1, 0, 0, 1}) {
		t.Errorf("the order is %v", order)
	}
	if !slices.Equal(got[0], []float64{1, 1}) || !slices.Equal(got[1], []float64{2, 2}) {
		t.Errorf("the times are %v", got)
	}
	failed := errors.New("failed")
	if _, err := Interleaved(context.Background(), []func() error{func() error { return failed }}, 0, 1, c.now); !errors.Is(err, failed) {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Interleaved(ctx, []func() error{func() error { return nil }}, 0, 1, c.now); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The interval holds the truth and is narrow where the times say so; a slow
// machine in some rounds does not move it, since both models meet it.
func TestRatio(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var a, b []float64
	for i := range 40 {
		slow := 1.0
		if i%3 == 0 {
			slow = 5
		}
		b = append(b, slow*(1+0.01*rng.NormFloat64()))
		a = append(a, 2*slow*(1+0.01*rng.NormFloat64()))
	}
	r := Ratio(a, b, rng)
	if r.Low > 2 || r.High < 2 || r.High-r.Low > 0.05 || r.Value < r.Low || r.Value > r.High {
		t.Errorf("the ratio is %+v", r)
	}
	if s := Summarise([]float64{3, 1, 2}); s.Median < 1 || s.Median > 3 || s.P10 > s.Median || s.P90 < s.Median {
		t.Errorf("the summary is %+v", s)
	}
}
