package differ

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// largestAlignment bounds the work of aligning what is left of two graphs: the product of
// their numbers of nodes.
const largestAlignment = 1 << 24

// align joins nodes that nothing else joined: of the longest list of nodes that stand in
// both graphs in the same order, each with its partner. Such nodes are the same operator
// and read an initializer of the same shape first, if any.
func (m *matching) align() {
	a := slices.DeleteFunc(slices.Clone(m.first.nodes), func(n *onnxio.Node) bool { return m.nodes[n] != nil })
	b := slices.DeleteFunc(slices.Clone(m.second.nodes), func(n *onnxio.Node) bool { return m.taken[n] })
	if len(a) == 0 || len(b) == 0 || len(a) > largestAlignment/len(b) {
		return
	}
	keys := map[string]int32{}
	number := func(s *side, list []*onnxio.Node) []int32 {
		out := make([]int32, len(list))
		for i, n := range list {
			k := s.look(n)
			if _, ok := keys[k]; !ok {
				keys[k] = int32(len(keys))
			}
			out[i] = keys[k]
		}
		return out
	}
	x, y := number(m.first, a), number(m.second, b)
	// rest[i][k] is the length of the longest common list of x[i:] and y[k:].
	rest := make([][]int32, len(x)+1)
	for i := range rest {
		rest[i] = make([]int32, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for k := len(y) - 1; k >= 0; k-- {
			rest[i][k] = max(rest[i+1][k], rest[i][k+1])
			if x[i] == y[k] {
				rest[i][k] = rest[i+1][k+1] + 1
			}
		}
	}
	for i, k := 0, 0; i < len(x) && k < len(y); {
		switch {
		case x[i] == y[k]:
			m.join(a[i], b[k])
			i, k = i+1, k+1
		case rest[i+1][k] >= rest[i][k+1]:
			i++
		default:
			k++
		}
	}
}

// look is what a node looks like: its operator, and the shape of the first initializer
// that it reads.
func (s *side) look(n *onnxio.Node) string {
	for _, in := range n.Inputs() {
		if t := s.inits[in]; t != nil && !strings.HasSuffix(n.OpType(), "shape") {
			return fmt.Sprint(operator(n), t.Dims())
		}
	}
	return operator(n)
}
