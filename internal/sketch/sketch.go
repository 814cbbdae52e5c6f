// Package sketch makes small models from text, for tests.
//
//	opset 13                                  17 without this line
//	x : N 4 8 8                               an input; types stand first: x : float16 N 4
//	a = Conv(x, ?4x2x3x3, ?4) group=2 pads=1,1,1,1
//	b, c = Split(a, #2_2) axis=1              an operand "-" is left out
//	> b c                                     outputs; the last value without this line
//
// Operands are values or constants: ?4x2 holds random numbers of shape [4, 2], !4
// positive ones, =1.5 is one number, =1.5:4x1x1 the same for a whole shape, =2_-3_5:3
// lists numbers, #2_2 lists integers, # none, and %2 is one. Numbers have the type of the first input.
package sketch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Batch is the size of the dimensions that have a name.
const Batch = 4

// drawing is a model in the making.
type drawing struct {
	parts onnxio.Parts
	rng   *rand.Rand
	elem  onnxio.DType
	last  string
	named int // constants so far
}

// Model reads a text.
func Model(t testing.TB, text string) *onnxio.Model {
	t.Helper()
	d := &drawing{rng: rand.New(rand.NewPCG(uint64(len(text)), 7)), elem: onnxio.Undefined}
	var outputs []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "opset "):
			d.parts.Opset = number(line[len("opset "):])
		case strings.HasPrefix(line, "> "):
			outputs = strings.Fields(line)[1:]
		case strings.Contains(line+" ", " : "):
			name, dims, _ := strings.Cut(line+" ", " : ")
			d.input(name, strings.Fields(dims))
		default:
			if err := d.node(line); err != nil {
				t.Fatalf("reading %q: %v", line, err)
			}
		}
	}
	if outputs == nil {
		outputs = []string{d.last}
	}
	for _, name := range outputs {
		d.parts.Outputs = append(d.parts.Outputs, onnxio.Untyped(name, d.elem))
	}
	m, err := onnxio.NewModel(d.parts)
	if err != nil {
		t.Fatalf("making %q: %v", text, err)
	}
	return m
}

// Graph reads a text and indexes it.
func Graph(t testing.TB, text string) *graph.Graph {
	t.Helper()
	g, err := graph.New(Model(t, text), graph.Options{})
	if err != nil {
		t.Fatalf("indexing %q: %v", text, err)
	}
	return g
}

// Feeds are random inputs.
func Feeds(t testing.TB, m *onnxio.Model, seed uint64) map[string]*verify.Tensor {
	t.Helper()
	sizes := map[string]int64{}
	for _, in := range m.Graph().Inputs() {
		for _, d := range graph.Declared(in) {
			for _, name := range d.Names() {
				sizes[name] = Batch
			}
		}
	}
	feeds, err := verify.RandomInputs(m, sizes, Batch, seed)
	if err != nil {
		t.Fatal(err)
	}
	return feeds
}

// Run runs a model in the engine.
func Run(t testing.TB, m *onnxio.Model, feeds map[string]*verify.Tensor) map[string]*verify.Tensor {
	t.Helper()
	e, err := verify.NewEngine(m, verify.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Run(context.Background(), feeds)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var types = map[string]onnxio.DType{"float16": onnxio.Float16, "bfloat16": onnxio.BFloat16, "float32": onnxio.Float32, "float64": onnxio.Float64, "int64": onnxio.Int64}

func (d *drawing) input(name string, fields []string) {
	elem := onnxio.Float64
	if len(fields) > 0 && types[fields[0]] != onnxio.Undefined {
		elem, fields = types[fields[0]], fields[1:]
	}
	if d.elem == onnxio.Undefined {
		d.elem = elem
	}
	if len(fields) == 1 && fields[0] == "?" {
		d.parts.Inputs = append(d.parts.Inputs, onnxio.Untyped(name, elem))
		return
	}
	var dims []onnxio.Dim
	for _, f := range fields {
		if n, err := strconv.ParseInt(f, 10, 64); err == nil {
			dims = append(dims, onnxio.Known(n))
		} else {
			dims = append(dims, onnxio.Named(f))
		}
	}
	d.parts.Inputs = append(d.parts.Inputs, onnxio.NewValue(name, elem, dims...))
}

// node reads OUTPUTS = OP(OPERANDS) ATTRIBUTES.
func (d *drawing) node(line string) error {
	left, right, ok := strings.Cut(line, " = ")
	op, rest, ok2 := strings.Cut(right, "(")
	args, attrs, ok3 := strings.Cut(rest, ")")
	if !ok || !ok2 || !ok3 {
		return fmt.Errorf("it is no node")
	}
	outs := strings.Split(left, ", ")
	for i, o := range outs {
		if o == "-" {
			outs[i] = ""
		}
	}
	var ins []string
	for _, a := range strings.Split(args, ",") {
		if args == "" {
			break // a Constant
		}
		name, err := d.operand(strings.TrimSpace(a))
		if err != nil {
			return err
		}
		ins = append(ins, name)
	}
	var list []*onnxio.Attr
	for _, f := range strings.Fields(attrs) {
		name, value, _ := strings.Cut(f, "=")
		list = append(list, attr(name, value))
	}
	n := onnxio.NewNode(op+"_"+outs[0], op, ins, outs, list...)
	d.parts.Nodes = append(d.parts.Nodes, n)
	d.last = outs[0]
	return nil
}

// attr is an attribute: integers, a number with a point, or text.
func attr(name, value string) *onnxio.Attr {
	if f, err := strconv.ParseFloat(value, 32); err == nil && strings.ContainsAny(value, ".") {
		return onnxio.FloatAttr(name, float32(f))
	}
	if v, ok := integers(value, ","); ok {
		if strings.Contains(value, ",") {
			return onnxio.IntsAttr(name, v)
		}
		return onnxio.IntAttr(name, v[0])
	}
	if list, ok := strings.CutPrefix(value, "@"); ok { // one integer as a list
		v, _ := integers(list, ",")
		return onnxio.IntsAttr(name, v)
	}
	return onnxio.StringAttr(name, value)
}

func integers(s, sep string) ([]int64, bool) {
	var out []int64
	for _, f := range strings.Split(s, sep) {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n
}

// operand is the name of a value or constant.
func (d *drawing) operand(s string) (string, error) {
	if s == "-" || s == "" {
		return "", nil
	}
	switch s[0] {
	case '?':
		return d.constant(s[1:], d.rng.NormFloat64)
	case '!':
		return d.constant(s[1:], func() float64 { return 0.5 + d.rng.Float64() })
	case '=':
		list, dims, _ := strings.Cut(s[1:], ":")
		var v []float64
		for _, f := range strings.Split(list, "_") {
			x, err := strconv.ParseFloat(f, 64)
			if err != nil {
				return "", err
			}
			v = append(v, x)
		}
		k := -1
		return d.constant(dims, func() float64 { k++; return v[k%len(v)] })
	case '#':
		v, ok := integers(s[1:], "_")
		if !ok && s != "#" {
			return "", fmt.Errorf("%q lists no integers", s)
		}
		name := d.fresh()
		d.parts.Inits = append(d.parts.Inits, onnxio.NewInts(name, []int64{int64(len(v))}, v))
		return name, nil
	case '%':
		name := d.fresh()
		d.parts.Inits = append(d.parts.Inits, onnxio.NewInts(name, nil, []int64{number(s[1:])}))
		return name, nil
	}
	return s, nil
}

func (d *drawing) fresh() string {
	d.named++
	return fmt.Sprintf("k%d", d.named)
}

// constant is an initializer of the given shape, 4x2.
func (d *drawing) constant(shape string, draw func() float64) (string, error) {
	var dims []int64
	size := int64(1)
	if shape != "" {
		var ok bool
		if dims, ok = integers(shape, "x"); !ok {
			return "", fmt.Errorf("%q is no shape", shape)
		}
	}
	for _, n := range dims {
		size *= n
	}
	v := make([]float64, size)
	for i := range v {
		v[i] = draw()
	}
	raw, err := onnxio.EncodeFloat64(v, d.elem)
	if err != nil {
		return "", err
	}
	name := d.fresh()
	tensor, err := onnxio.NewTensor(name, d.elem, dims, raw)
	if err != nil {
		return "", err
	}
	d.parts.Inits = append(d.parts.Inits, tensor)
	return name, nil
}
