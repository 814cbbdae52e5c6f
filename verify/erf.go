package verify

import (
	"math"

	"repmlp/onnxio"
)

// The knots of the table lie 1/erfKnots apart up to erfEnd, beyond which erf is
// one to the last bit of a float32. Cubic interpolation between them is off by
// at most h⁴/384·max|erf⁗| < 2e-12, which no rounding to float32 shows.
const (
	erfKnots = 256
	erfEnd   = 6
	// Near zero the relative error counts: there the series is exact to 1e-12.
	erfSeries = 1.0 / 16
)

// erfFor returns erf for numbers that are rounded to type d afterwards.
func erfFor(d onnxio.DType) func(float64) float64 {
	if d == onnxio.Float64 {
		return math.Erf
	}
	type knot struct{ value, slope float64 }
	var table [erfEnd*erfKnots + 2]knot
	for i := range table {
		x := float64(i) / erfKnots
		table[i] = knot{math.Erf(x), 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) / erfKnots}
	}
	return func(x float64) float64 {
		a := math.Abs(x)
		switch {
		case a < erfSeries:
			q := x * x
			return 2 / math.Sqrt(math.Pi) * x * (1 - q*(1.0/3-q*(1.0/10-q/42)))
		case a >= erfEnd:
			return math.Copysign(1, x)
		case math.IsNaN(x):
			return x
		}
		t := a * erfKnots
		i := int(t)
		t -= float64(i)
		p, q := &table[i], &table[i+1]
		d := q.value - p.value
		y := p.value + t*(p.slope+t*(3*d-2*p.slope-q.slope+t*(p.slope+q.slope-2*d)))
		return math.Copysign(y, x)
	}
}
