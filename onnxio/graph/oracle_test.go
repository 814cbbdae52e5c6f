package graph_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// The nodes that ONNX's reference evaluator and ONNX Runtime were asked about, which the
// engine's tests read too.
const oracle = "../../verify/internal/operator/testdata/nodes.txt"

var shortTypes = map[string]string{"f32": "float32", "f64": "float64", "f16": "float16", "bf16": "bfloat16", "i8": "int8", "u8": "uint8",
	"i16": "int16", "u16": "uint16", "i32": "int32", "u32": "uint32", "i64": "int64", "u64": "uint64", "b": "bool"}

// oracleTensor reads type[shape] and numbers behind it.
func oracleTensor(t *testing.T, name, text string) *onnxio.Tensor {
	t.Helper()
	kind, rest, _ := strings.Cut(text, "[")
	return stored(t, name, shortTypes[kind]+" ["+strings.Replace(strings.ReplaceAll(rest, ",", " "), "]", "]", 1))
}

// oracleAttr reads name:type=value.
func oracleAttr(t *testing.T, s string) *onnxio.Attr {
	t.Helper()
	head, value, _ := strings.Cut(s, "=")
	name, kind, _ := strings.Cut(head, ":")
	var ints []int64
	var floats []float32
	for _, v := range strings.Split(value, ",") {
		f, _ := strconv.ParseFloat(v, 64)
		ints, floats = append(ints, int64(f)), append(floats, float32(f))
	}
	switch kind {
	case "i":
		return onnxio.IntAttr(name, ints[0])
	case "is":
		return onnxio.IntsAttr(name, ints)
	case "f":
		return onnxio.FloatAttr(name, floats[0])
	case "fs":
		return onnxio.FloatsAttr(name, floats)
	case "s":
		return onnxio.StringAttr(name, value)
	case "t":
		head, rest, _ := strings.Cut(value, "]")
		return onnxio.TensorAttr(name, oracleTensor(t, "", strings.ReplaceAll(strings.ReplaceAll(head, ",", " ")+"]"+rest, ";", " ")))
	}
	t.Fatalf("%q has no type", s)
	return nil
}

// What constants are worked out to is what the oracle says, for every node of it that is
// a constant.
func TestConstantsByOracle(t *testing.T) {
	text, err := os.ReadFile(oracle)
	if err != nil {
		t.Fatal(err)
	}
	var p onnxio.Parts
	var node []string
	var in []string
	var want []*onnxio.Tensor
	none := map[string]bool{}
	compared := map[string]int{}
	check := func(line int) {
		if node == nil {
			return
		}
		var attrs []*onnxio.Attr
		for _, s := range node[2:] {
			attrs = append(attrs, oracleAttr(t, s))
		}
		p.Opset, _ = strconv.ParseInt(node[1], 10, 64)
		var outs []string
		for i := range want {
			outs = append(outs, fmt.Sprintf("y%d", i))
			p.Outputs = append(p.Outputs, onnxio.Untyped(outs[i], onnxio.Undefined))
		}
		p.Nodes = []*onnxio.Node{onnxio.NewNode("n", node[0], in, outs, attrs...)}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.New(m, graph.Options{FoldDequantize: true})
		if err != nil {
			t.Fatalf("line %d: %v", line, err)
		}
		for i, w := range want {
			v := g.Value(outs[i])
			if !g.IsConst(v) {
				none[node[0]] = true
				continue
			}
			c, err := g.Const(v)
			if err != nil {
				t.Errorf("%s before line %d: %v", node[0], line, err)
				continue
			}
			if why := differ(c, w); why != "" {
				t.Errorf("%s %v before line %d: %s", node[0], node[1:], line, why)
			}
			compared[node[0]]++
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Fields(line)
		switch {
		case line[0] != ' ':
			check(i)
			node, p, in, want = fields, onnxio.Parts{}, nil, nil
		case fields[0] == "-":
			in = append(in, "")
		case fields[0] == "=":
			want = append(want, oracleTensor(t, "", strings.Join(fields[1:], " ")))
		default:
			in = append(in, fmt.Sprintf("x%d", len(in)))
			p.Inits = append(p.Inits, oracleTensor(t, in[len(in)-1], strings.Join(fields, " ")))
		}
	}
	check(0)
	total := 0
	for op, n := range compared {
		total += n
		delete(none, op)
	}
	var never []string
	for op := range none {
		never = append(never, op)
	}
	slices.Sort(never)
	if have := strings.Join(never, " "); have != "Col2Im ConvInteger DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul" {
		t.Errorf("never a constant: %s", have)
	}
	if total < 400 {
		t.Errorf("only %d were compared", total)
	}
}

// differ says in what a constant is not what is wanted.
func differ(c *graph.Const, want *onnxio.Tensor) string {
	var shape []int64
	for _, d := range c.Shape {
		shape = append(shape, int64(d))
	}
	if c.DType != want.DType() || !slices.Equal(shape, want.Dims()) {
		return fmt.Sprintf("it is %s %v, want %s %v", c.DType, c.Shape, want.DType(), want.Dims())
	}
	if !want.DType().IsFloat() {
		v, err := want.Int64s()
		if err != nil || !slices.Equal(v, c.I) {
			return fmt.Sprintf("it is %d, want %d", c.I, v)
		}
		return ""
	}
	v, err := want.Float64s()
	if err != nil {
		return err.Error()
	}
	tolerance := map[onnxio.DType]float64{onnxio.Float16: 4e-3, onnxio.BFloat16: 3e-2, onnxio.Float32: 3e-6, onnxio.Float64: 1e-6}[want.DType()] // references work in float32 themselves
	top := 0.0
	for _, x := range v {
		if !math.IsInf(x, 0) && x == x {
			top = max(top, math.Abs(x))
		}
	}
	for i, x := range v {
		if y := c.F[i]; x != y && !(x != x && y != y) && !(math.Abs(x-y) <= tolerance*top) {
			return fmt.Sprintf("element %d is %g, want %g", i, y, x)
		}
	}
	return ""
}
