package p

func loop(xs []int, m map[int]int, n int, seq func(func(int) bool)) int {
	sum := 0
	for i, x := range xs {
		sum += i * x
	}
	for _, x := range xs {
		sum += x
	}
	for range n {
		sum++
	}
	for i := range n {
		sum += i
	}
	for k := range m {
		sum += k
	}
	for k := range seq {
		sum += k
	}
	return sum
}
