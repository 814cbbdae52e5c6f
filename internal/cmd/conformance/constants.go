package main

import (
	"fmt"
	"path/filepath"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// constants works the outputs of a test out with its inputs as constants, which is
// another implementation than the engine, and compares them with the data. It
// reports how many are constants.
func constants(m *onnxio.Model, dir string) (n int, err error) {
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil {
		return 0, err
	}
	for _, set := range sets {
		inputs, err := verify.ReadDataSet(set, "input")
		if err != nil {
			return n, nil // the engine's test says so
		}
		want, err := verify.ReadDataSet(set, "output")
		if err != nil {
			return n, nil
		}
		g, ok := frozen(m, inputs)
		if !ok {
			continue
		}
		for i, o := range m.Graph().Outputs() {
			v := g.Value(o.Name())
			if i >= len(want) || want[i] == nil || !g.IsConst(v) {
				continue
			}
			c, err := g.Const(v)
			if err != nil {
				continue // nobody can say what it is
			}
			n++
			if err := near(&verify.Tensor{DType: c.DType, Shape: c.Shape, F64: c.F, I: c.I}, want[i]); err != nil {
				return n, fmt.Errorf("output %q as a constant: %w", o.Name(), err)
			}
		}
	}
	return n, nil
}

// frozen is the graph of a model whose inputs are constants.
func frozen(m *onnxio.Model, inputs []*verify.Tensor) (*graph.Graph, bool) {
	p := onnxio.Parts{Opset: m.Opset(""), Nodes: m.Graph().Nodes(), Inits: m.Graph().Inits(), Outputs: m.Graph().Outputs()}
	for i, in := range m.Graph().Inputs() {
		if i >= len(inputs) || inputs[i] == nil {
			return nil, false
		}
		raw, err := inputs[i].Raw()
		if err != nil {
			return nil, false
		}
		dims := make([]int64, len(inputs[i].Shape))
		for k, d := range inputs[i].Shape {
			dims[k] = int64(d)
		}
		t, err := onnxio.NewTensor(in.Name(), inputs[i].DType, dims, raw)
		if err != nil {
			return nil, false
		}
		p.Inits = append(p.Inits, t)
	}
	frozen, err := onnxio.NewModel(p)
	if err != nil {
		return nil, false
	}
	g, err := graph.New(frozen, graph.Options{FoldDequantize: true})
	return g, err == nil
}
