package convert

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/mutant"
	"repmlp/verify"
)

// Mutants of real models are converted so that outputs stay, or refused: no panic,
// no proof that fails. cmd/mutants tries many more.
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
