package verify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// floats stores numbers in a type.
func floats(t *testing.T, name string, d onnxio.DType, dims []int64, v []float64) *onnxio.Tensor {
	t.Helper()
	raw, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnxio.NewTensor(name, d, dims, raw)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// normal is n numbers that a type holds.
func normal(rng *rand.Rand, d onnxio.DType, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	raw, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		panic(err)
	}
	if err := onnxio.DecodeFloat64(v, raw, d); err != nil {
		panic(err)
	}
	return v
}

// product is a·b for a [m, k] and b [k, n].
func product(a, b []float64, m, k, n int) []float64 {
	c := make([]float64, m*n)
	for i := range m {
		for j := range n {
			for d := range k {
				c[i*n+j] += a[i*k+d] * b[d*n+j]
			}
		}
	}
	return c
}

func turned(a []float64, m, n int) []float64 {
	b := make([]float64, len(a))
	for i := range m {
		for j := range n {
			b[j*m+i] = a[i*n+j]
		}
	}
	return b
}

// network is a model of a value x of this type and shape.
func network(t *testing.T, d onnxio.DType, shape []int64, nodes []*onnxio.Node, inits ...*onnxio.Tensor) *onnxio.Model {
	t.Helper()
	var dims []onnxio.Dim
	for _, n := range shape {
		dims = append(dims, onnxio.Known(n))
	}
	m, err := onnxio.NewModel(onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", d, dims...)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", d)}, Nodes: nodes, Inits: inits})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A spelling is one layer of weights [in, out] as a node: what it reads and how its
// weights lie.
type spelling struct {
	name  string
	shape []int64 // of x
	node  func(out, x, w string) *onnxio.Node
	dims  []int64
	trans bool // weights lie as [out, in]
}

const width = 72 // features of a layer: its weights are enough to be read where they lie

var spellings = []spelling{
	{"MatMul", []int64{3, width}, func(out, x, w string) *onnxio.Node { return node("MatMul", out, x, w) }, []int64{width, width}, false},
	{"MatMul of maps", []int64{2, 1, 3, width}, func(out, x, w string) *onnxio.Node { return node("MatMul", out, x, w) }, []int64{width, width}, false},
	{"Gemm", []int64{3, width}, func(out, x, w string) *onnxio.Node { return node("Gemm", out, x, w) }, []int64{width, width}, false},
	{"Gemm transB", []int64{3, width}, func(out, x, w string) *onnxio.Node { return with(node("Gemm", out, x, w), onnxio.IntAttr("transB", 1)) }, []int64{width, width}, true},
	{"weights on the left", []int64{width, 3}, func(out, x, w string) *onnxio.Node { return node("MatMul", out, w, x) }, []int64{width, width}, true},
	{"Gemm, weights on the left", []int64{width, 3}, func(out, x, w string) *onnxio.Node { return node("Gemm", out, w, x) }, []int64{width, width}, true},
	{"Gemm, weights on the left, turned", []int64{width, 3}, func(out, x, w string) *onnxio.Node {
		return with(node("Gemm", out, w, x), onnxio.IntAttr("transA", 1))
	}, []int64{width, width}, false},
	{"Conv of one position", []int64{3, width, 1, 1}, func(out, x, w string) *onnxio.Node { return node("Conv", out, x, w) }, []int64{width, width, 1, 1}, true},
	{"Conv of few positions", []int64{1, width, 2, 2}, func(out, x, w string) *onnxio.Node { return node("Conv", out, x, w) }, []int64{width, width, 1, 1}, true},
	{"Conv of many positions", []int64{1, width, 5, 5}, func(out, x, w string) *onnxio.Node { return node("Conv", out, x, w) }, []int64{width, width, 1, 1}, true},
}

// layer is the weight of a spelling.
func (s spelling) layer(t *testing.T, name string, d onnxio.DType, w []float64) *onnxio.Tensor {
	if s.trans {
		w = turned(w, width, width)
	}
	return floats(t, name, d, s.dims, w)
}

// Two layers are the product of their weights, however they are spelled; one that
// is off in one weight is not.
func TestProveLayers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, d := range []onnxio.DType{onnxio.Float32, onnxio.Float16, onnxio.Float64} {
		for _, s := range spellings {
			a, b := normal(rng, d, width*width), normal(rng, d, width*width)
			c := product(a, b, width, width, width)
			before := network(t, d, s.shape, []*onnxio.Node{s.node("h", "x", "a"), s.node("y", "h", "b")}, s.layer(t, "a", d, a), s.layer(t, "b", d, b))
			for what, change := range map[string]func([]float64){
				"right":  func([]float64) {},
				"nudged": func(w []float64) { w[width+3] += 0.5 },
				"of other signs": func(w []float64) {
					for i := range w {
						w[i] = -w[i]
					}
				},
			} {
				w := slices.Clone(c)
				change(w)
				after := network(t, d, s.shape, []*onnxio.Node{s.node("y", "x", "c")}, s.layer(t, "c", d, w))
				p := &Prover{Seed: 3}
				proof, err := p.Prove(t.Context(), Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y"})
				if err != nil || (proof.Bound < 1) != (what == "right") {
					t.Errorf("%s, %s, %s: %+v, %v", d, s.name, what, proof, err)
				}
				if stored := map[string]func() ([]float64, error){"c": func() ([]float64, error) {
					if s.trans {
						return turned(c, width, width), nil
					}
					return c, nil
				}}; d == onnxio.Float16 && s.dims != nil {
					proof, err := (&Prover{Seed: 3}).Prove(t.Context(), Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Exact: stored})
					if err != nil || (proof.Bound < 1) != (what == "right") {
						t.Errorf("%s, %s, %s, with weights before rounding: %+v, %v", d, s.name, what, proof, err)
					}
				}
			}
		}
	}
}

// Weights before rounding are held to float64, so that a weight that is off by less
// than its type shows is found.
func TestProveWeightsBeforeRounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	a, b := normal(rng, onnxio.Float16, 16), normal(rng, onnxio.Float16, 16)
	c := product(a, b, 4, 4, 4)
	x := []int64{3, 4}
	before := network(t, onnxio.Float16, x, []*onnxio.Node{node("MatMul", "h", "x", "a"), node("MatMul", "y", "h", "b")},
		floats(t, "a", onnxio.Float16, []int64{4, 4}, a), floats(t, "b", onnxio.Float16, []int64{4, 4}, b))
	after := network(t, onnxio.Float16, x, []*onnxio.Node{node("MatMul", "y", "x", "c")}, floats(t, "c", onnxio.Float16, []int64{4, 4}, c))
	for by, right := range map[float64]bool{0: true, 1e-6: false} {
		exact := map[string]func() ([]float64, error){"c": func() ([]float64, error) {
			w := slices.Clone(c)
			w[5] += by
			return w, nil
		}}
		proof, err := (&Prover{}).Prove(t.Context(), Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Exact: exact})
		if err != nil || (proof.Bound < 1) != right {
			t.Errorf("off by %g: %+v, %v", by, proof, err)
		}
	}
	exact := map[string]func() ([]float64, error){"c": func() ([]float64, error) { return c, nil }, "other": nil}
	if err := CheckRounded(after, exact); err != nil {
		t.Errorf("weights that are rounded: %v", err)
	}
	exact["c"] = func() ([]float64, error) { w := slices.Clone(c); w[3] += 1; return w, nil }
	if err := CheckRounded(after, exact); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("weights that are others: %v", err)
	}
	exact["c"] = func() ([]float64, error) { return nil, fmt.Errorf("no weights") }
	if err := CheckRounded(after, exact); err == nil || err.Error() != "no weights" {
		t.Errorf("weights that cannot be computed: %v", err)
	}
}

// A few rows show what all do; rows that are mixed up are found.
func TestProveRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const rows = 40
	shape := []int64{rows, width}
	w := floats(t, "w", onnxio.Float32, []int64{width, width}, normal(rng, onnxio.Float32, width*width))
	rowOf := func(shape []int) (row []int32, run, count int) {
		for i := range shape[0] {
			row = append(row, int32(i))
		}
		return row, shape[1], shape[0]
	}
	before := network(t, onnxio.Float32, shape, []*onnxio.Node{node("MatMul", "y", "x", "w")}, w)
	var order []int64
	for i := range int64(rows) {
		order = append(order, (i+1)%rows)
	}
	mixed := network(t, onnxio.Float32, shape, []*onnxio.Node{node("Gather", "h", "x", "order"), node("MatMul", "y", "h", "w")}, w, onnxio.NewInts("order", []int64{rows}, order))
	for _, c := range []struct {
		after *onnxio.Model
		right bool
	}{{before, true}, {mixed, false}} {
		proof, err := (&Prover{}).Prove(t.Context(), Claim{ID: "fc", Before: before, After: c.after, Inputs: []string{"x"}, Output: "y", Rows: rowOf})
		if err != nil || proof.Rows != probed || (proof.Bound < 1) != c.right {
			t.Errorf("right %t: %+v, %v", c.right, proof, err)
		}
	}
}

// A convolution with a scale behind it is a convolution, which a piece of its map
// shows; what a piece shows otherwise, the whole map is asked.
func TestProveOnAPieceOfTheMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	d := onnxio.Float32
	shape := []int64{2, 3, 29, 23}
	w, s := normal(rng, d, 4*3*9), normal(rng, d, 4)
	attrs := []*onnxio.Attr{onnxio.IntsAttr("pads", []int64{1, 1, 1, 1}), onnxio.IntsAttr("strides", []int64{2, 2})}
	scaled := slices.Clone(w)
	for i := range scaled {
		scaled[i] *= s[i/27]
	}
	weight := func(name string, v []float64) *onnxio.Tensor { return floats(t, name, d, []int64{4, 3, 3, 3}, v) }
	scale := floats(t, "s", d, []int64{1, 4, 1, 1}, s)
	before := network(t, d, shape, []*onnxio.Node{with(node("Conv", "h", "x", "w"), attrs...), node("Mul", "y", "h", "s")}, weight("w", w), scale)
	reach := []Reach{{Axis: 0, Span: 1, Stride: 1, Out: 0}, {Axis: 2, Span: 5, Stride: 2, Out: 2}, {Axis: 3, Span: 5, Stride: 2, Out: 3}}
	claim := func(after *onnxio.Model) Claim {
		return Claim{ID: "conv", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Reach: reach}
	}
	right := network(t, d, shape, []*onnxio.Node{with(node("Conv", "y", "x", "w"), attrs...)}, weight("w", scaled))
	wrong := slices.Clone(scaled)
	wrong[50] *= 1.01
	p := &Prover{}
	proof, err := p.Prove(t.Context(), claim(right))
	if err != nil || !(proof.Bound < 1) || proof.Rows != 1 {
		t.Errorf("right: %+v, %v", proof, err)
	}
	trial, err := p.take(claim(right))
	if err != nil {
		t.Fatal(err)
	}
	ins, err := trial.inputs(claim(right))
	if err != nil || !slices.Equal(ins[0].Shape, []int{1, 3, 5, 5}) {
		t.Errorf("the piece is %v, %v", ins[0].Shape, err)
	}
	proof, err = (&Prover{}).Prove(t.Context(), claim(network(t, d, shape, []*onnxio.Node{with(node("Conv", "y", "x", "w"), attrs...)}, weight("w", wrong))))
	if err != nil || proof.Bound < 1 {
		t.Errorf("a weight that is off: %+v, %v", proof, err)
	}
	// A pad that grows with the map is none on the piece.
	same := []*onnxio.Attr{onnxio.StringAttr("auto_pad", "SAME_UPPER"), onnxio.IntsAttr("strides", []int64{2, 2})}
	proof, err = (&Prover{}).Prove(t.Context(), claim(network(t, d, shape, []*onnxio.Node{with(node("Conv", "y", "x", "w"), same...)}, weight("w", scaled))))
	if err != nil || !(proof.Bound < 1) {
		t.Errorf("equal pads by another name: %+v, %v", proof, err)
	}
	// Another operand of the sum is cut with the map.
	sum := func(second ...*onnxio.Node) *onnxio.Model {
		m, err := onnxio.NewModel(onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{
			onnxio.NewValue("x", d, onnxio.Known(2), onnxio.Known(3), onnxio.Known(29), onnxio.Known(23)),
			onnxio.NewValue("z", d, onnxio.Known(2), onnxio.Known(4), onnxio.Known(15), onnxio.Known(12))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", d)}, Nodes: append(second, node("Add", "y", "h", "z")), Inits: []*onnxio.Tensor{weight("w", w), weight("v", scaled), scale}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	c := claim(sum(with(node("Conv", "h", "x", "v"), attrs...)))
	c.Before, c.Inputs = sum(with(node("Conv", "g", "x", "w"), attrs...), node("Mul", "h", "g", "s")), []string{"x", "z"}
	p = &Prover{}
	if proof, err = p.Prove(t.Context(), c); err != nil || !(proof.Bound < 1) {
		t.Errorf("a sum: %+v, %v", proof, err)
	}
	if trial, err = p.take(c); err != nil {
		t.Fatal(err)
	}
	if ins, err = trial.inputs(c); err != nil || !slices.Equal(ins[1].Shape, []int{1, 4, 3, 3}) {
		t.Errorf("the piece of the other operand is %v, %v", ins[1].Shape, err)
	}
}

// A transposed convolution is proved on a piece of the map, with as much of another operand
// as that makes.
func TestProvePieceOfSpreadMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 6))
	d := onnxio.Float32
	attrs := []*onnxio.Attr{onnxio.IntsAttr("pads", []int64{1, 0, 1, 2}), onnxio.IntsAttr("strides", []int64{2, 3})}
	w, s := normal(rng, d, 3*4*16), normal(rng, d, 4)
	scaled := slices.Clone(w)
	for i := range scaled {
		scaled[i] *= s[i/16%4]
	}
	model := func(v []float64, nodes ...*onnxio.Node) *onnxio.Model {
		m, err := onnxio.NewModel(onnxio.Parts{Opset: 17, Inputs: []*onnxio.ValueInfo{
			onnxio.NewValue("x", d, onnxio.Known(2), onnxio.Known(3), onnxio.Known(29), onnxio.Known(23)),
			onnxio.NewValue("z", d, onnxio.Known(2), onnxio.Known(4), onnxio.Known(58), onnxio.Known(1))},
			Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", d)}, Nodes: append(nodes, node("Add", "y", "h", "z")),
			Inits: []*onnxio.Tensor{floats(t, "w", d, []int64{3, 4, 4, 4}, v), floats(t, "s", d, []int64{1, 4, 1, 1}, s)}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	claim := func(v []float64) Claim {
		return Claim{ID: "spread", Before: model(w, with(node("ConvTranspose", "g", "x", "w"), attrs...), node("Mul", "h", "g", "s")),
			After: model(v, with(node("ConvTranspose", "h", "x", "w"), attrs...)), Inputs: []string{"x", "z"}, Output: "y",
			Reach: []Reach{{Axis: 0, Span: 1, Stride: 1, Out: 0}, {Axis: 2, Span: 4, Stride: 1, Out: 2, Up: 2}, {Axis: 3, Span: 3, Stride: 1, Out: 3, Up: 3}}}
	}
	p := &Prover{}
	proof, err := p.Prove(t.Context(), claim(scaled))
	if err != nil || !(proof.Bound < 1) || proof.Rows != 1 {
		t.Errorf("right: %+v, %v", proof, err)
	}
	trial, err := p.take(claim(scaled))
	if err != nil {
		t.Fatal(err)
	}
	ins, err := trial.inputs(claim(scaled))
	if err != nil || !slices.Equal(ins[0].Shape, []int{1, 3, 4, 3}) || !slices.Equal(ins[1].Shape, []int{1, 4, 8, 1}) {
		t.Errorf("the pieces are %v and %v, %v", ins[0].Shape, ins[1].Shape, err)
	}
	for k := range scaled {
		wrong := slices.Clone(scaled)
		wrong[k] += 1e-3
		if proof, err = (&Prover{}).Prove(t.Context(), claim(wrong)); err != nil || proof.Bound < 1 {
			t.Fatalf("weight %d is off: %+v, %v", k, proof, err)
		}
	}
}

// Branches that cancel leave the rounding of the original: it is no fault of the merge.
func TestProveBranchesThatCancel(t *testing.T) {
	d := onnxio.Float64
	shape := []int64{2, 2}
	big, same := []float64{1e9, 0, 0, 1e9}, []float64{1, 0, 0, 1}
	before := network(t, d, shape, []*onnxio.Node{node("MatMul", "a", "x", "big"), node("Sub", "b", "a", "a"), node("MatMul", "c", "x", "same"), node("Add", "h", "a", "c"), node("Sub", "y", "h", "a")},
		floats(t, "big", d, shape, big), floats(t, "same", d, shape, same))
	after := network(t, d, shape, []*onnxio.Node{node("MatMul", "y", "x", "same")}, floats(t, "same", d, shape, same))
	proof, err := (&Prover{}).Prove(t.Context(), Claim{ID: "sum", Before: before, After: after, Inputs: []string{"x"}, Output: "y"})
	if err != nil || !(proof.Bound < 1) || proof.MaxAbs == 0 {
		t.Errorf("%+v, %v", proof, err)
	}
}

// Values that another node makes too, and what cannot be proved.
func TestProveClaims(t *testing.T) {
	d, shape := onnxio.Float32, []int64{2, 2}
	w := floats(t, "w", d, shape, []float64{1, 2, 3, 4})
	before := network(t, d, shape, []*onnxio.Node{node("Relu", "r", "x"), node("Relu", "r2", "x"), node("MatMul", "a", "r", "w"), node("MatMul", "b", "r2", "w"), node("Add", "y", "a", "b")}, w)
	after := network(t, d, shape, []*onnxio.Node{node("Relu", "r", "x"), node("MatMul", "y", "r", "v")}, floats(t, "v", d, shape, []float64{2, 4, 6, 8}))
	claim := Claim{ID: "sum", Before: before, After: after, Inputs: []string{"r"}, Output: "y", Same: map[string]string{"r2": "r"}}
	if proof, err := (&Prover{}).Prove(t.Context(), claim); err != nil || !(proof.Bound < 1) {
		t.Errorf("a value that is made twice: %+v, %v", proof, err)
	}
	// The claim's output is its input.
	c := claim
	c.Output, c.Same = "r", nil
	if proof, err := (&Prover{}).Prove(t.Context(), c); err != nil || !(proof.Bound < 1) || proof.MaxAbs != 0 {
		t.Errorf("nothing to compute: %+v, %v", proof, err)
	}
	for what, change := range map[string]func(c *Claim){
		`no value "none"`: func(c *Claim) { c.Inputs = []string{"none"} },
		"no value \"q\"":  func(c *Claim) { c.Output = "q" },
		"4 values before and 2 after": func(c *Claim) {
			c.After = network(t, d, shape, []*onnxio.Node{node("Relu", "r", "x"), node("Gather", "y", "r", "k")}, onnxio.NewInts("k", []int64{1}, []int64{0}))
		},
		"Frobnicate": func(c *Claim) {
			c.After = network(t, d, shape, []*onnxio.Node{node("Frobnicate", "y", "x"), node("Relu", "r", "x")})
		},
		"too large": func(c *Claim) {
			m := network(t, d, []int64{1 << 14, 1 << 15}, []*onnxio.Node{node("Relu", "r", "x"), node("Relu", "y", "r")})
			c.Before, c.After = m, m
		},
		"is unknown": func(c *Claim) {
			m := network(t, d, shape, []*onnxio.Node{node("Frobnicate", "r", "x"), node("Relu", "y", "r")})
			c.Before, c.After = m, m
		},
	} {
		c := claim
		change(&c)
		if proof, err := (&Prover{}).Prove(t.Context(), c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %+v, %v", what, proof, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Prover{}).Prove(ctx, claim); err == nil {
		t.Error("a cancelled proof holds")
	}
	if _, err := (&Prover{Dims: map[string]int64{"none": 3}}).Prove(t.Context(), claim); err == nil {
		t.Error("a dimension that there is not is taken")
	}
}
