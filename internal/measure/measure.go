// Package measure times functions side by side and says how sure the result is.
package measure

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Interleaved runs the functions in turns, so that whatever else the machine
// does meets all of them: first warmup rounds that are not counted, then rounds
// that are. Odd rounds go backwards. The result holds one list of seconds for
// each function, by round.
func Interleaved(ctx context.Context, runs []func() error, warmup, rounds int, now func() time.Time) ([][]float64, error) {
	seconds := make([][]float64, len(runs))
	for round := range warmup + rounds {
		for k := range runs {
			if round%2 == 1 {
				k = len(runs) - 1 - k
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			start := now()
			if err := runs[k](); err != nil {
				return nil, err
			}
			if round >= warmup {
				seconds[k] = append(seconds[k], now().Sub(start).Seconds())
			}
		}
	}
	return seconds, nil
}

// A Summary describes the times of one function, in seconds.
type Summary struct{ Median, P10, P90 float64 }

// Summarise needs at least one time.
func Summarise(seconds []float64) Summary {
	s := slices.Sorted(slices.Values(seconds))
	q := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, s, nil) }
	return Summary{q(0.5), q(0.1), q(0.9)}
}

// Quartile is the lower quartile: what a function takes when little disturbs it.
func Quartile(seconds []float64) float64 {
	return stat.Quantile(0.25, stat.LinInterp, slices.Sorted(slices.Values(seconds)), nil)
}

// An Interval is an estimate with its 95 % confidence interval.
type Interval struct{ Value, Low, High float64 }

// resamples of the bootstrap: the ends of a 95 % interval move by a percent of
// its width with more.
const resamples = 2000

// Ratio says how much faster b is than a, both by round: the median of a's times
// over b's in the same round, with a bootstrap interval over the rounds.
func Ratio(a, b []float64, rng *rand.Rand) Interval {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	medians := make([]float64, resamples)
	draw := make([]float64, len(ratios))
	for i := range medians {
		for k := range draw {
			draw[k] = ratios[rng.IntN(len(ratios))]
		}
		medians[i] = Summarise(draw).Median
	}
	slices.Sort(medians)
	return Interval{Summarise(ratios).Median, stat.Quantile(0.025, stat.Empirical, medians, nil), stat.Quantile(0.975, stat.Empirical, medians, nil)}
}
