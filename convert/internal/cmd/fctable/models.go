package main

import (
	"fmt"
	"math/rand/v2"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/layer"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// opset is that of the models that are measured.
const opset = 17

// square is an FC of g groups of k features and results on maps of one position, as the
// grouped Conv that it is: what the forms are made of.
func square(g, k int) (m *onnxio.Model, s *affine.Segment, err error) {
	rng := rand.New(rand.NewPCG(1, uint64(g*k)))
	G, K := int64(g), int64(k)
	dims := []onnxio.Dim{onnxio.Named("rows"), onnxio.Known(G * K), onnxio.Known(1), onnxio.Known(1)}
	m, err = onnxio.NewModel(onnxio.Parts{Opset: opset,
		Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, dims...)}, Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, dims...)},
		Inits: []*onnxio.Tensor{normal(rng, "w", []int64{G * K, K, 1, 1}), normal(rng, "b", []int64{G * K})}, Nodes: []*onnxio.Node{convNode("x", "y", "w", "b", G)},
	})
	if err != nil {
		return nil, nil, err
	}
	facts, err := graph.New(m, graph.Options{})
	if err != nil {
		return nil, nil, err
	}
	x, y := facts.Value("x"), facts.Value("y")
	shape, _ := x.Shape()
	win, err := graph.ConvWindow(y.Producer, shape, nil)
	if err != nil {
		return nil, nil, err
	}
	conv := affine.NewConv(affine.NewConstants(facts), win, []int{g * k, k, 1, 1}, g, facts.Value("w"), facts.Value("b"))
	return m, affine.NewSegment(x, y, []*affine.Affine{{Out: y, Args: []*graph.Value{x}, Nodes: []*graph.Node{y.Producer}, Op: conv}}), nil
}

func convNode(in, out, w, b string, g int64) *onnxio.Node {
	return onnxio.NewNode("", "Conv", []string{in, w, b}, []string{out}, onnxio.IntAttr("group", g), onnxio.IntsAttr("kernel_shape", []int64{1, 1}))
}

// alone is one layer in the form that a column stands for, and the sizes that it reads
// with so many rows.
func alone(column string, g, k int) (m *onnxio.Model, shape func(rows int) []int, err error) {
	_, s, err := square(g, k)
	if err != nil {
		return nil, nil, err
	}
	e, ok := layer.NewExample(column, false, s, opset)
	if !ok {
		return nil, nil, fmt.Errorf("writing %d groups of %d: no form has the column %q", g, k, column)
	}
	var dims []onnxio.Dim
	for _, d := range e.Reads() {
		if n, ok := d.Int(); ok {
			dims = append(dims, onnxio.Known(n))
		} else {
			dims = append(dims, onnxio.Named("rows"))
		}
	}
	m, err = written(dims, func(w *layer.Writer) (string, error) { return "y", e.Alone(w, "x", "y") })
	return m, func(rows int) []int {
		var out []int
		for _, d := range e.Reads() {
			out = append(out, int(d.At(int64(rows))))
		}
		return out
	}, err
}

// written is a model of what write adds, which reads x and makes the value that it names.
func written(dims []onnxio.Dim, write func(w *layer.Writer) (out string, err error)) (*onnxio.Model, error) {
	frame, err := onnxio.NewModel(onnxio.Parts{Opset: opset, Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, dims...)}, Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Nodes: []*onnxio.Node{onnxio.NewNode("frame", "Identity", []string{"x"}, []string{"y"})}})
	if err != nil {
		return nil, err
	}
	facts, err := graph.New(frame, graph.Options{})
	if err != nil {
		return nil, err
	}
	w := layer.NewWriter(facts, nil)
	out, err := write(w)
	if err != nil {
		return nil, err
	}
	if out != "y" {
		w.Add(onnxio.NewNode("", "Identity", []string{out}, []string{"y"}))
	}
	w.Edit.DropNodes = frame.Graph().Nodes()
	return frame.Apply(w.Edit)
}

// chain is several equal layers with Relu between them, so that the run's own costs do
// not count; each layer reads and makes a map of one position. Column "" is the grouped
// Conv; ok is false where a column has no form for so many groups.
func chain(column string, g, k int) (m *onnxio.Model, ok bool, err error) {
	_, s, err := square(g, k)
	if err != nil {
		return nil, false, err
	}
	var e *layer.Example
	if column != "" {
		if e, ok = layer.NewExample(column, true, s, opset); !ok {
			return nil, false, nil
		}
	}
	rng := rand.New(rand.NewPCG(1, uint64(g*k)))
	G, K := int64(g), int64(k)
	dims := []onnxio.Dim{onnxio.Named("N"), onnxio.Known(G * K), onnxio.Known(1), onnxio.Known(1)}
	m, err = written(dims, func(w *layer.Writer) (string, error) {
		cur := "x"
		depth := min(max(flatWeights/(g*k*k), 1), 8)
		for i := range depth {
			made, next := fmt.Sprint("m", i), "y"
			if i < depth-1 {
				next = fmt.Sprint("r", i)
			}
			if e == nil {
				weight, bias := normal(rng, fmt.Sprint("w", i), []int64{G * K, K, 1, 1}), normal(rng, fmt.Sprint("b", i), []int64{G * K})
				w.Edit.AddInits = append(w.Edit.AddInits, weight, bias)
				w.Add(convNode(cur, made, weight.Name(), bias.Name(), G))
			} else if err := e.Write(w, cur, made); err != nil {
				return "", err
			}
			w.Add(onnxio.NewNode("", "Relu", []string{made}, []string{next}))
			cur = next
		}
		return cur, nil
	})
	return m, true, err
}

// normal is a tensor of random numbers.
func normal(rng *rand.Rand, name string, dims []int64) *onnxio.Tensor {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64() / 8
	}
	raw, err := onnxio.EncodeFloat64(v, onnxio.Float32)
	if err != nil {
		panic(err) // float32 can be stored
	}
	t, err := onnxio.NewTensor(name, onnxio.Float32, dims, raw)
	if err != nil {
		panic(err)
	}
	return t
}
