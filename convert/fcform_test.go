package convert_test

import (
	"context"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// grouped is FC3 with its BatchNorm on the given number of rows for one sample.
func grouped(t *testing.T, rows, groups, features int) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{rng: newRand(), elem: onnxio.Float32, scale: 0.02}
	all := groups * features
	x := b.reshape("x", -1, all, 1, 1)
	y := b.op("Conv", []string{x, b.normal(all, features, 1, 1)}, onnxio.IntAttr("group", int64(groups)))
	y = b.reshape(b.norm(y, all), -1, rows, all)
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(int64(rows)), onnxio.Known(int64(all)))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue(y, onnxio.Float32)},
		Nodes:   b.nodes, Inits: b.inits,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The table decides how a layer is written: what is measured to be far apart
// must be told apart.
func TestFormFollowsTheTable(t *testing.T) {
	for _, c := range []struct {
		name                   string
		rows, groups, features int
		want                   func(ops map[string]int, weightsFirst bool) bool
	}{
		{"a row of large groups: a Gemm for each", 1, 4, 1024, func(ops map[string]int, _ bool) bool { return ops["Gemm"] == 4 && ops["Split"] == 1 }},
		{"a small layer: the plain way", 1, 2, 16, func(ops map[string]int, first bool) bool { return ops["MatMul"] == 1 && !first }},
	} {
		m := grouped(t, c.rows, c.groups, c.features)
		res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
		if err != nil {
			t.Fatal(err)
		}
		first := false
		inits := map[string]bool{}
		for _, x := range res.Model.Graph.Inits {
			inits[x.Name] = true
		}
		for _, n := range res.Model.Graph.Nodes {
			first = first || n.OpType == "MatMul" && inits[n.Inputs[0]]
		}
		if ops := countOps(res.Model); !c.want(ops, first) || ops["BatchNormalization"] > 0 || res.Verdict != convert.Fused {
			t.Errorf("%s: %v, weights first %v", c.name, ops, first)
		}
		sameModel(t, c.name, 1, m, res.Model)
	}
}
