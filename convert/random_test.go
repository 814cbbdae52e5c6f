package convert_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
)

// blocks is how many random blocks of each kind a test converts;
// REPMLP_BLOCKS sets another number for soak runs, REPMLP_FIRST the first seed.
// With -short, as under the race detector, there are fewer.
func blocks(t *testing.T) (from, to uint64) {
	read := func(name string, def uint64) uint64 {
		s := os.Getenv(name)
		if s == "" {
			return def
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q is no number", name, s)
		}
		return n
	}
	count := uint64(2000)
	if testing.Short() {
		count = 200
	}
	from = read("REPMLP_FIRST", 0)
	return from, from + read("REPMLP_BLOCKS", count)
}

// sameModel runs both whole models in the Go engine.
func sameModel(t *testing.T, s any, seed uint64, a, b *onnxio.Model) bool {
	t.Helper()
	c, err := verify.Compare(context.Background(), a, b, verify.CompareOptions{Seed: seed})
	if err != nil {
		t.Errorf("%+v: %v", s, err)
		return false
	}
	if !c.Passed {
		t.Errorf("%+v: WRONG OUTPUT: %+v", s, c.Outputs)
	}
	return c.Passed
}

// form makes every spelling of an FC meet every kind of block.
func (s blockSpec) form() convert.FC {
	forms := []convert.FC{convert.FCAuto, convert.FCGemm, convert.FCConv, convert.FCColumns, convert.FCSplit}
	return forms[s.Seed%uint64(len(forms))]
}

// layers counts the FC layers of a converted block and says whether a local
// conv is left. A Split, a Gemm for each group and a Concat are one layer.
func layers(m *onnxio.Model) (layers int, local bool) {
	made := map[string]string{}
	for _, n := range m.Graph().Nodes() {
		made[n.Outputs()[0]] = n.OpType()
	}
	for _, n := range m.Graph().Nodes() {
		switch n.OpType() {
		case "Conv":
			layers++
			for _, k := range n.Ints("kernel_shape") {
				local = local || k > 1
			}
		case "MatMul", "Gemm":
			layers++
		case "Concat":
			if made[n.Inputs()[0]] == "Gemm" {
				layers -= len(n.Inputs()) - 1
			}
		}
	}
	return layers, local
}

// convert builds and converts the block; nil where that fails.
func (s blockSpec) convert(t *testing.T) (*onnxio.Model, *convert.Result) {
	t.Helper()
	return provenResult(t, s, s.build, convert.Options{FC: s.form(), Prover: &verify.Prover{Seed: s.Seed}})
}

// Every exact block merges fully: one FC3, no BatchNorm, no local conv; the
// proofs hold and the outputs agree.
func TestRandomBlocksMerge(t *testing.T) {
	from, to := blocks(t)
	failed := 0
	for seed := from; seed < to && failed < 5; seed++ {
		s := randomSpec(seed)
		m, res := s.convert(t)
		if res == nil {
			failed++
			continue
		}
		ops := countOps(res.Model)
		layers, local := layers(res.Model)
		want := 1
		if s.Global {
			want = 3
		}
		if ops["BatchNormalization"] > 0 || local || layers != want || res.Verdict != convert.Fused {
			t.Errorf("%+v: missed: verdict %s, %v left, declined %v", s, res.Verdict, ops, res.Plan.Declined)
			failed++
		}
		if !sameModel(t, s, s.Seed, m, res.Model) {
			failed++
		}
	}
}

// A block with one condition broken keeps its outputs, whatever is merged.
func TestBrokenBlocksKeepTheirOutputs(t *testing.T) {
	from, to := blocks(t)
	failed, tried := 0, map[string]int{}
	for seed := from; seed < to && failed < 5; seed++ {
		rng := rand.New(rand.NewPCG(seed, 23))
		s, ok := randomSpec(seed).broken(rng)
		for !ok {
			s, ok = randomSpec(rng.Uint64()).broken(rng)
		}
		tried[s.Break]++
		m, res := s.convert(t)
		if res == nil {
			failed++
			continue
		}
		if !sameModel(t, s, s.Seed, m, res.Model) {
			failed++
		}
	}
	for _, b := range breaks {
		if tried[b] == 0 && to-from >= 200 {
			t.Errorf("no block with %q was tried", b)
		}
	}
}

// provenResult builds a random block and converts it with the prover of opts; the result is
// nil where that failed. spec is what is told of it.
func provenResult(t *testing.T, spec any, build func() (*onnxio.Model, error), opts convert.Options) (*onnxio.Model, *convert.Result) {
	t.Helper()
	m, err := build()
	if err != nil {
		t.Fatalf("%+v: %v", spec, err)
	}
	res, err := convert.Convert(context.Background(), m, opts)
	if err != nil {
		t.Errorf("%+v: %v", spec, err)
		return m, nil
	}
	return m, res
}
