package elementary

import "math"

// Pow is x^y = e^(y·ln x).
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return math.NaN()
	case y == 1:
		return x
	case y == 2:
		return float64(x * x)
	}
	whole := y == math.Floor(y) // infinities too
	base := math.Abs(x)
	var v float64
	switch {
	case x < 0 && !whole && base <= math.MaxFloat64:
		return math.NaN()
	case base == 1:
		v = 1
	case base == 0 || math.IsInf(base, 0) || math.IsInf(y, 0):
		if (base > 1) == (y > 0) {
			v = math.Inf(1)
		}
	default:
		v = powOf(base, y)
	}
	if math.Signbit(x) && whole && math.Abs(y) < 1<<53 && int64(y)&1 != 0 {
		return -v
	}
	return v
}

// powOf is Pow for finite arguments and x above 0.
func powOf(x, y float64) float64 {
	l := logOf(pair{hi: x})
	switch z := float64(l.hi * y); {
	case z > tooLarge:
		return math.Inf(1)
	case z < tooSmall:
		return 0
	}
	e, k := power(l.scale(y))
	return e.add(1).rounded(k)
}
