package convert_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// sameBits runs two models in the Go engine on the same random inputs and compares
// every bit.
func sameBits(a, b *onnxio.Model, seed uint64) error {
	feeds, err := verify.RandomInputs(a, nil, 2, seed)
	if err != nil {
		return err
	}
	var made [2]map[string]*verify.Tensor
	for i, m := range []*onnxio.Model{a, b} {
		if made[i], err = engineRun(m, feeds); err != nil {
			if i == 0 {
				return nil // an operator that the engine lacks
			}
			return err
		}
	}
	for _, o := range a.Graph().Outputs() {
		x, y := made[0][o.Name()], made[1][o.Name()]
		if y == nil || x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) || !slices.Equal(x.I, y.I) {
			return fmt.Errorf("output %q is not what it was", o.Name())
		}
		for i := range x.Len() {
			if math.Float64bits(x.Float(i)) != math.Float64bits(y.Float(i)) {
				return fmt.Errorf("output %q, element %d is %g, want %g", o.Name(), i, y.Float(i), x.Float(i))
			}
		}
	}
	return nil
}

func engineRun(m *onnxio.Model, feeds map[string]*verify.Tensor) (map[string]*verify.Tensor, error) {
	e, err := verify.NewEngine(m, verify.EngineOptions{})
	if err != nil {
		return nil, err
	}
	return e.Run(context.Background(), feeds)
}

// tidyAgrees converts with and without tidying: the merges are the same, the outputs
// are to the bit, and no node is added.
func tidyAgrees(t *testing.T, m *onnxio.Model, o convert.Options, seed uint64) (before, after int) {
	t.Helper()
	tidy, err := convert.Convert(context.Background(), m, o)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	o.NoTidy = true
	plain, err := convert.Convert(context.Background(), m, o)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if len(tidy.Plan.Regions) != len(plain.Plan.Regions) || tidy.Verdict != plain.Verdict {
		t.Errorf("seed %d: %s with %d merges, %s with %d", seed, tidy.Verdict, len(tidy.Plan.Regions), plain.Verdict, len(plain.Plan.Regions))
	}
	if len(plain.Plan.Regions) == 0 {
		if tidy.Model != m || plain.Model != m {
			t.Errorf("seed %d: nothing was merged and the model is another", seed)
		}
		return 0, 0
	}
	before, after = len(plain.Model.Graph().Nodes()), len(tidy.Model.Graph().Nodes())
	if after > before {
		t.Errorf("seed %d: %d nodes, %d before", seed, after, before)
	}
	if err := sameBits(plain.Model, tidy.Model, seed); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	made := map[string]bool{}
	for _, n := range tidy.Model.Graph().Nodes() {
		made[n.Name()] = true
	}
	for _, r := range tidy.Plan.Regions {
		for _, name := range r.Into {
			if !made[name] && r.ID[0] == 'r' {
				t.Errorf("seed %d: %s became %q, which is not there", seed, r.ID, name)
			}
		}
	}
	return before, after
}

// With and without NoTidy the outputs of the cases are the same to the bit.
func TestTidyCases(t *testing.T) {
	eachCase(t, func(t *testing.T, c testCase, m *onnxio.Model) {
		tidyAgrees(t, m, convert.Options{Prover: &verify.Prover{}}, 3)
	})
}

// The same of random graphs, blocks and kin; much of what they hold goes.
func TestTidyRandomGraphs(t *testing.T) {
	from, to := blocks(t)
	before, after := 0, 0
	for seed := from; seed < min(to, from+300); seed++ {
		var m *onnxio.Model
		var err error
		switch seed % 3 {
		case 0:
			m, err = newRandomGraph(seed)
		case 1:
			m, err = randomSpec(seed).build()
		case 2:
			m, err = randomKin(seed).build()
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		a, b := tidyAgrees(t, m, convert.Options{}, seed)
		before, after = before+a, after+b
	}
	if after >= before {
		t.Errorf("of %d nodes %d stay", before, after)
	}
}
