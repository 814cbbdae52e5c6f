package elementary

// series is the sum of coefficients[i]·z^i. Terms from number exact on are so small
// that float64 holds enough of them.
func series(z pair, coefficients []pair, exact int) pair {
	tail := 0.0
	for i := len(coefficients) - 1; i >= exact; i-- {
		tail = coefficients[i].hi + float64(tail*z.hi)
	}
	total := pair{hi: tail}
	for i := exact - 1; i >= 0; i-- {
		total = coefficients[i].plus(total.times(z))
	}
	return total
}

// reciprocals are 1/of(0), 1/of(1), ... The tables of this package are constants.
func reciprocals(n int, of func(i int) pair) []pair {
	list := make([]pair, n)
	for i := range list {
		list[i] = pair{hi: 1}.over(of(i))
	}
	return list
}

func factorial(n int) pair {
	f := pair{hi: 1}
	for i := 2; i <= n; i++ {
		f = f.scale(float64(i))
	}
	return f
}

func odd(i int) float64 { return float64(2*i + 1) }

// odds are 1, 1/3, 1/5, ...: atanh x = x + x³/3 + x⁵/5 + ..., atan x the same with
// changing signs.
var odds = reciprocals(17, func(i int) pair { return pair{hi: odd(i)} })
