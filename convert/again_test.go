package convert_test

import (
	"testing"

	"repmlp/convert"
	"repmlp/verify"
)

// againShare is how many random models are converted once for each that is converted twice.
const againShare = 10

// What was converted is left as it is by another conversion. Of random graphs and trees one in
// three hundred is not: a node that stood between two others was no obstacle once it was gone.
func TestConvertedModelsStay(t *testing.T) {
	from, to := blocks(t)
	to = from + (to-from)/againShare
	for _, k := range randomKinds {
		if k.name == treeKind.name || k.name == graphKind.name {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			for seed := from; seed < to; seed++ {
				c := k.exact(seed)
				m, err := c.build()
				if err != nil {
					t.Fatal(err)
				}
				c.opts.Prover = &verify.Prover{Seed: seed}
				res, err := convert.Convert(t.Context(), m, c.opts)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				again, err := convert.Convert(t.Context(), res.Model, c.opts)
				if err != nil {
					t.Fatalf("seed %d, again: %v", seed, err)
				}
				if again.Model != res.Model {
					t.Errorf("seed %d: %v at first, then %v", seed, countOps(res.Model), countOps(again.Model))
				}
			}
		})
	}
}
