package mutant

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"repmlp/onnxio"
)

func seed(t *testing.T, name string) *Seed {
	t.Helper()
	m, err := onnxio.Load(filepath.Join("../../testdata/cases", name, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := NewSeed(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The same numbers make the same mutant, whatever was made before.
func TestMutantsAreReproducible(t *testing.T) {
	a, b := seed(t, "dyn_re_plain"), seed(t, "dyn_re_plain")
	for i := range uint64(50) {
		a.Make(rand.New(rand.NewPCG(9, i)))
		x, did := a.Make(rand.New(rand.NewPCG(1, i)))
		y, same := b.Make(rand.New(rand.NewPCG(1, i)))
		if !bytes.Equal(x, y) || !slices.Equal(did, same) {
			t.Fatalf("mutant %d: %v and %v, %d and %d bytes", i, did, same, len(x), len(y))
		}
	}
}

// Every kind of change finds something to do in real models, and most mutants
// are still read.
func TestMutantsLoad(t *testing.T) {
	seen := map[string]bool{}
	loaded, total := 0, 0
	for _, name := range []string{"dyn_re_plain", "kin_dbb_13", "kin_fcbn_mlp_13", "t_gated_merge"} {
		s := seed(t, name)
		for i := range uint64(150) {
			b, did := s.Make(rand.New(rand.NewPCG(2, i)))
			total++
			if _, err := onnxio.Parse(b, ""); err == nil {
				loaded++
			}
			for _, k := range did {
				seen[k] = true
			}
		}
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("no mutant has the change %q", k)
		}
	}
	if loaded*10 < total*8 {
		t.Errorf("%d of %d mutants load", loaded, total)
	}
}

// A seed that is only written again is the same model.
func TestSeedKeepsTheModel(t *testing.T) {
	s := seed(t, "kin_dbb_13")
	b := s.m.encode()
	m, err := onnxio.Parse(b, "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewSeed(m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.m.encode(), b) {
		t.Error("reading what was written gives another model")
	}
}

// Nudged constants differ from the stored ones, hardly.
func TestNudged(t *testing.T) {
	s := seed(t, "kin_dbb_13")
	m, err := onnxio.Parse(s.Nudged(rand.New(rand.NewPCG(1, 1))), "")
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i, c := range m.Graph().Inits() {
		if !c.DType().IsFloat() {
			continue
		}
		got, err := c.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		old := make([]float64, len(got))
		if err := onnxio.DecodeFloat64(old, s.m.g.inits[i].data, c.DType()); err != nil {
			t.Fatal(err)
		}
		for k, x := range got {
			d := x - old[k]
			if d != 0 {
				changed++
			}
			if d > 3e-7*max(old[k], -old[k]) || -d > 3e-7*max(old[k], -old[k]) {
				t.Fatalf("%q: %g became %g", c.Name(), old[k], x)
			}
		}
	}
	if changed == 0 {
		t.Error("nothing changed")
	}
}
