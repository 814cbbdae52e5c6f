package elementary

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type function struct {
	name  string
	own   func(x, y float64) float64
	other func(x, y float64) float64
}

func functions() []function {
	one := func(f func(float64) float64) func(x, y float64) float64 {
		return func(x, _ float64) float64 { return f(x) }
	}
	return []function{
		{"Acos", one(Acos), one(math.Acos)},
		{"Acosh", one(Acosh), one(math.Acosh)},
		{"Asin", one(Asin), one(math.Asin)},
		{"Asinh", one(Asinh), one(math.Asinh)},
		{"Atan", one(Atan), one(math.Atan)},
		{"Atanh", one(Atanh), one(math.Atanh)},
		{"Cos", one(Cos), one(math.Cos)},
		{"Cosh", one(Cosh), one(math.Cosh)},
		{"Erf", one(Erf), one(math.Erf)},
		{"Erfc", one(Erfc), one(math.Erfc)},
		{"Exp", one(Exp), one(math.Exp)},
		{"Exp2", one(Exp2), one(math.Exp2)},
		{"Expm1", one(Expm1), one(math.Expm1)},
		{"Hypot", Hypot, math.Hypot},
		{"Log", one(Log), one(math.Log)},
		{"Log1p", one(Log1p), one(math.Log1p)},
		{"Log2", one(Log2), one(math.Log2)},
		{"Pow", Pow, math.Pow},
		{"Sin", one(Sin), one(math.Sin)},
		{"Sinh", one(Sinh), one(math.Sinh)},
		{"Tan", one(Tan), one(math.Tan)},
		{"Tanh", one(Tanh), one(math.Tanh)},
	}
}

// arguments are the same everywhere.
func arguments() [][2]float64 {
	list := [][2]float64{}
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 2, 3, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, math.MaxFloat64, 1 << 29, 1e300}
	for _, x := range special {
		for _, y := range special {
			list = append(list, [2]float64{x, y})
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		// A ratio of integers, so that no function has a part in the arguments.
		x := float64(rng.IntN(1<<30)-1<<29) / float64(int64(1)<<rng.IntN(40))
		y := float64(rng.IntN(1<<20)-1<<19) / float64(int64(1)<<(10+rng.IntN(12)))
		list = append(list, [2]float64{x, y}, [2]float64{x / (1 << 29), y})
	}
	return list
}

// beside is what results may differ from those of package math, in units of the last place.
const beside = 2

// farBeside is the same for functions of package math that are themselves further off; that
// they are and not these is what TestAccuracy shows.
const farBeside = 1 << 10

func isFarOff(name string) bool {
	return slices.Contains([]string{"Acos", "Asin", "Log2", "Pow", "Sinh", "Tan"}, name)
}

// unit is one in the last place of v.
func unit(v float64) float64 {
	v = math.Abs(v)
	return min(math.Nextafter(v, math.Inf(1))-v, v-math.Nextafter(v, 0))
}

// Every function is package math's but for the last bits.
func TestFunctionsAreThoseOfMath(t *testing.T) {
	// Assembly is wrong beyond these for some processors, and overflows earlier.
	const tiny, huge = 1e-300, math.MaxFloat64
	for _, f := range functions() {
		for _, a := range arguments() {
			if x := math.Abs(a[0]); x > 0 && x < tiny || x > 700 && x <= huge {
				continue
			}
			got, want := f.own(a[0], a[1]), f.other(a[0], a[1])
			if got != got && want != want || got == want && math.Signbit(got) == math.Signbit(want) {
				continue
			}
			limit := float64(beside)
			if isFarOff(f.name) {
				limit = farBeside
			}
			if d := math.Abs(got - want); !(d <= limit*unit(want)) || got == 0 {
				t.Errorf("%s(%v, %v) is %v, want %v, off by %v", f.name, a[0], a[1], got, want, d/unit(want))
			}
		}
	}
}

// The bits are the same on every processor.
func TestBits(t *testing.T) {
	sum := sha256.New()
	for _, f := range functions() {
		for _, a := range arguments() {
			v := f.own(a[0], a[1])
			if v != v {
				v = 0 // NaNs differ in bits that say nothing
			}
			if err := binary.Write(sum, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	const want = "28a329f47c0230f8"
	if got := fmt.Sprintf("%x", sum.Sum(nil)[:8]); got != want {
		t.Fatalf("the bits have changed: %s, want %s", got, want)
	}
}
