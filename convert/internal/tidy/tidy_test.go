package tidy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// tidied is a model before and after.
func tidied(t *testing.T, m *onnxio.Model, o Options) (*Result, *onnxio.Model) {
	t.Helper()
	g, err := graph.New(m, graph.Options{Sure: true})
	if err != nil {
		t.Fatal(err)
	}
	r := Of(g, o)
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	made, err := m.Apply(r.Edit)
	if err != nil {
		t.Fatal(err)
	}
	if r.Empty() != (made.Graph().Nodes() == nil || slices.Equal(made.Graph().Nodes(), m.Graph().Nodes()) && len(made.Graph().Inits()) == len(m.Graph().Inits())) {
		t.Errorf("an edit that is empty: %v", r.Empty())
	}
	return r, made
}

// sameBits runs both models with a batch of some size.
func sameBits(t *testing.T, a, b *onnxio.Model, batch int64) error {
	t.Helper()
	sizes := map[string]int64{}
	for _, in := range a.Graph().Inputs() {
		for _, d := range in.Dims() {
			if d.Param == "N" {
				sizes["N"] = batch
			} else if d.Param != "" {
				sizes[d.Param] = 5
			}
		}
	}
	feeds, err := verify.RandomInputs(a, sizes, batch, uint64(batch))
	if err != nil {
		return err
	}
	want, have := sketch.Run(t, a, feeds), sketch.Run(t, b, feeds)
	if len(want) != len(have) {
		return fmt.Errorf("%d outputs, want %d", len(have), len(want))
	}
	for name, w := range want {
		h := have[name]
		if h == nil || h.DType != w.DType || !slices.Equal(h.Shape, w.Shape) || !slices.Equal(h.I, w.I) {
			return fmt.Errorf("output %q is not what it was", name)
		}
		for i := range w.Len() {
			if math.Float64bits(w.Float(i)) != math.Float64bits(h.Float(i)) {
				return fmt.Errorf("output %q, element %d is %g, want %g", name, i, h.Float(i), w.Float(i))
			}
		}
	}
	return nil
}

// What is done to each of the small graphs, which stay the same to the bit.
func TestTidyGraphs(t *testing.T) {
	var text strings.Builder
	for _, c := range sketch.Listed(t, "testdata/graphs.txt") {
		m := sketch.Model(t, c.Text)
		r, made := tidied(t, m, Options{})
		for _, batch := range []int64{1, 2, 4} {
			if err := sameBits(t, m, made, batch); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		again, _ := tidied(t, made, Options{})
		if !again.Empty() {
			t.Errorf("%s: not everything was done\n%s", c.Name, again)
		}
		fmt.Fprintf(&text, "\n# %s\n%s%s", c.Name, r, sketch.Nodes(made))
	}
	sketch.Golden(t, "tidied.txt", text.String())
}

// chain is a random graph of what exporters leave about: there and back, sizes from
// shapes, constants made of constants.
func chain(seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 5))
	var b strings.Builder
	b.WriteString("x : float32 N 4 6\n")
	// values of shape [N, 4, 6], and what reads them
	values := []string{"x"}
	var outs []string
	pick := func() string { return values[max(0, len(values)-1-rng.IntN(3))] }
	for i := range 6 + rng.IntN(10) {
		v, x := fmt.Sprintf("v%d", i), pick()
		switch rng.IntN(16) {
		case 0:
			fmt.Fprintf(&b, "%s = Identity(%s)\n", v, x)
		case 1:
			fmt.Fprintf(&b, "%sa = Transpose(%s) perm=0,2,1\n%s = Transpose(%sa) perm=0,2,1\n", v, x, v, v)
		case 2:
			fmt.Fprintf(&b, "%sa = Transpose(%s) perm=1,2,0\n%sb = Transpose(%sa) perm=1,0,2\n%sc = Relu(%sb)\n%s = Transpose(%sc) perm=2,1,0\n", v, x, v, v, v, v, v, v)
		case 3:
			fmt.Fprintf(&b, "%sa = Reshape(%s, #0_24)\n%s = Reshape(%sa, #-1_4_6)\n", v, x, v, v)
		case 4:
			fmt.Fprintf(&b, "%sa = Flatten(%s) axis=%d\n%sb = Relu(%sa)\n%s = Reshape(%sb, #-1_4_6)\n", v, x, 1+rng.IntN(2), v, v, v, v)
		case 5:
			fmt.Fprintf(&b, "%ss = Shape(%s)\n%sn = Gather(%ss, #0)\n%sc = Concat(%sn, #2_2_6) axis=0\n%sr = Reshape(%s, %sc)\n%sq = Neg(%sr)\n%s = Reshape(%sq, #-1_4_6)\n", v, x, v, v, v, v, v, x, v, v, v, v, v)
		case 6:
			fmt.Fprintf(&b, "%ss = Shape(%s)\n%se = Expand(%s, %ss)\n%s = Relu(%se)\n", v, x, v, x, v, v, v)
		case 7:
			fmt.Fprintf(&b, "%ss = Shape(%s)\n%sh = Slice(%ss, #1, #3, #0)\n%se = Expand(?1x1, %sh)\n%s = Mul(%s, %se)\n", v, x, v, v, v, v, v, x, v)
		case 8:
			fmt.Fprintf(&b, "%st = Transpose(?6x4) perm=1,0\n%s = Add(%s, %st)\n", v, v, x, v)
		case 9:
			fmt.Fprintf(&b, "%st = Transpose(?6x6) perm=1,0\n%si = Identity(%st)\n%s = MatMul(%s, %si)\n", v, v, v, v, x, v)
		case 10:
			fmt.Fprintf(&b, "%sa = Unsqueeze(%s, #1)\n%sb = Pad(%sa, #0_0_0_0_0_0_0_0)\n%s = Squeeze(%sb, #1)\n", v, x, v, v, v, v)
		case 11:
			fmt.Fprintf(&b, "%sa, %sb = Split(%s, #2_2) axis=1\n%s = Concat(%sb, %sa) axis=1\n", v, v, x, v, v, v)
		case 12:
			fmt.Fprintf(&b, "%sk = Constant() value_ints=%d,2,1,0\n%sm = Mod(%sk, #4)\n%s = Gather(%s, %sm) axis=1\n", v, rng.IntN(4), v, v, v, x, v)
		case 13:
			fmt.Fprintf(&b, "%s = Add(%s, %s)\n", v, x, pick())
		case 14:
			fmt.Fprintf(&b, "%ss = Shape(%s)\n%sw = Gather(%ss, #%d)\n%sf = Cast(%sw) to=1\n%sd = Div(%sf, =%d.0:1)\n%sg = Floor(%sd)\n%si = Cast(%sg) to=7\n%sj = Slice(%s, #0, %si, #2)\n%s = Concat(%sj, %s) axis=2\n%s = Slice(%s, #0, #6, #2)\n",
				v, x, v, v, 1+rng.IntN(2), v, v, v, v, 1+rng.IntN(3), v, v, v, v, v, x, v, v+"k", v, x, v, v+"k")
		default:
			fmt.Fprintf(&b, "%s = Relu(%s)\n", v, x)
		}
		values = append(values, v)
		if rng.IntN(6) == 0 {
			outs = append(outs, v)
		}
	}
	if last := values[len(values)-1]; !slices.Contains(outs, last) {
		outs = append(outs, last)
	}
	return b.String() + "> " + strings.Join(outs, " ") + "\n"
}

// Random graphs stay the same to the bit, and none has more nodes than before.
func TestRandomChains(t *testing.T) {
	before, after := 0, 0
	for seed := range uint64(150) {
		text := chain(seed)
		m := sketch.Model(t, text)
		r, made := tidied(t, m, Options{})
		for _, batch := range []int64{1, 3} {
			if err := sameBits(t, m, made, batch); err != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, err, text, r)
			}
		}
		a, b := len(m.Graph().Nodes()), len(made.Graph().Nodes())
		if b > a {
			t.Errorf("seed %d: %d nodes, %d before", seed, b, a)
		}
		before, after = before+a, after+b
	}
	if after > before*3/4 {
		t.Errorf("of %d nodes %d stay", before, after)
	}
}
