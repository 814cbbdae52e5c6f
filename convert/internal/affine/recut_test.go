package affine

import (
	"slices"
	"testing"

	"repmlp/onnxio/graph"
)

// A run of rows that is cut twice into the same sizes, one of them zero, was
// "a cut that does not fit itself"; also after an atom of it was split.
func TestRowsCutTwice(t *testing.T) {
	for _, sizes := range [][]graph.Dim{
		{graph.Symbol("N"), graph.Size(0), graph.Size(4)},
		{graph.Symbol("N"), graph.Unknown},
		{graph.Symbol("N"), graph.Size(1), graph.Size(6)},
	} {
		tr, _ := NewTracer(nil)
		from := tr.atoms.Axis(graph.Symbol("M"))
		first := tr.recut(from, sizes)
		if again := tr.recut(from, sizes); !slices.EqualFunc(first, again, slices.Equal[[]graph.Atom]) {
			t.Errorf("%v: %v, then %v", sizes, first, again)
		}
		if last := first[len(first)-1]; len(last) == 1 && sizes[len(sizes)-1].Is(6) {
			tr.atoms.Split(last[0], graph.Size(2), graph.Size(3))
			if again := tr.recut(from, sizes); len(again) != 3 || len(again[2]) != 2 {
				t.Errorf("after a split: %v", again)
			}
		}
	}
}
