package convert_test

import (
	"fmt"
	"runtime"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A weight that bodies read from outside is worked out once, and never copied, for
// however many bodies: a small file of many made as many weights.
func TestBodiesShareWhatTheyRead(t *testing.T) {
	const side = 512
	const bytes = 4 * side * side
	work := func(bodies int, computed bool) uint64 {
		w, err := onnxio.NewTensor("w", onnxio.Float32, []int64{side, side}, make([]byte, bytes))
		if err != nil {
			t.Fatal(err)
		}
		x := onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(side))
		weight := "w"
		nodes := []*onnxio.Node{}
		if computed {
			weight = "negative"
			nodes = append(nodes, onnxio.NewNode("", "Neg", []string{"w"}, []string{weight}))
		}
		var outs []*onnxio.ValueInfo
		for i := range bodies {
			body := func(name string) *onnxio.Attr {
				out := fmt.Sprintf("%s%d", name, i)
				a, err := onnxio.GraphAttr(name+"_branch", onnxio.Parts{
					Nodes:   []*onnxio.Node{onnxio.NewNode("", "MatMul", []string{"x", weight}, []string{out})},
					Outputs: []*onnxio.ValueInfo{onnxio.NewValue(out, onnxio.Float32, onnxio.Known(2), onnxio.Known(side))},
				})
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			y := fmt.Sprintf("y%d", i)
			nodes = append(nodes, onnxio.NewNode("", "If", []string{"c"}, []string{y}, body("then"), body("else")))
			outs = append(outs, onnxio.NewValue(y, onnxio.Float32, onnxio.Known(2), onnxio.Known(side)))
		}
		m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{x, onnxio.NewValue("c", onnxio.Bool)}, Outputs: outs, Nodes: nodes, Inits: []*onnxio.Tensor{w}})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := convert.Inspect(t.Context(), m, convert.Options{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, computed := range []bool{false, true} {
		few, many := work(2, computed), work(32, computed)
		if many > few+10*bytes {
			t.Errorf("computed %v: 30 bodies more take %d bytes more, the weight has %d", computed, many-few, bytes)
		}
	}
}
