package elementary

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// tolerance is what results may differ from the true value, in units of the last place.
const tolerance = 0.501

// apartFrom is |got - want| in units of the last place of want.
func apartFrom(got float64, want *big.Float) float64 {
	e := max(want.MantExp(nil)-53, -1074)
	value := new(big.Float).SetPrec(want.Prec())
	switch {
	case got != got:
		return math.Inf(1)
	case math.IsInf(got, 0) && got < 0 == want.Signbit(): // the next number if the range went on
		if value.SetMantExp(big.NewFloat(math.Copysign(1, got)), 1024); want.MantExp(nil) > 1024 {
			return 0
		}
	case math.IsInf(got, 0):
		return math.Inf(1)
	default:
		value.SetFloat64(got)
	}
	value.Sub(value, want)
	v, _ := value.SetMantExp(value, -e).Float64()
	return math.Abs(v)
}

// A domain is where arguments of a function are drawn: between low and high, with an exponent of
// two from small to wide, and at values of their own.
type domain struct {
	low, high   float64
	small, wide int
	at          []float64
}

func domains() map[string]domain {
	near := func(values ...float64) []float64 {
		var list []float64
		for _, v := range values {
			list = append(list, math.Nextafter(v, -1e9), v, math.Nextafter(v, 1e9))
		}
		return list
	}
	angles := near(math.Pi/4, math.Pi/2, math.Pi, 3*math.Pi/2, 2*math.Pi, 100*math.Pi, 1<<20, 1<<20-1, 0x1.7p19,
		// Closest to a multiple of π/2 of all float64.
		6381956970095103*0x1p797, 5319372648326541*0x1p849, math.MaxFloat64, 1e22, 1e300)
	return map[string]domain{
		"Acos":  {-1, 1, -90, 0, near(0, 0.5, 1-0x1p-40)},
		"Acosh": {1, 30, 0, 900, append(near(1.29, huge), 1, 1+0x1p-52, math.MaxFloat64)},
		"Asin":  {-1, 1, -90, 0, append(near(0.5, 1-0x1p-40), 1, -1)},
		"Asinh": {-3, 3, -90, 900, append(near(0.27, huge), math.MaxFloat64)},
		"Atan":  {-3, 3, -90, 120, near(1, huge)},
		"Atanh": {-1, 1, -90, 0, append(near(0.17), 1-0x1p-53, 1-0x1p-40)},
		"Cos":   {-9, 9, -90, 1000, angles},
		"Sin":   {-9, 9, -90, 1000, angles},
		"Tan":   {-9, 9, -90, 1000, angles},
		"Cosh":  {-9, 9, -90, 9, append(near(wide, 709), 710.4758600739439)},
		"Sinh":  {-9, 9, -90, 9, append(near(wide, 709), 710.4758600739439)},
		"Tanh":  {-30, 30, -90, 5, near(0.5*math.Ln2, 19)},
		"Erf":   {-6.5, 6.5, -90, 2, near(seriesEnd, 6, 1, 3, 5)},
		"Erfc":  {-6.5, 12, -90, 3, near(seriesEnd, 26, 26.5, 26.6, 27, 27.2, 10)},
		"Exp":   {-745, 709, -90, 9, append(near(0.5*math.Ln2, -708.4, -745), 709.782712893384, -745.1332191019412)},
		"Exp2":  {-1074, 1023, -90, 9, near(0.5, 1.5, -1022, -1074, -1023.5)},
		"Expm1": {-45, 709, -90, 9, append(near(0.5*math.Ln2, -0.5*math.Ln2, 100, -40), 709.782712893384)},
		"Log":   {0.3, 3, -1070, 1020, append(near(1, math.Sqrt2, math.Sqrt2/2), 5e-324, math.MaxFloat64)},
		"Log2":  {0.3, 3, -1070, 1020, append(near(1, math.Sqrt2, math.Sqrt2/2, 8), 5e-324, math.MaxFloat64)},
		"Log1p": {-1, 3, -90, 900, append(near(nearZero, -nearZero, huge), math.Nextafter(-1, 0))},
		"Hypot": {-3, 3, -1070, 1020, []float64{5e-324, math.MaxFloat64 / 2, 0x1p-1022}},
		"Pow":   {0.3, 3, -1070, 1020, []float64{5e-324, math.MaxFloat64, 1 - 0x1p-53, 1 + 0x1p-52}},
	}
}

// seconds are second arguments for x.
func seconds(name string, x float64, rng *rand.Rand) []float64 {
	switch name {
	case "Hypot":
		return []float64{x, x * rng.Float64(), x * math.Ldexp(1, -rng.IntN(70)), 5e-324}
	case "Pow": // to results over the whole range
		l := math.Log(math.Abs(x))
		return []float64{0.5, -1, 3, float64(rng.IntN(9)), -745 / l, 709 / l, (rng.Float64()*1450 - 740) / l, rng.Float64()}
	}
	return []float64{0}
}

// samples calls each with arguments of f's domain.
func samples(name string, n int, each func(x, y float64)) {
	d, rng := domains()[name], rand.New(rand.NewPCG(3, 4))
	xs := d.at
	for range n {
		xs = append(xs, d.low+(d.high-d.low)*rng.Float64())
		x := math.Ldexp(0.5+rng.Float64()/2, d.small+rng.IntN(d.wide-d.small+1))
		if d.low < 0 && rng.IntN(2) == 0 {
			x = -x
		}
		xs = append(xs, x)
	}
	for _, x := range xs {
		if (name == "Acos" || name == "Asin" || name == "Atanh") && math.Abs(x) > 1 {
			continue
		}
		if name == "Log1p" && x <= -1 || name == "Acosh" && x < 1 {
			continue
		}
		for _, y := range seconds(name, x, rng) {
			each(x, y)
		}
	}
}

// Results are the float64 next to the true value, unless that lies all but halfway between two.
func TestAccuracy(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 8
	}
	for _, f := range functions() {
		worst, at, count := 0.0, [2]float64{}, 0
		samples(f.name, n, func(x, y float64) {
			if x == 0 {
				return
			}
			r := reference{prec: 420}
			if e := math.Abs(math.Log2(math.Abs(x))); e < 130 {
				r.prec += uint(2 * e)
			} else if f.name == "Acosh" || f.name == "Asinh" {
				r.prec += 64
			}
			count++
			got, want := f.own(x, y), r.value(f.name, r.of(x), r.of(y))
			if u := apartFrom(got, want); !(u <= worst) {
				worst, at = u, [2]float64{x, y}
			}
		})
		t.Logf("%-5s %.6f at %v of %d", f.name, worst, at, count)
		if !(worst <= tolerance) {
			t.Errorf("%s%v is %v, off by %.4f units of the last place", f.name, at, f.own(at[0], at[1]), worst)
		}
	}
}
