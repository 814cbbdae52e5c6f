package verify

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/internal/ops"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// choices makes decisions from bytes, zero where they end.
type choices []byte

func (c *choices) next(n int) int {
	if len(*c) == 0 || n <= 1 {
		return 0
	}
	v := int((*c)[0])
	*c = (*c)[1:]
	return v % n
}

var constantTypes = []onnxio.DType{onnxio.Float32, onnxio.Int64, onnxio.Int32, onnxio.Bool, onnxio.Uint8, onnxio.Int8, onnxio.Float16, onnxio.Float64, onnxio.Uint64, onnxio.Uint32, onnxio.Int16, onnxio.Uint16, onnxio.BFloat16}

// constantOperators are those that the engine runs and whose result is one thing: what
// constants are of, and a few that are never.
var constantOperators = slices.DeleteFunc(slices.Sorted(maps.Keys(operator.Table())), func(op string) bool { return op == "If" || op == "Loop" })

var constantAttributes = []string{"axis", "to", "fmod", "keepdims", "axes", "perm", "k", "dtype", "starts", "ends", "value", "value_ints", "value_int", "noop_with_empty_axes", "start", "end", "broadcast", "reduction"}

// constantTensor is small, of any type, with numbers that reach its limits.
func constantTensor(c *choices, name string) *onnxio.Tensor {
	d := constantTypes[c.next(len(constantTypes))]
	dims := make([]int64, c.next(4))
	n := 1
	for i := range dims {
		dims[i] = int64([]int{1, 2, 3, 4, 0}[c.next(5)])
		n *= int(dims[i])
	}
	edges := []int64{1, 0, 2, -1, 3, 5, 7, 100, 127, 128, 200, 255, 300, 1 << 15, 1<<31 - 1, 1 << 31, 1 << 40, math.MaxInt64, math.MinInt64, -2, -7, -128}
	var raw []byte
	var err error
	if d.IsFloat() {
		v := make([]float64, n)
		for i := range v {
			v[i] = []float64{1, 0, -1, 0.5, 2, 3, -2.5, 1.5, 100.25, 1e-3, 65504, 1e6, 1e30, -0.1}[c.next(14)]
		}
		raw, err = onnxio.EncodeFloat64(v, d)
	} else {
		v := make([]int64, n)
		for i := range v {
			v[i] = edges[c.next(len(edges))]
			switch d {
			case onnxio.Bool:
				v[i] &= 1
			case onnxio.Int64, onnxio.Uint64:
			default:
				t := &Tensor{DType: d, I: v[i : i+1]}
				tensor.Wrap(t)
			}
		}
		raw, err = onnxio.EncodeInt64(v, d)
	}
	if err != nil {
		panic(err)
	}
	t, err := onnxio.NewTensor(name, d, dims, raw)
	if err != nil {
		panic(err)
	}
	return t
}

// most is how many inputs an operator takes; more are no ONNX.
func most(op string, opset int64) int {
	_, most := ops.Lookup(op, opset).Inputs()
	if most < 0 {
		return 5
	}
	return most
}

// constantModel is a graph of constants, well typed or not.
func constantModel(c *choices) (m *onnxio.Model, names []string, err error) {
	p := onnxio.Parts{Opset: []int64{17, 13, 12, 7, 18, 14, 21}[c.next(7)]}
	for i := range 2 + c.next(4) {
		t := constantTensor(c, fmt.Sprintf("c%d", i))
		p.Inits, names = append(p.Inits, t), append(names, t.Name())
	}
	for i := range 1 + c.next(5) {
		out := fmt.Sprintf("n%d", i)
		op := constantOperators[c.next(len(constantOperators))]
		var in []string
		for range min(c.next(6), most(op, p.Opset)) {
			if c.next(16) == 15 {
				in = append(in, "")
			} else {
				in = append(in, names[len(names)-1-c.next(len(names))])
			}
		}
		var attrs []*onnxio.Attr
		for range c.next(4) {
			name := constantAttributes[c.next(len(constantAttributes))]
			if slices.ContainsFunc(attrs, func(a *onnxio.Attr) bool { return a.Name() == name }) {
				continue
			}
			v := []int64{1, 0, 2, -1, 6, 7, 9, 10, 11, 3, math.MaxInt64, math.MinInt64}[c.next(12)]
			switch c.next(4) {
			case 0:
				attrs = append(attrs, onnxio.IntAttr(name, v))
			case 1:
				attrs = append(attrs, onnxio.IntsAttr(name, []int64{v, 0, 2}[:1+c.next(3)]))
			case 2:
				attrs = append(attrs, onnxio.TensorAttr(name, constantTensor(c, "")))
			default:
				attrs = append(attrs, onnxio.StringAttr(name, "add"))
			}
		}
		if op == "Constant" { // the names of its attributes say their types
			attrs = []*onnxio.Attr{onnxio.IntAttr("value_int", 3), onnxio.IntsAttr("value_ints", []int64{3, 1}), onnxio.FloatAttr("value_float", 0.5), onnxio.TensorAttr("value", constantTensor(c, ""))}[c.next(4):][:1]
		}
		p.Nodes, names = append(p.Nodes, onnxio.NewNode(out, op, in, []string{out}, attrs...)), append(names, out)
	}
	p.Outputs = []*onnxio.ValueInfo{onnxio.Untyped(names[len(names)-1], onnxio.Float32)}
	m, err = onnxio.NewModel(p)
	return m, names, err
}

// chainTolerance is for float64 chains in two orders of summation, relative to
// the largest element.
const chainTolerance = 1e-12

// checkConstants evaluates all values of a model and compares them with what
// the engine makes of them. It reports how many were compared.
func checkConstants(t *testing.T, m *onnxio.Model, names []string) int {
	g, err := graph.New(m, graph.Options{FoldDequantize: true})
	if err != nil {
		return 0
	}
	e, err := NewEngine(m, EngineOptions{Mode: Double})
	if err != nil {
		return 0
	}
	compared := 0
	for _, name := range names {
		v := g.Value(name)
		if !g.IsConst(v) {
			continue
		}
		c, err := g.Const(v)
		if err != nil {
			continue
		}
		out, err := e.Eval(context.Background(), map[string]*Tensor{}, []string{name})
		if err != nil {
			continue // a type that the engine lacks
		}
		x := out[name]
		label := name
		if n := v.Producer; n != nil {
			label += " = " + n.OpType()
			for _, in := range n.In {
				if k, err := g.Const(in); in != nil && err == nil {
					label += fmt.Sprintf(" %s%v%v%v", k.DType, k.Shape, k.I, k.F)
				} else if in != nil {
					dims, _ := in.Shape()
					label += fmt.Sprintf(" %s%v", in.Name, dims)
				}
			}
			for _, a := range n.Attrs() {
				label += fmt.Sprintf(" %s=%d%v%s", a.Name(), a.I(), a.Ints(), a.S())
			}
		}
		if !slices.Equal(x.Shape, c.Shape) && !(len(x.Shape) == 0 && len(c.Shape) == 0) {
			t.Errorf("%s: shape %v as a constant, %v when run", label, c.Shape, x.Shape)
			continue
		}
		if dims, ok := v.Shape(); ok && len(dims) != len(c.Shape) {
			t.Errorf("%s: rank %d by its shape, %d as a constant", label, len(dims), len(c.Shape))
		} else if ok {
			for i, d := range dims {
				if k, known := d.Int(); known && int(k) != c.Shape[i] {
					t.Errorf("%s: shape %v, as a constant %v", label, dims, c.Shape)
				}
			}
		}
		if x.DType != c.DType {
			t.Errorf("%s: type %s as a constant, %s when run", label, c.DType, x.DType)
			continue
		}
		compared++
		if c.I != nil && !slices.Equal(c.I, x.I) {
			t.Errorf("%s: %v as a constant, %v when run", label, c.I, x.I)
		}
		top := 0.0
		for _, f := range c.F {
			if !math.IsInf(f, 0) && f == f {
				top = max(top, math.Abs(f))
			}
		}
		for i, f := range c.F {
			if y := x.Float(i); f != y && !(f != f && y != y) && !(math.Abs(f-y) <= chainTolerance*top) {
				t.Errorf("%s: element %d is %g as a constant, %g when run", label, i, f, y)
				break
			}
		}
	}
	return compared
}

// Whatever the types, shapes and attributes are, a constant is what running its
// nodes gives, or none; nothing panics.
func TestRandomConstants(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for range rounds(8000, 800) {
		b := make([]byte, 128)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		compared += checkBytes(t, b)
		if t.Failed() {
			t.Fatalf("bytes %q", b)
		}
	}
	if compared < rounds(8000, 800) {
		t.Errorf("only %d constants were compared", compared)
	}
}

func checkBytes(t *testing.T, b []byte) int {
	c := choices(b)
	m, names, err := constantModel(&c)
	if err != nil {
		return 0
	}
	n := checkConstants(t, m, names)
	if t.Failed() {
		for _, t := range m.Graph().Inits() {
			names = append(names, fmt.Sprintf("%s %s %v", t.Name(), t.DType(), t.Dims()))
		}
		for _, n := range m.Graph().Nodes() {
			s := fmt.Sprintf("%s = %s %v", n.Name(), n.OpType(), n.Inputs())
			for _, a := range n.Attrs() {
				s += fmt.Sprintf(" %s(%d)=%d%v", a.Name(), a.Type(), a.I(), a.Ints())
			}
			names = append(names, s)
		}
		t.Logf("opset %d: %q", m.Opset(""), names)
	}
	return n
}

func FuzzConstants(f *testing.F) {
	f.Add([]byte("constants"))
	f.Fuzz(func(t *testing.T, b []byte) { checkBytes(t, b[:min(len(b), 256)]) })
}
