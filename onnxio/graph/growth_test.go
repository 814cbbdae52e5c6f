package graph_test

import (
	"fmt"
	"runtime"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// What the facts of a node take does not depend on how many nodes there are: chains
// of these operators, and many of them side by side, of four times as many nodes take
// four times as much.
func TestFactsTakeTheSameForEveryNode(t *testing.T) {
	links := map[string]func(i int, x, y string) []*onnxio.Node{
		"data": func(i int, x, y string) []*onnxio.Node {
			return []*onnxio.Node{onnxio.NewNode("", "Relu", []string{x}, []string{y})}
		},
		"sizes":    sizesLink,
		"constant": constantLink,
		"square":   squareLink,
		"grow": func(i int, x, y string) []*onnxio.Node {
			return []*onnxio.Node{onnxio.NewNode("", "Concat", []string{x, "x"}, []string{y}, onnxio.IntAttr("axis", 0))}
		},
	}
	for name, link := range links {
		for _, chain := range []bool{true, false} {
			work := func(n int) float64 {
				var nodes []*onnxio.Node
				last := "x"
				var ends []string
				for i := range n {
					y := fmt.Sprintf("y%d", i)
					nodes = append(nodes, link(i, last, y)...)
					if chain {
						last = y
					}
					ends = append(ends, y)
				}
				if chain {
					ends = ends[n-1:]
				}
				nodes = append(nodes, onnxio.NewNode("", "Max", ends, []string{"y"}))
				m, err := onnxio.NewModel(onnxio.Parts{
					Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4))},
					Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
					Nodes:   nodes,
					Inits:   []*onnxio.Tensor{onnxio.NewInts("row", []int64{2}, []int64{-1, 4}), onnxio.NewInts("first", []int64{1}, []int64{0})},
				})
				if err != nil {
					t.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if _, err := graph.New(m, graph.Options{}); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return float64(after.TotalAlloc - before.TotalAlloc)
			}
			work(10)
			if few, many := work(500), work(2000); many > 5*few {
				t.Errorf("%s, chain %v: 500 links take %.0f bytes, 2000 take %.0f", name, chain, few, many)
			}
		}
	}
}

// sizesLink is a Reshape to sizes that are worked out from those of x.
func sizesLink(i int, x, y string) []*onnxio.Node {
	s := fmt.Sprintf("s%d.", i)
	return []*onnxio.Node{
		onnxio.NewNode("", "Shape", []string{x}, []string{s + "all"}),
		onnxio.NewNode("", "Gather", []string{s + "all", "first"}, []string{s + "batch"}),
		onnxio.NewNode("", "Mul", []string{s + "batch", s + "batch"}, []string{s + "square"}),
		onnxio.NewNode("", "Div", []string{s + "square", s + "batch"}, []string{s + "again"}),
		onnxio.NewNode("", "Concat", []string{s + "again", "first"}, []string{s + "to"}, onnxio.IntAttr("axis", 0)),
		onnxio.NewNode("", "Reshape", []string{x, s + "to"}, []string{y}),
	}
}

// constantLink adds a constant that nodes compute.
func constantLink(i int, x, y string) []*onnxio.Node {
	s := fmt.Sprintf("s%d.", i)
	return []*onnxio.Node{
		onnxio.NewNode("", "Neg", []string{"first"}, []string{s + "int"}),
		onnxio.NewNode("", "Cast", []string{s + "int"}, []string{s + "float"}, onnxio.IntAttr("to", int64(onnxio.Float32))),
		onnxio.NewNode("", "Add", []string{x, s + "float"}, []string{y}),
	}
}

// squareLink multiplies the batch by itself: every Reshape asks for the square of what
// the one before asked for.
func squareLink(i int, x, y string) []*onnxio.Node {
	s := fmt.Sprintf("s%d.", i)
	return []*onnxio.Node{
		onnxio.NewNode("", "Shape", []string{x}, []string{s + "all"}),
		onnxio.NewNode("", "Mul", []string{s + "all", s + "all"}, []string{s + "square"}),
		onnxio.NewNode("", "Expand", []string{x, s + "square"}, []string{y}),
	}
}

// Lists of a thousand integers that nodes compute took 70 KB each, for every node.
func TestLongListsHaveLittleRoom(t *testing.T) {
	list := make([]int64, 1000)
	last := "c"
	var nodes []*onnxio.Node
	for i := range 8000 {
		y := fmt.Sprintf("c%d", i)
		nodes = append(nodes, onnxio.NewNode("", "Neg", []string{last}, []string{y}))
		last = y
	}
	m, err := onnxio.NewModel(onnxio.Parts{
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(last, onnxio.Int64, onnxio.Known(1000))},
		Nodes:   nodes, Inits: []*onnxio.Tensor{onnxio.NewInts("c", []int64{1000}, list)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g, err := graph.New(m, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if took := after.HeapAlloc - before.HeapAlloc; took > 256<<20 {
		t.Errorf("the facts take %d MB", took>>20)
	}
	if !g.IsConst(g.Value(last)) || g.Value("c0").Ints() == nil {
		t.Error("the first list is not known, or the last is no constant")
	}
}
