package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// A product with rows that are nearly all zeros is the sum of what their numbers meet, of
// numbers in memory and in a file, of rows and of columns.
func TestSpikyProductAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	taken := map[bool]int{}
	for range rounds(200, 40) {
		m, n, k := 1+rng.IntN(20), 1+rng.IntN(60), Sparse*(1+rng.IntN(6))
		x, w := make([]float64, m*k), make([]float64, n*k)
		for range rng.IntN(2*m + 1) {
			x[rng.IntN(m)*k+rng.IntN(k)] = rng.NormFloat64()
		}
		raw := make([]byte, 4*len(w))
		absolute := rng.IntN(2) == 0
		b := Matrix[float64]{Data: w}
		stored := rng.IntN(2) == 0
		for i := range w {
			v := float32(rng.NormFloat64())
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
			if w[i] = float64(v); stored && absolute {
				w[i] = math.Abs(w[i])
			}
		}
		if stored {
			b = Matrix[float64]{Raw: raw, Absolute: absolute}
		}
		trans, left := rng.IntN(2) == 0, rng.IntN(2) == 0
		at := func(d, o int) float64 { return w[d*n+o] }
		if b.Ld = n; trans || left {
			at, b.Ld = func(d, o int) float64 { return w[o*k+d] }, k
		}
		y := make([]float64, m*n)
		if rng.IntN(2) == 0 { // all rows have the same beside
			for d := range k {
				v := rng.NormFloat64()
				for i := range m {
					x[i*k+d] += v
				}
			}
		}
		var rows SpikyRows
		var ok bool
		if left { // the rows are columns of another operand, and so are their products
			turned := make([]float64, len(x))
			for i, v := range x {
				turned[i%k*m+i/k] = v
			}
			rows, ok = ColumnsOf(turned, k, m, y)
		} else {
			rows, ok = RowsOf(x, m, k, k, y, n)
		}
		taken[ok]++
		if !ok {
			continue
		}
		rows.Times(n, k, b, trans || left)
		for i := range m {
			for o := range n {
				want, have := 0.0, y[i*n+o]
				if left {
					have = y[o*m+i]
				}
				for d := range k {
					want += x[i*k+d] * at(d, o)
				}
				if math.Abs(want-have) > tolerance64 {
					t.Fatalf("[%d, %d] of %d×%d×%d (transposed %v, left %v, stored %v): %g, want %g", i, o, m, n, k, trans, left, stored, have, want)
				}
			}
		}
	}
	if taken[true] < 20 || taken[false] < 2 {
		t.Errorf("%v", taken)
	}
}
