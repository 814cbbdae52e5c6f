package layer

import (
	"repmlp/convert/internal/affine"
	"repmlp/onnxio"
)

// around are the permutations that bring the channels of a map first, and back to
// where its end has them; nil where they are.
func around(start, end affine.Map) (before, after []int64) {
	if !start.ChannelsFirst() {
		before = make([]int64, len(start.Order))
		for i, k := range start.Order {
			before[k] = int64(i)
		}
	}
	if !end.ChannelsFirst() {
		for _, k := range end.Order {
			after = append(after, int64(k))
		}
	}
	return before, after
}

// turning is what the Transposes around a layer cost.
func turning(perms ...[]int64) int {
	cost := 0
	for _, perm := range perms {
		if perm != nil {
			cost += transposeCost
		}
	}
	return cost
}

// turned writes a layer between the Transposes around it; kind is part of the names of
// values.
func (w *Writer) turned(before, after []int64, in, out, kind string, layer func(in, to string)) {
	if before != nil {
		in = w.node("Transpose", out+".map", "", []string{in}, onnxio.IntsAttr("perm", before))
	}
	if after == nil {
		layer(in, out)
		return
	}
	to := w.Fresh(out + kind)
	layer(in, to)
	w.node("Transpose", out+".back", out, []string{to}, onnxio.IntsAttr("perm", after))
}

// placed are the axes of the output that a map's axes are, behind the permutation after.
func placed(order []int, after []int64) []int {
	place := make([]int, len(order))
	for i := range place {
		place[i] = i
	}
	for i, axis := range after {
		place[axis] = i
	}
	return place
}
