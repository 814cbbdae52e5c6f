package p

func boundary(a, b int, s string) []bool {
	return []bool{a == b, a != b, a < b, a <= b, a > b, a >= b, s == "", s < "b"}
}
