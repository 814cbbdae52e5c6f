package verify

import (
	"math"
	"slices"
)

// A tally gathers over all runs how the elements of an output differ. What it needs
// does not grow with their number.
type tally struct {
	compared, equal int64
	nan, infinite   [2]int64
	sum             float64
	diff            scaled
	pair            scaledPair
	sketch          sketch
}

// add takes one run; leave are the elements that show nothing.
func (t *tally) add(a, b *Tensor, leave []bool) {
	if a == nil || b == nil || !slices.Equal(a.Shape, b.Shape) {
		return
	}
	for k := range a.Len() {
		x, y := a.Float(k), b.Float(k)
		for i, v := range [...]float64{x, y} {
			switch {
			case math.IsNaN(v):
				t.nan[i]++
			case math.IsInf(v, 0):
				t.infinite[i]++
			}
		}
		if leave != nil && leave[k] {
			continue
		}
		equal := same(a, b, k)
		if equal {
			t.equal++
		}
		if !finite(x) || !finite(y) {
			continue
		}
		d := math.Abs(x - y)
		if equal {
			d = 0
		}
		t.compared++
		t.sum += d
		t.diff.add(d)
		t.pair.add(x, y)
		t.sketch.add(d)
	}
}

// into gives an output its statistics.
func (t *tally) into(d *OutputDifference) {
	d.Compared, d.Equal, d.NaN, d.Infinite = t.compared, t.equal, t.nan, t.infinite
	n := float64(t.compared)
	d.Mean, d.RMS, d.P99 = t.sum/n, t.diff.rms(n), t.sketch.quantile(0.99)
	d.Cosine, d.Histogram = t.pair.cosine(), t.sketch.histogram()
}

// A scaled is a sum of squares in units of the square of the largest number, so that
// squares neither overflow nor vanish.
type scaled struct{ unit, sum float64 }

func (s *scaled) add(x float64) {
	x = math.Abs(x)
	switch {
	case x == 0:
	case x > s.unit:
		r := s.unit / x
		s.unit, s.sum = x, s.sum*r*r+1
	default:
		r := x / s.unit
		s.sum += r * r
	}
}

// rms is the root of the mean square of n numbers.
func (s *scaled) rms(n float64) float64 { return s.unit * math.Sqrt(s.sum/n) }

// A scaledPair is the products of two vectors, each in units of its largest number.
type scaledPair struct {
	a, b scaled
	dot  float64
}

func (p *scaledPair) add(x, y float64) {
	u, v := p.a.unit, p.b.unit
	p.a.add(x)
	p.b.add(y)
	if p.a.unit == 0 || p.b.unit == 0 {
		return
	}
	if p.dot != 0 {
		p.dot *= u / p.a.unit * (v / p.b.unit)
	}
	p.dot += x / p.a.unit * (y / p.b.unit)
}

// cosine is that of the angle between the two, NaN where one is zero everywhere.
func (p *scaledPair) cosine() float64 {
	if p.a.unit == 0 || p.b.unit == 0 {
		return math.NaN()
	}
	return max(-1, min(1, p.dot/math.Sqrt(p.a.sum)/math.Sqrt(p.b.sum)))
}
