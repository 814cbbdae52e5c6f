package p

type pair struct{ a, b int }

type failed struct{}

func (failed) Error() string { return "failed" }

func result(n int, name string) (pair, []int, string, error) {
	if n < 0 {
		return pair{}, nil, "", failed{}
	}
	count := func() int { return n }
	xs := []int{count()}
	return pair{n, n}, xs, name, nil
}

func some[T any](x T) T { return x }

func yes() bool { return true }

func named() (n int) {
	n = 1
	return
}
