package elementary

import "math"

// sines and cosines have the terms of sin(√z)/√z and cos √z, without their signs.
var (
	sines   = reciprocals(12, func(i int) pair { return factorial(2*i + 1) })
	cosines = reciprocals(12, func(i int) pair { return factorial(2 * i) })
)

func sinOf(r pair) pair { return series(r.times(r).neg(), sines, 5).times(r) }

func cosOf(r pair) pair { return series(r.times(r).neg(), cosines, 6) }

// sinAt is sin(r + quarters·π/2), for |r| up to π/4.
func sinAt(r pair, quarters int) pair {
	var v pair
	if quarters&1 == 0 {
		v = sinOf(r)
	} else {
		v = cosOf(r)
	}
	if quarters&2 != 0 {
		return v.neg()
	}
	return v
}

func noAngle(x float64) bool { return x != x || math.IsInf(x, 0) }

// Sin is the sine of x radians.
func Sin(x float64) float64 {
	switch {
	case noAngle(x):
		return math.NaN()
	case math.Abs(x) < tiny:
		return x
	}
	r, quarters := reduced(x)
	return sinAt(r, quarters).hi
}

// Cos is the cosine of x radians.
func Cos(x float64) float64 {
	if noAngle(x) {
		return math.NaN()
	}
	if math.Abs(x) < tiny {
		return 1
	}
	r, quarters := reduced(x)
	return sinAt(r, quarters+1).hi
}

// Tan is the tangent of x radians.
func Tan(x float64) float64 {
	switch {
	case noAngle(x):
		return math.NaN()
	case math.Abs(x) < tiny:
		return x
	}
	r, quarters := reduced(x)
	return sinAt(r, quarters).over(sinAt(r, quarters+1)).hi
}
