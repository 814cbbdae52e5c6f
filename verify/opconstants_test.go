package verify

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/ops"
	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
)

// A recipe makes the inputs and attributes of a node that its operator allows.
type recipe func(r *maker)

// A maker collects what a recipe makes.
type maker struct {
	*rand.Rand
	opset  int64
	float  onnxio.DType
	inputs []*onnxio.Tensor // nil: left out
	attrs  []*onnxio.Attr
	outs   int
}

func (m *maker) pick(v ...int64) int64 { return v[m.IntN(len(v))] }

// dims are sizes for a rank.
func (m *maker) dims(rank int) []int64 {
	d := make([]int64, rank)
	for i := range d {
		d[i] = m.pick(1, 2, 3, 4)
	}
	return d
}

func elements(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// floats adds an input of numbers between lo and hi.
func (m *maker) floats(lo, hi float64, dims ...int64) {
	v := make([]float64, elements(dims))
	for i := range v {
		v[i] = lo + m.Float64()*(hi-lo)
		if m.IntN(8) == 0 {
			v[i] = float64(int(v[i]))
		}
	}
	raw, err := onnxio.EncodeFloat64(v, m.float)
	m.add(m.float, dims, raw, err)
}

// ints adds an input of integers between lo and hi, hi excluded.
func (m *maker) ints(d onnxio.DType, lo, hi int64, dims ...int64) {
	v := make([]int64, elements(dims))
	for i := range v {
		v[i] = lo + m.Int64N(hi-lo)
	}
	m.list(d, dims, v...)
}

func (m *maker) list(d onnxio.DType, dims []int64, v ...int64) {
	raw, err := onnxio.EncodeInt64(v, d)
	m.add(d, dims, raw, err)
}

func (m *maker) vector(v ...int64) { m.list(onnxio.Int64, []int64{int64(len(v))}, v...) }

func (m *maker) add(d onnxio.DType, dims []int64, raw []byte, err error) {
	if err != nil {
		panic(err)
	}
	t, err := onnxio.NewTensor(fmt.Sprintf("c%d", len(m.inputs)), d, dims, raw)
	if err != nil {
		panic(err)
	}
	m.inputs = append(m.inputs, t)
}

func (m *maker) int(name string, v int64)      { m.attrs = append(m.attrs, onnxio.IntAttr(name, v)) }
func (m *maker) intsOf(name string, v []int64) { m.attrs = append(m.attrs, onnxio.IntsAttr(name, v)) }

// maybe adds an attribute half of the time.
func (m *maker) maybe(name string, v ...int64) {
	if m.IntN(2) == 0 {
		m.int(name, m.pick(v...))
	}
}

func (m *maker) text(name string, v ...string) {
	if k := m.IntN(len(v) + 1); k < len(v) {
		m.attrs = append(m.attrs, onnxio.StringAttr(name, v[k]))
	}
}

// axis is one of a rank, counted from either end.
func (m *maker) axis(rank int) int64 { return int64(m.IntN(2*rank) - rank) }

// axes are different ones, in any order.
func (m *maker) axes(rank int) []int64 {
	var list []int64
	for _, k := range m.Perm(rank)[:1+m.IntN(rank)] {
		list = append(list, int64(k-rank*m.IntN(2)))
	}
	return list
}

// window adds the attributes of a sliding window.
func (m *maker) window(r int, transposed bool) {
	list := func(name string, n int, v ...int64) {
		if m.IntN(2) == 0 {
			l := make([]int64, n)
			for i := range l {
				l[i] = m.pick(v...)
			}
			m.intsOf(name, l)
		}
	}
	list("strides", r, 1, 2, 3)
	if m.IntN(3) > 0 {
		list("pads", 2*r, 0, 1, 2)
	} else {
		m.text("auto_pad", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET")
	}
	list("dilations", r, 1, 2)
	if transposed {
		list("output_padding", r, 0, 1)
	}
}

func anyShape(m *maker) { // the default: a float of any shape
	m.floats(-3, 3, m.dims(m.IntN(5))...)
}

func pair(m *maker) {
	d := m.dims(1 + m.IntN(3))
	m.floats(-3, 3, d...)
	e := slices.Clone(d[m.IntN(len(d)):])
	for i := range e {
		if m.IntN(3) == 0 {
			e[i] = 1
		}
	}
	m.floats(0.5, 2, e...)
}

func reducing(m *maker) {
	r := 1 + m.IntN(4)
	m.floats(0.1, 3, m.dims(r)...)
	m.maybe("keepdims", 0, 1)
	switch m.IntN(3) {
	case 0:
	case 1:
		m.intsOf("axes", m.axes(r))
	case 2:
		m.vector(m.axes(r)...)
	}
}

func pooling(m *maker) {
	r := 1 + m.IntN(3)
	m.floats(-3, 3, append(m.dims(2), slices.Repeat([]int64{6}, r)...)...)
	k := make([]int64, r)
	for i := range k {
		k[i] = m.pick(1, 2, 3)
	}
	m.intsOf("kernel_shape", k)
	m.window(r, false)
	m.maybe("count_include_pad", 0, 1)
	m.maybe("ceil_mode", 0, 1)
}

func convolving(transposed bool) recipe {
	return func(m *maker) {
		r, g, i, o := 1+m.IntN(3), m.pick(1, 1, 2), m.pick(1, 2, 3), m.pick(1, 2, 3)
		x, w := []int64{m.pick(1, 2), g * i}, []int64{g * o, i}
		if transposed {
			w = []int64{g * i, o}
		}
		for range r {
			x, w = append(x, m.pick(4, 5, 6)), append(w, m.pick(1, 2, 3))
		}
		m.floats(-3, 3, x...)
		m.floats(-1, 1, w...)
		if m.IntN(2) == 0 {
			m.floats(-1, 1, g*o)
		}
		if g > 1 {
			m.int("group", g)
		}
		m.window(r, transposed)
	}
}

func lining(m *maker) {
	r := 1 + m.IntN(4)
	m.floats(-3, 3, m.dims(r)...)
	if m.IntN(3) > 0 {
		m.int("axis", m.axis(r))
	}
	m.maybe("keepdims", 0, 1)
	m.maybe("select_last_index", 0, 1)
	m.maybe("p", 1, 2)
}

// channels adds as many inputs of a number for each channel.
func channels(n int, rank int) recipe {
	return func(m *maker) {
		d := m.dims(rank)
		m.floats(-3, 3, d...)
		for range n {
			m.floats(0.1, 2, d[1])
		}
	}
}

func quantizing(back bool) recipe {
	return func(m *maker) {
		r := 1 + m.IntN(3)
		x := m.dims(r)
		kind := []onnxio.DType{onnxio.Uint8, onnxio.Int8, onnxio.Int16}[m.IntN(3)]
		if back {
			m.ints(kind, 0, 100, x...)
		} else {
			m.floats(-30, 30, x...)
		}
		var scale []int64
		switch a := m.IntN(r); m.IntN(3) {
		case 1:
			scale = []int64{x[a]}
			m.int("axis", int64(a))
		case 2:
			scale = slices.Clone(x)
			scale[a] = (x[a] + 1) / 2
			m.int("axis", int64(a))
			m.int("block_size", 2)
		}
		m.floats(0.1, 2, scale...)
		if m.IntN(2) == 0 {
			m.ints(kind, 0, 100, scale...)
		}
	}
}

// recipes has those whose nodes are no function of one float of any shape.
var recipes = map[string]recipe{
	"Add": pair, "Sub": pair, "Mul": pair, "Div": pair, "Pow": pair, "PRelu": pair, "Sum": pair, "Mean": pair, "Max": pair, "Min": pair,
	"Equal": pair, "Less": pair, "LessOrEqual": pair, "Greater": pair, "GreaterOrEqual": pair,
	"Mod": func(m *maker) { pair(m); m.int("fmod", 1) },
	"And": bools(2), "Or": bools(2), "Xor": bools(2), "Not": bools(1),
	"ReduceSum": reducing, "ReduceMean": reducing, "ReduceMax": reducing, "ReduceMin": reducing, "ReduceProd": reducing, "ReduceL1": reducing,
	"ReduceL2": reducing, "ReduceSumSquare": reducing, "ReduceLogSum": reducing, "ReduceLogSumExp": reducing,
	"Softmax": lining, "LogSoftmax": lining, "Hardmax": lining, "LpNormalization": lining, "ArgMax": lining, "ArgMin": lining,
	"AveragePool": pooling, "MaxPool": pooling, "GlobalAveragePool": channels(0, 4), "GlobalMaxPool": channels(0, 3),
	"Conv": convolving(false), "ConvTranspose": convolving(true),
	"BatchNormalization": func(m *maker) {
		if channels(4, 4)(m); m.IntN(2) == 0 {
			if m.int("training_mode", 1); m.opset < 14 {
				m.outs = 5
			}
		}
	}, "InstanceNormalization": channels(2, 3),
	"QuantizeLinear": quantizing(false), "DequantizeLinear": quantizing(true),
	"Log": above(0.1, 5), "Sqrt": above(0.1, 5), "Acosh": above(1.1, 5), "Acos": above(-0.9, 0.9), "Asin": above(-0.9, 0.9), "Atanh": above(-0.9, 0.9),
	"GroupNormalization": func(m *maker) {
		c := m.pick(2, 4)
		m.floats(-3, 3, 2, c, 3)
		n := c
		if m.opset < 21 {
			n = 2
		}
		m.floats(-1, 1, n)
		m.floats(-1, 1, n)
		m.int("num_groups", 2)
	},
	"LayerNormalization": func(m *maker) {
		d := m.dims(3)
		m.floats(-3, 3, d...)
		a := m.axis(3)
		m.int("axis", a)
		m.floats(-1, 1, d[(a+3)%3:]...)
		if m.IntN(2) == 0 {
			m.floats(-1, 1, d[(a+3)%3:]...)
		}
		m.outs = 1 + 2*m.IntN(2)
	},
	"RMSNormalization": func(m *maker) {
		d := m.dims(3)
		m.floats(-3, 3, d...)
		a := m.axis(3)
		m.int("axis", a)
		m.floats(-1, 1, d[(a+3)%3:]...)
	},
	"MeanVarianceNormalization": func(m *maker) {
		m.floats(-3, 3, m.dims(4)...)
		if m.IntN(2) == 0 {
			m.intsOf("axes", m.axes(4))
		}
	},
	"LRN": func(m *maker) { m.floats(-3, 3, 2, 5, 2, 2); m.int("size", m.pick(1, 2, 3, 4)) },
	"MatMul": func(m *maker) {
		k := m.pick(1, 2, 3)
		a, b := []int64{2, m.pick(1, 3), k}, []int64{m.pick(1, 2), k, m.pick(1, 4)}
		m.floats(-3, 3, a[m.IntN(3):]...)
		if m.IntN(4) == 0 {
			b = []int64{k}
		}
		m.floats(-3, 3, b[m.IntN(max(1, len(b)-1)):]...)
	},
	"Gemm": func(m *maker) {
		a, b := []int64{m.pick(1, 3), 4}, []int64{4, m.pick(1, 2)}
		for i, d := range [][]int64{a, b} {
			if t := m.IntN(2); t == 1 {
				slices.Reverse(d)
				m.int([]string{"transA", "transB"}[i], 1)
			}
			m.floats(-3, 3, d...)
		}
		if m.IntN(2) == 0 {
			m.floats(-3, 3, 1)
			m.attrs = append(m.attrs, onnxio.FloatAttr("alpha", 0.5), onnxio.FloatAttr("beta", float32(m.IntN(3))))
		}
	},
	"Einsum": func(m *maker) {
		eq := []string{"ti,othw->oihw", "oihw,o->oihw", "oi,hw->oihw", "ij,jk,k->i", "ij->ji", "ij->", "ij", "bij,bjk", "ba,a->b", "i,i->"}[m.IntN(10)]
		m.attrs = append(m.attrs, onnxio.StringAttr("equation", eq))
		size := map[byte]int64{}
		left, _, _ := strings.Cut(eq, "->")
		for _, term := range strings.Split(left, ",") {
			var d []int64
			for _, c := range []byte(term) {
				if size[c] == 0 {
					size[c] = m.pick(1, 2, 3)
				}
				d = append(d, size[c])
			}
			m.floats(-3, 3, d...)
		}
	},
	"Split": func(m *maker) {
		d := m.dims(3)
		a := m.axis(3)
		d[(a+3)%3] = 5
		m.floats(-3, 3, d...)
		m.int("axis", a)
		if m.outs = 2; m.opset < 13 {
			m.intsOf("split", []int64{2, 3})
		} else if m.IntN(2) == 0 || m.opset < 18 {
			m.vector(1, 4)
		} else {
			m.int("num_outputs", 2)
		}
	},
	"TopK": func(m *maker) {
		d := m.dims(3)
		a := m.axis(3)
		d[(a+3)%3] = 5
		if m.IntN(2) == 0 {
			m.floats(-3, 3, d...)
		} else {
			m.ints(onnxio.Int64, -3, 3, d...)
		}
		m.int("axis", a)
		m.maybe("largest", 0, 1)
		m.vector(m.pick(0, 1, 3, 5))
		m.outs = 2
	},
	"CumSum": func(m *maker) {
		r := 1 + m.IntN(3)
		m.floats(-3, 3, m.dims(r)...)
		m.list(onnxio.Int64, nil, m.axis(r))
		m.maybe("exclusive", 0, 1)
		m.maybe("reverse", 0, 1)
	},
	"Trilu": func(m *maker) {
		m.floats(-3, 3, m.dims(2+m.IntN(2))...)
		if m.IntN(2) == 0 {
			m.list(onnxio.Int64, nil, m.pick(-2, -1, 0, 1, 2))
		}
		m.maybe("upper", 0, 1)
	},
	"OneHot": func(m *maker) {
		r := 1 + m.IntN(3)
		m.ints(onnxio.Int64, -5, 6, m.dims(r)...)
		m.list(onnxio.Int64, nil, 4)
		m.floats(-3, 3, 2)
		m.maybe("axis", 0, -1, 1)
	},
	"Gather": func(m *maker) {
		m.floats(-3, 3, 3, 3, 3)
		m.ints(onnxio.Int64, -3, 3, m.dims(m.IntN(3))...)
		m.int("axis", m.axis(3))
	},
	"GatherElements": func(m *maker) {
		m.floats(-3, 3, 3, 4)
		m.ints(onnxio.Int64, -3, 3, m.pick(1, 3), m.pick(2, 4))
		m.maybe("axis", 0, 1, -1)
	},
	"GatherND": func(m *maker) {
		m.floats(-3, 3, 2, 3, 2)
		b := m.IntN(2)
		if m.int("batch_dims", int64(b)); b == 1 {
			m.ints(onnxio.Int64, -2, 2, 2, 3, m.pick(1, 2))
		} else {
			m.ints(onnxio.Int64, -2, 2, append(m.dims(m.IntN(2)), m.pick(1, 2, 3))...)
		}
	},
	"ScatterElements": func(m *maker) {
		m.floats(-3, 3, 4, 3)
		m.ints(onnxio.Int64, -3, 3, 2, 3)
		m.floats(-3, 3, 2, 3)
		m.maybe("axis", 0, 1)
		m.text("reduction", "add", "mul", "max", "min", "none")
	},
	"ScatterND": func(m *maker) {
		m.floats(-3, 3, 4, 3)
		k := m.pick(1, 2)
		m.ints(onnxio.Int64, -3, 3, 2, k)
		m.floats(-3, 3, []int64{2, 3}[:3-k]...)
		m.text("reduction", "add", "mul", "max", "min", "none")
	},
	"Pad": func(m *maker) {
		m.floats(-3, 3, 3, 4)
		m.vector(m.pick(0, 1, 2, -1), m.pick(0, 1, 2, -1), m.pick(0, 1, 2), m.pick(0, 1, 2))
		m.text("mode", "constant", "reflect", "edge", "wrap")
		if m.IntN(2) == 0 {
			m.floats(-1, 1)
		}
	},
	"Clip": func(m *maker) {
		m.floats(-3, 3, m.dims(2)...)
		if m.IntN(2) == 0 {
			m.floats(-2, 0)
			m.floats(0, 2)
		}
	},
	"DepthToSpace": func(m *maker) { m.floats(-3, 3, 2, 8, 2, 3); m.int("blocksize", 2); m.text("mode", "CRD", "DCR") },
	"SpaceToDepth": func(m *maker) { m.floats(-3, 3, 2, 3, 4, 6); m.int("blocksize", 2) },
	"Resize": func(m *maker) {
		m.floats(-3, 3, 1, 2, 4, 3)
		m.inputs = append(m.inputs, nil)
		m.float = onnxio.Float32
		raw, err := onnxio.EncodeFloat64([]float64{1, 1, []float64{2, 0.5, 1.5}[m.IntN(3)], []float64{2, 3, 1}[m.IntN(3)]}, onnxio.Float32)
		m.add(onnxio.Float32, []int64{4}, raw, err)
		m.text("mode", "nearest", "linear")
		m.text("coordinate_transformation_mode", "asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel")
		m.text("nearest_mode", "floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
	},
	"Upsample": func(m *maker) {
		m.floats(-3, 3, 1, 2, 4, 3)
		m.float = onnxio.Float32
		raw, err := onnxio.EncodeFloat64([]float64{1, 1, 2, 3}, onnxio.Float32)
		m.add(onnxio.Float32, []int64{4}, raw, err)
	},
	"Cast":     func(m *maker) { anyShape(m); m.int("to", m.pick(1, 6, 7, 9, 10, 11)) },
	"CastLike": func(m *maker) { anyShape(m); m.ints(onnxio.Int64, 0, 3) },
	"Concat": func(m *maker) {
		d := m.dims(2)
		m.floats(-3, 3, d...)
		m.floats(-3, 3, d...)
		m.int("axis", m.axis(2))
	},
	"Constant":        func(m *maker) { m.intsOf("value_ints", []int64{1, 2}) },
	"ConstantOfShape": func(m *maker) { m.vector(2, 3) },
	"EyeLike":         func(m *maker) { m.floats(-3, 3, m.dims(2)...); m.maybe("k", -1, 1) },
	"Expand":          func(m *maker) { m.floats(-3, 3, 2, 1); m.vector(2, 3) },
	"Tile":            func(m *maker) { m.floats(-3, 3, 2, 2); m.vector(2, 3) },
	"Range": func(m *maker) {
		for _, v := range []int64{1, 9, 2} {
			m.list(onnxio.Int64, nil, v)
		}
	},
	"Reshape":   func(m *maker) { m.floats(-3, 3, 2, 3); m.vector(-1) },
	"Squeeze":   func(m *maker) { m.floats(-3, 3, 2, 1) },
	"Unsqueeze": func(m *maker) { m.floats(-3, 3, 2, 1); m.vector(0) },
	"Slice":     func(m *maker) { m.floats(-3, 3, 4, 3); m.vector(1, 0); m.vector(m.pick(3, -1), 9) },
	"Transpose": func(m *maker) { m.floats(-3, 3, m.dims(3)...) },
	"Where":     func(m *maker) { m.ints(onnxio.Bool, 0, 2, 2, 3); m.floats(-3, 3, 3); m.floats(-3, 3, 2, 1) },
	"Flatten":   func(m *maker) { m.floats(-3, 3, 2, 3, 2); m.maybe("axis", 0, 1, 2) },
	"Dropout":   func(m *maker) { m.floats(-3, 3, 2, 3) },
	"Col2Im":    func(m *maker) { m.floats(-3, 3, 1, 4, 4); m.vector(4, 4); m.vector(2, 2) },
}

// runOnly are operators of which nobody has constants: foldings, and what quantised models
// do with numbers that they quantise as they run.
var runOnly = map[string]bool{"Col2Im": true, "ConvInteger": true, "MatMulInteger": true, "QLinearConv": true, "QLinearMatMul": true, "DynamicQuantizeLinear": true}

func bools(n int) recipe {
	return func(m *maker) {
		for range n {
			m.ints(onnxio.Bool, 0, 2, 2, 3)
		}
	}
}

func above(lo, hi float64) recipe {
	return func(m *maker) { m.floats(lo, hi, m.dims(2)...) }
}

// Every operator that the engine runs is worked out on constants to what the engine makes
// of them, whatever its attributes are, but for control flow and what is in runOnly. Shapes
// that do not fit, and types, are FuzzConstants's.
func TestConstantsOfEveryOperator(t *testing.T) {
	table := operator.Table()
	for op := range recipes {
		if table[op].Kernel == nil {
			t.Errorf("%s is no operator of the engine", op)
		}
	}
	for _, op := range constantOperators {
		compared := 0
		for seed := range uint64(rounds(128, 32)) {
			m := &maker{Rand: rand.New(rand.NewPCG(seed, 29)), outs: 1, opset: []int64{13, 18, 21, 11}[seed%4], float: []onnxio.DType{onnxio.Float32, onnxio.Float64, onnxio.Float16, onnxio.BFloat16}[seed/4%4]}
			switch op {
			case "Upsample":
				m.opset = 9
			case "Mish", "Swish", "Gelu", "HardSwish", "GroupNormalization", "LayerNormalization":
				m.opset = max(18, m.opset)
			case "RMSNormalization":
				m.opset = 23
			}
			make := recipes[op]
			if make == nil {
				make = anyShape
			}
			make(m)
			compared += m.compare(t, op)
			if t.Failed() {
				t.Fatalf("%s, seed %d", op, seed)
			}
		}
		if (compared == 0) != runOnly[op] {
			t.Errorf("%s: %d constants were compared", op, compared)
		}
	}
}

// compare makes the model and compares its outputs.
func (m *maker) compare(t *testing.T, op string) int {
	p := onnxio.Parts{Opset: m.opset}
	var in, outs []string
	for _, c := range m.inputs {
		if c == nil {
			in = append(in, "")
			continue
		}
		p.Inits, in = append(p.Inits, c), append(in, c.Name())
	}
	form := ops.Lookup(op, m.opset)
	attrs := slices.DeleteFunc(m.attrs, func(a *onnxio.Attr) bool { return form.Attr(a.Name()) == nil })
	if _, most := form.Inputs(); most >= 0 && len(in) > most {
		return 0
	}
	for i := range m.outs {
		outs = append(outs, fmt.Sprintf("y%d", i))
		p.Outputs = append(p.Outputs, onnxio.Untyped(outs[i], onnxio.Undefined))
	}
	p.Nodes = []*onnxio.Node{onnxio.NewNode("n", op, in, outs, attrs...)}
	model, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	return checkConstants(t, model, outs)
}
