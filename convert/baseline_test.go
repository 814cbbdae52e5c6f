package convert

import (
	"testing"

	"repmlp/onnxio"
)

// Old operators are run as in inference where is_test says so, once and with 1.
func TestInferenceOfOldOperators(t *testing.T) {
	for _, c := range []struct {
		op   string
		ins  []string
		outs []string
		keep int // outputs
	}{
		{"BatchNormalization", []string{"x", "s", "b", "m", "v"}, []string{"y", "p", "q"}, 1},
		{"Dropout", []string{"x"}, []string{"y", "mask"}, 2},
	} {
		n := inference(onnxio.NewNode("n", c.op, c.ins, c.outs, onnxio.IntAttr("is_test", 0), onnxio.FloatAttr("epsilon", 0.5)), 6)
		if n == nil {
			t.Errorf("%s: stays as it was", c.op)
			continue
		}
		if v := n.Int("is_test", 0); v != 1 || len(n.Attrs()) != 2 || len(n.Outputs()) != c.keep {
			t.Errorf("%s: is_test is %d of %d attributes, %d outputs", c.op, v, len(n.Attrs()), len(n.Outputs()))
		}
		if again := inference(n, 6); again != nil {
			t.Errorf("%s: changed again", c.op)
		}
	}
}

// What is nearly right is off by half a percent of its terms at most in float32, and by a few
// percent where the type has no finer steps.
func TestNearRoundings(t *testing.T) {
	for d, most := range map[onnxio.DType]float64{onnxio.Float32: 0.005, onnxio.Float16: 0.05} {
		step := 0x1p-24 // half of the last place
		if d == onnxio.Float16 {
			step = 0x1p-11
		}
		if k := nearRoundings(d); k <= mostRoundings || k*step > most || k*step < most/2 {
			t.Errorf("%v: %v roundings, %v of the terms", d, k, k*step)
		}
	}
}
