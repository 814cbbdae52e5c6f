package convert_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// besideKind are constants that broadcast in any way, on either side, of any opset and
// type: a conversion is never refused by the prover, keeps the outputs, with growth
// allowed and without, and adds no weights where it is not allowed to.
var besideKind = randomKind{
	name: "constants",
	exact: func(seed uint64) randomCase {
		s := &besideSpec{Seed: seed, Opset: []int64{6, 7, 13}[seed%3], Elem: []onnxio.DType{onnxio.Float32, onnxio.Float64, onnxio.Float16}[seed/3%3]}
		return randomCase{spec: s, build: s.build, opts: convert.Options{AllowGrowth: seed%2 == 1}, noise: true}
	},
	shows: []string{
		"type: float32, float64, float16", "opset: 6, 7, 13", "rank: 2, 3, 4, 5", "sizes: known, named batch, named", "constant beside: Add, Sub, Mul, Div",
		"layer: Conv 1-d, Conv 2-d, Conv 3-d, Gemm, MatMul, BatchNormalization", "merged into: conv, fc", "verdict: fused, declined",
	},
}

// A besideSpec is a layer and arithmetic with constants behind it, of shapes that
// broadcast in every way that the opset allows.
type besideSpec struct {
	Seed  uint64
	Opset int64
	Elem  onnxio.DType
	Note  string // what was drawn
}

// constant draws a constant for data of the given sizes, -1 for one that is not
// fixed, and says where the operator has to look for it.
func (s *besideSpec) constant(b *graphBuilder, data []int, first bool) (name string, made []int, attrs []*onnxio.Attr) {
	rng := b.rng
	shape := make([]int, len(data))
	made = append([]int{}, data...)
	for i, d := range data {
		shape[i] = 1
		switch rng.IntN(3) {
		case 0:
			if d > 0 {
				shape[i] = d
			}
		case 1:
			if d == 1 && s.Opset >= 7 && rng.IntN(2) == 0 {
				shape[i] = 2 + rng.IntN(3)
				made[i] = shape[i]
			}
		}
	}
	draw := func() float64 { return (0.5 + rng.Float64()) * float64(1-2*rng.IntN(2)) }
	if s.Opset < 7 {
		if first || rng.IntN(3) == 0 { // only data of the whole shape may stand second
			for i, d := range data {
				if d < 0 {
					return b.weight(draw, 1), made, []*onnxio.Attr{onnxio.IntAttr("broadcast", 1)}
				}
				shape[i] = d
			}
			return b.weight(draw, shape...), made, nil
		}
		from := rng.IntN(len(data))
		to := from + 1 + rng.IntN(len(data)-from)
		for i := from; i < to; i++ {
			if shape[i] = data[i]; data[i] < 0 {
				return b.weight(draw), made, []*onnxio.Attr{onnxio.IntAttr("broadcast", 1)}
			}
		}
		attrs = []*onnxio.Attr{onnxio.IntAttr("broadcast", 1)}
		if to < len(data) || rng.IntN(2) == 0 {
			attrs = append(attrs, onnxio.IntAttr("axis", int64(from)))
		}
		s.Note += fmt.Sprint(" at ", from)
		return b.weight(draw, shape[from:to]...), made, attrs
	}
	for len(shape) > 0 && shape[0] == 1 && rng.IntN(2) == 0 {
		shape = shape[1:]
	}
	for len(shape) < 6 && rng.IntN(8) == 0 && len(shape) >= len(data) {
		shape = append([]int{1}, shape...)
		made = append([]int{1}, made...)
	}
	return b.weight(draw, shape...), made, nil
}

func (s *besideSpec) build() (*onnxio.Model, error) {
	rng := rand.New(rand.NewPCG(s.Seed, 77))
	b := &graphBuilder{rng: rng, elem: s.Elem, scale: 0.5}
	outs := []int{1, 1, 3, 4}[rng.IntN(4)]
	in, batch := 1+rng.IntN(3), []int{-1, 1, 2}[rng.IntN(3)]
	var data []int
	y := "x"
	axes := rng.IntN(4)
	dims := []onnxio.Dim{onnxio.Known(int64(batch)), onnxio.Known(int64(in))}
	if batch < 0 {
		dims[0] = onnxio.Named("N")
	}
	if axes == 0 {
		data = []int{batch, outs}
		if rng.IntN(2) == 0 && s.Opset >= 7 {
			y = b.op("Gemm", []string{"x", b.normal(in, outs), b.normal(outs)})
		} else {
			y = b.op("MatMul", []string{"x", b.normal(in, outs)})
		}
	} else {
		data = []int{batch, outs}
		w := []int{outs, in}
		open := rng.IntN(3) == 0
		var pads []int64
		for i := range axes {
			size := 1 + rng.IntN(4)
			k := min(1+2*rng.IntN(2), 3)
			w = append(w, k)
			if data = append(data, size); open {
				data[i+2] = -1
				dims = append(dims, onnxio.Named(fmt.Sprint("S", i)))
			} else {
				dims = append(dims, onnxio.Known(int64(size)))
			}
			pads = append(pads, int64(k/2))
		}
		if rng.IntN(4) == 0 && s.Opset >= 7 {
			y = b.op("AveragePool", []string{b.op("Conv", []string{"x", b.normal(w...)}, onnxio.IntsAttr("pads", append(pads, pads...)))},
				onnxio.IntsAttr("kernel_shape", attrs64([]int{1, 1, 1}[:axes]...)))
		} else {
			y = b.op("Conv", []string{"x", b.normal(w...), b.normal(outs)}, onnxio.IntsAttr("pads", append(pads, pads...)))
		}
	}
	for range 1 + rng.IntN(3) {
		op := []string{"Add", "Sub", "Mul", "Div"}[rng.IntN(4)]
		first := rng.IntN(3) == 0 && op != "Div"
		k, made, attrs := s.constant(b, data, first)
		if first && s.Opset < 7 && len(attrs) > 0 {
			first = false // the operand that broadcasts stands second
		}
		args := []string{y, k}
		if first {
			args = []string{k, y}
		}
		t := b.inits[len(b.inits)-1]
		s.Note += fmt.Sprintf(" %s %v by %v (first %v)", op, data, t.Dims(), first)
		y, data = b.op(op, args, attrs...), made
		if rng.IntN(4) == 0 && len(data) > 2 && data[1] > 0 {
			s.Note += " norm"
			var test []*onnxio.Attr
			if s.Opset < 7 {
				test = []*onnxio.Attr{onnxio.IntAttr("is_test", 1)}
			}
			b.scale = 0
			positive := func() float64 { return 0.5 + rng.Float64() }
			c := data[1]
			y = b.op("BatchNormalization", []string{y, b.normal(c), b.normal(c), b.normal(c), b.weight(positive, c)}, test...)
			b.scale = 0.5
		}
	}
	if rng.IntN(2) == 0 && len(data) == axes+2 && axes > 0 && data[1] > 0 { // zeros outside the map
		w, pads := []int{2, data[1]}, []int64{}
		for range axes {
			w, pads = append(w, 3), append(pads, 1)
		}
		s.Note += " conv"
		y = b.op("Conv", []string{y, b.normal(w...)}, onnxio.IntsAttr("pads", append(pads, pads...)))
	}
	p := onnxio.Parts{Opset: s.Opset, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", s.Elem, dims...)},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped(y, s.Elem)}, Nodes: b.nodes, Inits: b.inits}
	if s.Opset < 7 {
		p.IRVersion = 3
		for _, t := range b.inits {
			var d []onnxio.Dim
			for _, n := range t.Dims() {
				d = append(d, onnxio.Known(n))
			}
			p.Inputs = append(p.Inputs, onnxio.NewValue(t.Name(), t.DType(), d...))
		}
	}
	return onnxio.NewModel(p)
}

// layerWeights counts the elements of the matrices that layers read.
func layerWeights(m *onnxio.Model) int {
	sizes := map[string]int{}
	for _, t := range m.Graph().Inits() {
		sizes[t.Name()] = int(t.Len())
	}
	n := 0
	for _, node := range m.Graph().Nodes() {
		switch node.OpType() {
		case "Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum":
			n += max(sizes[node.Inputs()[0]], sizes[node.Inputs()[1]])
		}
	}
	return n
}

// storesWeights reports whether the matrices of all layers are stored.
func storesWeights(m *onnxio.Model) bool {
	stored := map[string]bool{}
	for _, t := range m.Graph().Inits() {
		stored[t.Name()] = true
	}
	return !slices.ContainsFunc(m.Graph().Nodes(), func(n *onnxio.Node) bool {
		return slices.Contains([]string{"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"}, n.OpType()) && !stored[n.Inputs()[0]] && !stored[n.Inputs()[1]]
	})
}

// k - conv(x) before a conv that pads with zeros: without a prover it was merged
// for k = -bias, where the map is 2k outside, and missed for k = bias, where it is
// zero.
func TestConstantMinusMap(t *testing.T) {
	for _, sign := range []float64{1, -1} {
		m := near(t, onnxio.Float32, func(b *graphBuilder) string {
			bias := []float64{0.5, -1, 2, 3}
			i, j := 0, 0
			y := b.op("Conv", []string{"x", b.normal(4, 4, 1, 1), b.weight(func() float64 { i++; return bias[i-1] }, 4)})
			y = b.op("Sub", []string{b.weight(func() float64 { j++; return sign * bias[j-1] }, 4, 1, 1), y})
			return b.conv(y, 4, 4, 3, 1)
		})
		res, err := convert.Convert(context.Background(), m, convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameModel(t, sign, 1, m, res.Model)
		if want := map[float64]int{1: 1, -1: 2}[sign]; countOps(res.Model)["Conv"] != want {
			t.Errorf("k = %g·bias: %v left, want %d Conv", sign, countOps(res.Model), want)
		}
	}
}
