package operator_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// A nodeCase is a node with what it gives, from testdata/nodes.txt.
type nodeCase struct {
	line     int
	op       string
	opset    int64
	attrs    []*onnxio.Attr
	ins, out []*tensor.Tensor // an input that is left out is nil
}

var typeNames = map[string]onnxio.DType{"f32": onnxio.Float32, "f64": onnxio.Float64, "f16": onnxio.Float16, "bf16": onnxio.BFloat16, "i8": onnxio.Int8, "u8": onnxio.Uint8,
	"i16": onnxio.Int16, "u16": onnxio.Uint16, "i32": onnxio.Int32, "u32": onnxio.Uint32, "i64": onnxio.Int64, "u64": onnxio.Uint64, "b": onnxio.Bool}

// readTensor reads type[shape] and numbers behind it.
func readTensor(fields []string) (*tensor.Tensor, error) {
	name, shape, ok := strings.Cut(strings.TrimSuffix(fields[0], "]"), "[")
	d, known := typeNames[name]
	if !ok || !known {
		return nil, fmt.Errorf("%q is no type and shape", fields[0])
	}
	t := &tensor.Tensor{DType: d, Shape: []int{}}
	for _, s := range strings.FieldsFunc(shape, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, err
		}
		t.Shape = append(t.Shape, n)
	}
	if len(fields)-1 != t.Len() {
		return nil, fmt.Errorf("%d numbers for shape %v", len(fields)-1, t.Shape)
	}
	f64, ints := make([]float64, t.Len()), make([]int64, t.Len())
	for i, s := range fields[1:] {
		var err error
		switch {
		case d.IsFloat():
			f64[i], err = strconv.ParseFloat(s, 64)
		case d == onnxio.Uint64:
			var v uint64
			v, err = strconv.ParseUint(s, 10, 64)
			ints[i] = int64(v)
		default:
			ints[i], err = strconv.ParseInt(s, 10, 64)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case !d.IsFloat():
		t.I = ints
	case d == onnxio.Float64:
		t.F64 = f64
	default:
		t.F32 = make([]float32, len(f64))
		for i, v := range f64 {
			t.F32[i] = float32(v)
		}
	}
	return t, nil
}

// readAttribute reads name:type=value.
func readAttribute(s string) (*onnxio.Attr, error) {
	head, value, _ := strings.Cut(s, "=")
	name, kind, _ := strings.Cut(head, ":")
	var ints []int64
	var floats []float32
	if kind == "i" || kind == "is" || kind == "f" || kind == "fs" {
		for _, v := range strings.Split(value, ",") {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return nil, err
			}
			ints, floats = append(ints, int64(f)), append(floats, float32(f))
		}
	}
	switch kind {
	case "i":
		return onnxio.IntAttr(name, ints[0]), nil
	case "is":
		return onnxio.IntsAttr(name, ints), nil
	case "f":
		return onnxio.FloatAttr(name, floats[0]), nil
	case "fs":
		return onnxio.FloatsAttr(name, floats), nil
	case "s":
		return onnxio.StringAttr(name, value), nil
	case "t":
		t, err := readTensor(strings.Split(value, ";"))
		if err != nil {
			return nil, err
		}
		stored, err := onnxio.NewTensor("", t.DType, tensor.Ints64(t.Shape), raw(t))
		return onnxio.TensorAttr(name, stored), err
	}
	return nil, fmt.Errorf("%q has no type", s)
}

func raw(t *tensor.Tensor) []byte {
	b, err := t.Raw()
	if err != nil {
		panic(err)
	}
	return b
}

func readNodes(t testing.TB) []*nodeCase {
	t.Helper()
	f, err := os.Open("testdata/nodes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []*nodeCase
	sc := bufio.NewScanner(f)
	for line := 1; sc.Scan(); line++ {
		fields := strings.Fields(sc.Text())
		switch {
		case !strings.HasPrefix(sc.Text(), " "):
			c := &nodeCase{line: line, op: fields[0]}
			if c.opset, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
				t.Fatalf("line %d: %v", line, err)
			}
			for _, s := range fields[2:] {
				a, err := readAttribute(s)
				if err != nil {
					t.Fatalf("line %d: %v", line, err)
				}
				c.attrs = append(c.attrs, a)
			}
			list = append(list, c)
			continue
		case fields[0] == "-":
			list[len(list)-1].ins = append(list[len(list)-1].ins, nil)
			continue
		}
		c, to := list[len(list)-1], &list[len(list)-1].ins
		if fields[0] == "=" {
			to, fields = &c.out, fields[1:]
		}
		x, err := readTensor(fields)
		if err != nil {
			t.Fatalf("line %d: %v", line, err)
		}
		*to = append(*to, x)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// model is the node with inputs that are fed, or with stored ones; it names the
// inputs and outputs.
func (c *nodeCase) model(t testing.TB, stored bool) (m *onnxio.Model, feeds map[string]*tensor.Tensor, outs []string) {
	t.Helper()
	p := onnxio.Parts{Opset: c.opset}
	feeds = map[string]*tensor.Tensor{}
	var names []string
	for i, x := range c.ins {
		if x == nil {
			names = append(names, "")
			continue
		}
		name := fmt.Sprintf("i%d", i)
		names = append(names, name)
		if stored {
			init, err := onnxio.NewTensor(name, x.DType, tensor.Ints64(x.Shape), raw(x))
			if err != nil {
				t.Fatal(err)
			}
			p.Inits = append(p.Inits, init)
			continue
		}
		var dims []onnxio.Dim
		for _, d := range x.Shape {
			dims = append(dims, onnxio.Known(int64(d)))
		}
		p.Inputs, feeds[name] = append(p.Inputs, onnxio.NewValue(name, x.DType, dims...)), x
	}
	for i, y := range c.out {
		outs = append(outs, fmt.Sprintf("o%d", i))
		p.Outputs = append(p.Outputs, onnxio.Untyped(outs[i], y.DType))
	}
	p.Nodes = []*onnxio.Node{onnxio.NewNode("n", c.op, names, outs, c.attrs...)}
	m, err := onnxio.NewModel(p)
	if err != nil {
		t.Fatalf("line %d: %v", c.line, err)
	}
	return m, feeds, outs
}

// The oracles compute in the type of the tensors, some of them through float32 where
// that is float64's.
var nodeTolerance = map[onnxio.DType]float64{onnxio.Float16: 4e-3, onnxio.BFloat16: 1e-2, onnxio.Float32: 2e-5, onnxio.Float64: 1e-10}

// wrong says in what an output is not what is wanted, if anything.
func wrong(have, want *tensor.Tensor) string {
	switch {
	case have == nil:
		return "it is missing"
	case have.DType != want.DType:
		return fmt.Sprintf("its type is %s, want %s", have.DType, want.DType)
	case !slices.Equal(have.Shape, want.Shape):
		return fmt.Sprintf("its shape is %v, want %v", have.Shape, want.Shape)
	case want.I != nil && !slices.Equal(have.I, want.I):
		return fmt.Sprintf("it is %v, want %v", have.I, want.I)
	}
	tol := nodeTolerance[want.DType]
	for i := range want.Len() {
		x, y := have.Float(i), want.Float(i)
		if x != y && !(math.Abs(x-y) <= tol*(1+math.Abs(y))) && !(math.IsNaN(x) && math.IsNaN(y)) {
			return fmt.Sprintf("element %d is %g, want %g", i, x, y)
		}
	}
	return ""
}

// Every operator gives what ONNX says, in both modes, on what is fed and on what is
// stored.
func TestNodes(t *testing.T) {
	for _, c := range readNodes(t) {
		for _, mode := range []operator.Mode{operator.Single, operator.Double} {
			for _, stored := range []bool{false, true} {
				m, feeds, outs := c.model(t, stored)
				e, err := engine.New(m, engine.Options{Mode: mode})
				if err != nil {
					t.Fatalf("line %d: %v", c.line, err)
				}
				got, err := e.Eval(context.Background(), feeds, outs)
				if err != nil {
					t.Errorf("line %d, %s, mode %d, stored %t: %v", c.line, c.op, mode, stored, err)
					continue
				}
				for i, want := range c.out {
					if w := wrong(got[outs[i]], want); w != "" {
						t.Errorf("line %d, %s, mode %d, stored %t, output %d: %s", c.line, c.op, mode, stored, i, w)
					}
				}
			}
		}
	}
}

// withBodies are tested with models of more than one node.
var withBodies = []string{"If", "Loop"}

// An operator without a node in testdata is not tested.
func TestEveryOperatorHasANode(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range readNodes(t) {
		tested[c.op] = true
	}
	table := operator.Table()
	for op := range table {
		if !tested[op] && !slices.Contains(withBodies, op) {
			t.Errorf("%s has no node in testdata/nodes.py", op)
		}
	}
	for op := range tested {
		if table[op].Kernel == nil {
			t.Errorf("%s has a node and no kernel", op)
		}
	}
}

// A number, a shape or a type that is off is found.
func TestWrongNodesAreFound(t *testing.T) {
	want := &tensor.Tensor{DType: onnxio.Float32, Shape: []int{2}, F32: []float32{1, float32(math.NaN())}}
	for what, have := range map[string]*tensor.Tensor{
		"":                         want,
		"it is missing":            nil,
		"its type is float64":      {DType: onnxio.Float64, Shape: []int{2}, F64: []float64{1, 2}},
		"its shape is [1 2]":       {DType: onnxio.Float32, Shape: []int{1, 2}, F32: []float32{1, 2}},
		"element 1 is 2, want NaN": {DType: onnxio.Float32, Shape: []int{2}, F32: []float32{1, 2}},
		"element 0 is 1.00":        {DType: onnxio.Float32, Shape: []int{2}, F32: []float32{1.001, 2}},
		"element 0 is NaN, want 1": {DType: onnxio.Float32, Shape: []int{2}, F32: []float32{float32(math.NaN()), 2}},
	} {
		if got := wrong(have, want); !strings.HasPrefix(got, what) || what == "" && got != "" {
			t.Errorf("%q is found, want %q", got, what)
		}
	}
	ints := &tensor.Tensor{DType: onnxio.Int8, Shape: []int{1}, I: []int64{3}}
	if wrong(&tensor.Tensor{DType: onnxio.Int8, Shape: []int{1}, I: []int64{4}}, ints) == "" {
		t.Error("4 is taken for 3")
	}
}

// What the engine lacks is said, and what contradicts its node is an error of it.
func TestRefusedNodes(t *testing.T) {
	two := func(v ...float32) *tensor.Tensor {
		return &tensor.Tensor{DType: onnxio.Float32, Shape: []int{len(v)}, F32: v}
	}
	list := func(v ...int64) *tensor.Tensor {
		return &tensor.Tensor{DType: onnxio.Int64, Shape: []int{len(v)}, I: v}
	}
	shaped := func(shape ...int) *tensor.Tensor {
		return &tensor.Tensor{DType: onnxio.Float32, Shape: shape, F32: make([]float32, tensor.Count(shape))}
	}
	bytes := func(shape ...int) *tensor.Tensor {
		return &tensor.Tensor{DType: onnxio.Uint8, Shape: shape, I: make([]int64, tensor.Count(shape))}
	}
	i, is, s := onnxio.IntAttr, onnxio.IntsAttr, onnxio.StringAttr
	type ins = []*tensor.Tensor
	for _, c := range []struct {
		op    string
		attrs []*onnxio.Attr
		ins   ins
		lacks bool // the engine, not the model
	}{
		{"Add", nil, ins{two(1, 2), two(1, 2, 3)}, false},
		{"Where", nil, ins{list(1, 2, 3), two(1, 2), two(1)}, false},
		{"Cast", []*onnxio.Attr{i("to", 8)}, ins{two(1)}, true},
		{"Cast", []*onnxio.Attr{i("to", 6)}, ins{two(float32(math.NaN()))}, false},
		{"Reshape", nil, ins{two(1, 2), list(3)}, false},
		{"Reshape", nil, ins{two(1, 2), list(-1, -1)}, false},
		{"Reshape", nil, ins{two(1, 2), list(-2)}, false},
		{"Reshape", nil, ins{two(1, 2), list(2, 0)}, false},
		{"Reshape", nil, ins{two(1, 2)}, false},
		{"Flatten", []*onnxio.Attr{i("axis", 3)}, ins{two(1, 2)}, false},
		{"Squeeze", nil, ins{two(1, 2), list(0)}, false},
		{"Squeeze", nil, ins{two(1, 2), list(4)}, false},
		{"Unsqueeze", nil, ins{two(1, 2), list(0, 0)}, false},
		{"Transpose", []*onnxio.Attr{is("perm", []int64{0, 1})}, ins{two(1, 2)}, false},
		{"Concat", []*onnxio.Attr{i("axis", 2)}, ins{two(1), two(1)}, false},
		{"Concat", []*onnxio.Attr{i("axis", 0)}, ins{two(1), shaped(1, 1)}, false},
		{"Concat", []*onnxio.Attr{i("axis", 0)}, ins{shaped(1, 2), shaped(1, 3)}, false},
		{"Split", []*onnxio.Attr{i("axis", 5)}, ins{two(1, 2)}, false},
		{"Split", nil, ins{two(1, 2), list(3)}, false},
		{"Slice", nil, ins{two(1, 2), list(0, 1), list(1)}, false},
		{"Slice", nil, ins{two(1, 2), list(0), list(1), list(7)}, false},
		{"Slice", nil, ins{two(1, 2), list(0), list(1), list(0), list(0)}, false},
		{"Expand", nil, ins{two(1, 2), list(3)}, false},
		{"Expand", nil, ins{two(1), list(1 << 40)}, false},
		{"Tile", nil, ins{two(1), list(1, 2)}, false},
		{"Tile", nil, ins{two(1), list(1 << 40)}, false},
		{"DepthToSpace", []*onnxio.Attr{i("blocksize", 2)}, ins{shaped(1, 3, 1, 1)}, false},
		{"SpaceToDepth", []*onnxio.Attr{i("blocksize", 2)}, ins{shaped(1, 3, 1, 1)}, false},
		{"Trilu", nil, ins{two(1)}, false},
		{"Pad", nil, ins{two(1)}, false},
		{"Pad", nil, ins{two(1), list(1)}, false},
		{"Pad", nil, ins{two(1), list(-1, -1)}, false},
		{"Pad", nil, ins{two(1), list(0, 1<<40)}, false},
		{"Pad", []*onnxio.Attr{s("mode", "mirror")}, ins{two(1), list(1, 0)}, true},
		{"Pad", nil, ins{two(1), list(1, 0), nil, list(4)}, false},
		{"Constant", []*onnxio.Attr{s("value_string", "x")}, nil, true},
		{"ConstantOfShape", nil, ins{list(1 << 40)}, false},
		{"Range", nil, ins{two(0), two(1), two(0)}, false},
		{"Range", nil, ins{two(0), two(1e12), two(1)}, false},
		{"OneHot", []*onnxio.Attr{i("axis", 5)}, ins{list(1), list(3), two(0, 1)}, false},
		{"OneHot", nil, ins{list(1), list(1 << 40), two(0, 1)}, false},
		{"Gather", []*onnxio.Attr{i("axis", 5)}, ins{two(1), list(0)}, false},
		{"Gather", nil, ins{two(1), list(1)}, false},
		{"GatherElements", []*onnxio.Attr{i("axis", 5)}, ins{two(1), list(0)}, false},
		{"GatherElements", nil, ins{two(1), list(1)}, false},
		{"GatherND", []*onnxio.Attr{i("batch_dims", 1)}, ins{two(1), list(0)}, false},
		{"GatherND", nil, ins{two(1), list(0, 0)}, false},
		{"GatherND", nil, ins{two(1), list(3)}, false},
		{"ScatterElements", []*onnxio.Attr{i("axis", 5)}, ins{two(1), list(0), two(1)}, false},
		{"ScatterElements", nil, ins{two(1), list(1), two(1)}, false},
		{"ScatterElements", []*onnxio.Attr{s("reduction", "mean")}, ins{two(1), list(0), two(1)}, true},
		{"ScatterND", nil, ins{two(1), {DType: onnxio.Int64, Shape: []int{}, I: []int64{0}}, two(1)}, false},
		{"ScatterND", nil, ins{two(1), list(0, 0), two(1)}, false},
		{"ScatterND", []*onnxio.Attr{s("reduction", "mean")}, ins{two(1), list(0), two(1)}, true},
		{"TopK", []*onnxio.Attr{i("axis", 4)}, ins{two(1), list(1)}, false},
		{"TopK", nil, ins{two(1), list(2)}, false},
		{"ArgMax", []*onnxio.Attr{i("axis", 4)}, ins{two(1)}, false},
		{"Hardmax", []*onnxio.Attr{i("axis", 4)}, ins{two(1)}, false},
		{"MatMul", nil, ins{shaped(), two(1)}, false},
		{"MatMul", nil, ins{shaped(2, 3), shaped(2, 3)}, false},
		{"MatMul", nil, ins{shaped(2, 1, 3), shaped(3, 3, 1)}, false},
		{"Gemm", nil, ins{two(1), two(1)}, false},
		{"Gemm", nil, ins{shaped(2, 3), shaped(2, 3)}, false},
		{"Gemm", nil, ins{shaped(2, 3), shaped(3, 2), shaped(3, 3)}, false},
		{"Einsum", []*onnxio.Attr{s("equation", "i,j->ij")}, ins{two(1)}, false},
		{"Einsum", []*onnxio.Attr{s("equation", "ij->i")}, ins{two(1)}, false},
		{"Einsum", []*onnxio.Attr{s("equation", "i,i->i")}, ins{two(1, 2), two(1, 2, 3)}, false},
		{"Einsum", []*onnxio.Attr{s("equation", "i->i")}, ins{list(1)}, true},
		{"Conv", nil, ins{two(1), two(1)}, false},
		{"Conv", nil, ins{shaped(1, 2, 3), shaped(1, 3, 1)}, false},
		{"Conv", nil, ins{shaped(1, 2, 3), shaped(1, 2, 5)}, false},
		{"Conv", nil, ins{{DType: onnxio.Int8, Shape: []int{1, 1, 1}, I: []int64{1}}, {DType: onnxio.Int8, Shape: []int{1, 1, 1}, I: []int64{1}}}, false},
		{"ConvTranspose", nil, ins{two(1), two(1)}, true},
		{"ConvTranspose", nil, ins{shaped(1, 2, 3), shaped(1, 3, 1)}, false},
		{"ConvTranspose", []*onnxio.Attr{is("output_padding", []int64{1 << 40})}, ins{shaped(1, 1, 3), shaped(1, 3, 1)}, false},
		{"Col2Im", nil, ins{shaped(1, 3, 1), list(2, 2), list(2, 2)}, false},
		{"Col2Im", nil, ins{shaped(1, 4, 3), list(2, 2), list(2, 2)}, false},
		{"AveragePool", []*onnxio.Attr{is("kernel_shape", []int64{5})}, ins{shaped(1, 1, 3)}, false},
		{"MaxPool", []*onnxio.Attr{is("kernel_shape", []int64{5})}, ins{shaped(1, 1, 3)}, false},
		{"BatchNormalization", nil, ins{shaped(1, 2), two(1), two(1), two(1), two(1)}, false},
		{"BatchNormalization", nil, ins{shaped(), two(1), two(1), two(1), two(1)}, true},
		{"GroupNormalization", []*onnxio.Attr{i("num_groups", 3)}, ins{shaped(1, 2, 2), two(1, 1), two(1, 1)}, false},
		{"LayerNormalization", []*onnxio.Attr{i("axis", 3)}, ins{two(1), two(1)}, false},
		{"MeanVarianceNormalization", []*onnxio.Attr{is("axes", []int64{9})}, ins{two(1)}, false},
		{"LpNormalization", []*onnxio.Attr{i("axis", 3)}, ins{two(1)}, false},
		{"Softmax", []*onnxio.Attr{i("axis", 3)}, ins{two(1)}, false},
		{"ReduceSum", nil, ins{two(1), list(4)}, false},
		{"ReduceLogSumExp", nil, ins{two(1), list(4)}, false},
		{"CumSum", nil, ins{two(1), list(4)}, false},
		{"QuantizeLinear", []*onnxio.Attr{i("block_size", 2)}, ins{two(1, 2), two(1, 2)}, false},
		{"QuantizeLinear", []*onnxio.Attr{i("axis", 0)}, ins{two(1, 2, 3), two(1, 2)}, false},
		{"QuantizeLinear", []*onnxio.Attr{i("output_dtype", 17)}, ins{two(1), two(1)}, true},
		{"DequantizeLinear", nil, ins{two(1), two(1)}, false},
		{"DequantizeLinear", nil, ins{list(1, 2, 3), two(1, 2)}, false},
		{"MatMulInteger", nil, ins{two(1), bytes(1)}, false},
		{"MatMulInteger", nil, ins{bytes(1, 2), bytes(2, 3), bytes(3)}, false},
		{"MatMulInteger", nil, ins{bytes(1, 2), bytes(2, 3), nil, bytes(2)}, false},
		{"MatMulInteger", nil, ins{bytes(1, 2), bytes(3, 1)}, false},
		{"ConvInteger", nil, ins{bytes(1, 2, 3), bytes(1, 3, 1)}, false},
		{"ConvInteger", nil, ins{bytes(1, 2, 3), bytes(1, 2, 1), nil, bytes(2)}, false},
		{"QLinearMatMul", nil, ins{bytes(1, 2), shaped(), bytes(), bytes(2, 3), shaped(2), bytes(), shaped(), bytes()}, false},
		{"QLinearMatMul", nil, ins{bytes(1, 2), shaped(), bytes(), bytes(2, 3), shaped(), bytes(), shaped(4), bytes()}, false},
		{"QLinearConv", nil, ins{bytes(1, 2, 3), shaped(), bytes(), bytes(1, 3, 1), shaped(), bytes(), shaped(), bytes()}, false},
		{"Resize", []*onnxio.Attr{i("antialias", 1)}, ins{shaped(1, 1, 2), nil, two(1, 1, 2)}, true},
		{"Resize", []*onnxio.Attr{s("mode", "cubic")}, ins{shaped(1, 1, 2), nil, two(1, 1, 2)}, true},
		{"Resize", nil, ins{shaped(1, 1, 2)}, true},
		{"Resize", nil, ins{shaped(1, 1, 2), nil, nil, list(1, 1, 1<<40)}, false},
		{"If", nil, ins{list(1)}, false},
		{"Loop", nil, ins{list(1), list(1)}, false},
	} {
		n := &nodeCase{op: c.op, opset: 21, attrs: c.attrs, ins: c.ins, out: []*tensor.Tensor{two(0)}}
		m, feeds, outs := n.model(t, false)
		e, err := engine.New(m, engine.Options{})
		if err == nil {
			_, err = e.Eval(context.Background(), feeds, outs)
		}
		_, lacks := errors.AsType[*operator.Unsupported](err)
		if err == nil || lacks != c.lacks || strings.Contains(err.Error(), "do not fit: panic") {
			t.Errorf("%s of %v: %v", c.op, c.ins, err)
		}
	}
}
