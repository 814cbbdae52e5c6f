package verify

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"repmlp/onnxio"
)

// rounds is how often something random is tried, less with -short.
func rounds(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// rounded is v as type d stores it.
func rounded(t *testing.T, v float64, d onnxio.DType) float64 {
	t.Helper()
	b, err := onnxio.EncodeFloat64([]float64{v}, d)
	if err != nil {
		t.Fatal(err)
	}
	var out [1]float64
	if err := onnxio.DecodeFloat64(out[:], b, d); err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// A neuron is one output of a layer: exact weights, and the same as they are stored.
type neuron struct {
	d                onnxio.DType
	w, stored, x     []float64
	bias, storedBias float64
}

// randomNeuron has weights of all magnitudes of its type, those that underflow
// among them.
func randomNeuron(t *testing.T, rng *rand.Rand, d onnxio.DType) *neuron {
	t.Helper()
	low, high := map[onnxio.DType]int{onnxio.Float16: -28, onnxio.BFloat16: -140, onnxio.Float32: -155, onnxio.Float64: -300}[d], 4
	if rng.IntN(2) == 0 {
		low = -6 // most weights of a network
	}
	weight := func() float64 {
		return math.Ldexp(rng.Float64()-0.5, low+rng.IntN(high-low))
	}
	n := &neuron{d: d, bias: weight()}
	n.storedBias = rounded(t, n.bias, d)
	for range 1 + rng.IntN(40) {
		w := weight()
		n.w, n.stored, n.x = append(n.w, w), append(n.stored, rounded(t, w, d)), append(n.x, 0.5+rng.Float64())
	}
	return n
}

// dot is Σ w·x + b, without any rounding and in float64.
func dot(w, x []float64, b float64) (exact *big.Float, sum float64) {
	const bits = 2000 // from the largest product to the smallest
	exact = new(big.Float).SetPrec(bits).SetFloat64(b)
	for i, v := range w {
		p := new(big.Float).SetPrec(bits).SetFloat64(v)
		exact.Add(exact, p.Mul(p, new(big.Float).SetFloat64(x[i])))
		sum += v * x[i]
	}
	return exact, sum + b
}

// differs is how far the neuron with the stored weights, run in float64, lies from
// the exact one.
func (n *neuron) differs() float64 {
	exact, _ := dot(n.w, n.x, n.bias)
	_, have := dot(n.stored, n.x, n.storedBias)
	d, _ := exact.Sub(exact, big.NewFloat(have)).Float64()
	return math.Abs(d)
}

// size is |W||x|+|b| of the stored weights, and Σ|x|+1.
func (n *neuron) size() (size, fed float64) {
	size, fed = math.Abs(n.storedBias), 1
	for i, w := range n.stored {
		size += math.Abs(w) * math.Abs(n.x[i])
		fed += math.Abs(n.x[i])
	}
	return size, fed
}

// ratio is the difference in units of what is allowed.
func (n *neuron) ratio() float64 {
	size, fed := n.size()
	b := bound{rounding: roundingOf(n.d), roundings: 1, terms: float64(len(n.x) + ownTerms), fed: fed}
	return worst(0, n.differs(), b.stored(size, 0))
}

var storedTypes = []onnxio.DType{onnxio.Float16, onnxio.BFloat16, onnxio.Float32, onnxio.Float64}

// The bound is u·(|W||x|+|b|) + η·(Σ|x|+1) and the sums' own rounding, term by term.
func TestBoundAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, d := range storedTypes {
		u := map[onnxio.DType]float64{onnxio.Float16: 1. / 2048, onnxio.BFloat16: 1. / 256, onnxio.Float32: 1. / (1 << 24), onnxio.Float64: 1. / (1 << 53)}[d]
		smallest := map[onnxio.DType]float64{onnxio.Float16: 0x1p-24, onnxio.BFloat16: 0x1p-133, onnxio.Float32: math.SmallestNonzeroFloat32, onnxio.Float64: 0}[d]
		for range 200 {
			n := randomNeuron(t, rng, d)
			want, size, fed := 0.0, math.Abs(n.storedBias), 1.0
			for i, w := range n.stored {
				want += 1.5 * u * math.Abs(w*n.x[i])
				want += smallest / 2 * math.Abs(n.x[i])
				size += math.Abs(w * n.x[i])
				fed += math.Abs(n.x[i])
			}
			want += 1.5*u*math.Abs(n.storedBias) + smallest/2
			own := 1.5 * 0x1p-53 * float64(len(n.x)+64) * size
			b := bound{rounding: roundingOf(d), roundings: 1, terms: float64(len(n.x) + ownTerms), fed: fed}
			if have := b.stored(size, 0); math.Abs(have-(want+own)) > 1e-12*have {
				t.Fatalf("%s: %g is allowed, want %g", d, have, want+own)
			}
			if have := b.exact(size, 3); math.Abs(have-own-1.5*0x1p-53*float64(len(n.x)+64)*3) > 1e-12*have {
				t.Fatalf("%s: %g is allowed of weights before rounding, want %g", d, have, own)
			}
		}
	}
}

// What is rounded right stays within the bound, and within the first order of it but
// for the second.
func TestBoundHolds(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, d := range storedTypes {
		r, most := roundingOf(d), 0.0
		for range rounds(800, 100) {
			n := randomNeuron(t, rng, d)
			size, fed := n.size()
			first := r.unit*size + r.eta*fed + doubleUnit*float64(len(n.x)+ownTerms)*size
			ratio := n.differs() / first
			if most = max(most, ratio); ratio > 1+4*r.unit || !(n.ratio() < 1) {
				t.Fatalf("%s: right weights are %g of the first order and %g of what is allowed: %+v", d, ratio, n.ratio(), n)
			}
		}
		if most < 0.2 && d != onnxio.Float64 {
			t.Errorf("%s: the worst of all is %g of what is allowed, which shows little", d, most)
		}
	}
}

// What is not rounded right is beyond the bound: a weight that is moved, one that is
// the next but one number, one that underflowed though its type holds it.
func TestBoundFails(t *testing.T) {
	for _, d := range storedTypes[:3] {
		r := roundingOf(d)
		for what, n := range map[string]*neuron{
			"a nudged weight":            {w: []float64{0.75, 0.5}, stored: []float64{0.75, 0.5 + 8*r.unit}},
			"a nudged bias":              {w: []float64{0, 0}, stored: []float64{0, 0}, bias: 1, storedBias: 1 + 8*r.unit},
			"one ulp too much":           {w: []float64{1, 0}, stored: []float64{1 + 2*r.unit, 0}},
			"one ulp too little":         {w: []float64{1 + 2*r.unit, 0}, stored: []float64{1, 0}},
			"rounded the wrong way":      {w: []float64{1 + 0.4*r.unit, 0}, stored: []float64{1 + 2*r.unit, 0}},
			"an underflowed weight":      {w: []float64{8 * r.eta, 0}, stored: []float64{0, 0}},
			"an underflowed bias":        {w: []float64{0, 0}, stored: []float64{0, 0}, bias: 8 * r.eta},
			"a weight of the other sign": {w: []float64{1, 1}, stored: []float64{1, -1}},
		} {
			n.d, n.x = d, []float64{1, 1}
			if got := n.ratio(); !(got > 1) {
				t.Errorf("%s, %s: %g of what is allowed", d, what, got)
			}
		}
		// The same, rounded right, is allowed.
		for what, n := range map[string]*neuron{
			"half an ulp":            {w: []float64{1 + r.unit, 0}, stored: []float64{1, 0}},
			"half a subnormal":       {w: []float64{r.eta, 0}, stored: []float64{0, 0}},
			"weights as they are":    {w: []float64{0.75, -2}, stored: []float64{0.75, -2}},
			"a bias that is nothing": {w: []float64{0, 0}, stored: []float64{0, 0}, bias: r.eta},
		} {
			n.d, n.x = d, []float64{1, 1}
			if got := n.ratio(); !(got < 1) {
				t.Errorf("%s, %s: %g of what is allowed", d, what, got)
			}
		}
	}
}

// A difference where none is allowed, or beside a bound that says nothing, is
// infinite; the largest ratio counts.
func TestWorst(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct{ old, diff, bound, want float64 }{
		{0, 0, 0, 0}, {0.5, 0, 0, 0.5}, {0, 1, 0, inf}, {0, 1, -1, inf}, {0, 1, math.NaN(), inf}, {0, 1, inf, inf}, {0, math.NaN(), 1, inf}, {0, inf, 1, inf},
		{0.5, 1, 4, 0.5}, {0.5, 3, 4, 0.75}, {2, 3, 4, 2},
	} {
		if got := worst(c.old, c.diff, c.bound); got != c.want {
			t.Errorf("%g after %g of %g is %g, want %g", c.old, c.diff, c.bound, got, c.want)
		}
	}
}

// The weights before rounding are held to float64 alone.
func TestBoundOfExactWeights(t *testing.T) {
	b := bound{rounding: roundingOf(onnxio.Float16), roundings: 1, terms: 80, fed: 3}
	diff, exact, size := []float64{1e-4, 0}, []float64{1e-15, 0}, []float64{1, 1}
	if p := b.judge(diff, exact, size, nil); !(p.Bound < 1) || p.MaxAbs != 1e-4 {
		t.Errorf("right weights: %+v", p)
	}
	exact[1] = 1e-9
	if p := b.judge(diff, exact, size, nil); !(p.Bound > 1) {
		t.Errorf("weights that are off before they are rounded: %+v", p)
	}
	if p := b.judge(diff, exact, size, []float64{1, 1e6}); !(p.Bound < 1) {
		t.Errorf("branches of the original that cancel: %+v", p)
	}
}

// Layers in series are each rounded: what rounding does to all of them, every time in the
// same direction, stays within the bound of so many, and a weight that is off by more does
// not. The bound of one layer took right products of many for wrong.
func TestBoundOfLayersInSeries(t *testing.T) {
	for _, d := range storedTypes[:3] {
		u := roundingOf(d).unit
		for _, n := range []float64{1, 2, 3, 8, 20} {
			in := func(roundings float64) bound {
				return bound{rounding: roundingOf(d), roundings: roundings, terms: n * ownTerms, fed: 2}
			}
			const size = 3.0 // |Wₙ|···|W₁||x|
			most := size * (math.Pow(1+0.999*u, n) - 1)
			if r := worst(0, most, in(n).stored(size, 0)); !(r < 1) {
				t.Errorf("%v: %g layers, all rounded up, are %.3g of the bound", d, n, r)
			}
			if r := worst(0, 1.7*n*u*size, in(n).stored(size, 0)); !(r > 1) {
				t.Errorf("%v: %g layers with a weight that is off are %.3g of the bound", d, n, r)
			}
			if r := worst(0, most, in(1).stored(size, 0)); n > 1 && r < 1 {
				t.Errorf("%v: %g layers are %.3g of the bound of one", d, n, r)
			}
		}
	}
}

// Weights so small that their type stores them with few digits are within u of their
// magnitude and the floor.
func TestFloorOfSubnormalWeights(t *testing.T) {
	for _, d := range storedTypes[:3] {
		r := roundingOf(d)
		for _, w := range []float64{0, r.eta, 1.5 * r.eta, 2.9 * r.eta, 100.3 * r.eta, r.eta / r.unit, 1} {
			b, err := onnxio.EncodeFloat64([]float64{w}, d)
			if err != nil {
				t.Fatal(err)
			}
			have := make([]float64, 1)
			if err := onnxio.DecodeFloat64(have, b, d); err != nil {
				t.Fatal(err)
			}
			if off := math.Abs(have[0] - w); off > r.unit*(w+r.floor())*(1+1e-12) {
				t.Errorf("%v: %g is stored as %g, off by more than %g", d, w, have[0], r.unit*(w+r.floor()))
			}
		}
	}
}

// An output may sum up a sample of every input, in each of the layers in series.
func TestTermsOfSeveralInputs(t *testing.T) {
	a, b := &Tensor{Shape: []int{2, 5}, F64: make([]float64, 10)}, &Tensor{Shape: []int{2, 7, 3}, F64: make([]float64, 42)}
	for _, c := range []struct {
		layers float64
		inputs []*Tensor
		want   float64
	}{{1, []*Tensor{a}, 5 + ownTerms}, {1, []*Tensor{a, b}, 26 + ownTerms}, {3, []*Tensor{a, b}, 3 * (26 + ownTerms)}} {
		if have := termsOf(c.layers, c.inputs); have != c.want {
			t.Errorf("%g layers, %d inputs: %g terms, want %g", c.layers, len(c.inputs), have, c.want)
		}
	}
}
