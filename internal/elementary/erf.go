package elementary

import "math"

// perRootPi is 1/√π.
var perRootPi = pair{0x1.20dd750429b6dp-1, 0x1.1ae3a914fed80p-57}

// erfs has the terms of erf(√z)·√π/(2√z), without their signs: 1/(n!·(2n+1)).
var erfs = reciprocals(50, func(i int) pair { return factorial(i).scale(odd(i)) })

// Up to seriesEnd erf is its series about 0, beyond it is one less the continued fraction of erfc.
const seriesEnd = 2.25

// erfOf is erf x by its series; the numbers of terms follow x², of which they hold 2^-80 of the
// largest term.
func erfOf(x float64) pair {
	z := product(x, x)
	n, exact := 16+int(7*z.hi), 6+int(5*z.hi)
	return series(z.neg(), erfs[:min(n, len(erfs))], exact).scale(x).times(perRootPi).by(2)
}

// erfcOf is erfc x·e^(x²), for x from seriesEnd on, by
//
//	√π·e^(x²)·erfc x = 1/(x + 1/2/(x + 2/2/(x + 3/2/(x + ...
//
// The far part is a float64, the near part a quotient of pairs a/b.
func erfcOf(x float64) pair {
	far, near := 15+int(360/(x*x)), 4+int(26/x) // for 2^-76
	tail := x + math.Sqrt(float64(far)/2)
	for i := far; i > near; i-- {
		tail = x + float64(i)/2/tail
	}
	a, b := pair{hi: tail}, pair{hi: 1}
	for i := near; i > 0; i-- {
		a, b = a.scale(x).plus(b.scale(float64(i)/2)), a
	}
	return b.over(a).times(perRootPi)
}

// tailOf returns v and k with erfc x = v·2^k, for x from seriesEnd on.
func tailOf(x float64) (v pair, k int) {
	e, k := power(product(x, x).neg())
	return erfcOf(x).times(e.add(1)), k
}

// Erf is the error function, 2/√π times the integral of e^(-t²) from 0 to x.
func Erf(x float64) float64 {
	a := math.Abs(x)
	var v float64
	switch {
	case x != x, x == 0:
		return x
	case a < tiny:
		f, k := math.Frexp(a)
		v = perRootPi.scale(f).rounded(k + 1)
	case a < seriesEnd:
		v = erfOf(a).hi
	case a < 7:
		e, k := tailOf(a)
		v = e.by(math.Ldexp(1, k)).neg().add(1).hi
	default:
		v = 1
	}
	return math.Copysign(v, x)
}

// Erfc is 1 - Erf(x).
func Erfc(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 28:
		return 0
	case x >= seriesEnd:
		v, k := tailOf(x)
		return v.rounded(k)
	case x > -seriesEnd:
		if math.Abs(x) < tiny {
			return 1
		}
		return erfOf(x).neg().add(1).hi
	case x > -7:
		v, k := tailOf(-x)
		return v.by(math.Ldexp(1, k)).neg().add(2).hi
	}
	return 2
}
