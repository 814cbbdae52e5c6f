package onnxio

import (
	"fmt"
	"testing"
)

// A model without detours is given back without any work for its nodes.
func TestPlainModelsCostNothing(t *testing.T) {
	p := Parts{Inputs: []*ValueInfo{NewValue("v0", Float32, Known(1))}, Outputs: []*ValueInfo{NewValue("v1000", Float32, Known(1))}}
	for i := range 1000 {
		p.Nodes = append(p.Nodes, NewNode("", "Identity", []string{fmt.Sprintf("v%d", i)}, []string{fmt.Sprintf("v%d", i+1)}))
	}
	m, err := NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() {
		if plain, err := m.Plain(); plain != m || err != nil {
			t.Fatalf("another model, or %v", err)
		}
	}); n > 0 {
		t.Errorf("%g allocations", n)
	}
}
