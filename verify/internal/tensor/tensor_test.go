package tensor

import (
	"math"
	"testing"

	"repmlp/onnxio"
)

// Numbers of a small type are the same whether they are read some at a time or at once,
// beyond the first some of them and with half a byte at the end.
func TestSmallFloatsAreRead(t *testing.T) {
	for d := range onnxio.DType(40) {
		if !d.IsFloat() || d.Bits() >= 32 {
			continue
		}
		const n = 1<<13 + 7
		raw := make([]byte, (n*d.Bits()+7)/8)
		for i := range raw {
			raw[i] = byte(i * 37)
		}
		stored, err := onnxio.NewTensor("w", d, []int64{n}, raw)
		if err != nil {
			t.Fatal(err)
		}
		want, err := stored.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		have, err := FromFile(stored, false)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range want {
			if y := float64(have.F32[i]); y != x && !(math.IsNaN(x) && math.IsNaN(y)) {
				t.Fatalf("%s: element %d is %g, want %g", d, i, y, x)
			}
		}
	}
}
