package elementary

import (
	"math"
	"math/big"
	"sync"
)

var halfPi = pair{0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54}

// Two parts of π/2 of 33 bits, whose products with a number of 20 bits are exact, and the rest.
const halfPiA, halfPiB = 0x1.921fb544p+0, 0x1.0b4611a6p-34

var halfPiC = pair{0x1.3198a2e037073p-69, 0x1.129024e088a68p-123}

// reduced returns r, |r| not above π/4 but for rounding, and the number of quarters of a turn
// with x = r + quarters·π/2. The number is right up to multiples of four.
func reduced(x float64) (r pair, quarters int) {
	switch {
	case math.Abs(x) <= math.Pi/4:
		return pair{hi: x}, 0
	case math.Abs(x) >= 1<<20:
		return reducedLarge(x)
	}
	n := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	// The first difference is exact: its terms are multiples of a unit that is at least
	// 2^-53 of it.
	r = sum(x-float64(n*halfPiA), -float64(n*halfPiB)).minus(halfPiC.scale(n))
	return r, int(n)
}

// bitsOfHalfPi are behind the point: those that the largest float64 has before it, those that
// vanish where it is next to a multiple of π/2 (62), and some for the result.
const bitsOfHalfPi = 1024 + spare

const spare = 62 + 120

// manyOfHalfPi is π/2·2^bitsOfHalfPi, of Machin's π/4 = 4·arccot 5 - arccot 239. It is made when
// a large angle first comes.
var manyOfHalfPi = sync.OnceValue(func() *big.Int {
	const guard = 32
	arccot := func(n int64) *big.Int {
		total, term := new(big.Int), new(big.Int).Lsh(big.NewInt(1), bitsOfHalfPi+guard)
		term.Quo(term, big.NewInt(n))
		for i := int64(1); term.Sign() != 0; i += 2 {
			part := new(big.Int).Quo(term, big.NewInt(i))
			if i&2 != 0 {
				part.Neg(part)
			}
			total.Add(total, part)
			term.Quo(term, big.NewInt(n*n))
		}
		return total
	}
	v := arccot(5)
	v.Lsh(v, 2).Sub(v, arccot(239))
	return v.Rsh(v, guard-1)
})

// reducedLarge divides in whole numbers.
func reducedLarge(x float64) (r pair, quarters int) {
	f, e := math.Frexp(x)
	point := uint(e + spare) // bits behind it
	unit := new(big.Int).Rsh(manyOfHalfPi(), bitsOfHalfPi-point)
	v := big.NewInt(int64(math.Ldexp(f, 53)))
	v.Lsh(v, uint(e-53+int(point)))
	n, rest := new(big.Int), new(big.Int)
	n.QuoRem(v, unit, rest) // towards zero: rest has the sign of x
	quarters = int(new(big.Int).And(n, big.NewInt(3)).Int64())
	if twice := new(big.Int).Lsh(rest, 1); twice.CmpAbs(unit) > 0 {
		if x > 0 {
			rest.Sub(rest, unit)
			quarters++
		} else {
			rest.Add(rest, unit)
			quarters--
		}
	}
	left := new(big.Float).SetInt(rest)
	left.SetMantExp(left, -int(point))
	r.hi, _ = left.Float64()
	r.lo, _ = left.Sub(left, big.NewFloat(r.hi)).Float64()
	return r, quarters
}
