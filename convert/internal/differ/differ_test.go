package differ

import (
	"fmt"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

func compared(t *testing.T, a, b *onnxio.Model) *Result {
	t.Helper()
	r, err := Of(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// counts are how many nodes are equal, changed, and in one model alone, and the same of
// initializers.
func (r *Result) counts() [8]int {
	var n [8]int
	for _, p := range r.Pairs {
		if p.Changed() {
			n[1]++
		} else {
			n[0]++
		}
	}
	n[2], n[3] = len(r.First), len(r.Second)
	for _, p := range r.Tensors {
		if p.Equal {
			n[4]++
		} else {
			n[5]++
		}
	}
	n[6], n[7] = len(r.FirstInits), len(r.SecondInits)
	return n
}

// A model equals itself, and itself under other names and in another order.
func TestNamesCountForNothing(t *testing.T) {
	for seed := range uint64(40) {
		m := sketch.Model(t, sketch.Random(seed, 12, 2))
		for _, other := range []*onnxio.Model{m, sketch.Renamed(t, m, seed)} {
			if n := compared(t, m, other).counts(); n[1]+n[2]+n[3]+n[5]+n[6]+n[7] > 0 || n[0] != len(m.Graph().Nodes()) || n[4] != len(m.Graph().Inits()) {
				t.Fatalf("seed %d: equal, changed, in one alone %v\n%s", seed, n, sketch.Random(seed, 12, 2))
			}
		}
	}
}

const block = `x : N 4 8 8
a = Conv(x, =0.5:4x4x3x3, =1:4) pads=1,1,1,1
b = Relu(a)
c = Conv(b, =0.25:4x4x1x1)
y = Add(c, x)
`

// What one change makes of a model is what is told, and nothing else.
func TestOneChange(t *testing.T) {
	for _, c := range []struct {
		old, new, say string
		counts        [8]int
	}{
		{"pads=1,1,1,1", "pads=1,1,1,1 group=1", "", [8]int{4, 0, 0, 0, 3, 0, 0, 0}}, // the default
		{"pads=1,1,1,1", "pads=2,2,2,2 dilations=2,2", "Conv: dilations, pads", [8]int{3, 1, 0, 0, 3, 0, 0, 0}},
		{"=0.25:4x4x1x1", "=0.75:4x4x1x1", "", [8]int{4, 0, 0, 0, 2, 1, 0, 0}},
		{"b = Relu(a)", "b = Sigmoid(a)", "", [8]int{3, 0, 1, 1, 3, 0, 0, 0}},
		{"y = Add(c, x)", "y = Add(c, a)", "Add: input 1", [8]int{3, 1, 0, 0, 3, 0, 0, 0}},
		{"y = Add(c, x)", "d = Relu(c)\ny = Add(d, x)", "Add: input 0", [8]int{3, 1, 0, 1, 3, 0, 0, 0}},
		{", =1:4)", ")", "Conv: input 2", [8]int{3, 1, 0, 0, 2, 0, 1, 0}},
	} {
		text := strings.Replace(block, c.old, c.new, 1)
		if text == block {
			t.Fatalf("%q is not there", c.old)
		}
		m := sketch.Model(t, block)
		for _, other := range []*onnxio.Model{sketch.Model(t, text), sketch.Renamed(t, sketch.Model(t, text), 5)} {
			r := compared(t, m, other)
			said := ""
			for _, p := range r.Pairs {
				if p.Changed() {
					var what []string
					what = append(what, p.Attrs...)
					for _, i := range p.Inputs {
						what = append(what, fmt.Sprint("input ", i))
					}
					said = p.First.OpType() + ": " + strings.Join(what, ", ")
				}
			}
			if r.counts() != c.counts || said != c.say {
				t.Errorf("%s -> %s: %v, %q, want %v, %q", c.old, c.new, r.counts(), said, c.counts, c.say)
			}
		}
	}
}

// Numbers are compared across types.
func TestDistance(t *testing.T) {
	a, b := sketch.Model(t, "x : N 4\ny = Add(x, =0.1:4)"), sketch.Model(t, "x : float16 N 4\ny = Add(x, =0.1:4)")
	r := compared(t, a, b)
	if len(r.Tensors) != 1 || r.Tensors[0].Equal || !(r.Tensors[0].MaxAbs > 0 && r.Tensors[0].MaxAbs < 1e-4) || !(r.Tensors[0].Largest > 0.09 && r.Tensors[0].Largest < 0.11) {
		t.Errorf("%+v", r.Tensors)
	}
}
