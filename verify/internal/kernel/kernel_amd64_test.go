package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The narrower tiles give the same bits as the wide ones.
func TestNarrowTiles(t *testing.T) {
	if !wide {
		t.Skip("this machine has no wide tiles")
	}
	rng := rand.New(rand.NewPCG(9, 9))
	const m, n, k = 50, 77, 200
	a, b := make([]float64, m*k), make([]float64, k*n)
	for i := range a {
		a[i] = rng.NormFloat64()
	}
	for i := range b {
		b[i] = rng.NormFloat64()
	}
	x, y := make([]float64, m*n), make([]float64, m*n)
	Product(m, n, k, Matrix[float64]{Data: a, Ld: k}, Matrix[float64]{Data: b, Ld: n}, false, x, n)
	defer func() { wide = true }()
	wide = false
	Product(m, n, k, Matrix[float64]{Data: a, Ld: k}, Matrix[float64]{Data: b, Ld: n}, false, y, n)
	if !slices.Equal(x, y) {
		t.Error("the bits differ")
	}
	testProduct[float32](t, tolerance32)
	testProduct[float64](t, tolerance64)
}

// What processors without AVX2, and other architectures, compute with.
func TestWithoutVectors(t *testing.T) {
	defer func(f, w bool) { fast, wide = f, w }(fast, wide)
	fast, wide = false, false
	t.Run("product", TestProductAgainstNaive)
	t.Run("deterministic", TestProductIsDeterministic)
	t.Run("stored matrix", TestStoredMatrix)
	t.Run("stored sums", TestStoredSums)
}
