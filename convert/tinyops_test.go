package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"repmlp/onnxio"
)

// A tinyOp is an operator of small graphs: of maps of a few channels, and rows.
type tinyOp struct {
	name  string
	ins   int
	keeps bool // the result has the shape of what it reads, which stands for it where the node is passed over
	even  bool // operands of one shape may change places
	taps  int  // of a layer; 0 for others
	// shape gives the shapes of the results; nil where the operands have others than it takes.
	shape func(in []tinyShape) []tinyShape
	// draw draws the parameters: of a layer weights by result, operand and tap, then biases;
	// of others scales, then shifts.
	draw func(rng *rand.Rand, in []tinyShape) []float64
	// write adds the nodes of one operator that stands in a graph.
	write func(w *tinyWriter)
	// run gives the results.
	run func(p []float64, in []tinyValue) []tinyValue
}

// A tinyShape is that of a map [N, channels, side, side], or of rows [N, channels].
type tinyShape struct {
	channels, side int
	rows           bool
}

func (s tinyShape) size() int { return s.channels * s.side * s.side }

// A tinyValue is one sample of a value.
type tinyValue struct {
	tinyShape
	v []float64
}

func (x tinyValue) at(c, i, j int) float64 { return x.v[(c*x.side+i)*x.side+j] }

// made is a value worked out element by element.
func made(s tinyShape, f func(c, i, j int) float64) tinyValue {
	y := tinyValue{s, make([]float64, s.size())}
	for k := range y.v {
		y.v[k] = f(k/(s.side*s.side), k/s.side%s.side, k%s.side)
	}
	return y
}

// A tinyWriter writes the nodes of one operator.
type tinyWriter struct {
	*graphBuilder
	title  string
	params []float64
	shapes []tinyShape // of the operands
	in     []string
	out    []string
}

func (w *tinyWriter) list(v []float64, dims ...int) string {
	k := -1
	return w.weight(func() float64 { k++; return v[k] }, dims...)
}

func (w *tinyWriter) node(op string, in []string, attrs ...*onnxio.Attr) {
	w.nodes = append(w.nodes, onnxio.NewNode(w.title, op, in, w.out, attrs...))
}

// ints is a constant of integers.
func (w *tinyWriter) ints(v ...int64) string {
	w.n++
	name := fmt.Sprintf("i%d", w.n)
	w.inits = append(w.inits, onnxio.NewInts(name, []int64{int64(len(v))}, v))
	return name
}

// channels is a constant of one number for each channel, beside the data.
func (w *tinyWriter) channels(v []float64) string {
	if w.shapes[0].rows {
		return w.list(v, len(v))
	}
	return w.list(v, len(v), 1, 1)
}

func rise(rng *rand.Rand) float64   { return 0.3 + rng.Float64() }
func either(rng *rand.Rand) float64 { return math.Copysign(rise(rng), rng.Float64()-0.5) }

func drawEach(n int, f func(*rand.Rand) float64) func(*rand.Rand, []tinyShape) []float64 {
	return func(rng *rand.Rand, in []tinyShape) []float64 {
		var p []float64
		for range n * in[0].channels {
			p = append(p, f(rng))
		}
		return p
	}
}

func sameShape(in []tinyShape) []tinyShape {
	if len(in) > 1 && in[0] != in[1] {
		return nil
	}
	return in[:1]
}

func onMaps(f func(s tinyShape) []tinyShape) func([]tinyShape) []tinyShape {
	return func(in []tinyShape) []tinyShape {
		if in[0].rows {
			return nil
		}
		return f(in[0])
	}
}

// each works a result out element by element of the operands.
func each(f func(p []float64, c, channels int, x []float64) float64) func([]float64, []tinyValue) []tinyValue {
	return func(p []float64, in []tinyValue) []tinyValue {
		return []tinyValue{made(in[0].tinyShape, func(c, i, j int) float64 {
			x := []float64{in[0].at(c, i, j)}
			if len(in) > 1 {
				x = append(x, in[1].at(c, i, j))
			}
			return f(p, c, in[0].channels, x)
		})}
	}
}

// layerOp is an operator with weights, of two features; at gives the offset of a tap.
func layerOp(name string, taps int, rows bool, at func(tap int) (i, j int), op string, attrs ...*onnxio.Attr) tinyOp {
	const out = 2
	return tinyOp{name: name, ins: 1, taps: taps,
		shape: func(in []tinyShape) []tinyShape {
			if in[0].rows != rows {
				return nil
			}
			return []tinyShape{{out, in[0].side, rows}}
		},
		draw: func(rng *rand.Rand, in []tinyShape) []float64 {
			n := in[0].channels * taps
			p := make([]float64, out*n+out)
			for i := range p {
				p[i] = rng.NormFloat64()
			}
			for o := range out { // weights of both signs: no activation behind is linear
				first, last := &p[o*n], &p[o*n+n-1]
				*first, *last = -math.Abs(*first), math.Abs(*last)
			}
			return p
		},
		write: func(w *tinyWriter) {
			c := w.shapes[0].channels
			k := out * c * taps
			weights, dims := w.params[:k], []int{out, c}
			if op == "ConvTranspose" {
				dims = []int{c, out}
				weights = make([]float64, k)
				for i, v := range w.params[:k] {
					o, n, t := i/(c*taps), i/taps%c, i%taps
					weights[(n*out+o)*taps+taps-1-t] = v
				}
			}
			if !rows {
				side := int(math.Sqrt(float64(taps)))
				dims = append(dims, side, side)
			}
			w.node(op, []string{w.in[0], w.list(weights, dims...), w.list(w.params[k:], out)}, attrs...)
		},
		run: func(p []float64, in []tinyValue) []tinyValue {
			x := in[0]
			return []tinyValue{made(tinyShape{out, x.side, rows}, func(o, i, j int) float64 {
				sum := p[out*x.channels*taps+o]
				for n := range x.channels {
					for t := range taps {
						di, dj := at(t)
						if r, s := i+di, j+dj; r >= 0 && s >= 0 && r < x.side && s < x.side {
							sum += p[(o*x.channels+n)*taps+t] * x.at(n, r, s)
						}
					}
				}
				return sum
			})}
		}}
}

// around is a pool of positions from, to around each one, which counts all or those on the map.
func around(from, to int, f func(x []float64, all int) float64) func([]float64, []tinyValue) []tinyValue {
	return func(_ []float64, in []tinyValue) []tinyValue {
		x := in[0]
		return []tinyValue{made(x.tinyShape, func(c, i, j int) float64 {
			var list []float64
			for r := max(i+from, 0); r <= min(i+to, x.side-1); r++ {
				for s := max(j+from, 0); s <= min(j+to, x.side-1); s++ {
					list = append(list, x.at(c, r, s))
				}
			}
			return f(list, (to-from+1)*(to-from+1))
		})}
	}
}

func sumUp(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

func plainOp(op string) func(*tinyWriter) { return func(w *tinyWriter) { w.node(op, w.in) } }

// pickOp takes some channels.
func pickOp(name, op string, count func(c int) int, from func(c, i int) int) tinyOp {
	return tinyOp{name: name, ins: 1,
		shape: func(in []tinyShape) []tinyShape {
			if in[0].channels%2 > 0 {
				return nil
			}
			return []tinyShape{{count(in[0].channels), in[0].side, in[0].rows}}
		},
		write: func(w *tinyWriter) {
			c := w.shapes[0].channels
			first := int64(from(c, 0))
			if op == "Slice" {
				w.node(op, []string{w.in[0], w.ints(first), w.ints(first + int64(count(c))), w.ints(1)})
				return
			}
			var list []int64
			for i := range count(c) {
				list = append(list, int64(from(c, i)))
			}
			w.node(op, []string{w.in[0], w.ints(list...)}, onnxio.IntAttr("axis", 1))
		},
		run: func(_ []float64, in []tinyValue) []tinyValue {
			x := in[0]
			s := tinyShape{count(x.channels), x.side, x.rows}
			return []tinyValue{made(s, func(c, i, j int) float64 { return x.at(from(x.channels, c), i, j) })}
		}}
}

func half(c int) int { return c / 2 }

// largestSide bounds maps that grow.
const largestSide = 6

// tinyOps are the operators of small graphs. Those of narrow ones come first.
var tinyOps = []tinyOp{
	layerOp("Conv", 1, false, func(int) (int, int) { return 0, 0 }, "Conv"),
	{name: "Norm", ins: 1, keeps: true, shape: sameShape,
		draw: func(rng *rand.Rand, in []tinyShape) []float64 {
			scale := []func(*rand.Rand) float64{rise, either}[rng.IntN(2)]
			return append(drawEach(1, scale)(rng, in), drawEach(1, (*rand.Rand).NormFloat64)(rng, in)...)
		},
		write: func(w *tinyWriter) {
			c := len(w.params) / 2
			zero, one := make([]float64, c), slices.Repeat([]float64{1}, c)
			w.node("BatchNormalization", []string{w.in[0], w.list(w.params[:c], c), w.list(w.params[c:], c), w.list(zero, c), w.list(one, c)}, onnxio.FloatAttr("epsilon", 0))
		},
		run: each(func(p []float64, c, channels int, x []float64) float64 { return p[c]*x[0] + p[channels+c] })},
	{name: "Scale", ins: 1, keeps: true, shape: sameShape, // by numbers of both signs
		draw: func(rng *rand.Rand, in []tinyShape) []float64 {
			p := drawEach(1, either)(rng, in)
			p[rng.IntN(len(p))] = -rise(rng)
			return p
		},
		write: func(w *tinyWriter) { w.node("Mul", []string{w.in[0], w.channels(w.params)}) },
		run:   each(func(p []float64, c, _ int, x []float64) float64 { return p[c] * x[0] })},
	{name: "Rise", ins: 1, keeps: true, shape: sameShape, draw: drawEach(1, rise), // by numbers above zero
		write: func(w *tinyWriter) { w.node("Mul", []string{w.in[0], w.channels(w.params)}) },
		run:   each(func(p []float64, c, _ int, x []float64) float64 { return p[c] * x[0] })},
	{name: "Shift", ins: 1, keeps: true, shape: sameShape, draw: drawEach(1, (*rand.Rand).NormFloat64),
		write: func(w *tinyWriter) { w.node("Add", []string{w.in[0], w.channels(w.params)}) },
		run:   each(func(p []float64, c, _ int, x []float64) float64 { return x[0] + p[c] })},
	{name: "Relu", ins: 1, keeps: true, shape: sameShape, write: plainOp("Relu"),
		run: each(func(_ []float64, _, _ int, x []float64) float64 { return max(x[0], 0) })},
	{name: "MaxPool", ins: 1, keeps: true, shape: onMaps(func(s tinyShape) []tinyShape { return []tinyShape{s} }),
		write: func(w *tinyWriter) {
			w.node("MaxPool", w.in, onnxio.IntsAttr("kernel_shape", attrs64(2, 2)), onnxio.IntsAttr("pads", attrs64(0, 0, 1, 1)))
		},
		run: around(0, 1, func(x []float64, _ int) float64 { return slices.Max(x) })},
	{name: "AveragePool", ins: 1, keeps: true, shape: onMaps(func(s tinyShape) []tinyShape { return []tinyShape{s} }),
		write: func(w *tinyWriter) {
			w.node("AveragePool", w.in, onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1)))
		},
		run: around(-1, 1, func(x []float64, _ int) float64 { return sumUp(x) / float64(len(x)) })},
	{name: "Concat", ins: 2,
		shape: func(in []tinyShape) []tinyShape {
			if in[0].side != in[1].side || in[0].rows != in[1].rows {
				return nil
			}
			return []tinyShape{{in[0].channels + in[1].channels, in[0].side, in[0].rows}}
		},
		write: func(w *tinyWriter) { w.node("Concat", w.in, onnxio.IntAttr("axis", 1)) },
		run: func(_ []float64, in []tinyValue) []tinyValue {
			return []tinyValue{{tinyShape{in[0].channels + in[1].channels, in[0].side, in[0].rows}, slices.Concat(in[0].v, in[1].v)}}
		}},
	{name: "Add", ins: 2, keeps: true, even: true, shape: sameShape, write: plainOp("Add"),
		run: each(func(_ []float64, _, _ int, x []float64) float64 { return x[0] + x[1] })},

	layerOp("PaddedConv", 9, false, func(t int) (int, int) { return t/3 - 1, t%3 - 1 }, "Conv", onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1))),
	layerOp("ConvTranspose", 9, false, func(t int) (int, int) { return t/3 - 1, t%3 - 1 }, "ConvTranspose", onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1))),
	layerOp("Gemm", 1, true, func(int) (int, int) { return 0, 0 }, "Gemm", onnxio.IntAttr("transB", 1)),
	{name: "Sub", ins: 2, keeps: true, shape: sameShape, write: plainOp("Sub"),
		run: each(func(_ []float64, _, _ int, x []float64) float64 { return x[0] - x[1] })},
	{name: "Max", ins: 2, keeps: true, even: true, shape: sameShape, write: plainOp("Max"),
		run: each(func(_ []float64, _, _ int, x []float64) float64 { return max(x[0], x[1]) })},
	{name: "Product", ins: 2, keeps: true, even: true, shape: sameShape, write: plainOp("Mul"),
		run: each(func(_ []float64, _, _ int, x []float64) float64 { return x[0] * x[1] })},
	{name: "LeakyRelu", ins: 1, keeps: true, shape: sameShape,
		write: func(w *tinyWriter) { w.node("LeakyRelu", w.in, onnxio.FloatAttr("alpha", 0.25)) },
		run:   each(func(_ []float64, _, _ int, x []float64) float64 { return max(x[0], 0.25*x[0]) })},
	{name: "Asinh", ins: 1, keeps: true, shape: sameShape, write: plainOp("Asinh"), // which nothing passes
		run: each(func(_ []float64, _, _ int, x []float64) float64 { return math.Asinh(x[0]) })},
	{name: "PaddedMean", ins: 1, keeps: true, shape: onMaps(func(s tinyShape) []tinyShape { return []tinyShape{s} }),
		write: func(w *tinyWriter) {
			w.node("AveragePool", w.in, onnxio.IntsAttr("kernel_shape", attrs64(3, 3)), onnxio.IntsAttr("pads", attrs64(1, 1, 1, 1)), onnxio.IntAttr("count_include_pad", 1))
		},
		run: around(-1, 1, func(x []float64, all int) float64 { return sumUp(x) / float64(all) })},
	{name: "Rows", ins: 1, shape: onMaps(func(s tinyShape) []tinyShape { return []tinyShape{{s.channels, 1, true}} }),
		write: func(w *tinyWriter) {
			pooled := w.out[0] + ".pooled"
			w.nodes = append(w.nodes, onnxio.NewNode(w.title+".pool", "GlobalAveragePool", w.in, []string{pooled}))
			w.node("Flatten", []string{pooled})
		},
		run: func(_ []float64, in []tinyValue) []tinyValue {
			x := in[0]
			n := x.side * x.side
			return []tinyValue{made(tinyShape{x.channels, 1, true}, func(c, _, _ int) float64 { return sumUp(x.v[c*n:(c+1)*n]) / float64(n) })}
		}},
	{name: "Resize", ins: 1,
		shape: onMaps(func(s tinyShape) []tinyShape {
			if 2*s.side > largestSide {
				return nil
			}
			return []tinyShape{{s.channels, 2 * s.side, false}}
		}),
		write: func(w *tinyWriter) {
			b, err := onnxio.EncodeFloat64([]float64{1, 1, 2, 2}, onnxio.Float32)
			if err != nil {
				panic(err)
			}
			t, err := onnxio.NewTensor(w.title+".scales", onnxio.Float32, []int64{4}, b)
			if err != nil {
				panic(err)
			}
			w.inits = append(w.inits, t)
			w.node("Resize", []string{w.in[0], "", t.Name()}, onnxio.StringAttr("mode", "nearest"), onnxio.StringAttr("coordinate_transformation_mode", "asymmetric"), onnxio.StringAttr("nearest_mode", "floor"))
		},
		run: func(_ []float64, in []tinyValue) []tinyValue {
			x := in[0]
			return []tinyValue{made(tinyShape{x.channels, 2 * x.side, false}, func(c, i, j int) float64 { return x.at(c, i/2, j/2) })}
		}},
	{name: "DepthToSpace", ins: 1,
		shape: onMaps(func(s tinyShape) []tinyShape {
			if s.channels%4 > 0 || 2*s.side > largestSide {
				return nil
			}
			return []tinyShape{{s.channels / 4, 2 * s.side, false}}
		}),
		write: func(w *tinyWriter) { w.node("DepthToSpace", w.in, onnxio.IntAttr("blocksize", 2)) },
		run: func(_ []float64, in []tinyValue) []tinyValue {
			x := in[0]
			return []tinyValue{made(tinyShape{x.channels / 4, 2 * x.side, false}, func(c, i, j int) float64 { return x.at((i%2*2+j%2)*x.channels/4+c, i/2, j/2) })}
		}},
	pickOp("Reversed", "Gather", func(c int) int { return c }, func(c, i int) int { return c - 1 - i }),
	pickOp("FirstHalf", "Slice", half, func(_, i int) int { return i }),
	pickOp("SecondHalf", "Slice", half, func(c, i int) int { return c/2 + i }),
	{name: "Split", ins: 1,
		shape: func(in []tinyShape) []tinyShape {
			if in[0].channels%2 > 0 {
				return nil
			}
			s := tinyShape{in[0].channels / 2, in[0].side, in[0].rows}
			return []tinyShape{s, s}
		},
		write: func(w *tinyWriter) { w.node("Split", w.in, onnxio.IntAttr("axis", 1)) },
		run: func(_ []float64, in []tinyValue) []tinyValue {
			s, n := tinyShape{in[0].channels / 2, in[0].side, in[0].rows}, len(in[0].v)/2
			return []tinyValue{{s, in[0].v[:n]}, {s, in[0].v[n:]}}
		}},
}

// narrowOps is how many operators narrow graphs have.
const narrowOps = 10
