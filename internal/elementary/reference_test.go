package elementary

import (
	"math"
	"math/big"
)

// reference computes with big.Float of prec bits: slow, and with other formulas than
// the package where there are some.
type reference struct{ prec uint }

func (r reference) of(x float64) *big.Float { return r.number().SetFloat64(x) }
func (r reference) number() *big.Float      { return new(big.Float).SetPrec(r.prec) }

func (r reference) add(a, b *big.Float) *big.Float { return r.number().Add(a, b) }
func (r reference) sub(a, b *big.Float) *big.Float { return r.number().Sub(a, b) }
func (r reference) mul(a, b *big.Float) *big.Float { return r.number().Mul(a, b) }
func (r reference) quo(a, b *big.Float) *big.Float { return r.number().Quo(a, b) }
func (r reference) root(a *big.Float) *big.Float   { return r.number().Sqrt(a) }
func (r reference) shift(a *big.Float, k int) *big.Float {
	return r.number().SetMantExp(a, k)
}

// terms adds first, next(1, first), next(2, ...), ... until they no longer count; each is divided by
// weight(n) as it is added.
func (r reference) terms(first *big.Float, next func(n int, t *big.Float) *big.Float, weight func(n int) float64) *big.Float {
	total, t := r.number(), first
	for n := 0; ; n++ {
		part := r.quo(t, r.of(weight(n)))
		if part.Sign() == 0 || total.Sign() != 0 && part.MantExp(nil) < total.MantExp(nil)-int(r.prec) && n > 4 {
			return total
		}
		total.Add(total, part)
		t = next(n+1, t)
	}
}

func unweighted(int) float64 { return 1 }

func (r reference) exp(x *big.Float) *big.Float {
	const halvings = 24
	k := max(0, halvings+x.MantExp(nil))
	r.prec += 64
	small := r.shift(x, -k)
	v := r.terms(r.of(1), func(n int, t *big.Float) *big.Float { return r.quo(r.mul(t, small), r.of(float64(n))) }, unweighted)
	for range k {
		v = r.mul(v, v)
	}
	return v
}

func (r reference) atanh(x *big.Float) *big.Float {
	z := r.mul(x, x)
	return r.terms(x, func(_ int, t *big.Float) *big.Float { return r.mul(t, z) }, odd)
}

func (r reference) log(x *big.Float) *big.Float {
	const roots = 20
	r.prec += 64
	k := x.MantExp(nil)
	v := r.shift(x, -k)
	if k == 1 { // one logarithm for numbers next to 1
		k, v = 0, x
	}
	for range roots {
		v = r.root(v)
	}
	one := r.of(1)
	v = r.shift(r.atanh(r.quo(r.sub(v, one), r.add(v, one))), roots+1)
	if k == 0 {
		return v
	}
	return r.add(v, r.mul(r.of(float64(k)), r.ln2()))
}

func (r reference) ln2() *big.Float { return r.shift(r.atanh(r.quo(r.of(1), r.of(3))), 1) }

func (r reference) atan(x *big.Float) *big.Float {
	const halvings = 12
	r.prec += 64
	one := r.of(1)
	for range halvings {
		x = r.quo(x, r.add(one, r.root(r.add(one, r.mul(x, x)))))
	}
	z := r.mul(x, x)
	z.Neg(z)
	return r.shift(r.terms(x, func(_ int, t *big.Float) *big.Float { return r.mul(t, z) }, odd), halvings)
}

// halfPi is 2·atan(1/2) + 2·atan(1/3).
func (r reference) halfPi() *big.Float {
	r.prec += 64
	return r.shift(r.add(r.atan(r.quo(r.of(1), r.of(2))), r.atan(r.quo(r.of(1), r.of(3)))), 1)
}

// sincos reduces with as many more bits as x has before its point.
func (r reference) sincos(x *big.Float) (sin, cos *big.Float) {
	r.prec += uint(max(0, x.MantExp(nil))) + 64
	half := r.halfPi()
	n, _ := r.add(r.quo(x, half), r.of(math.Copysign(0.5, float64(x.Sign())))).Int(nil)
	rest := r.sub(x, r.mul(r.number().SetInt(n), half))
	z := r.mul(rest, rest)
	z.Neg(z)
	series := func(first *big.Float, from float64) *big.Float {
		return r.terms(first, func(n int, t *big.Float) *big.Float {
			k := float64(2*n) + from
			return r.quo(r.mul(t, z), r.of(k*(k-1)))
		}, unweighted)
	}
	sin, cos = series(rest, 1), series(r.of(1), 0)
	switch new(big.Int).And(n, big.NewInt(3)).Int64() {
	case 1:
		sin, cos = cos, sin.Neg(sin)
	case 2:
		sin, cos = sin.Neg(sin), cos.Neg(cos)
	case 3:
		sin, cos = cos.Neg(cos), sin
	}
	return sin, cos
}

// erf sums the alternating series; its terms grow to e^(x²), so it takes more bits than those of e^(2x²).
func (r reference) erf(x *big.Float) *big.Float {
	f, _ := x.Float64()
	r.prec += uint(3*f*f) + 64
	z := r.mul(x, x)
	z.Neg(z)
	v := r.terms(x, func(n int, t *big.Float) *big.Float { return r.quo(r.mul(t, z), r.of(float64(n))) }, odd)
	return r.quo(r.shift(v, 1), r.root(r.shift(r.halfPi(), 1)))
}

// value is the function of that name at x, y.
func (r reference) value(name string, x, y *big.Float) *big.Float {
	one := r.of(1)
	square := func(v *big.Float) *big.Float { return r.mul(v, v) }
	switch name {
	case "Acos":
		return r.sub(r.halfPi(), r.value("Asin", x, y))
	case "Acosh":
		return r.log(r.add(x, r.root(r.sub(square(x), one))))
	case "Asin":
		if d := r.sub(one, square(x)); d.Sign() > 0 {
			return r.atan(r.quo(x, r.root(d)))
		}
		return r.mul(x, r.halfPi())
	case "Asinh":
		if x.Sign() < 0 {
			v := r.value(name, r.number().Neg(x), y)
			return v.Neg(v)
		}
		return r.log(r.add(x, r.root(r.add(square(x), one))))
	case "Atan":
		return r.atan(x)
	case "Atanh":
		return r.shift(r.log(r.quo(r.add(one, x), r.sub(one, x))), -1)
	case "Cos":
		_, cos := r.sincos(x)
		return cos
	case "Sin":
		sin, _ := r.sincos(x)
		return sin
	case "Tan":
		sin, cos := r.sincos(x)
		return r.quo(sin, cos)
	case "Cosh":
		e := r.exp(x)
		return r.shift(r.add(e, r.quo(one, e)), -1)
	case "Sinh":
		e := r.exp(x)
		return r.shift(r.sub(e, r.quo(one, e)), -1)
	case "Tanh":
		e := square(r.exp(x))
		return r.quo(r.sub(e, one), r.add(e, one))
	case "Erf":
		return r.erf(x)
	case "Erfc":
		f, _ := x.Float64()
		r.prec += uint(3*f*f) + 64
		return r.sub(r.of(1), r.erf(x))
	case "Exp":
		return r.exp(x)
	case "Exp2":
		return r.exp(r.mul(x, r.ln2()))
	case "Expm1":
		return r.sub(r.exp(x), one)
	case "Hypot":
		return r.root(r.add(square(x), square(y)))
	case "Log":
		return r.log(x)
	case "Log1p":
		return r.log(r.add(one, x))
	case "Log2":
		return r.quo(r.log(x), r.ln2())
	case "Pow":
		return r.exp(r.mul(y, r.log(x)))
	}
	panic("no reference for " + name)
}
