package elementary

import "math"

var ln2 = pair{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}

// exponential has the terms of (e^x - 1)/x.
var exponential = reciprocals(11, func(i int) pair { return factorial(i + 1) })

// power returns e and k with e^x = (1+e)·2^k, where |e| is at most about a half; e
// keeps its relative precision where x is small, k is 0 there. x is no larger than some thousand.
func power(x pair) (e pair, k int) {
	n := math.Floor(float64(x.hi*(1/math.Ln2)) + 0.5)
	if n != 0 {
		x = x.minus(ln2.scale(n))
	}
	const squarings = 4
	x = x.by(1.0 / (1 << squarings))
	e = series(x, exponential, 5).times(x)
	for range squarings {
		e = e.times(e.add(2)) // (1+e)² - 1
	}
	return e, int(n)
}

// exp is e^x for x not above 700.
func exp(x pair) pair {
	e, k := power(x)
	return e.add(1).by(math.Ldexp(1, k))
}

// expm1 is e^x - 1 for x not above 700.
func expm1(x pair) pair {
	e, k := power(x)
	if k == 0 {
		return e
	}
	return e.add(1).by(math.Ldexp(1, k)).add(-1)
}

// Exponents beyond these overflow, and underflow to zero.
const tooLarge, tooSmall = 710, -746

// Exp is e^x.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > tooLarge:
		return math.Inf(1)
	case x < tooSmall:
		return 0
	}
	e, k := power(pair{hi: x})
	return e.add(1).rounded(k)
}

// Exp2 is 2^x.
func Exp2(x float64) float64 {
	switch {
	case x != x:
		return x
	case x >= 1024:
		return math.Inf(1)
	case x < -1076:
		return 0
	}
	n := math.Floor(x + 0.5)
	e, k := power(ln2.times(sum(x, -n)))
	return e.add(1).rounded(k + int(n))
}

// Below tiny, x and a function that begins with x differ by nothing, and squares of x
// lose nothing above it.
const tiny = 0x1p-100

// Beyond huge, 1 + x and x differ by nothing, and squares of x do not overflow below it.
const huge = 0x1p100

// Expm1 is e^x - 1.
func Expm1(x float64) float64 {
	switch {
	case x != x, math.Abs(x) < tiny:
		return x
	case x > 100:
		return Exp(x)
	case x < -100:
		return -1
	}
	return expm1(pair{hi: x}).hi
}
