package graph

// Axis turns a possibly negative axis into an index; ok is false where it is
// out of range.
func Axis(a int64, rank int) (int, bool) {
	if a < 0 {
		a += int64(rank)
	}
	return int(a), a >= 0 && a < int64(rank)
}

// Perm is the permutation of a Transpose node, reversed axes by default.
func Perm(n *Node, rank int) []int {
	perm := make([]int, rank)
	given := n.Ints("perm")
	for i := range perm {
		perm[i] = rank - 1 - i
		if len(given) == rank {
			perm[i] = int(given[i])
		}
	}
	return perm
}

// concatAxis is the axis of a Concat node, which opset 1 let be absent without a default
// that the schema knows.
func concatAxis(n *Node, rank int) (int, bool) { return Axis(n.Int("axis", 1), rank) }
