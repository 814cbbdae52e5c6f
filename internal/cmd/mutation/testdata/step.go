package p

func step(n int) int {
	for i := 0; i < 10; i++ {
		n--
	}
	return n
}
