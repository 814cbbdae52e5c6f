package convert_test

import (
	"context"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// grouped is FC3 with its BatchNorm on the given number of rows for one sample.
func grouped(t *testing.T, batch onnxio.Dim, rows, groups, features int) *onnxio.Model {
	t.Helper()
	b := &graphBuilder{rng: newRand(), elem: onnxio.Float32, scale: 0.02}
	all := groups * features
	x := b.reshape("x", -1, all, 1, 1)
	y := b.op("Conv", []string{x, b.normal(all, features, 1, 1)}, onnxio.IntAttr("group", int64(groups)))
	y = b.reshape(b.norm(y, all), -1, rows, all)
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, batch, onnxio.Known(int64(rows)), onnxio.Known(int64(all)))},
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
	free := onnxio.Named("N")
	for _, c := range []struct {
		name                   string
		batch                  onnxio.Dim
		rows, groups, features int
		want                   func(ops map[string]int) bool
	}{
		{"eight rows of large groups: a Gemm for each", onnxio.Known(8), 1, 4, 1024, func(ops map[string]int) bool { return ops["Gemm"] == 4 && ops["Split"] == 1 }},
		{"sixteen rows a sample: products", free, 16, 1, 1024, func(ops map[string]int) bool { return ops["MatMul"] == 1 && ops["Add"] == 1 && ops["Conv"] == 0 }},
		{"a free number of rows, one for a sample: the Conv stays", free, 1, 4, 1024, func(ops map[string]int) bool { return ops["Conv"] == 1 && ops["Gemm"] == 0 }},
		{"a small layer: the Conv stays", free, 1, 2, 16, func(ops map[string]int) bool { return ops["Conv"] == 1 && ops["MatMul"] == 0 }},
	} {
		m := grouped(t, c.batch, c.rows, c.groups, c.features)
		res, err := convert.Convert(context.Background(), m, convert.Options{Prover: &verify.Prover{}})
		if err != nil {
			t.Fatal(err)
		}
		if ops := countOps(res.Model); !c.want(ops) || ops["BatchNormalization"] > 0 || res.Verdict != convert.Fused {
			t.Errorf("%s: %v", c.name, ops)
		}
		sameModel(t, c.name, 1, m, res.Model)
	}
}
