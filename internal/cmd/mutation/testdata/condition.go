package p

func condition(a, b bool, n int) int {
	if a {
		return 1
	}
	if n > 1 { // a comparison has an operator of its own
		return 2
	}
	if a && n > 1 {
		return 3
	}
	if !b {
		return 4
	}
	if k, ok := found(n); ok {
		return k
	}
	return 5
}

func found(n int) (int, bool) { return n, n > 0 }
