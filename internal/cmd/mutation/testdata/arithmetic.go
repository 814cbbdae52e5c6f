package p

func arithmetic(a, b int, s string) (int, string) {
	c := a + b*a - b/a
	c %= b
	c += a % b
	c *= 2
	s += "not a number" + s
	return c, s
}
