package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"repmlp/internal/parallel"
)

// Sums of k products of standard normal numbers: the naive sum and a blocked
// one differ by a few roundings of partial sums.
const (
	tolerance32 = 1e-4
	tolerance64 = 1e-12
)

func TestProductAgainstNaive(t *testing.T) {
	testProduct[float32](t, tolerance32)
	testProduct[float64](t, tolerance64)
}

// rounds is how often something random is tried, less with -short.
func rounds(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

func testProduct[T Float](t *testing.T, tolerance float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range rounds(150, 15) {
		m, n, k := 1+rng.IntN(40), 1+rng.IntN(500), 1+rng.IntN(600)
		if rng.IntN(2) == 0 {
			m, n = n, m
		}
		trans := rng.IntN(2) == 0
		lda, ldc := k+rng.IntN(3), n+rng.IntN(3)
		rowsB, colsB := k, n
		if trans {
			rowsB, colsB = n, k
		}
		ldb := colsB + rng.IntN(3)
		fill := func(n int) []T {
			v := make([]T, n)
			for i := range v {
				v[i] = T(rng.NormFloat64())
			}
			return v
		}
		a, b, c := fill(m*lda), fill(rowsB*ldb), fill(m*ldc)
		want := append([]T{}, c...)
		Product(m, n, k, Matrix[T]{Data: a, Ld: lda}, Matrix[T]{Data: b, Ld: ldb}, trans, c, ldc)
		again := append([]T{}, want...)
		tiled(m, n, k, a, lda, b, ldb, trans, again, ldc)
		for i := range m {
			for j := range ldc {
				if j >= n {
					if c[i*ldc+j] != want[i*ldc+j] {
						t.Fatalf("%d×%d×%d: column %d beyond the matrix was written", m, n, k, j)
					}
					continue
				}
				sum := 0.0
				for d := range k {
					at := d*ldb + j
					if trans {
						at = j*ldb + d
					}
					sum += float64(a[i*lda+d]) * float64(b[at])
				}
				for _, have := range []T{c[i*ldc+j], again[i*ldc+j]} {
					if math.Abs(float64(have)-sum) > tolerance*math.Sqrt(float64(k))*4 {
						t.Fatalf("%d×%d×%d trans=%v: element %d,%d is %v, want %v", m, n, k, trans, i, j, have, sum)
					}
				}
			}
		}
	}
}

// Several products with one left operand have the bits that they have one by one.
func TestProductsTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][3]int{{40, 500, 300}, {300, 49, 700}, {5, 3, 65}, {7, 4, 0}} {
		m, n, k := size[0], size[1], size[2]
		random := func(n int) []float64 {
			v := make([]float64, n)
			for i := range v {
				v[i] = rng.NormFloat64()
			}
			return v
		}
		a := Matrix[float64]{Data: random(m * k), Ld: k}
		var b []Matrix[float64]
		var c, want [][]float64
		for range 3 {
			b = append(b, Matrix[float64]{Data: random(k * n), Ld: n})
			c, want = append(c, random(m*n)), append(want, random(m*n))
		}
		for i := range b {
			Product(m, n, k, a, b[i], false, want[i], n)
		}
		for processors := 1; processors < 4; processors++ {
			Products(processors, m, n, k, a, b, c, n)
			if !slices.EqualFunc(c, want, slices.Equal[[]float64]) {
				t.Errorf("%v on %d processors: other bits", size, processors)
			}
		}
	}
}

// Products do not depend on how many processors there are.
func TestProductIsDeterministic(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, size := range [][3]int{{150, 500, 300}, {900, 40, 130}, {3, 7, 1000}} {
		m, n, k := size[0], size[1], size[2]
		a, b := make([]float32, m*k), make([]float32, k*n)
		for i := range a {
			a[i] = float32(rng.NormFloat64())
		}
		for i := range b {
			b[i] = float32(rng.NormFloat64())
		}
		run := func(processors int) []float32 {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			c := make([]float32, m*n)
			Product(m, n, k, Matrix[float32]{Data: a, Ld: k}, Matrix[float32]{Data: b, Ld: n}, false, c, n)
			return c
		}
		first := run(1)
		for p := 2; p < 6; p++ {
			if !slices.Equal(run(p), first) {
				t.Fatalf("%v: %d processors give other bits", size, p)
			}
		}
	}
}

// A panic on another processor reaches the caller, who may know what to do.
func TestSplitPanics(t *testing.T) {
	defer func() {
		if p, ok := recover().(*parallel.Panic); !ok || p.Value != "broken" {
			t.Error("the panic was lost")
		}
	}()
	Split(8, 1, func(from, to int) {
		if to == 8 {
			panic("broken")
		}
	})
}

// Weights that stay in their file give the same product as numbers in memory.
func TestStoredMatrix(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		m, n, k := 1+rng.IntN(30), 1+rng.IntN(60), 1+rng.IntN(300)
		raw := make([]byte, 4*max(m, n)*k+1)[1:]
		wide := make([]float64, max(m, n)*k)
		absolute := rng.IntN(2) == 0
		for i := range wide {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(float32(rng.NormFloat64())))
			wide[i] = number(raw, i, mask(absolute))
		}
		other := make([]float64, max(m, n)*k)
		for i := range other {
			other[i] = rng.NormFloat64()
		}
		stored, dense, x := Matrix[float64]{Raw: raw, Absolute: absolute}, Matrix[float64]{Data: wide}, Matrix[float64]{Data: other}
		for _, form := range []struct {
			left, trans bool
		}{{true, false}, {true, true}, {false, false}, {false, true}} {
			w, d, y := stored, dense, x
			want, have := make([]float64, m*n), make([]float64, m*n)
			ldb := n
			if form.trans {
				ldb = k
			}
			if form.left {
				w.Ld, d.Ld, y.Ld = k, k, ldb
				Product(m, n, k, d, y, form.trans, want, n)
				Product(m, n, k, w, y, form.trans, have, n)
			} else {
				w.Ld, d.Ld, y.Ld = ldb, ldb, k
				Product(m, n, k, y, d, form.trans, want, n)
				Product(m, n, k, y, w, form.trans, have, n)
			}
			for i := range want {
				if want[i] != have[i] {
					t.Fatalf("%d×%d×%d %+v: element %d is %v, want %v", m, n, k, form, i, have[i], want[i])
				}
			}
		}
	}
}

// A matrix whose rows are made when they are needed gives the same product as one
// in memory.
func TestMadeMatrix(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		m, n, k := 1+rng.IntN(30), 1+rng.IntN(900), 1+rng.IntN(150)
		a, b := make([]float32, m*k), make([]float32, k*n)
		for i := range a {
			a[i] = float32(rng.NormFloat64())
		}
		for i := range b {
			b[i] = float32(rng.NormFloat64())
		}
		want, have := make([]float32, m*n), make([]float32, m*n)
		Product(m, n, k, Matrix[float32]{Data: a, Ld: k}, Matrix[float32]{Data: b, Ld: n}, false, want, n)
		made := Matrix[float32]{Lines: func(row, from int, to []float32) { copy(to, b[row*n+from:]) }, Ld: n}
		Product(m, n, k, Matrix[float32]{Data: a, Ld: k}, made, false, have, n)
		if !slices.Equal(want, have) {
			t.Fatalf("%d×%d×%d: the products differ", m, n, k)
		}
	}
}

func TestStoredSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := rng.IntN(200)
		off := rng.IntN(4) // not aligned
		w := make([]byte, off+4*n)[off:]
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			binary.LittleEndian.PutUint32(w[4*i:], math.Float32bits(float32(rng.NormFloat64())))
			x[i], y[i] = rng.NormFloat64(), rng.NormFloat64()
		}
		for _, absolute := range []bool{false, true} {
			sumX, sumY := 0.0, 0.0
			z, u := append([]float64{}, y...), append([]float64{}, x...)
			for i := range x {
				v := number(w, i, mask(absolute))
				sumX += v * x[i]
				sumY += v * y[i]
				z[i] += 0.5 * v
				u[i] -= 3 * v
			}
			a, b := Dots(w, x, y, absolute)
			if math.Abs(a-sumX) > tolerance64 || math.Abs(b-sumY) > tolerance64 {
				t.Fatalf("n=%d: the sums are off by %g and %g", n, a-sumX, b-sumY)
			}
			one, two := append([]float64{}, y...), append([]float64{}, x...)
			Axpys(0.5, -3, w, one, two, absolute)
			for i := range z {
				if math.Abs(one[i]-z[i]) > tolerance64 || math.Abs(two[i]-u[i]) > tolerance64 {
					t.Fatalf("n=%d: element %d is %v and %v, want %v and %v", n, i, one[i], two[i], z[i], u[i])
				}
			}
			// A row is the same number beside any other, to the last bit.
			if c, d := Dots(w, y, x, absolute); c != b || d != a {
				t.Fatalf("n=%d: the sums of two rows are %v and %v, in the other order %v and %v", n, a, b, d, c)
			}
			if c, d := Dots(w, x, x, absolute); c != a || d != a {
				t.Fatalf("n=%d: the sum of a row is %v, beside itself %v and %v", n, a, c, d)
			}
			first, second := append([]float64{}, x...), append([]float64{}, y...)
			Axpys(-3, 0.5, w, first, second, absolute)
			if !slices.Equal(one, second) || !slices.Equal(two, first) {
				t.Fatalf("n=%d: two rows are %v and %v, in the other order %v and %v", n, one, two, second, first)
			}
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	bench := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
			b.ReportMetric(2*512*512*512*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
	x, y, z := make([]float32, 512*512), make([]float32, 512*512), make([]float32, 512*512)
	for i := range x { // gonum skips zeros
		x[i], y[i] = float32(i%7)+0.5, float32(i%5)+0.5
	}
	bench("float32", func() {
		Product(512, 512, 512, Matrix[float32]{Data: x, Ld: 512}, Matrix[float32]{Data: y, Ld: 512}, false, z, 512)
	})
	bench("float32/transposed", func() {
		Product(512, 512, 512, Matrix[float32]{Data: x, Ld: 512}, Matrix[float32]{Data: y, Ld: 512}, true, z, 512)
	})
	bench("float32/gonum", func() { tiled(512, 512, 512, x, 512, y, 512, false, z, 512) })
	u, v, w := make([]float64, 512*512), make([]float64, 512*512), make([]float64, 512*512)
	bench("float64", func() {
		Product(512, 512, 512, Matrix[float64]{Data: u, Ld: 512}, Matrix[float64]{Data: v, Ld: 512}, false, w, 512)
	})
}

func BenchmarkDots(b *testing.B) {
	w, x := make([]byte, 4*4096), make([]float64, 4096)
	b.SetBytes(int64(len(w)))
	for b.Loop() {
		Dots(w, x, x, false)
	}
}
