package elementary

import "math"

// Where |x| is above wide, e^-|x| adds nothing to e^|x|.
const wide = 40

// halfExp is e^x/2.
func halfExp(x float64) float64 {
	if x > tooLarge+1 {
		return math.Inf(1)
	}
	e, k := power(pair{hi: x})
	return e.add(1).rounded(k - 1)
}

// Sinh is the hyperbolic sine: with e = e^x - 1 it is (e + e/(1+e))/2.
func Sinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x, a < tiny:
		return x
	case a > wide:
		return math.Copysign(halfExp(a), x)
	}
	e := expm1(pair{hi: a})
	return math.Copysign(e.plus(e.over(e.add(1))).hi/2, x)
}

// Cosh is the hyperbolic cosine.
func Cosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return x
	case a < tiny:
		return 1
	case a > wide:
		return halfExp(a)
	}
	e := exp(pair{hi: a})
	return e.plus(pair{hi: 1}.over(e)).hi / 2
}

// Tanh is the hyperbolic tangent: with e = e^2x - 1 it is e/(e+2).
func Tanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x, a < tiny:
		return x
	case a > wide:
		return math.Copysign(1, x)
	}
	e := expm1(pair{hi: 2 * a})
	return math.Copysign(e.over(e.add(2)).hi, x)
}

// Asinh is ln(x + √(x²+1)): of 1 and x + x²/(1+√(x²+1)).
func Asinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x, a < tiny, math.IsInf(x, 0):
		return x
	case a > huge:
		return math.Copysign(logOf(pair{hi: a}).plus(ln2).hi, x)
	}
	square := product(a, a)
	v := square.over(square.add(1).sqrt().add(1)).add(a)
	return math.Copysign(log1pOf(v).hi, x)
}

// Acosh is ln(x + √(x²-1)): with t = x-1 of 1 and t + √(t·(t+2)).
func Acosh(x float64) float64 {
	switch {
	case !(x >= 1):
		return math.NaN()
	case math.IsInf(x, 0):
		return x
	case x > huge:
		return logOf(pair{hi: x}).plus(ln2).hi
	}
	t := sum(x, -1)
	return log1pOf(t.times(t.add(2)).sqrt().plus(t)).hi
}

// Atanh is ln((1+x)/(1-x))/2.
func Atanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x || a > 1:
		return math.NaN()
	case a < tiny:
		return x
	case a == 1:
		return math.Copysign(math.Inf(1), x)
	case a <= 0.17:
		return atanhOf(pair{hi: x}).hi
	}
	return math.Copysign(logOf(sum(1, a).over(sum(1, -a))).hi/2, x)
}
