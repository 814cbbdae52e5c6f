package convert_test

import (
	"math/rand/v2"
	"testing"

	"repmlp/convert"
	"repmlp/internal/nudge"
	"repmlp/internal/sketch"
	"repmlp/verify"
)

// sumsOfParts are sums of layers of several sources.
var sumsOfParts = map[string]string{
	"in one node": `x : float32 1 4 8 8
z : float32 1 3 8 8
a = Conv(x, ?4x4x3x3, ?4) pads=1,1,1,1
b = Conv(z, ?4x3x3x3) pads=1,1,1,1
c = Conv(x, ?4x4x1x1)
d = Conv(z, ?4x3x1x1, ?4)
y = Sum(a, b, c, d)`,
	"of sums": `x : float32 1 4 8 8
z : float32 1 3 8 8
a = Conv(x, ?4x4x3x3, ?4) pads=1,1,1,1
b = Conv(x, ?4x4x1x1)
c = Conv(z, ?4x3x3x3) pads=1,1,1,1
d = Conv(z, ?4x3x1x1, ?4)
e = Add(a, b)
f = Sub(c, d)
y = Sub(e, f)`,
	"one behind the other": `x : float32 5 6
a = MatMul(x, ?6x6)
z = Relu(a)
b = Gemm(z, ?6x6, ?6)
c = MatMul(z, ?6x6)
d = Gemm(x, ?6x6, ?6)
e = MatMul(x, ?6x6)
y = Sum(b, d, c, e)`,
	"of another stride": `x : float32 1 4 8 8
z : float32 1 4 4 4
a = Conv(x, ?4x4x3x3, ?4) pads=1,1,1,1 strides=2,2
b = Conv(z, ?4x4x3x3) pads=1,1,1,1
c = Conv(x, ?4x4x1x1) strides=2,2
d = Conv(z, ?4x4x1x1, ?4)
y = Sum(a, b, c, d)`,
	"beside what stays": `x : float32 1 4 8 8
z : float32 1 4 8 8
a = Conv(x, ?4x4x3x3) pads=1,1,1,1
b = Conv(z, ?4x4x3x3) pads=1,1,1,1
c = Conv(x, ?4x4x1x1)
d = BatchNormalization(z, ?4, ?4, ?4, !4)
e = Sigmoid(x)
y = Sum(a, b, c, d, e)`,
}

// Of a sum the layers of each source become one, each is proved for all inputs, and nothing
// is left for a second conversion.
func TestPartsOfOneSum(t *testing.T) {
	for what, text := range sumsOfParts {
		t.Run(what, func(t *testing.T) {
			m := sketch.Model(t, text)
			p := &nudge.Planter{Prover: &verify.Prover{}, Rand: rand.New(rand.NewPCG(1, 5)), Each: 5}
			res, r, err := convert.Model(t.Context(), m, convert.Options{Prover: p})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Regions) != 2 || r.Check == nil || !r.Check.Passed {
				t.Fatalf("%d merges: %+v", len(r.Regions), r)
			}
			for _, g := range r.Regions {
				if g.Proof == nil || !g.Proof.Complete {
					t.Errorf("%s is not proved for all inputs: %+v", g.ID, g.Proof)
				}
			}
			if len(p.Plants) == 0 {
				t.Error("nothing was planted")
			}
			for _, plant := range p.Plants {
				if !plant.Found() {
					t.Errorf("not found: %v", plant)
				}
			}
			again, r2, err := convert.Model(t.Context(), res, convert.Options{})
			if err != nil || r2.Verdict != convert.Unchanged || again != res {
				t.Errorf("again: %v, %v", r2.Verdict, err)
			}
		})
	}
}

// One part may be made without the other.
func TestOnePartOfTwo(t *testing.T) {
	for what, text := range sumsOfParts {
		m := sketch.Model(t, text)
		for _, o := range []convert.Options{{Skip: []string{"r1"}}, {Skip: []string{"r2"}}, {StopAfter: 1}} {
			_, r, err := convert.Model(t.Context(), m, o)
			if err != nil || len(r.Regions) != 1 || r.Regions[0].Proof == nil || !r.Regions[0].Proof.Complete || !r.Check.Passed {
				t.Errorf("%s, %+v: %d merges, %v", what, o, len(r.Regions), err)
			}
		}
	}
}
