package convert

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"repmlp/internal/mutant"
	"repmlp/onnxio"
	"repmlp/verify"
)

// Mutants of real models are converted so that outputs stay, or refused: no panic,
// no proof that fails. internal/cmd/mutants tries many more.
func TestMutants(t *testing.T) {
	for _, name := range []string{"kin_concat_13", "dyn_re_seq_1x1_kxk", "kin_dbb_13", "fw_ktf_repvgg_dyn", "re_conv_g1_fc3_g2"} {
		m, err := onnxio.Load(filepath.Join("../testdata/cases", name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		seed, err := mutant.NewSeed(m)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		for i := range uint64(40) {
			b, did := seed.Make(rand.New(rand.NewPCG(7, i)))
			changed, err := onnxio.Parse(b, "")
			if err != nil {
				continue
			}
			res, err := Convert(context.Background(), changed, Options{Prover: &verify.Prover{}})
			if err != nil {
				continue // refused; models in which numbers are tiny or huge also by a proof
			}
			c, err := verify.Compare(context.Background(), res.Baseline, res.Model, verify.CompareOptions{})
			if _, lacks := errors.AsType[*verify.Unsupported](err); err == nil && !c.Passed && !lacks {
				t.Errorf("mutant %d of %s (%q): the result differs: %+v", i, name, did, c.Outputs)
			}
		}
	}
}

// A layer of constants is no region: what a proof feeds as its data would also be
// its weight (a Conv that convolves its own weight).
func TestLayerOfConstants(t *testing.T) {
	w, err := onnxio.NewTensor("w", onnxio.Float32, []int64{2, 2, 1, 1}, make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	four, err := onnxio.NewTensor("p", onnxio.Float32, []int64{2}, []byte{0, 0, 128, 63, 0, 0, 128, 63})
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(2), onnxio.Known(1), onnxio.Known(1))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)},
		Nodes: []*onnxio.Node{onnxio.NewNode("conv", "Conv", []string{"w", "w"}, []string{"c"}), onnxio.NewNode("bn", "BatchNormalization", []string{"c", "p", "p", "p", "p"}, []string{"b"}),
			onnxio.NewNode("add", "Add", []string{"x", "b"}, []string{"y"})},
		Inits: []*onnxio.Tensor{w, four}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := Convert(t.Context(), m, Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Plan.Regions) > 0 {
		t.Errorf("%d regions, want none", len(res.Plan.Regions))
	}
}

// A sum that takes a value from itself, through a node that is there twice, makes
// zeros: merged, it would leave what rounding leaves of the weights.
func TestSumThatCancels(t *testing.T) {
	w, err := onnxio.EncodeFloat64([]float64{0.1, 0.2, 0.3, 0.7, 0.9, 1.1, 1.3, 1.7, 1.9}, onnxio.Float32)
	if err != nil {
		t.Fatal(err)
	}
	weight, err := onnxio.NewTensor("w", onnxio.Float32, []int64{3, 3}, w)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxio.NewModel(onnxio.Parts{Inputs: []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2), onnxio.Known(3))},
		Outputs: []*onnxio.ValueInfo{onnxio.Untyped("y", onnxio.Float32)}, Inits: []*onnxio.Tensor{weight}, Nodes: []*onnxio.Node{
			onnxio.NewNode("", "MatMul", []string{"x", "w"}, []string{"a"}), onnxio.NewNode("", "MatMul", []string{"x", "w"}, []string{"b"}), onnxio.NewNode("", "Sub", []string{"a", "b"}, []string{"y"})}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := Convert(t.Context(), m, Options{Prover: &verify.Prover{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range res.Model.Graph().Nodes() {
		if n.OpType() == "Sub" {
			return
		}
	}
	t.Error("the difference of equal numbers was merged")
}
