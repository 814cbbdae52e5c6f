package verify

import (
	"math"
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
)

func doubles(v ...float64) *Tensor {
	return &Tensor{DType: onnxio.Float64, Shape: []int{len(v)}, F64: v}
}

// naive are the statistics of two lists as their definitions have them, in two passes.
func naive(a, b []float64) (d OutputDifference) {
	var diffs []float64
	var dot, aa, bb, squares float64
	for i, x := range a {
		y := b[i]
		for k, v := range []float64{x, y} {
			if math.IsNaN(v) {
				d.NaN[k]++
			}
			if math.IsInf(v, 0) {
				d.Infinite[k]++
			}
		}
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			d.Equal++
		}
		if math.IsNaN(x-x) || math.IsNaN(y-y) {
			continue
		}
		diffs = append(diffs, math.Abs(x-y))
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	n := float64(len(diffs))
	for _, v := range diffs {
		d.Mean += v / n
		squares += v * v
	}
	slices.Sort(diffs)
	d.Compared = int64(len(diffs))
	d.RMS, d.Cosine = math.Sqrt(squares/n), dot/math.Sqrt(aa*bb)
	d.P99 = diffs[int(math.Ceil(0.99*n))-1]
	for _, v := range diffs {
		if v == 0 {
			continue
		}
		from := math.Exp2(math.Floor(math.Log2(v)))
		if k := len(d.Histogram); k == 0 || d.Histogram[k-1].From != from {
			for k > 0 && d.Histogram[k-1].To < from { // bins that have none
				last := d.Histogram[k-1].To
				d.Histogram = append(d.Histogram, Bin{From: last, To: 2 * last})
				k++
			}
			d.Histogram = append(d.Histogram, Bin{From: from, To: 2 * from})
		}
		d.Histogram[len(d.Histogram)-1].Count++
	}
	return d
}

func close64(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*(math.Abs(a)+math.Abs(b)) }

// sameStatistics names the statistics that differ.
func differing(got, want OutputDifference) (names []string) {
	for name, ok := range map[string]bool{
		"mean": close64(got.Mean, want.Mean), "rms": close64(got.RMS, want.RMS), "cosine": math.Abs(got.Cosine-want.Cosine) < 1e-12,
		"p99":      got.P99 >= want.P99 && got.P99 <= want.P99*(1+1.0/binsPerOctave),
		"compared": got.Compared == want.Compared, "equal": got.Equal == want.Equal, "nan": got.NaN == want.NaN, "infinite": got.Infinite == want.Infinite,
		"histogram": slices.Equal(got.Histogram, want.Histogram),
	} {
		if !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Statistics over many runs are those of all elements at once.
func TestTallyAgainstNaive(t *testing.T) {
	for seed := range uint64(40) {
		rng := random.Stream(seed, "tally")
		var tl tally
		var allA, allB []float64
		for range 1 + rng.IntN(5) {
			n := 1 + rng.IntN(300)
			a, b := make([]float64, n), make([]float64, n)
			for i := range a {
				a[i] = rng.NormFloat64() * math.Exp2(float64(rng.IntN(20)-10))
				b[i] = a[i]
				switch rng.IntN(12) {
				case 0:
				case 1:
					a[i] = math.NaN()
				case 2:
					b[i] = math.Inf(1 - 2*rng.IntN(2))
				case 3:
					a[i], b[i] = math.NaN(), math.NaN()
				default:
					b[i] += a[i] * rng.NormFloat64() * math.Exp2(float64(-rng.IntN(30)))
				}
			}
			tl.add(doubles(a...), doubles(b...), nil)
			allA, allB = append(allA, a...), append(allB, b...)
		}
		var got OutputDifference
		tl.into(&got)
		if names := differing(got, naive(allA, allB)); names != nil {
			t.Fatalf("seed %d: %q differ:\n%+v\n%+v", seed, names, got, naive(allA, allB))
		}
	}
}

// Every statistic says when its own kind of difference is there.
func TestEveryStatisticTells(t *testing.T) {
	const n = 200
	base := make([]float64, n)
	for i := range base {
		base[i] = 1 + float64(i)/n
	}
	stats := func(change func(b []float64)) (d OutputDifference) {
		b := slices.Clone(base)
		change(b)
		var tl tally
		tl.add(doubles(base...), doubles(b...), nil)
		tl.into(&d)
		return d
	}
	same := stats(func([]float64) {})
	if same.Mean != 0 || same.RMS != 0 || same.P99 != 0 || math.Abs(same.Cosine-1) > 1e-15 || same.Equal != n || same.Histogram != nil {
		t.Errorf("the same numbers: %+v", same)
	}
	for _, tc := range []struct {
		name   string
		change func(b []float64)
		tells  []string // against the same numbers
	}{
		{"one element", func(b []float64) { b[7]++ }, []string{"cosine", "equal", "histogram", "mean", "rms"}},
		{"three of two hundred", func(b []float64) { b[7]++; b[8]++; b[9]++ }, []string{"cosine", "equal", "histogram", "mean", "p99", "rms"}},
		{"another length", func(b []float64) {
			for i := range b {
				b[i] *= 2
			}
		}, []string{"equal", "histogram", "mean", "p99", "rms"}},
		{"NaN", func(b []float64) { b[3] = math.NaN() }, []string{"compared", "equal", "nan"}},
		{"infinity", func(b []float64) { b[3] = math.Inf(-1) }, []string{"compared", "equal", "infinite"}},
	} {
		if got := differing(stats(tc.change), same); !slices.Equal(got, tc.tells) {
			t.Errorf("%s: %q tell, want %q", tc.name, got, tc.tells)
		}
	}
}

// Elements that rounding decides are in no statistic, not even as equal.
func TestTallyLeavesOut(t *testing.T) {
	var tl tally
	tl.add(doubles(1, 2, 3), doubles(1, 9, 3), []bool{true, true, false})
	var d OutputDifference
	tl.into(&d)
	if d.Compared != 1 || d.Equal != 1 || d.Mean != 0 {
		t.Errorf("%+v", d)
	}
}

// Squares of numbers near the ends of float64 neither overflow nor vanish.
func TestTallyFarNumbers(t *testing.T) {
	for _, unit := range []float64{1e300, 1e-300} {
		var tl tally
		tl.add(doubles(3*unit, 4*unit, 0), doubles(0, 0, 5*unit), nil)
		var d OutputDifference
		tl.into(&d)
		if want := unit * math.Sqrt(50.0/3); !close64(d.RMS, want) || d.Cosine != 0 {
			t.Errorf("%g: RMS %g, want %g; cosine %g", unit, d.RMS, want, d.Cosine)
		}
		tl = tally{}
		tl.add(doubles(unit, 2*unit), doubles(-unit, -2*unit), nil)
		if tl.into(&d); d.Cosine != -1 {
			t.Errorf("%g: cosine %g, want -1", unit, d.Cosine)
		}
	}
	var d OutputDifference
	new(tally).into(&d)
	if !math.IsNaN(d.Mean) || !math.IsNaN(d.RMS) || !math.IsNaN(d.P99) || !math.IsNaN(d.Cosine) {
		t.Errorf("statistics of nothing: %+v", d)
	}
}

// A quantile is the nearest rank of the sorted numbers, or up to a thousandth above it,
// and memory does not follow how many there are.
func TestSketchAgainstSorting(t *testing.T) {
	rng := random.Stream(3, "sketch")
	var s sketch
	var all []float64
	for range 20000 {
		x := math.Abs(rng.NormFloat64()) * math.Exp2(float64(rng.IntN(12)))
		if rng.IntN(10) == 0 {
			x = 0
		}
		s.add(x)
		all = append(all, x)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.05, 0.1, 0.5, 0.9, 0.99, 0.9999, 1} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		if got := s.quantile(q); got < want || got > want*(1+1.0/binsPerOctave) {
			t.Errorf("quantile %g: %g, want %g", q, got, want)
		}
	}
	if len(s.octaves) > 64 {
		t.Errorf("%d powers of two", len(s.octaves))
	}
	s = sketch{}
	for _, x := range []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1)} {
		s.add(x)
	}
	if q := s.quantile(0.5); q != math.MaxFloat64 {
		t.Errorf("quantile of the largest numbers: %g", q)
	}
}
