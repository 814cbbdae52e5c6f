package convert_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Nodes in training mode, in every spelling that a version of ONNX has, are
// warned of; with BatchStatistics they are taken as inference nodes, and really
// are: the BatchNormalization goes into the Conv.
func TestTrainingMode(t *testing.T) {
	yes, err := onnxio.NewTensor("yes", onnxio.Bool, nil, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	no, err := onnxio.NewTensor("no", onnxio.Bool, nil, []byte{0})
	if err != nil {
		t.Fatal(err)
	}
	ratio, err := onnxio.NewTensor("ratio", onnxio.Float32, nil, []byte{0, 0, 0, 63})
	if err != nil {
		t.Fatal(err)
	}
	norm := func(outs int, attrs ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode("norm", "BatchNormalization", []string{"c", "s", "b", "m", "v"}, []string{"n", "o2", "o3", "o4", "o5"}[:outs], attrs...)
	}
	drop := func(inputs []string, attrs ...*onnxio.Attr) *onnxio.Node {
		return onnxio.NewNode("drop", "Dropout", append([]string{"n"}, inputs...), []string{"y"}, attrs...)
	}
	calm := onnxio.NewNode("last", "Identity", []string{"n"}, []string{"y"})
	still := norm(1)
	for name, c := range map[string]struct {
		opset      int64
		norm, last *onnxio.Node
		want       string // of the warning, "" for none
	}{
		"training_mode":              {15, norm(1, onnxio.IntAttr("training_mode", 1)), calm, "1 BatchNormalization node(s)"},
		"training_mode, three outs":  {14, norm(3, onnxio.IntAttr("training_mode", 1)), calm, "1 BatchNormalization node(s)"},
		"five outputs":               {9, norm(5), calm, "1 BatchNormalization node(s)"},
		"opset 6 without is_test":    {6, norm(1), calm, "1 BatchNormalization node(s)"},
		"opset 6, five outputs":      {6, norm(5), calm, "1 BatchNormalization node(s)"},
		"opset 6 with is_test":       {6, norm(1, onnxio.IntAttr("is_test", 1)), calm, ""},
		"dropout, training_mode":     {13, still, drop([]string{"ratio", "yes"}), "1 Dropout node(s)"},
		"dropout, not training":      {13, still, drop([]string{"ratio", "no"}), ""},
		"dropout without a mode":     {13, still, drop([]string{"ratio"}), ""},
		"dropout of opset 7":         {7, still, drop(nil), ""},
		"dropout of opset 6":         {6, norm(1, onnxio.IntAttr("is_test", 1)), drop(nil), "1 Dropout node(s)"},
		"dropout of opset 6, tested": {6, norm(1, onnxio.IntAttr("is_test", 1)), drop(nil, onnxio.IntAttr("is_test", 1)), ""},
		"both":                       {15, norm(1, onnxio.IntAttr("training_mode", 1)), drop([]string{"ratio", "yes"}), "1 BatchNormalization and 1 Dropout node(s)"},
		"neither":                    {15, still, calm, ""},
	} {
		floats := func(name string, v float64, dims ...int64) *onnxio.Tensor {
			n := int64(1)
			for _, d := range dims {
				n *= d
			}
			raw, err := onnxio.EncodeFloat64(slices.Repeat([]float64{v}, int(n)), onnxio.Float32)
			if err != nil {
				t.Fatal(err)
			}
			w, err := onnxio.NewTensor(name, onnxio.Float32, dims, raw)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		m, err := onnxio.NewModel(onnxio.Parts{
			Opset:   c.opset,
			Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(3), onnxio.Known(4), onnxio.Known(4))},
			Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(2), onnxio.Known(3), onnxio.Known(4), onnxio.Known(4))},
			Nodes:   []*onnxio.Node{onnxio.NewNode("conv", "Conv", []string{"x", "w"}, []string{"c"}), c.norm, c.last},
			Inits:   []*onnxio.Tensor{floats("w", 0.5, 3, 3, 1, 1), floats("s", 2, 3), floats("b", 1, 3), floats("m", 0.25, 3), floats("v", 1, 3), yes, no, ratio},
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plan, err := convert.PlanModel(m, convert.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		for _, w := range plan.Warnings {
			if w.Code == "training_mode" {
				got += w.Message
			}
		}
		if c.want == "" && got != "" || c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%s: warned %q, want %q", name, got, c.want)
		}
		res, err := convert.Convert(context.Background(), m, convert.Options{BatchStatistics: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, w := range res.Plan.Warnings {
			if w.Code == "training_mode" {
				t.Errorf("%s: still %q with BatchStatistics", name, w.Message)
			}
		}
		if len(res.Plan.Regions) != 1 || slices.ContainsFunc(res.Model.Graph().Nodes(), func(n *onnxio.Node) bool { return n.OpType() == "BatchNormalization" }) {
			t.Errorf("%s: %d regions, declined %v", name, len(res.Plan.Regions), res.Plan.Declined)
		}
	}
}

// A BatchNormalization in training mode that makes weights of constants is none that an
// export forgot: it keeps its mode, whatever BatchStatistics says of the others.
func TestTrainingModeOfConstants(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4 5 5\ns, m, v = BatchNormalization(?4x4x1x1, ?4, ?4, ?4, !4) training_mode=1\nc = Conv(x, s)\ny, k, l = BatchNormalization(c, ?4, ?4, ?4, !4) training_mode=1\nopset 17")
	res, err := convert.Convert(t.Context(), m, convert.Options{BatchStatistics: true, Prover: &verify.Prover{}})
	if err != nil || res.Verdict != convert.Fused || convert.CountOps(res.Model)["BatchNormalization"] > 0 || len(res.Plan.Warnings) != 1 {
		t.Fatalf("%v: %+v", err, res)
	}
	for _, n := range res.Baseline.Graph().Nodes() {
		if n.OpType() == "BatchNormalization" && n.Int("training_mode", 0) != map[string]int64{"s": 1}[n.Outputs()[0]] {
			t.Errorf("%q has training_mode=%d", n.Outputs()[0], n.Int("training_mode", 0))
		}
	}
	compareRuns(t, res.Baseline, res.Model)
}
