package p

type counter struct{ n int }

func (c *counter) add(k int) { c.n += k }

func statement(xs []int) []int {
	var c counter
	defer c.add(1)
	a, b := 1, 2
	a, b = b, a
	for i := 0; i < a; i++ {
		xs = append(xs, b)
		c.add(i)
		c.n++
	}
	_ = c
	switch a {
	case 1:
		clear(xs)
	}
	if len(xs) > 100 {
		panic("too many")
	}
	return xs
}
