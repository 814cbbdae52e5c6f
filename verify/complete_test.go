package verify

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"repmlp/onnxio"
)

// long is how many features the rows of these layers have: with more, the bound on random
// rows gets wider than an error that counts.
const long = 1568

// featuresOf are units of rows of long features, one a run.
func featuresOf(rows, features, groups int) func(in, out []int) *Units {
	return func(_, _ []int) *Units {
		u := &Units{}
		for r := range rows {
			u.Slots = append(u.Slots, r*features*groups)
		}
		for f := range features {
			u.Each = append(u.Each, []int{f})
		}
		for g := range groups {
			u.Groups = append(u.Groups, g*features)
		}
		return u
	}
}

// A layer of two in series, and what differs from their product.
func TestCompleteProofOfRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const outs = 6
	for _, d := range []onnxio.DType{onnxio.Float32, onnxio.Float16, onnxio.BFloat16, onnxio.Float64} {
		u, _ := Roundoff(d)
		w, s, b := normal(rng, d, long*outs), normal(rng, d, outs), normal(rng, d, outs)
		before := network(t, d, []int64{3, long}, []*onnxio.Node{node("MatMul", "h", "x", "w"), node("Mul", "k", "h", "s"), node("Add", "y", "k", "b")},
			floats(t, "w", d, []int64{long, outs}, w), floats(t, "s", d, []int64{outs}, s), floats(t, "b", d, []int64{outs}, b))
		merged := make([]float64, len(w))
		for i, v := range w {
			merged[i] = v * s[i%outs]
		}
		merged = kept(t, d, merged)
		old := func(c Claim) float64 {
			c.Units = nil
			proof, err := (&Prover{Seed: 3}).Prove(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			return proof.Bound
		}
		for what, change := range map[string]func(w, b []float64) (sampled bool){
			"right": nil,
			"four roundoffs of one coefficient": func(w, _ []float64) bool {
				w[700*outs+2] *= 1 + 4*u
				return true
			},
			"a zero by a roundoff of the largest": func(w, _ []float64) bool {
				w[900*outs+1] = u
				return true
			},
			"errors that cancel on all rows": func(w, _ []float64) bool {
				w[3*outs] += 0.25
				w[4*outs] -= 0.25
				return false
			},
			"two rows in each other's place": func(w, _ []float64) bool {
				for o := range outs {
					w[5*outs+o], w[6*outs+o] = w[6*outs+o], w[5*outs+o]
				}
				return false
			},
			"a bias by four roundoffs": func(_, b []float64) bool {
				b[1] *= 1 + 4*u
				return true
			},
		} {
			if what == "a zero by a roundoff of the largest" {
				w = slices.Clone(w)
				w[900*outs+1] = 0
				merged[900*outs+1] = 0
				before = network(t, d, []int64{3, long}, []*onnxio.Node{node("MatMul", "h", "x", "w"), node("Mul", "k", "h", "s"), node("Add", "y", "k", "b")},
					floats(t, "w", d, []int64{long, outs}, w), floats(t, "s", d, []int64{outs}, s), floats(t, "b", d, []int64{outs}, b))
			}
			mine, bias, passed := slices.Clone(merged), slices.Clone(b), false
			if change != nil {
				passed = change(mine, bias)
			}
			after := network(t, d, []int64{3, long}, []*onnxio.Node{node("Gemm", "y", "x", "m", "c")}, floats(t, "m", d, []int64{long, outs}, mine), floats(t, "c", d, []int64{outs}, bias))
			c := Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Units: featuresOf(3, long, 1)}
			proof, err := (&Prover{Seed: 3}).Prove(t.Context(), c)
			if err != nil || (proof.Bound < 1) != (change == nil) && proof.Evaluation*4 < u {
				t.Errorf("%s, %s: %+v, %v", d, what, proof, err)
			}
			if change == nil && (!proof.Complete || proof.Read < long*outs) {
				t.Errorf("%s: %+v", d, proof)
			}
			if passed && d != onnxio.Float64 && !(old(c) < 1) {
				t.Errorf("%s, %s: random rows show it too", d, what)
			}
		}
	}
}

// kept rounds numbers to a type.
func kept(t *testing.T, d onnxio.DType, v []float64) []float64 {
	t.Helper()
	raw, err := onnxio.EncodeFloat64(v, d)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(v))
	if err := onnxio.DecodeFloat64(out, raw, d); err != nil {
		t.Fatal(err)
	}
	return out
}

// All groups are lit at once: a coefficient from one group into another shows all the same,
// and so do groups in each other's place.
func TestCompleteProofOfGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const groups, in, out = 4, 40, 5
	w := normal(rng, onnxio.Float32, groups*out*in)
	dims := []int64{groups * out, in, 1, 1}
	before := network(t, onnxio.Float32, []int64{2, groups * in, 1, 1}, []*onnxio.Node{with(node("Conv", "y", "x", "w"), onnxio.IntAttr("group", groups))}, floats(t, "w", onnxio.Float32, dims, w))
	dense := make([]float64, groups*out*groups*in)
	for o := range groups * out {
		copy(dense[o*groups*in+o/out*in:][:in], w[o*in:][:in])
	}
	for what, change := range map[string]func([]float64){
		"right":  func([]float64) {},
		"a leak": func(w []float64) { w[(2*out+1)*groups*in+7] = 0x1p-20 },
		"groups exchanged": func(w []float64) {
			for k := range out * groups * in {
				w[k], w[out*groups*in+k] = w[out*groups*in+k], w[k]
			}
		},
	} {
		mine := slices.Clone(dense)
		change(mine)
		after := network(t, onnxio.Float32, []int64{2, groups * in, 1, 1}, []*onnxio.Node{node("Conv", "y", "x", "m")}, floats(t, "m", onnxio.Float32, []int64{groups * out, groups * in, 1, 1}, mine))
		proof, err := (&Prover{Seed: 3}).Prove(t.Context(), Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Units: featuresOf(2, in, groups)})
		if err != nil || (proof.Bound < 1) != (what == "right") || what == "right" && !proof.Complete {
			t.Errorf("%s: %+v, %v", what, proof, err)
		}
	}
}

// Where coefficients cannot be read, random rows are what is proved: without units, for more of
// them than a proof may cost, where zeros give no number, and where several layers stand in
// series.
func TestIncompleteProofs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 4))
	w := floats(t, "w", onnxio.Float32, []int64{40, 3}, normal(rng, onnxio.Float32, 120))
	m := network(t, onnxio.Float32, []int64{2, 40}, []*onnxio.Node{node("MatMul", "y", "x", "w")}, w)
	div := network(t, onnxio.Float32, []int64{2, 40}, []*onnxio.Node{node("Div", "z", "x", "x"), node("MatMul", "y", "z", "w")}, w)
	c := Claim{ID: "fc", Before: m, After: m, Inputs: []string{"x"}, Output: "y"}
	units := featuresOf(2, 40, 1)
	for what, claim := range map[string]Claim{
		"complete":                      {Units: units},
		"no units":                      {},
		"none of them for these shapes": {Units: func(_, _ []int) *Units { return nil }},
		"too many": {Units: func(_, _ []int) *Units {
			return &Units{Slots: []int{0}, Each: make([][]int, mostReadings), Groups: []int{0}}
		}},
		"layers in series": {Units: units, Roundings: 2},
		"no number":        {Units: units, Before: div, After: div},
	} {
		mine := c
		if mine.Units, mine.Roundings = claim.Units, claim.Roundings; claim.Before != nil {
			mine.Before, mine.After = claim.Before, claim.After
		}
		proof, err := (&Prover{Seed: 3}).Prove(t.Context(), mine)
		if err != nil || proof.Complete != (what == "complete") || !(proof.Bound < 1) || proof.Rows != 2 {
			t.Errorf("%s: %+v, %v", what, proof, err)
		}
	}
}

// A coefficient is held to a rounding of its own size, however large the bias is; what cancels
// on the way is what float64 rounds.
func TestEvaluationOfCoefficients(t *testing.T) {
	d := onnxio.Float32
	model := func(w, b float64) *onnxio.Model {
		return network(t, d, []int64{1, 3}, []*onnxio.Node{node("Gemm", "y", "x", "w", "b")}, floats(t, "w", d, []int64{3, 1}, []float64{1, w, 3}), floats(t, "b", d, []int64{1}, []float64{b}))
	}
	prove := func(before, after *onnxio.Model) Proof {
		proof, err := (&Prover{Seed: 3}).Prove(t.Context(), Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Units: featuresOf(1, 3, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return proof
	}
	for _, bias := range []float64{0, 1, 0x1p20, 0x1p60} {
		if proof := prove(model(0x1p-3, bias), model(0x1p-3*(1+0x1p-22), bias)); proof.Bound < 1 {
			t.Errorf("bias %g: %+v", bias, proof)
		}
	}
	large := floats(t, "l", d, []int64{3, 1}, []float64{0x1p30, 0x1p30, 0x1p30})
	cancelling := network(t, d, []int64{1, 3}, []*onnxio.Node{node("MatMul", "h", "x", "w"), node("MatMul", "k", "x", "l"), node("Add", "a", "h", "k"), node("Sub", "y", "a", "k")},
		floats(t, "w", d, []int64{3, 1}, []float64{1, 0x1p-3, 3}), large)
	if proof := prove(cancelling, model(0x1p-3*(1+0x1p-22), 0)); !(proof.Bound < 1) || !(4*proof.Evaluation > 0x1p-25) {
		t.Errorf("what cancels: %+v", proof)
	}
	if proof := prove(cancelling, model(0x1p-3+0x1p-10, 0)); proof.Bound < 1 {
		t.Errorf("what cancels, moved by far: %+v", proof)
	}
}

// A Clip at the largest number of a type is none for numbers of that type.
func TestUnitsWithinTheirType(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 4))
	for d, top := range map[onnxio.DType]float64{onnxio.Float16: 65504, onnxio.BFloat16: 0x1.fep127, onnxio.Float32: math.MaxFloat32} {
		w := floats(t, "w", d, []int64{40, 3}, normal(rng, d, 120))
		before := network(t, d, []int64{2, 40}, []*onnxio.Node{node("MatMul", "h", "x", "w"), node("Clip", "y", "h", "low", "high")}, w, floats(t, "low", d, nil, []float64{-top}), floats(t, "high", d, nil, []float64{top}))
		after := network(t, d, []int64{2, 40}, []*onnxio.Node{node("MatMul", "y", "x", "w")}, w)
		proof, err := (&Prover{Seed: 3}).Prove(t.Context(), Claim{ID: "fc", Before: before, After: after, Inputs: []string{"x"}, Output: "y", Units: featuresOf(2, 40, 1)})
		if err != nil || !proof.Complete || !(proof.Bound < 1) {
			t.Errorf("%s: %+v, %v", d, proof, err)
		}
	}
}

// Where each run would have to work large constants out anew, random rows are run alone.
func TestConstantsThatEachRunWorksOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 4))
	const in, out = 2048, 1024
	w := normal(rng, onnxio.Float32, in*out)
	x := []int64{1, in}
	turned := network(t, onnxio.Float32, x, []*onnxio.Node{node("Transpose", "k", "w"), node("MatMul", "y", "x", "k")}, floats(t, "w", onnxio.Float32, []int64{out, in}, w))
	gemm := network(t, onnxio.Float32, x, []*onnxio.Node{with(node("Gemm", "y", "x", "w"), onnxio.IntAttr("transB", 1))}, floats(t, "w", onnxio.Float32, []int64{out, in}, w))
	for want, before := range map[bool]*onnxio.Model{false: turned, true: gemm} {
		c := Claim{ID: "fc", Before: before, After: gemm, Inputs: []string{"x"}, Output: "y", Units: featuresOf(1, in, 1)}
		proof, err := (&Prover{Seed: 3}).Prove(t.Context(), c)
		if err != nil || proof.Complete != want || !(proof.Bound < 1) {
			t.Errorf("%v: %+v, %v", want, proof, err)
		}
	}
}
