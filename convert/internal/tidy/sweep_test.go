package tidy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// Sweep drops what nothing needs and nothing else, for nodes dropped at random.
func TestSweepDropsWhatIsDead(t *testing.T) {
	for seed := range uint64(60) {
		m := sketch.Model(t, sketch.Random(seed, 12, 3))
		g, err := graph.New(m, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(seed, 31))
		n := m.Graph().Nodes()[rng.IntN(len(m.Graph().Nodes()))]
		// in its place something that reads less
		edit := onnxio.Edit{DropNodes: []*onnxio.Node{n}, AddNodes: []onnxio.Placed{{Node: onnxio.NewNode("new", "Identity", n.Inputs()[:1], n.Outputs()), Before: n}}}
		Sweep(&edit, g, false)
		made, err := m.Apply(edit)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		plain, err := m.Apply(onnxio.Edit{DropNodes: edit.DropNodes[:1], AddNodes: edit.AddNodes})
		if err != nil {
			t.Fatal(err)
		}
		alive, read := sketch.Needed(plain)
		var nodes, inits []string
		for _, n := range plain.Graph().Nodes() {
			if alive[n] {
				nodes = append(nodes, n.Name())
			}
		}
		for _, init := range plain.Graph().Inits() {
			if read[init.Name()] {
				inits = append(inits, init.Name())
			}
		}
		if have := nodeNames(made); !slices.Equal(have, nodes) {
			t.Errorf("seed %d: %v stay, want %v", seed, have, nodes)
		}
		if have := initNames(made); !slices.Equal(have, inits) {
			t.Errorf("seed %d: %v stay, want %v", seed, have, inits)
		}
	}
}

func nodeNames(m *onnxio.Model) []string {
	var out []string
	for _, n := range m.Graph().Nodes() {
		out = append(out, n.Name())
	}
	return out
}

func initNames(m *onnxio.Model) []string {
	var out []string
	for _, t := range m.Graph().Inits() {
		out = append(out, t.Name())
	}
	return out
}

// Initializers that are inputs too stay as long as callers may give them: frozen ones
// go with what read them.
func TestSweepOfInputs(t *testing.T) {
	for _, c := range []struct {
		ir            int64
		freeze        bool
		inputs, inits string
	}{
		{8, false, "x used unused", "used unused"},
		{8, true, "x", "used"},
		{4, false, "x used unused", "used unused"},
		{4, true, "x", "used"},
		{3, false, "x used", "used"},
		{3, true, "x used", "used"},
	} {
		raw, err := onnxio.EncodeFloat64([]float64{1, 2}, onnxio.Float64)
		if err != nil {
			t.Fatal(err)
		}
		parts := onnxio.Parts{IRVersion: c.ir, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float64, onnxio.Known(2))}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float64)},
			Nodes: []*onnxio.Node{onnxio.NewNode("old", "Mul", []string{"x", "unused"}, []string{"a"}), onnxio.NewNode("add", "Add", []string{"a", "used"}, []string{"y"})}}
		for _, name := range []string{"used", "unused"} {
			init, err := onnxio.NewTensor(name, onnxio.Float64, []int64{2}, raw)
			if err != nil {
				t.Fatal(err)
			}
			parts.Inits = append(parts.Inits, init)
			parts.Inputs = append(parts.Inputs, onnxio.NewValue(name, onnxio.Float64, onnxio.Known(2)))
		}
		m, err := onnxio.NewModel(parts)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{FreezeInputs: c.freeze})
		if err != nil {
			t.Fatal(err)
		}
		old := m.Graph().Nodes()[0]
		edit := onnxio.Edit{DropNodes: []*onnxio.Node{old}, AddNodes: []onnxio.Placed{{Node: onnxio.NewNode("new", "Identity", []string{"x"}, []string{"a"}), Before: old}}}
		Sweep(&edit, g, c.freeze)
		made, err := m.Apply(edit)
		if err != nil {
			t.Fatal(err)
		}
		var inputs []string
		for _, v := range made.Graph().Inputs() {
			inputs = append(inputs, v.Name())
		}
		if have := strings.Join(inputs, " "); have != c.inputs {
			t.Errorf("version %d, frozen %v: the inputs %q stay, want %q", c.ir, c.freeze, have, c.inputs)
		}
		if have := strings.Join(initNames(made), " "); have != c.inits {
			t.Errorf("version %d, frozen %v: the weights %q stay, want %q", c.ir, c.freeze, have, c.inits)
		}
	}
}
