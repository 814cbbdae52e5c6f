package elementary

import (
	"math"
	"testing"
)

var (
	inf  = math.Inf(1)
	nan  = math.NaN()
	zero = math.Copysign(0, -1) // the negative one
)

func same(a, b float64) bool {
	return a != a && b != b || a == b && math.Signbit(a) == math.Signbit(b)
}

const least, most = math.SmallestNonzeroFloat64, math.MaxFloat64

// What package math documents.
func TestSpecialValues(t *testing.T) {
	for name, pairs := range map[string][][2]float64{
		"Acos":  {{nan, nan}, {-1.5, nan}, {1 + 0x1p-52, nan}, {inf, nan}, {1, 0}, {-1, math.Pi}, {0, math.Pi / 2}, {least, math.Pi / 2}},
		"Acosh": {{nan, nan}, {inf, inf}, {1, 0}, {1 - 0x1p-53, nan}, {-inf, nan}, {0, nan}},
		"Asin":  {{nan, nan}, {1.5, nan}, {-inf, nan}, {0, 0}, {zero, zero}, {1, math.Pi / 2}, {-1, -math.Pi / 2}, {least, least}},
		"Asinh": {{nan, nan}, {inf, inf}, {-inf, -inf}, {0, 0}, {zero, zero}, {-least, -least}},
		"Atan":  {{nan, nan}, {inf, math.Pi / 2}, {-inf, -math.Pi / 2}, {0, 0}, {zero, zero}, {least, least}, {1, math.Pi / 4}, {most, math.Pi / 2}},
		"Atanh": {{nan, nan}, {1, inf}, {-1, -inf}, {0, 0}, {zero, zero}, {1.5, nan}, {-inf, nan}, {least, least}},
		"Cos":   {{nan, nan}, {inf, nan}, {-inf, nan}, {0, 1}, {zero, 1}, {least, 1}},
		"Cosh":  {{nan, nan}, {inf, inf}, {-inf, inf}, {0, 1}, {zero, 1}, {least, 1}, {711, inf}, {-most, inf}},
		"Erf":   {{nan, nan}, {inf, 1}, {-inf, -1}, {0, 0}, {zero, zero}, {least, least}, {most, 1}, {-7, -1}},
		"Erfc":  {{nan, nan}, {inf, 0}, {-inf, 2}, {0, 1}, {zero, 1}, {least, 1}, {most, 0}, {-most, 2}, {27.3, 0}},
		"Exp":   {{nan, nan}, {inf, inf}, {-inf, 0}, {0, 1}, {zero, 1}, {least, 1}, {710, inf}, {-746, 0}, {most, inf}, {-most, 0}, {-745.1332191019411, least}, {-745.1332191019412, 0}},
		"Exp2":  {{nan, nan}, {inf, inf}, {-inf, 0}, {0, 1}, {10, 1024}, {1024, inf}, {1023, 0x1p1023}, {-1074, least}, {-1075, 0}, {-1074.9, least}, {-most, 0}},
		"Expm1": {{nan, nan}, {inf, inf}, {-inf, -1}, {0, 0}, {zero, zero}, {least, least}, {-most, -1}, {710, inf}},
		"Log":   {{nan, nan}, {inf, inf}, {0, -inf}, {zero, -inf}, {-least, nan}, {-inf, nan}, {1, 0}},
		"Log1p": {{nan, nan}, {inf, inf}, {0, 0}, {zero, zero}, {-1, -inf}, {-2, nan}, {-inf, nan}, {-least, -least}},
		"Log2":  {{nan, nan}, {inf, inf}, {0, -inf}, {zero, -inf}, {-1, nan}, {1, 0}, {8, 3}, {least, -1074}, {0x1p1023, 1023}},
		"Sin":   {{nan, nan}, {inf, nan}, {-inf, nan}, {0, 0}, {zero, zero}, {-least, -least}},
		"Sinh":  {{nan, nan}, {inf, inf}, {-inf, -inf}, {0, 0}, {zero, zero}, {least, least}, {711, inf}, {-most, -inf}},
		"Tan":   {{nan, nan}, {inf, nan}, {-inf, nan}, {0, 0}, {zero, zero}, {least, least}},
		"Tanh":  {{nan, nan}, {inf, 1}, {-inf, -1}, {0, 0}, {zero, zero}, {least, least}, {-most, -1}},
	} {
		for _, f := range functions() {
			for _, p := range pairs {
				if got := f.own(p[0], 0); f.name == name && !same(got, p[1]) {
					t.Errorf("%s(%v) is %v, want %v", name, p[0], got, p[1])
				}
			}
		}
	}
	for _, c := range [][3]float64{
		{nan, 0, 1}, {3, zero, 1}, {1, nan, 1}, {1, inf, 1}, {nan, 1, nan}, {2, nan, nan},
		{0, -3, inf}, {zero, -3, -inf}, {0, -inf, inf}, {zero, -inf, inf}, {0, inf, 0}, {zero, inf, 0},
		{zero, -2, inf}, {zero, -0.5, inf}, {zero, 3, zero}, {0, 3, 0}, {zero, 4, 0}, {zero, 0.5, 0},
		{-1, inf, 1}, {-1, -inf, 1}, {1.5, inf, inf}, {-1.5, inf, inf}, {-1.5, -inf, 0}, {0.5, inf, 0}, {-0.5, -inf, inf},
		{inf, 0.5, inf}, {inf, -0.5, 0}, {-inf, 3, -inf}, {-inf, -3, zero}, {-inf, 0.5, inf}, {-inf, -0.5, 0}, {-inf, 2, inf},
		{-8, 1.0 / 3, nan}, {-2, 3, -8}, {-2, -2, 0.25}, {-1, 1e300, 1}, {-1, 1<<53 - 1, -1}, {-3, most, inf},
		{2, 1023, 0x1p1023}, {2, 1024, inf}, {2, -1074, least}, {-2, -1073, -2 * least}, {2, -1076, 0}, {-2, -1077, zero},
		{least, -1, inf}, {most, 2, inf}, {-most, 3, -inf}, {least, 2, 0}, {4, 0.5, 2}, {-1, 0.5, nan}, {most, least, 1},
	} {
		if got := Pow(c[0], c[1]); !same(got, c[2]) {
			t.Errorf("Pow(%v, %v) is %v, want %v", c[0], c[1], got, c[2])
		}
	}
	for _, c := range [][3]float64{
		{inf, nan, inf}, {nan, -inf, inf}, {nan, 1, nan}, {1, nan, nan}, {0, zero, 0}, {zero, zero, 0},
		{3, -4, 5}, {most, 0, most}, {most, most, inf}, {least, least, least}, {3 * least, 4 * least, 5 * least}, {3e307, 4e307, 5e307},
	} {
		if got := Hypot(c[0], c[1]); !same(got, c[2]) {
			t.Errorf("Hypot(%v, %v) is %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

func TestSymmetry(t *testing.T) {
	for _, a := range arguments() {
		x := a[0]
		if x != x {
			continue
		}
		for _, f := range functions() {
			plus, minus := f.own(x, a[1]), f.own(-x, a[1])
			switch f.name {
			case "Asin", "Asinh", "Atan", "Atanh", "Erf", "Sin", "Sinh", "Tan", "Tanh":
				minus = -minus
			case "Cos", "Cosh", "Hypot":
			default:
				continue
			}
			if !same(plus, minus) {
				t.Errorf("%s at %v and at its negative: %v, %v", f.name, x, plus, minus)
			}
		}
	}
}

// Where one formula ends and the next begins nothing steps back.
func TestMonotonicity(t *testing.T) {
	points := map[string][]float64{
		"Acos":  {0, 0.5, -0.5, 0.9},
		"Acosh": {1, 1.0412, huge},
		"Asin":  {tiny, 0.5, math.Sqrt2 / 2, 0.9},
		"Asinh": {tiny, 0.2854, -0.2854, huge},
		"Atan":  {tiny, 1, -1, huge},
		"Atanh": {tiny, 0.17, -0.17},
		"Cosh":  {tiny, 0.5 * math.Ln2, wide, 710.4758600739439},
		"Erf":   {tiny, 0.5, 1, 1.5, seriesEnd, 3, 6, 7},
		"Erfc":  {-7, -seriesEnd, tiny, 1, seriesEnd, 3, 5, 26.54, 27.2, 28},
		"Exp":   {0.5 * math.Ln2, -0.5 * math.Ln2, 1.5 * math.Ln2, 709.782712893384, -708.3964185322641, -745.1332191019412},
		"Exp2":  {0.5, -0.5, -1022, -1074, 1024},
		"Expm1": {tiny, 0.5 * math.Ln2, -0.5 * math.Ln2, 100, -100, 709.782712893384},
		"Log":   {1, math.Sqrt2, math.Sqrt2 / 2, 2, 0x1p-1022},
		"Log1p": {tiny, nearZero, -nearZero, math.Sqrt2 - 1, math.Sqrt2/2 - 1, huge},
		"Log2":  {1, math.Sqrt2, math.Sqrt2 / 2, 2},
		"Sin":   {tiny, math.Pi / 4, 25 * math.Pi / 4, -math.Pi / 4},
		"Sinh":  {tiny, 0.5 * math.Ln2, wide, 710.4758600739439},
		"Tan":   {tiny, math.Pi / 4, -math.Pi / 4, 5 * math.Pi / 4, 1 << 20},
		"Tanh":  {tiny, 0.25 * math.Ln2, 19, wide},
		"Cos":   {-math.Pi / 4, -3 * math.Pi / 4},
	}
	for _, f := range functions() {
		sign := 1.0
		if f.name == "Acos" || f.name == "Erfc" {
			sign = -1
		}
		for _, p := range points[f.name] {
			x := p
			for range 200 {
				x = math.Nextafter(x, math.Inf(-1))
			}
			for last := math.NaN(); x < p+400*unit(p); x = math.Nextafter(x, math.Inf(1)) {
				v := sign * f.own(x, 0)
				if v < last {
					t.Errorf("%s steps back at %v, beside %v", f.name, x, p)
				}
				last = v
			}
		}
	}
}
