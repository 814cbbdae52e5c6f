package verify

import (
	"math"

	"repmlp/onnxio"
)

// What rounding allows. Weights that are stored are rounded once:
//
//	fl(w) = w·(1+δ) + ε,  |δ| ≤ u,  |ε| ≤ η
//
// (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, theorem 2.2
// and, with underflow, equation 2.8), so that an output y = Wx + b is off by at most
// u·(|W||x|+|b|) + η·(Σ|x|+1). Both sides are summed in float64, where n terms add at
// most 2⁻⁵³·n times their magnitudes, to first order (lemma 3.1 there).

// A rounding is what storing a number in a float type does to it.
type rounding struct {
	unit float64 // u: half the distance from 1 to the next number
	eta  float64 // η: half the smallest subnormal number
}

// roundingOf returns u and η of a float type (IEEE 754-2019, table 3.5; bfloat16 has
// the exponents of float32). Of float64 η is no float64 itself.
func roundingOf(d onnxio.DType) rounding {
	switch d {
	case onnxio.Float16:
		return rounding{0x1p-11, 0x1p-25}
	case onnxio.BFloat16:
		return rounding{0x1p-8, 0x1p-134}
	case onnxio.Float64:
		return rounding{0x1p-53, 0}
	}
	return rounding{0x1p-24, 0x1p-150}
}

const (
	// slack is the room between what is allowed and a failure: the bound is exact to
	// first order, the rest covers the second.
	slack = 1.5
	// doubleUnit is u of float64, in which both sides are summed.
	doubleUnit = 0x1p-53
	// ownTerms is added to the number of inputs of a row for the biases, scales and
	// partial sums on the way.
	ownTerms = 64
	// underflow is what float64 may lose of products that underflow: far above its
	// subnormal numbers, of whatever sum, and far below all that a model computes.
	underflow = 0x1p-1000
)

// A bound says how far the outputs of a replacement may lie from the original's.
type bound struct {
	rounding          // of the stored weights
	roundings float64 // of them that meet in one output, in series
	terms     float64 // that one output sums up at most
	fed       float64 // Σ|x|+1
	folded    bool    // weights are rounded step by step: each is a rounding of the terms of the original
}

// stored is what an output with the stored weights may differ by. after is its
// |W||x|+|b|, before the same of the original, or 0 where its own rounding is not
// needed. Of layers in series W is the product, in which each of them is rounded:
//
//	|Ŵₙ···Ŵ₁ − Wₙ···W₁| ≤ ((1+u)ⁿ−1)·|Wₙ|···|W₁| ≈ n·u·|Wₙ|···|W₁|
//
// (lemma 3.1 there).
func (b bound) stored(after, before float64) float64 {
	if b.folded {
		return slack*(b.unit*before+b.own(after+before)) + b.eta*b.fed
	}
	return slack*(b.roundings*b.unit*after+b.own(after+before)) + b.eta*b.fed
}

// exact is the same for weights before they are rounded.
func (b bound) exact(after, before float64) float64 {
	return slack*b.own(after+before) + underflow
}

// own is the rounding of the sums themselves.
func (b bound) own(size float64) float64 { return doubleUnit * b.terms * size }

// termsOf bounds how many numbers one output sums up: those of a sample of every input, in
// each of the layers that stand in series.
func termsOf(layers float64, inputs []*Tensor) float64 {
	n := ownTerms
	for _, x := range inputs {
		n += x.Len() / max(batch(x), 1)
	}
	return layers * float64(n)
}

// floor is what is added to the magnitude of a weight so that u of it bounds what storing
// it loses, subnormal or not: u·(|w|+η/u) = u|w|+η. Of one layer η·(Σ|x|+1) is enough, and
// its weights need not be touched.
func (r rounding) floor() float64 { return r.eta / r.unit }

// judge compares differences with what is allowed, element by element. exact is
// nil where only stored weights were run, before where the original's magnitudes are
// not needed.
func (b bound) judge(diff, exact, after, before []float64) Proof {
	var proof Proof
	for i, d := range diff {
		in := 0.0
		if before != nil {
			in = before[i]
		}
		proof.MaxAbs = max(proof.MaxAbs, d)
		proof.Bound = worst(proof.Bound, d, b.stored(after[i], in))
		if exact != nil {
			proof.Bound = worst(proof.Bound, exact[i], b.exact(after[i], in))
		}
	}
	return proof
}

// worst updates the largest ratio. It is infinite where a difference is no number,
// or stands beside a bound that is none: zero, infinite, no number.
func worst(old, diff, bound float64) float64 {
	switch {
	case diff == 0 || diff <= old*bound && bound <= math.MaxFloat64: // most are, and dividing takes longer
		return old
	case math.IsNaN(diff) || !(bound > 0 && bound <= math.MaxFloat64):
		return math.Inf(1)
	}
	return max(old, diff/bound)
}
