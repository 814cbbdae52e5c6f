package onnxio

import (
	"slices"
	"testing"
)

// A note goes where the IR version has a place for it, and nothing else of the node
// changes.
func TestNotesOfNodes(t *testing.T) {
	plain := NewNode("n", "Conv", []string{"x", "w"}, []string{"y"}, IntAttr("group", 2))
	p := Property{Key: "k", Value: "a\nb"}
	for _, ir := range []int64{3, 9, 10, 13} {
		n := plain.WithNote(ir, p)
		doc, list := n.DocString(), n.Metadata()
		if old := ir < 10; old && (doc != "k: a\nb" || len(list) > 0) || !old && (doc != "" || !slices.Equal(list, []Property{p})) {
			t.Errorf("IR version %d: doc string %q, properties %q", ir, doc, list)
		}
		if n.Name() != "n" || n.Int("group", 0) != 2 || n.AttrKey() != plain.AttrKey() || !slices.Equal(n.Inputs(), plain.Inputs()) {
			t.Errorf("IR version %d: another node", ir)
		}
		again := n.WithNote(ir, Property{Key: "l", Value: "c"}).WithInputs("m", []string{"x"}, []string{"y"})
		if old := ir < 10; old && again.DocString() != "k: a\nb\nl: c" || !old && len(again.Metadata()) != 2 {
			t.Errorf("IR version %d: doc string %q, properties %q", ir, again.DocString(), again.Metadata())
		}
		if plain.DocString() != "" || len(plain.Metadata()) > 0 {
			t.Error("the original changed")
		}
	}
}
