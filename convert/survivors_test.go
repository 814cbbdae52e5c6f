package convert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A smallGraph is a graph of float64 whose result must be the original's to the last
// digits: mistakes of one sign, one factor or one position show here by themselves.
type smallGraph struct {
	name  string
	shape []int // of x
	build func(b *graphBuilder) string
	ops   string // operators of the result, in order; views are left out
	grow  bool   // merges may make the model larger
}

// free is a size of x that the file leaves open.
const free = -1

// smallTolerance covers the order of float64 sums.
const smallTolerance = 1e-12

func (g smallGraph) model(seed uint64) (*onnxio.Model, error) {
	b := &graphBuilder{rng: rand.New(rand.NewPCG(seed, 81)), elem: onnxio.Float64}
	y := g.build(b)
	var dims []onnxio.Dim
	for i, d := range g.shape {
		if d == free {
			dims = append(dims, onnxio.Named(fmt.Sprint("size", i)))
			continue
		}
		dims = append(dims, onnxio.Known(int64(d)))
	}
	return onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", b.elem, dims...)},
		Outputs: append([]*onnxio.ValueInfo{onnxio.NewValue(y, b.elem)}, b.outs...),
		Nodes:   b.nodes, Inits: b.inits,
	})
}

// run is the outputs of m in float64.
func (g smallGraph) run(m *onnxio.Model, feeds map[string]*verify.Tensor) (map[string]*verify.Tensor, error) {
	e, err := verify.NewEngine(m, verify.EngineOptions{})
	if err != nil {
		return nil, err
	}
	return e.Run(context.Background(), feeds)
}

// operators lists the operators of a model that are no views.
func operators(m *onnxio.Model) string {
	var out []string
	for _, n := range m.Graph().Nodes() {
		if !slices.Contains([]string{"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Constant"}, n.OpType()) {
			out = append(out, n.OpType())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// check converts the graph in every spelling.
func (g smallGraph) check(seed uint64) error {
	m, err := g.model(seed)
	if err != nil {
		return err
	}
	feeds, err := verify.RandomInputs(m, nil, 2, seed)
	if err != nil {
		return err
	}
	want, err := g.run(m, feeds)
	if err != nil {
		return fmt.Errorf("running the original: %w", err)
	}
	for _, fc := range []convert.FC{convert.FCAuto, convert.FCGemm, convert.FCConv} {
		made, _, err := convert.Model(context.Background(), m, convert.Options{FC: fc, AllowGrowth: g.grow, Unproved: true, NoCheck: true})
		if err != nil {
			return fmt.Errorf("converting, FC %d: %w", fc, err)
		}
		if have := operators(made); fc == convert.FCAuto && have != g.ops {
			return fmt.Errorf("the result has %q, want %q", have, g.ops)
		}
		have, err := g.run(made, feeds)
		if err != nil {
			return fmt.Errorf("running the result, FC %d: %w", fc, err)
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if err := sameNumbers(have[name], want[name]); err != nil {
				return fmt.Errorf("output %s, FC %d: %w", name, fc, err)
			}
		}
	}
	return nil
}

func sameNumbers(have, want *verify.Tensor) error {
	if have == nil || !slices.Equal(have.Shape, want.Shape) {
		return fmt.Errorf("is %v, want the shape %v", have, want.Shape)
	}
	scale := 1.0
	for _, x := range want.F64 {
		scale = max(scale, math.Abs(x))
	}
	for i, x := range want.F64 {
		if !(math.Abs(have.F64[i]-x) <= smallTolerance*scale) {
			return fmt.Errorf("element %d is %g, want %g", i, have.F64[i], x)
		}
	}
	return nil
}

// gemm is a Gemm from k to m features with a bias of the given shape, nil for none.
func (b *graphBuilder) gemm(x string, k, m int, alpha, beta float32, trans bool, bias []int) string {
	w := []int{k, m}
	attrs := []*onnxio.Attr{onnxio.FloatAttr("alpha", alpha), onnxio.FloatAttr("beta", beta)}
	if trans {
		w = []int{m, k}
		attrs = append(attrs, onnxio.IntAttr("transB", 1))
	}
	in := []string{x, b.normal(w...)}
	if bias != nil {
		in = append(in, b.normal(bias...))
	}
	return b.op("Gemm", in, attrs...)
}

// window is a Conv with the attributes that are not empty, along both axes.
type window struct{ kernel, stride, dilation, pads []int }

func (w window) attrs() []*onnxio.Attr {
	var out []*onnxio.Attr
	for _, a := range []struct {
		name string
		v    []int
	}{{"kernel_shape", w.kernel}, {"strides", w.stride}, {"dilations", w.dilation}, {"pads", w.pads}} {
		if a.v != nil {
			out = append(out, onnxio.IntsAttr(a.name, attrs64(a.v...)))
		}
	}
	return out
}

func (b *graphBuilder) slide(x string, in, out int, bias bool, w window) string {
	inputs := []string{x, b.normal(append([]int{out, in}, w.kernel...)...)}
	if bias {
		inputs = append(inputs, b.normal(out))
	}
	return b.op("Conv", inputs, w.attrs()...)
}

func (b *graphBuilder) pool(x string, w window, attrs ...*onnxio.Attr) string {
	return b.op("AveragePool", []string{x}, append(w.attrs(), attrs...)...)
}

// flatGemm is a Flatten and a Gemm.
func (b *graphBuilder) flatGemm(x string, k, m int) string {
	return b.gemm(b.op("Flatten", []string{x}), k, m, 1, 1, true, []int{m})
}

func smallGraphs() []smallGraph {
	var all []smallGraph
	add := func(name string, shape []int, ops string, build func(b *graphBuilder) string) *smallGraph {
		all = append(all, smallGraph{name: name, shape: shape, build: build, ops: ops})
		return &all[len(all)-1]
	}
	grow := func(g *smallGraph) { g.grow = true }
	rows := []int{3, 4}
	for _, f := range []struct{ alpha, beta float32 }{{0.5, -3}, {-2, 1}, {1, 0.25}, {3, 0}} {
		for _, bias := range [][]int{nil, {5}, {1, 5}, {1}, {1, 1}, {}} {
			for _, trans := range []bool{false, true} {
				add(fmt.Sprintf("Gemm with factors %g and %g, bias %v, transposed %v", f.alpha, f.beta, bias, trans), rows, "Gemm", func(b *graphBuilder) string {
					return b.gemm(b.gemm("x", 4, 5, f.alpha, f.beta, trans, bias), 5, 3, 2, 0.75, !trans, []int{3})
				})
			}
		}
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div"} {
		for _, swapped := range []bool{false, true} {
			if op == "Div" && swapped {
				continue // not linear
			}
			for _, shape := range [][]int{{}, {1}, {4, 1, 1}, {1, 4, 1, 1}} {
				add(fmt.Sprintf("Conv and %s of %v, constant first %v", op, shape, swapped), []int{2, 3, 5, 5}, "Conv", func(b *graphBuilder) string {
					in := []string{b.slide("x", 3, 4, true, window{kernel: []int{3, 3}}), b.normal(shape...)}
					if swapped {
						slices.Reverse(in)
					}
					return b.op(op, in)
				})
			}
			for _, shape := range [][]int{{}, {5}, {1, 5}} {
				add(fmt.Sprintf("Gemm and %s of %v, constant first %v", op, shape, swapped), rows, "Gemm", func(b *graphBuilder) string {
					in := []string{b.gemm("x", 4, 5, 1, 1, false, []int{5}), b.normal(shape...)}
					if swapped {
						slices.Reverse(in)
					}
					return b.gemm(b.op(op, in), 5, 3, 1, 1, false, []int{3})
				})
			}
		}
	}
	add("Conv and Neg", []int{2, 3, 5, 5}, "Conv", func(b *graphBuilder) string {
		return b.op("Neg", []string{b.slide("x", 3, 4, true, window{kernel: []int{3, 3}})})
	})
	for _, w := range []window{
		{kernel: []int{2, 2}, stride: []int{2, 2}},
		{kernel: []int{2, 2}, stride: []int{2, 2}, dilation: []int{2, 2}},
		{kernel: []int{2, 3}, stride: []int{2, 3}, dilation: []int{1, 2}},
		{kernel: []int{3, 2}, stride: []int{3, 2}, dilation: []int{2, 1}},
		{kernel: []int{2, 2}, stride: []int{2, 2}, pads: []int{2, 0, 0, 0}},
		{kernel: []int{2, 2}, stride: []int{2, 2}, pads: []int{0, 0, 0, 2}},
		{kernel: []int{2, 2}, stride: []int{1, 2}},
		{kernel: []int{2, 2}, stride: []int{2, 1}},
		{kernel: []int{3, 3}, stride: []int{3, 3}, dilation: []int{2, 2}, pads: []int{1, 1, 1, 1}},
	} {
		out := 6
		for i := range 2 {
			step, begin, end := 1, 0, 0
			if w.dilation != nil {
				step = w.dilation[i]
			}
			if w.pads != nil {
				begin, end = w.pads[i], w.pads[i+2]
			}
			out *= (6+begin+end-step*(w.kernel[i]-1)-1)/w.stride[i] + 1
		}
		grow(add(fmt.Sprintf("windows %v as rows of an FC", w), []int{2, 2, 6, 6}, "Gemm", func(b *graphBuilder) string {
			return b.op("Add", []string{b.flatGemm("x", 72, 5), b.flatGemm(b.slide("x", 2, 6, true, w), out, 5)})
		}))
	}
	for _, w := range []window{
		{kernel: []int{1, 3}, pads: []int{0, 1, 0, 1}},
		{kernel: []int{3, 1}, pads: []int{1, 0, 1, 0}},
		{kernel: []int{3, 3}, pads: []int{1, 1, 1, 1}},
		{kernel: []int{2, 3}, pads: []int{1, 1, 0, 1}},
		{kernel: []int{1, 1}},
	} {
		for include := range 2 {
			counted := onnxio.IntAttr("count_include_pad", int64(include))
			add(fmt.Sprintf("average of %v, padding counted %d, before an FC", w, include), []int{2, 2, 4, 5}, "Gemm", func(b *graphBuilder) string {
				return b.op("Sub", []string{b.flatGemm("x", 40, 6), b.flatGemm(b.pool("x", w, counted), 40, 6)})
			})
			add(fmt.Sprintf("BatchNorm, average of %v, padding counted %d, FC", w, include), []int{2, 2, 4, 5}, "Gemm", func(b *graphBuilder) string {
				return b.op("Add", []string{b.flatGemm("x", 40, 6), b.flatGemm(b.pool(b.norm("x", 2), w, counted), 40, 6)})
			})
		}
	}
	for _, w := range []window{
		{kernel: []int{1, 2}, stride: []int{1, 2}}, {kernel: []int{2, 1}, stride: []int{2, 1}}, {kernel: []int{2, 2}, stride: []int{2, 2}}, {kernel: []int{2, 2}, stride: []int{1, 3}},
	} {
		out := 2
		for i := range 2 {
			out *= (6-w.kernel[i])/w.stride[i] + 1
		}
		grow(add(fmt.Sprintf("average of %v before an FC", w), []int{2, 2, 6, 6}, "Gemm", func(b *graphBuilder) string {
			return b.op("Add", []string{b.flatGemm("x", 72, 3), b.flatGemm(b.pool("x", w), out, 3)})
		}))
	}
	for include := range 2 {
		counted := onnxio.IntAttr("count_include_pad", int64(include))
		ops := "AveragePool Conv" // the scale moves behind the pool
		if include == 1 {
			ops = "AveragePool BatchNormalization Conv"
		}
		add(fmt.Sprintf("BatchNorm, padded average, padding counted %d, Conv", include), []int{2, 2, 4, 5}, ops, func(b *graphBuilder) string {
			return b.slide(b.pool(b.norm("x", 2), window{kernel: []int{3, 3}, pads: []int{1, 1, 1, 1}}, counted), 2, 4, true, window{kernel: []int{1, 1}})
		})
	}
	// Sums of which a part merges.
	square := window{kernel: []int{3, 3}, pads: []int{1, 1, 1, 1}}
	two := func(b *graphBuilder) (p, q, r string) {
		return b.slide("x", 4, 4, true, square), b.slide("x", 4, 4, false, window{kernel: []int{1, 1}}), b.op("Sigmoid", []string{"x"})
	}
	for _, sum := range []struct {
		name, ops string
		build     func(b *graphBuilder) string
	}{
		{"p - r - q", "Conv Sigmoid Sub", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Sub", []string{b.op("Sub", []string{p, r}), q})
		}},
		{"r - p - q", "Add Conv Sigmoid", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Sub", []string{b.op("Sub", []string{r, p}), q})
		}},
		{"r - (p - q)", "Add Conv Sigmoid", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Sub", []string{r, b.op("Sub", []string{p, q})})
		}},
		{"p - (r - q)", "Conv Sigmoid Sub", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Sub", []string{p, b.op("Sub", []string{r, q})})
		}},
		{"mean of p, q, r", "Add Conv Mul Sigmoid", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Mean", []string{p, r, q})
		}},
		{"p - mean of r and q", "Add Conv Mul Sigmoid", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Sub", []string{p, b.op("Mean", []string{r, q})})
		}},
		{"q - (p + p + r)", "Conv Sigmoid Sub", func(b *graphBuilder) string {
			p, q, r := two(b)
			return b.op("Sub", []string{q, b.op("Sum", []string{p, p, r})})
		}},
	} {
		add("partial sum "+sum.name, []int{2, 4, 5, 5}, sum.ops, sum.build)
	}
	// Pieces of rows, in and out of order.
	wide := []int{3, 9}
	for _, sizes := range [][]int{{2, 3, 4}, {4, 2, 3}, {3, 3, 3}} {
		split := func(b *graphBuilder) []string {
			return b.outputs("Split", 3, []string{"x", b.ints(sizes...)}, onnxio.IntAttr("axis", 1))
		}
		for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 0, 2}} {
			add(fmt.Sprintf("sum of layers of pieces %v in order %v", sizes, order), wide, "Gemm", func(b *graphBuilder) string {
				pieces, y := split(b), ""
				for _, i := range order {
					layer := b.gemm(pieces[i], sizes[i], 5, 1, 1, false, []int{5})
					if y == "" {
						y = layer
						continue
					}
					y = b.op("Add", []string{y, layer})
				}
				return y
			})
			grow(add(fmt.Sprintf("layers of pieces %v in order %v, joined", sizes, order), wide, "Gemm", func(b *graphBuilder) string {
				var parts []string
				pieces := split(b)
				for _, i := range order {
					parts = append(parts, b.op("MatMul", []string{pieces[i], b.normal(sizes[i], 2)}))
				}
				return b.gemm(b.op("Concat", parts, onnxio.IntAttr("axis", 1)), 6, 4, 1, 1, false, []int{4})
			}))
			add(fmt.Sprintf("pieces %v joined in order %v", sizes, order), wide, "Gemm", func(b *graphBuilder) string {
				var parts []string
				pieces := split(b)
				for _, i := range order {
					parts = append(parts, pieces[i])
				}
				turned := b.op("Concat", parts, onnxio.IntAttr("axis", 1))
				return b.op("Add", []string{b.gemm("x", 9, 4, 1, 1, false, nil), b.gemm(turned, 9, 4, 1, 1, true, []int{4})})
			})
		}
	}
	add("sequence of pieces", wide, "Gemm", func(b *graphBuilder) string {
		p := b.sequence("x", b.ints(4, 2, 3), 2, 0, -2)
		y := b.op("Add", []string{b.gemm(p[0], 3, 5, 1, 1, false, []int{5}), b.gemm(p[1], 4, 5, 1, 1, false, nil)})
		return b.op("Sub", []string{y, b.gemm(p[2], 2, 5, 1, 1, false, nil)})
	})
	// Other views of a map beside the map itself.
	for _, view := range []struct {
		name string
		of   func(b *graphBuilder) string
	}{
		{"backwards", func(b *graphBuilder) string {
			return b.op("Slice", []string{"x", b.ints(-1), b.ints(-100), b.ints(3), b.ints(-1)})
		}},
		{"without its first column, twice a part of it", func(b *graphBuilder) string {
			const all = 1<<31 - 1 // as exporters write "to the end"
			p := b.op("Slice", []string{"x", b.ints(0, 0, 1), b.ints(all, all, all), b.ints(0, 1, 3)})
			q := b.op("Slice", []string{p, b.ints(0, 3), b.ints(4, 4), b.ints(2, 3)})
			return b.op("Concat", []string{p, q}, onnxio.IntAttr("axis", 3))
		}},
		{"every other, twice", func(b *graphBuilder) string {
			p := b.op("Slice", []string{"x", b.ints(1), b.ints(100), b.ints(2), b.ints(2)})
			return b.op("Concat", []string{p, p}, onnxio.IntAttr("axis", 2))
		}},
		{"gathered", func(b *graphBuilder) string {
			return b.op("Gather", []string{"x", b.ints(3, -1, 0, 0, 2)}, onnxio.IntAttr("axis", 3))
		}},
		{"wrapped", func(b *graphBuilder) string {
			p := b.outputs("Split", 2, []string{"x", b.ints(3, 1)}, onnxio.IntAttr("axis", 2))
			return b.op("Concat", []string{p[1], p[0]}, onnxio.IntAttr("axis", -2))
		}},
		{"padded by edges and cut", func(b *graphBuilder) string {
			p := b.op("Pad", []string{"x", b.ints(0, 0, 2, 1, 0, 0, 0, 1)}, onnxio.StringAttr("mode", "edge"))
			return b.op("Slice", []string{p, b.ints(1, 2), b.ints(5, 7), b.ints(2, 3)})
		}},
		{"padded by reflection and cut", func(b *graphBuilder) string {
			p := b.op("Pad", []string{"x", b.ints(0, 0, 3, 0, 0, 0, 0, 2)}, onnxio.StringAttr("mode", "reflect"))
			return b.op("Slice", []string{p, b.ints(1, 2), b.ints(5, 7), b.ints(2, 3)})
		}},
		{"padded by a number and cut", func(b *graphBuilder) string {
			p := b.op("Pad", []string{"x", b.ints(0, 0, 1, 0, 0, 0, 0, 2), b.normal()})
			return b.op("Slice", []string{p, b.ints(0, 1), b.ints(4, 6), b.ints(2, 3)})
		}},
	} {
		for _, rows := range []int{2, free} {
			add(fmt.Sprintf("a layer of a map of %d rows %s", rows, view.name), []int{rows, 2, 4, 5}, "Gemm", func(b *graphBuilder) string {
				return b.op("Add", []string{b.flatGemm("x", 40, 6), b.flatGemm(view.of(b), 40, 6)})
			})
		}
	}
	for _, axes := range [][]int{{2}, {3}, {2, 3}, {-1, 1}} {
		for _, op := range []string{"ReduceMean", "ReduceSum"} {
			add(fmt.Sprintf("%s over %v beside a layer", op, axes), []int{2, 2, 4, 5}, "Gemm", func(b *graphBuilder) string {
				left := 40
				for _, a := range axes {
					left /= []int{2, 2, 4, 5}[(a+4)%4]
				}
				var r string
				if op == "ReduceSum" {
					r = b.op(op, []string{"x", b.ints(axes...)})
				} else {
					r = b.op(op, []string{"x"}, onnxio.IntsAttr("axes", attrs64(axes...)), onnxio.IntAttr("keepdims", 0))
				}
				return b.op("Add", []string{b.flatGemm("x", 40, 6), b.flatGemm(r, left, 6)})
			})
		}
	}
	// Layers of the middle axis, between rows of free sizes.
	for _, shape := range [][]int{{free, 4, free}, {free, 4, 3}, {2, 4, free}, {free, 3, 4, free}, {free, 4, 2, free}} {
		perm := []int64{0, 2, 1}
		at := 1
		if len(shape) == 4 {
			perm = []int64{0, 1, 3, 2}
			if at = slices.Index(shape, 4); at == 1 {
				perm = []int64{0, 2, 3, 1}
			} else {
				at = 2
			}
		}
		back := make([]int64, len(perm))
		for i, k := range perm {
			back[k] = int64(i)
		}
		ops := "Conv" // channels between rows are those of a map
		if at == 2 {
			ops = "MatMul"
		}
		add(fmt.Sprintf("layers of axis %d of %v", at, shape), shape, ops, func(b *graphBuilder) string {
			y := b.transpose("x", perm...)
			y = b.op("MatMul", []string{b.op("MatMul", []string{y, b.normal(4, 6)}), b.normal(6, 5)})
			return b.transpose(y, back...)
		})
	}
	// Windows one after the other.
	for _, w := range [][2]window{
		{{kernel: []int{1, 1}, stride: []int{2, 2}}, {kernel: []int{3, 3}}},
		{{kernel: []int{1, 1}, stride: []int{2, 1}}, {kernel: []int{3, 2}, stride: []int{1, 3}}},
		{{kernel: []int{3, 3}, stride: []int{2, 2}}, {kernel: []int{1, 1}, stride: []int{2, 1}}},
		{{kernel: []int{3, 3}, stride: []int{2, 1}, pads: []int{1, 1, 1, 1}}, {kernel: []int{2, 3}, stride: []int{1, 2}}},
		{{kernel: []int{2, 3}, dilation: []int{2, 1}, stride: []int{1, 2}}, {kernel: []int{3, 2}, dilation: []int{1, 2}, stride: []int{2, 1}}},
		{{kernel: []int{1, 3}, stride: []int{3, 1}}, {kernel: []int{2, 1}, dilation: []int{2, 1}}},
	} {
		grow(add(fmt.Sprintf("windows %v then %v", w[0], w[1]), []int{2, 2, 13, 14}, "Conv", func(b *graphBuilder) string {
			return b.slide(b.slide("x", 2, 8, true, w[0]), 8, 2, true, w[1])
		}))
	}
	return all
}

func TestSmallGraphs(t *testing.T) {
	for i, g := range smallGraphs() {
		if err := g.check(uint64(i)); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
	}
}

// Reasons and rules are listed, each once and with what is to be said of it.
func TestCatalogues(t *testing.T) {
	codes := map[string]bool{}
	for _, r := range convert.Reasons() {
		if r.Code == "" || r.When == "" || codes[r.Code] {
			t.Errorf("%+v", r)
		}
		codes[r.Code] = true
		if growth := (convert.Decline{Code: r.Code}).Growth(); growth != r.Growth {
			t.Errorf("a decline %q is about size alone: %v, its reason: %v", r.Code, growth, r.Growth)
		}
	}
	names := map[string]bool{}
	for _, d := range convert.Catalogue() {
		if d.Name == "" || d.Title == "" || d.Formula == "" || d.When == "" || d.Example == "" || names[d.Name] {
			t.Errorf("%+v", d)
		}
		names[d.Name] = true
	}
	for i, r := range reason.Reasons() {
		if told := convert.Reasons(); i >= len(told) || told[i].Code != string(r.Code) || told[i].Left != r.Code.Left() || told[i].Advice != r.Advice {
			t.Errorf("the reason %q is told as %+v", r.Code, told)
		}
	}
	if len(codes) < 20 || len(names) < 10 {
		t.Errorf("%d reasons, %d rules", len(codes), len(names))
	}
}

// Numbers that JSON does not know come back as they were.
func TestNumbers(t *testing.T) {
	for text, x := range map[string]float64{`"NaN"`: math.NaN(), `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1), "0": 0, "-1.5": -1.5, "1e+300": 1e300} {
		b, err := json.Marshal(convert.Number(x))
		if err != nil || string(b) != text {
			t.Errorf("%g is written as %s, %v; want %s", x, b, err, text)
		}
		var y convert.Number
		if err := json.Unmarshal(b, &y); err != nil || float64(y) != x && !(math.IsNaN(x) && math.IsNaN(float64(y))) {
			t.Errorf("%s is read as %g, %v", b, y, err)
		}
	}
}
