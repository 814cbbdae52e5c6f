package convert_test

import (
	"testing"

	"repmlp/convert"
	"repmlp/onnxio"
)

// Weights of more than 65536 numbers are worked out while they are merged. That
// they overflow on the way, for which such models were refused with an error,
// leaves that layer alone and merges the others.
func TestLargeWeightsWithoutValue(t *testing.T) {
	res := convertModel(t, near(t, onnxio.Float32, func(b *graphBuilder) string {
		const wide = 17000
		x := b.op("Relu", []string{b.norm(b.conv("x", 4, 4, 3, 1), 4)})
		w := b.op("Exp", []string{b.weight(func() float64 { return 100 }, wide, 4, 1, 1)})
		w = b.op("Mul", []string{w, b.weight(func() float64 { return 1e-30 }, 1)})
		return b.norm(b.op("Conv", []string{x, w}), wide)
	}))
	if ops := countOps(res.Model); ops["BatchNormalization"] != 1 || ops["Exp"] != 1 || res.Verdict == convert.Unchanged {
		t.Errorf("%v, %s", ops, res.Verdict)
	}
}
