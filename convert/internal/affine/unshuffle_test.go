package affine

import (
	"strings"
	"testing"

	"repmlp/onnxio/graph"
)

// What three views are one Unshuffle, and what channels it reads.
func TestUnshuffle(t *testing.T) {
	h := graph.Symbol("H")
	open := []graph.Dim{graph.Size(2), graph.Size(3), h.Times(graph.Size(2)), graph.Size(4)}
	for name, c := range map[string]struct {
		x, mid []graph.Dim
		perm   []int
		out    []graph.Dim
		want   string
		block  int
	}{
		"blocks":                     {dims(2, 3, 4, 4), dims(2, 3, 2, 2, 2, 2), []int{0, 1, 3, 5, 2, 4}, dims(2, 12, 2, 2), "Unshuffle blocks of 2 along axis 2 blocks of 2 along axis 3 into 12 channels", 2},
		"uneven blocks":              {dims(2, 3, 4, 9), dims(2, 3, 2, 2, 3, 3), []int{0, 1, 3, 5, 2, 4}, dims(2, 18, 2, 3), "Unshuffle blocks of 2 along axis 2 blocks of 3 along axis 3 into 18 channels", 3},
		"open blocks":                {open, []graph.Dim{graph.Size(2), graph.Size(3), h, graph.Size(2), graph.Size(4)}, []int{0, 1, 3, 2, 4}, []graph.Dim{graph.Size(2), graph.Size(6), h, graph.Size(4)}, "Unshuffle blocks of 2 along axis 2 into 6 channels", 2},
		"channels":                   {dims(2, 6, 4, 4), dims(2, 2, 3, 4, 4), []int{0, 2, 1, 3, 4}, dims(2, 6, 4, 4), "Unshuffle into 6 channels", 1},
		"channels last":              {dims(2, 4, 4, 3), dims(2, 2, 2, 2, 2, 3), []int{0, 1, 3, 2, 4, 5}, dims(2, 2, 2, 12), "Unshuffle blocks of 2 along axis 1 blocks of 2 along axis 2 into 12 channels", 2},
		"nothing":                    {dims(2, 6, 4, 4), dims(2, 2, 3, 4, 4), []int{0, 1, 2, 3, 4}, dims(2, 6, 4, 4), "", 0},
		"outer positions":            {dims(2, 3, 4, 4), dims(2, 3, 2, 2, 4), []int{0, 2, 1, 3, 4}, dims(2, 6, 2, 4), "", 0},
		"open channels":              {[]graph.Dim{graph.Size(2), h.Times(graph.Size(2)), graph.Size(4)}, []graph.Dim{graph.Size(2), h, graph.Size(2), graph.Size(4)}, []int{0, 2, 1, 3}, []graph.Dim{graph.Size(2), h.Times(graph.Size(2)), graph.Size(4)}, "", 0},
		"samples":                    {dims(4, 2, 4), dims(2, 2, 2, 4), []int{0, 2, 1, 3}, dims(2, 4, 4), "", 0},
		"positions among each other": {dims(2, 3, 4, 4), dims(2, 3, 2, 2, 4), []int{0, 1, 3, 2, 4}, dims(2, 3, 4, 4), "", 0},
		"another rank":               {dims(2, 4, 4), dims(2, 2, 2, 4), []int{0, 2, 1, 3}, dims(2, 16), "", 0},
		"no map":                     {dims(4, 4), dims(2, 2, 4), []int{1, 0, 2}, dims(4, 4), "", 0},
		"a permutation of another":   {dims(2, 4, 4), dims(2, 2, 2, 4), []int{0, 2, 1}, dims(2, 4, 4), "", 0},
		"sizes that do not fit":      {dims(2, 4, 4), dims(2, 2, 3, 4), []int{0, 2, 1, 3}, dims(2, 4, 4), "", 0},
	} {
		u, ok := NewUnshuffle(c.x, c.mid, c.perm, c.out)
		if ok != (c.want != "") {
			t.Errorf("%s: %v", name, u)
			continue
		}
		if ok && (u.String() != c.want || u.Block() != c.block) {
			t.Errorf("%s: %v in blocks of %d, want %s of %d", name, u, u.Block(), c.want, c.block)
		}
	}
	n := node(t, "Neg")
	u, _ := NewUnshuffle(dims(2, 3, 4, 4), dims(2, 3, 2, 2, 2, 2), []int{0, 1, 3, 5, 2, 4}, dims(2, 12, 2, 2))
	m := mapOf(t, 2, 3, 4, 4)
	if out, why := u.Window(n, []Map{m}); why != nil || !EqualDims(out.Dims, dims(2, 12, 2, 2)) {
		t.Errorf("%v %v", out.Dims, why)
	}
	for want, m := range map[string]Map{"other axes first": m.transposed([]int{0, 2, 1, 3}), "channels of": mapOf(t, 2, 4, 4, 4), "with other axes": mapOf(t, 2, 3, 4)} {
		if _, why := u.Window(n, []Map{m}); why == nil || !strings.Contains(why.Message, want) {
			t.Errorf("%v, want %q", why, want)
		}
	}
	many, ok := NewUnshuffle(dims(2, maxListed/2, 4, 4), dims(2, maxListed/2, 2, 2, 2, 2), []int{0, 1, 3, 5, 2, 4}, dims(2, 2*maxListed, 2, 2))
	if !ok {
		t.Fatal("many channels are no blocks")
	}
	if _, why := many.Window(n, []Map{mapOf(t, 2, maxListed/2, 4, 4)}); why == nil || !strings.Contains(why.Message, "too many channels") {
		t.Errorf("%v", why)
	}
}
