package elementary

import "math"

// perLn2 is 1/ln 2.
var perLn2 = pair{0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56}

// Where |x| is at most nearZero, |x/(2+x)| is at most 0.172, and where it is above, 1+x is
// far enough from 1.
const nearZero = 0.29

// atanhOf sums the series of atanh for |x| up to 0.172.
func atanhOf(x pair) pair { return series(x.times(x), odds, 6).times(x) }

// apart returns ln m and k for x = m·2^k, where m is between √½ and √2:
// ln m = 2·atanh((m-1)/(m+1)).
func apart(x pair) (l pair, k int) {
	f, k := math.Frexp(x.hi)
	if f < math.Sqrt2/2 {
		f, k = 2*f, k-1
	}
	m := pair{f, math.Ldexp(x.lo, -k)}
	return atanhOf(m.add(-1).over(m.add(1))).by(2), k
}

// logOf is ln x for positive, finite x.
func logOf(x pair) pair {
	l, k := apart(x)
	return ln2.scale(float64(k)).plus(l)
}

// log1pOf is ln(1+x).
func log1pOf(x pair) pair {
	if math.Abs(x.hi) <= nearZero {
		return atanhOf(x.over(x.add(2))).by(2)
	}
	return logOf(x.add(1))
}

// logarithm is what Log of special values is; ok says that x is none.
func logarithm(x float64) (value float64, ok bool) {
	switch {
	case x == 0:
		return math.Inf(-1), false
	case x < 0:
		return math.NaN(), false
	case x != x, math.IsInf(x, 1):
		return x, false
	}
	return 0, true
}

// Log is the natural logarithm of x.
func Log(x float64) float64 {
	if v, ok := logarithm(x); !ok {
		return v
	}
	return logOf(pair{hi: x}).hi
}

// Log2 is the logarithm of x to base 2, exact for powers of two.
func Log2(x float64) float64 {
	if v, ok := logarithm(x); !ok {
		return v
	}
	l, k := apart(pair{hi: x})
	return l.times(perLn2).add(float64(k)).hi
}

// Log1p is ln(1+x).
func Log1p(x float64) float64 {
	switch {
	case math.Abs(x) < tiny:
		return x
	case x != x, x <= -1, x > huge:
		return Log(1 + x)
	}
	return log1pOf(pair{hi: x}).hi
}
