package elementary

import "math"

// Hypot is √(x²+y²), without overflow on the way.
func Hypot(x, y float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	switch {
	case math.IsInf(x, 0) || math.IsInf(y, 0):
		return math.Inf(1)
	case x != x || y != y:
		return math.NaN()
	case x < y:
		x, y = y, x
	}
	if y == 0 {
		return x
	}
	f, k := math.Frexp(x)
	g := math.Ldexp(y, -k)
	if g < tiny {
		return x
	}
	return product(f, f).plus(product(g, g)).sqrt().rounded(k)
}
