package mutant

import (
	"math"
	"slices"

	"repmlp/onnxio"
)

// A filling makes element i of n from what was there.
type filling func(mu *mutator, i, n int, old float64) float64

func fillings() []filling {
	all := func(v float64) filling { return func(*mutator, int, int, float64) float64 { return v } }
	times := func(v float64) filling { return func(_ *mutator, _, _ int, old float64) float64 { return old * v } }
	return []filling{
		all(0), all(1), all(-1), all(0.5), all(2), all(1e-30), all(1e30), all(65504), all(math.NaN()), all(math.Inf(1)),
		times(-1), times(1e-8), times(1e8), times(1e-20), times(1e20), times(1000), times(1 + 0x1p-20),
		func(_ *mutator, _, _ int, old float64) float64 { return math.Abs(old) },
		func(mu *mutator, _, _ int, _ float64) float64 { return mu.r.NormFloat64() },
		func(mu *mutator, _, _ int, _ float64) float64 { // over many powers of ten
			return math.Copysign(math.Pow(10, mu.r.Float64()*12-6), mu.r.NormFloat64())
		},
		func(mu *mutator, _, _ int, old float64) float64 {
			if mu.chance(2) {
				return 0
			}
			return old
		},
		func(_ *mutator, i, _ int, old float64) float64 {
			if i == 0 {
				return 0
			}
			return old
		},
		func(_ *mutator, i, n int, old float64) float64 {
			if i == n/2 {
				return 1e6
			}
			return old
		},
		func(_ *mutator, i, _ int, _ float64) float64 { return float64(i) },
	}
}

// maxRewritten bounds the constants whose elements are changed.
const maxRewritten = 1 << 18

// constantValue replaces the elements of a constant.
func (mu *mutator) constantValue() bool {
	t := mu.anyConstant(func(t *tensor) bool { return len(t.data) > 0 && len(t.data) <= maxRewritten })
	if t == nil {
		return false
	}
	if !t.dtype.IsFloat() {
		return mu.integers(t)
	}
	v := make([]float64, len(t.data)*8/t.dtype.Bits())
	if onnxio.DecodeFloat64(v, t.data, t.dtype) != nil {
		return false
	}
	f := pick(mu.r, fillings())
	for i := range v {
		v[i] = f(mu, i, len(v), v[i])
		if t.dtype != onnxio.Float64 && math.Abs(v[i]) > math.MaxFloat32 && !math.IsInf(v[i], 0) {
			v[i] = math.Copysign(1e30, v[i])
		}
	}
	data, err := onnxio.EncodeFloat64(v, t.dtype)
	if err != nil {
		return false
	}
	t.data = data
	return true
}

// integers changes one number of a constant of sizes, axes or indices.
func (mu *mutator) integers(t *tensor) bool {
	if !t.dtype.IsInt() || t.dtype.Bits() < 8 {
		return false
	}
	v := make([]int64, len(t.data)*8/t.dtype.Bits())
	if len(v) == 0 || onnxio.DecodeInt64(v, t.data, t.dtype) != nil {
		return false
	}
	i := mu.r.IntN(len(v))
	switch mu.r.IntN(6) {
	case 0:
		v[i]++
	case 1:
		v[i]--
	case 2:
		v[i] = 0
	case 3:
		v[i] = -1
	case 4:
		v[i] *= 2
	default:
		j := mu.r.IntN(len(v))
		v[i], v[j] = v[j], v[i]
	}
	data, err := onnxio.EncodeInt64(v, t.dtype)
	if err != nil {
		return false
	}
	t.data = data
	return true
}

// constantShape gives a constant other axes: of as many elements, or fewer.
func (mu *mutator) constantShape() bool {
	t := mu.anyConstant(func(t *tensor) bool { return t.dtype.IsFloat() && len(t.data) > 0 })
	if t == nil {
		return false
	}
	n := int64(1)
	for _, d := range t.dims {
		n *= d
	}
	width := t.dtype.Bits() / 8
	cut := func(dims ...int64) {
		t.dims = dims
		total := int64(1)
		for _, d := range dims {
			total *= d
		}
		t.data = t.data[:int(total)*width]
	}
	switch mu.r.IntN(9) {
	case 0:
		cut()
	case 1:
		cut(1)
	case 2:
		cut(n, 1, 1)
	case 3:
		cut(1, n, 1, 1)
	case 4:
		cut(n)
	case 5:
		cut(1, 1, 1, 1)
	case 6:
		t.dims = append([]int64{1}, t.dims...)
	case 7:
		if len(t.dims) < 2 {
			return false
		}
		i := mu.r.IntN(len(t.dims) - 1)
		t.dims[i], t.dims[i+1] = t.dims[i+1], t.dims[i]
	default:
		if len(t.dims) == 0 {
			return false
		}
		i := mu.r.IntN(len(t.dims))
		dims := slices.Clone(t.dims)
		dims[i] = 1
		cut(dims...)
	}
	return true
}

// constantMade has a node compute a constant, or turns an initializer into a
// Constant node.
func (mu *mutator) constantMade() bool {
	if len(mu.g.inits) == 0 {
		return false
	}
	t := pick(mu.r, mu.g.inits)
	if mu.isInput(t.name) {
		return false
	}
	if mu.chance(3) {
		name := t.name
		mu.g.inits = slices.DeleteFunc(mu.g.inits, func(o *tensor) bool { return o == t })
		t.name = ""
		mu.insert(0, &node{name: name + "_node", op: "Constant", out: []string{name}, attrs: []*attr{{name: "value", typ: onnxio.AttrTensor, t: t}}})
		return true
	}
	if !t.dtype.IsFloat() {
		return false
	}
	name := t.name
	t.name = mu.fresh(name + "_stored")
	n := &node{name: name + "_made", op: "Identity", in: []string{t.name}, out: []string{name}}
	one := func(f func(int) float64) string { return mu.floats("one", t.dtype, nil, f) }
	switch mu.r.IntN(8) {
	case 0:
	case 1:
		n.op, n.in = "Mul", []string{t.name, one(func(int) float64 { return -0.75 })}
	case 2:
		n.op, n.in = "Sub", []string{one(func(int) float64 { return 1 }), t.name}
	case 3:
		n.op, n.in = "Add", []string{t.name, t.name}
	case 4:
		n.op = pick(mu.r, []string{"Sigmoid", "Tanh", "Exp", "Abs", "Neg", "Relu", "Softplus", "Floor"})
	case 5:
		if len(t.dims) == 0 {
			return true
		}
		n.op, n.in = "ReduceL2", []string{t.name}
		n.attrs = []*attr{intAttr("keepdims", 1)}
		if mu.version() < 18 {
			n.attrs = append(n.attrs, intsAttr("axes", int64(len(t.dims)-1)))
		} else {
			n.in = append(n.in, mu.ints("axes", int64(len(t.dims)-1)))
		}
		div := &node{name: name + "_scaled", op: "Div", in: []string{t.name, mu.fresh(name + "_norm")}, out: []string{name}}
		n.out = []string{div.in[1]}
		mu.insert(0, n, div)
		return true
	case 6:
		n.op, n.attrs = "Cast", []*attr{intAttr("to", int64(t.dtype))}
	default:
		n.op = "Softmax"
	}
	mu.insert(0, n)
	return true
}

func (mu *mutator) isInput(name string) bool {
	return slices.ContainsFunc(mu.g.inputs, func(v *value) bool { return v.name == name })
}

// floatType turns all float numbers of the model into another type.
func (mu *mutator) floatType() bool {
	to := pick(mu.r, []onnxio.DType{onnxio.Float16, onnxio.Float64, onnxio.Float32, onnxio.BFloat16})
	did := false
	convert := func(t *tensor) {
		if !t.dtype.IsFloat() || t.dtype == to || t.dtype.Bits() < 16 {
			return
		}
		v := make([]float64, len(t.data)*8/t.dtype.Bits())
		if onnxio.DecodeFloat64(v, t.data, t.dtype) != nil {
			return
		}
		if data, err := onnxio.EncodeFloat64(v, to); err == nil {
			t.dtype, t.data, did = to, data, true
		}
	}
	one := mu.chance(6) // only one constant: ill-typed
	if one {
		if t := mu.anyConstant(func(t *tensor) bool { return t.dtype.IsFloat() }); t != nil {
			convert(t)
		}
		return did
	}
	var nodes func(list []*node)
	var graph func(g *body)
	nodes = func(list []*node) {
		for _, n := range list {
			for _, a := range n.attrs {
				if a.t != nil {
					convert(a.t)
				}
				if a.g != nil {
					graph(a.g)
				}
				if n.op == "Cast" && a.name == "to" && onnxio.DType(a.i).IsFloat() {
					a.i = int64(to)
				}
			}
		}
	}
	graph = func(g *body) {
		for _, t := range g.inits {
			convert(t)
		}
		nodes(g.nodes)
		for _, v := range slices.Concat(g.inputs, g.outputs, g.infos) {
			if v.elem.IsFloat() {
				v.elem = to
				did = true
			}
		}
	}
	graph(mu.g)
	for _, f := range mu.functions {
		nodes(f.nodes)
	}
	return did
}
