package operator

import (
	"math"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// The table is as good as rounding to float32 asks for.
func TestErf(t *testing.T) {
	f := newErfTable().at
	for x := -7.0; x < 7; x += 1.1e-3 {
		if want := math.Erf(x); math.Abs(f(x)-want) > 5e-11 || math.Abs(f(x)-want) > 1e-8*math.Abs(want) {
			t.Fatalf("erf(%g) is %.15g, want %.15g", x, f(x), want)
		}
	}
	if !math.IsNaN(f(math.NaN())) || f(math.Inf(-1)) != -1 {
		t.Error("erf of NaN or infinity is wrong")
	}
}

func BenchmarkErf(b *testing.B) {
	x := &Value{Tensor: tensor.Tensor{DType: onnxio.Float32, Shape: []int{1 << 20}, F32: make([]float32, 1<<20)}}
	rng := random.Stream(1, "x")
	for i := range x.F32 {
		x.F32[i] = float32(rng.NormFloat64())
	}
	op := Table()["Erf"].Kernel
	b.SetBytes(int64(4 * len(x.F32)))
	for b.Loop() {
		if _, err := op(&Call{In: []*Value{x}}); err != nil {
			b.Fatal(err)
		}
	}
}
