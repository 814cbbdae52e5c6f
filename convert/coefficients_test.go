package convert_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"repmlp/convert"
	"repmlp/internal/nudge"
	"repmlp/internal/sketch"
	"repmlp/verify"
)

// A number of a merged layer that is off by four of its roundoffs, a zero that is none, and
// slices that changed places never pass a complete proof.
func TestPlantsAreFound(t *testing.T) {
	p := &nudge.Planter{Prover: &verify.Prover{}, Rand: rand.New(rand.NewPCG(1, 2)), Each: 2}
	for _, c := range cases(t) {
		if c.Expect == "error" {
			continue
		}
		m := c.load(t)
		n := len(p.Plants)
		if _, err := convert.Convert(context.Background(), m, convert.Options{Prover: p}); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		for _, plant := range p.Plants[n:] {
			if !plant.Found() {
				t.Errorf("%s: not found: %v", c.Name, plant)
			}
		}
	}
	if len(p.Plants) < 200 {
		t.Errorf("%d plants", len(p.Plants))
	}
	t.Logf("%d plants", len(p.Plants))
}

// The same of random models of all kinds and float types.
func TestPlantsInRandomModels(t *testing.T) {
	from, to := blocks(t)
	if n := (to - from) / plantedShare; to > from+n {
		to = from + n
	}
	for _, k := range randomKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for seed := from; seed < to; seed++ {
				c := k.exact(seed)
				m, err := c.build()
				if err != nil {
					t.Fatal(err)
				}
				p := &nudge.Planter{Prover: &verify.Prover{}, Rand: rand.New(rand.NewPCG(seed, 3)), Each: 1}
				c.opts.Prover = p
				if _, err := convert.Convert(context.Background(), m, c.opts); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				for _, plant := range p.Plants {
					if !plant.Found() {
						t.Errorf("seed %d: not found: %v in\n%v", seed, plant, c.spec)
					}
				}
				n += len(p.Plants)
			}
			t.Logf("%d plants", n)
		})
	}
}

// plantedShare is how many random models are converted for each of them with plants.
const plantedShare = 50

// A map on which reading each coefficient takes more than is worked out for one claim, but on
// a piece of it: what is found there is not put aside because the whole cannot be asked.
func TestPlantOnALargeMap(t *testing.T) {
	m := sketch.Model(t, `x : float32 1 64 56 56
n = BatchNormalization(x, ?64, ?64, ?64, !64)
c = Conv(n, ?256x64x1x1)
y = BatchNormalization(c, ?256, ?256, ?256, !256)`)
	p := &nudge.Planter{Prover: &verify.Prover{}, Rand: rand.New(rand.NewPCG(1, 4)), Each: 2}
	if _, err := convert.Convert(t.Context(), m, convert.Options{Prover: p}); err != nil {
		t.Fatal(err)
	}
	if len(p.Plants) == 0 {
		t.Error("nothing was planted: the merge is not proved completely")
	}
	for _, plant := range p.Plants {
		if !plant.Found() {
			t.Errorf("not found: %v", plant)
		}
	}
}
