package elementary

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bitsOfPairs is what operations on pairs keep.
const bitsOfPairs = 100

func (r reference) pair(p pair) *big.Float { return r.add(r.of(p.hi), r.of(p.lo)) }

// agree says that got is want but for a part of 2^-bits.
func (r reference) agree(got, want *big.Float, bits int) bool {
	d := r.sub(got, want)
	return d.Sign() == 0 || want.Sign() != 0 && d.MantExp(nil) <= want.MantExp(nil)-bits
}

func TestConstants(t *testing.T) {
	r := reference{prec: 400}
	one := r.of(1)
	for name, c := range map[string]struct {
		got  pair
		want *big.Float
	}{
		"ln2":       {ln2, r.ln2()},
		"perLn2":    {perLn2, r.quo(one, r.ln2())},
		"halfPi":    {halfPi, r.halfPi()},
		"perRootPi": {perRootPi, r.quo(one, r.root(r.shift(r.halfPi(), 1)))},
		"halfPiC":   {halfPiC, r.sub(r.sub(r.halfPi(), r.of(halfPiA)), r.of(halfPiB))},
	} {
		hi, _ := c.want.Float64()
		lo, _ := r.sub(c.want, r.of(hi)).Float64()
		if c.got != (pair{hi, lo}) {
			t.Errorf("%s is %x, want %x, %x", name, c.got, hi, lo)
		}
	}
	for i, c := range erfs {
		f := new(big.Int).MulRange(1, int64(i))
		if !r.agree(r.pair(c), r.quo(one, r.number().SetInt(f.Mul(f, big.NewInt(int64(2*i+1))))), bitsOfPairs) {
			t.Errorf("coefficient %d of erf is %v", i, c)
		}
	}
	many := reference{prec: bitsOfHalfPi + 10}
	if got := new(big.Float).SetInt(manyOfHalfPi()); !many.agree(many.shift(got, -bitsOfHalfPi), many.halfPi(), bitsOfHalfPi-1) {
		t.Error("the long half of pi is wrong")
	}
}

func TestPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	r := reference{prec: 2200}
	number := func() float64 { return math.Ldexp(rng.Float64()-0.5, rng.IntN(60)-30) }
	for range 2000 {
		x, y := number(), number()
		a, b := sum(x, x*0x1p-54*rng.Float64()), sum(y, y*0x1p-54*rng.Float64())
		if rng.IntN(4) == 0 {
			b = pair{-a.hi * (1 + 0x1p-52), b.lo * 0x1p-60} // cancels
		}
		ra, rb := r.pair(a), r.pair(b)
		if !r.agree(r.pair(sum(x, y)), r.add(r.of(x), r.of(y)), 2000) || !r.agree(r.pair(product(x, y)), r.mul(r.of(x), r.of(y)), 2000) {
			t.Fatalf("sum or product of %v and %v isn't exact", x, y)
		}
		for name, c := range map[string][2]*big.Float{
			"plus":  {r.pair(a.plus(b)), r.add(ra, rb)},
			"minus": {r.pair(a.minus(b)), r.sub(ra, rb)},
			"times": {r.pair(a.times(b)), r.mul(ra, rb)},
			"scale": {r.pair(a.scale(y)), r.mul(ra, r.of(y))},
			"over":  {r.pair(a.over(b)), r.quo(ra, rb)},
			"sqrt":  {r.pair(a.times(a).sqrt()), r.root(r.pair(a.times(a)))},
		} {
			if !r.agree(c[0], c[1], bitsOfPairs) {
				t.Errorf("%s of %v and %v has too few bits", name, a, b)
			}
		}
	}
}

// Below the normal numbers the sum of both parts is rounded, not the first part again.
func TestRoundedOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	r := reference{prec: 300}
	for i := range 4000 {
		hi := 0.5 + float64(rng.IntN(1<<10))/(1<<11) // often halfway
		p := pair{hi, math.Ldexp(float64(rng.IntN(3)-1), -60)}
		k := -1015 - i%65
		want, _ := r.shift(r.pair(p), k).Float64()
		if got := p.rounded(k); got != want {
			t.Errorf("%v·2^%d is %v, want %v", p, k, got, want)
		}
	}
}
