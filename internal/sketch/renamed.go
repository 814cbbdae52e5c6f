package sketch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/onnxio"
)

// Renamed is a model in which all nodes, inner values and initializers have other names,
// and the nodes stand in another order.
func Renamed(t testing.TB, m *onnxio.Model, seed uint64) *onnxio.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	kept := map[string]bool{"": true}
	for _, v := range slices.Concat(m.Graph().Inputs(), m.Graph().Outputs()) {
		kept[v.Name()] = true
	}
	called := map[string]string{}
	other := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			if out[i] = s; !kept[s] {
				if called[s] == "" {
					called[s] = fmt.Sprintf("v%d_%d", rng.IntN(1000), len(called))
				}
				out[i] = called[s]
			}
		}
		return out
	}
	var e onnxio.Edit
	for i, n := range m.Graph().Nodes() {
		e.DropNodes = append(e.DropNodes, n)
		e.AddNodes = append(e.AddNodes, onnxio.Placed{Node: n.WithInputs(fmt.Sprint("n", i), other(n.Inputs()), other(n.Outputs()))})
	}
	for _, x := range m.Graph().Inits() {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		y, err := onnxio.NewTensor(other([]string{x.Name()})[0], x.DType(), x.Dims(), b)
		if err != nil {
			t.Fatal(err)
		}
		e.DropInits, e.AddInits = append(e.DropInits, x), append(e.AddInits, y)
	}
	rng.Shuffle(len(e.AddNodes), func(i, k int) { e.AddNodes[i], e.AddNodes[k] = e.AddNodes[k], e.AddNodes[i] })
	out, err := m.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
