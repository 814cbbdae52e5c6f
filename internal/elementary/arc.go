package elementary

import "math"

// arctan is atan(y/x), for x and y not negative and not both zero: the angle is halved
// twice, atan t = 2·atan(t/(1+√(1+t²))), which leaves |t| below 0.2.
func arctan(y, x pair) pair {
	if y.hi > x.hi {
		return halfPi.minus(arctan(x, y))
	}
	t := y.over(x)
	for range 2 {
		t = t.over(t.times(t).add(1).sqrt().add(1))
	}
	return series(t.times(t).neg(), odds, 7).times(t).by(4)
}

// Atan is the arctangent of x in radians.
func Atan(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x, a < tiny:
		return x
	case a > huge:
		return math.Copysign(halfPi.hi, x)
	}
	return math.Copysign(arctan(pair{hi: a}, pair{hi: 1}).hi, x)
}

// Asin is the arcsine of x in radians: half of it has the tangent x/(1+√(1-x²)).
func Asin(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x || a > 1:
		return math.NaN()
	case a < tiny:
		return x
	}
	root := sum(1, -a).times(sum(1, a)).sqrt()
	return math.Copysign(2*arctan(pair{hi: a}, root.add(1)).hi, x)
}

// Acos is the arccosine of x in radians: half of it has the tangent √((1-x)/(1+x)).
func Acos(x float64) float64 {
	if !(math.Abs(x) <= 1) {
		return math.NaN()
	}
	return 2 * arctan(sum(1, -x).sqrt(), sum(1, x).sqrt()).hi
}
