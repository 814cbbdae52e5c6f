package layer

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Writer collects nodes and weights, with names of their own.
type Writer struct {
	Edit  onnxio.Edit
	Exact map[string]func() ([]float64, error) // weights before rounding, for 16-bit types

	opset    int64
	ir       int64
	names    onnxio.Names
	reserved []map[string]bool
	space    *sync.Pool
	before   *onnxio.Node
	shapes   map[string]string // shared shape constants
}

// NewWriter writes into the main graph of g; reserved are names of the graphs
// around it, which new ones must not shadow.
func NewWriter(g *graph.Graph, reserved []map[string]bool) *Writer {
	w := &Writer{Exact: map[string]func() ([]float64, error){}, opset: g.Opset, ir: g.Model.IRVersion(), names: onnxio.Names{}, reserved: reserved, space: &sync.Pool{}, shapes: map[string]string{}}
	w.names.Reserve(g.Model.Graph())
	for _, n := range g.Nodes {
		w.names[n.Name()] = true
	}
	return w
}

// IRVersion is that of the model that is written into.
func (w *Writer) IRVersion() int64 { return w.ir }

// Before puts what is written from now on in front of a node.
func (w *Writer) Before(n *onnxio.Node) { w.before = n }

// Fresh returns a name that nothing in the model has.
func (w *Writer) Fresh(base string) string {
	for {
		name := w.names.Fresh(base)
		if !slices.ContainsFunc(w.reserved, func(m map[string]bool) bool { return m[name] }) {
			return name
		}
	}
}

// Add adds a node as it is.
func (w *Writer) Add(n *onnxio.Node) {
	w.Edit.AddNodes = append(w.Edit.AddNodes, onnxio.Placed{Node: n, Before: w.before})
}

// node adds a node; out "" asks for a new value name.
func (w *Writer) node(op, base, out string, inputs []string, attrs ...*onnxio.Attr) string {
	if out == "" {
		out = w.Fresh(base)
	}
	w.Add(onnxio.NewNode(w.Fresh(base+".node"), op, inputs, []string{out}, attrs...))
	return out
}

// ints is an initializer of integers; equal ones are shared.
func (w *Writer) ints(v []int64) string {
	key := strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", "x")
	if name, ok := w.shapes[key]; ok {
		return name
	}
	name := w.Fresh("repmlp.shape." + key)
	w.shapes[key] = name
	w.Edit.AddInits = append(w.Edit.AddInits, onnxio.NewInts(name, []int64{int64(len(v))}, v))
	return name
}

// computed adds a merged weight as an initializer that is computed and rounded
// once when it is written.
func (w *Writer) computed(base string, d onnxio.DType, dims []int64, f folding, n *graph.Node) (string, error) {
	m := &merged{folding: f, elem: d, node: n, space: w.space}
	name := w.Fresh(base)
	t, err := onnxio.NewComputed(name, d, dims, m)
	if err != nil {
		return "", err
	}
	w.Edit.AddInits = append(w.Edit.AddInits, t)
	if d == onnxio.Float16 || d == onnxio.BFloat16 {
		w.Exact[name] = m.exact
	}
	return name, nil
}

// numbers adds a weight that was computed already.
func (w *Writer) numbers(base string, d onnxio.DType, dims []int64, v []float64, n *graph.Node) (string, error) {
	if why := unstorable(v, d, n); why != nil {
		return "", why
	}
	return w.computed(base, d, dims, whole{len(v), func() ([]float64, error) { return v, nil }}, n)
}

// Rest adds up the merged parts of a sum and the values that are not merged, each of these
// times its coefficient, and names the result total.
func (w *Writer) Rest(parts []string, total string, values []*graph.Value, coef []float64) {
	if w.opset < attributeless && !slices.ContainsFunc(coef, func(f float64) bool { return f != 1 }) {
		operands := slices.Clone(parts)
		for _, v := range values {
			operands = append(operands, v.Name)
		}
		w.node("Sum", total+".sum", total, operands)
		return
	}
	sum, left := parts[0], len(parts)-1+len(values)
	add := func(op, operand string) {
		out := ""
		if left--; left == 0 {
			out = total
		}
		sum = w.node(op, total+".sum", out, []string{sum, operand})
	}
	for _, part := range parts[1:] {
		add("Add", part)
	}
	for i, v := range values {
		switch coef[i] {
		case 1:
			add("Add", v.Name)
		case -1:
			add("Sub", v.Name)
		default:
			add("Add", w.node("Mul", total+".scaled", "", []string{v.Name, w.number(total+".coefficient", v.Elem, coef[i])}))
		}
	}
}

// number is an initializer of one number.
func (w *Writer) number(base string, d onnxio.DType, v float64) string {
	b, _ := onnxio.EncodeFloat64([]float64{v}, d)
	t, err := onnxio.NewTensor(w.Fresh(base), d, nil, b)
	if err != nil {
		panic(err) // one number always fits
	}
	w.Edit.AddInits = append(w.Edit.AddInits, t)
	return t.Name()
}
