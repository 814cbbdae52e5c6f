package verify

import (
	"math/rand/v2"
	"testing"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// rowSeeds are cases whose symbols are numbers of rows.
var rowSeeds = []string{"kin_repvgg_dyn20_noopt", "kin_repvgg_timm_net_17", "kin_mobileone_timm_net_13", "kin_acnet_13", "kin_asym_pad_13", "kin_concat_13", "kin_dbb_13", "kin_repghost_timm_13"}

// Where formulas decide whether sizes fit, they say what the graph says that is made with
// these sizes.
func TestFormulasDecideAsNumbersDo(t *testing.T) {
	decided, compared, refused := 0, 0, 0
	for i, s := range seeds(t, rowSeeds) {
		for k := range uint64(rounds(120, 20)) {
			rng := rand.New(rand.NewPCG(k, 6))
			b, did := s.Make(rng)
			m, err := onnxio.Parse(b, "")
			if err != nil {
				continue
			}
			if m, err = m.Plain(); err != nil {
				continue
			}
			g, err := graph.New(m, graph.Options{})
			if err != nil {
				continue
			}
			f := newFitting(g, newSizing(m))
			if len(f.s.symbols) == 0 || !f.decided {
				continue
			}
			decided++
			for range 12 {
				values := f.bound()
				for at := range values {
					if values[at] == graph.NoValue {
						values[at] = int64(rng.IntN(40))
					}
				}
				even := rng.IntN(2) == 0
				if !f.hold(values, even) {
					continue
				}
				have, want := f.atLeastOne(f.above, values), f.counts(values, even)
				compared++
				if !have {
					refused++
				}
				if have != want {
					t.Fatalf("mutant %d of seed %d (%q), sizes %v of %v, even %v: formulas say %v, numbers %v", k, i, did, values, f.s.symbols, even, have, want)
				}
			}
		}
	}
	if decided < rounds(150, 20) || compared < rounds(1500, 150) || refused < rounds(30, 1) {
		t.Errorf("only %d models were decided, %d sizes compared, %d refused", decided, compared, refused)
	}
}
