package verify

import (
	"math"

	"repmlp/onnxio"
)

// The knots of the table lie 1/erfKnots apart up to erfEnd, beyond which erf is
// one to the last bit of a float32. Cubic interpolation between them is off by
// at most h⁴/384·max|erf⁗| < 5e-11, which no rounding to float32 shows.
const (
	erfKnots = 128
	erfEnd   = 6
	// Near zero the relative error counts: there two terms of the series are
	// exact to 1e-11.
	erfSeries = 1.0 / 256
)

// erfFor returns erf for numbers that are rounded to type d afterwards.
func erfFor(d onnxio.DType) func(float64) float64 {
	if d == onnxio.Float64 {
		return math.Erf
	}
	type cubic struct{ c0, c1, c2, c3 float64 }
	var table [erfEnd * erfKnots]cubic
	value := func(i int) float64 { return math.Erf(float64(i) / erfKnots) }
	slope := func(i int) float64 {
		x := float64(i) / erfKnots
		return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) / erfKnots
	}
	for i := range table {
		p, q, s, t := value(i), value(i+1), slope(i), slope(i+1)
		table[i] = cubic{p, s, 3*(q-p) - 2*s - t, s + t - 2*(q-p)}
	}
	return func(x float64) float64 {
		a := math.Abs(x)
		if a < erfSeries {
			return 2 / math.Sqrt(math.Pi) * x * (1 - x*x/3)
		}
		t := a * erfKnots
		if !(t < erfEnd*erfKnots) {
			if x != x {
				return x
			}
			return math.Copysign(1, x)
		}
		i := int(t)
		t -= float64(i)
		c := &table[i]
		return math.Copysign(c.c0+t*(c.c1+t*(c.c2+t*c.c3)), x)
	}
}
