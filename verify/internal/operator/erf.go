package operator

import (
	"math"

	"repmlp/onnxio"
)

// The knots of the table lie 1/erfKnots apart up to erfEnd, beyond which erf is
// one to the last bit of a float32. Cubic interpolation between them is off by
// at most h⁴/384·max|erf⁗| < 5e-11, which no rounding to float32 shows. Before
// the first knot the relative error counts: there it is two terms of the series,
// which are exact to x⁴/10 < 4e-10.
const (
	erfKnots = 128
	erfEnd   = 6
	shift    = 3 << 51 // float64 numbers around it are integers
)

// An erfTable has a polynomial in t for each 0 ≤ t < 1 between two knots.
type erfTable [erfEnd * erfKnots]struct{ c0, c1, c2, c3 float64 }

func newErfTable() *erfTable {
	const first = 2 / math.SqrtPi / erfKnots // the slope at zero
	table := new(erfTable)
	p, s := 0.0, first
	for i := range table {
		x := float64(i+1) / erfKnots
		q, t := math.Erf(x), first*math.Exp(-x*x)
		c := &table[i]
		c.c0, c.c1, c.c2, c.c3 = p, s, 3*(q-p)-2*s-t, s+t-2*(q-p)
		p, s = q, t
	}
	table[0].c2, table[0].c3 = 0, -first/(3*erfKnots*erfKnots)
	return table
}

// erfFor returns erf for numbers that are rounded to type d afterwards.
func erfFor(d onnxio.DType) func(float64) float64 {
	if d == onnxio.Float64 {
		return math.Erf
	}
	return newErfTable().at
}

// erf is the error function for the first input of a node.
func (c *Call) erf() func(float64) float64 {
	if c.exactly() {
		return math.Erf
	}
	return erfFor(c.In[0].DType)
}

// exactly reports whether a constant is worked out in float64.
func (c *Call) exactly() bool { return c.Fixed && c.Run.Mode == Double }

// at is erf(x).
func (table *erfTable) at(x float64) float64 {
	t := math.Abs(x) * erfKnots
	if !(t < erfEnd*erfKnots) {
		return beyond(x)
	}
	whole := t - 0.5 + shift // its last bits are t without its fraction
	t -= whole - shift
	c := &table[math.Float64bits(whole)%(1<<20)]
	return math.Copysign(c.c0+t*(c.c1+t*(c.c2+t*c.c3)), x)
}

// beyond is erf where the table has ended.
func beyond(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	return math.Copysign(1, x)
}
