package convert_test

import (
	"testing"

	"repmlp/onnxio"
)

// A kernel along an axis that a view adds meets a bias at some positions only: a
// ConvTranspose over it does not merge with a conv that has one, and does with a conv
// that has none.
func TestBiasBeforeAnAddedAxis(t *testing.T) {
	for _, biased := range []bool{false, true} {
		m := near(t, onnxio.Float32, func(b *graphBuilder) string {
			row := b.op("ReduceMean", []string{"x"}, onnxio.IntsAttr("axes", []int64{2}), onnxio.IntAttr("keepdims", 0))
			conv := []string{row, b.normal(3, 4, 3)}
			if biased {
				conv = append(conv, b.normal(3))
			}
			map2 := b.op("Unsqueeze", []string{b.op("Conv", conv), b.ints(2)})
			return b.norm(b.op("ConvTranspose", []string{map2, b.normal(3, 2, 2, 1)}), 2)
		})
		res := convertModel(t, m)
		left := 1
		if biased {
			left = 2
		}
		if have := countOps(res.Model)["Conv"] + countOps(res.Model)["ConvTranspose"]; have != left {
			t.Errorf("bias %v: %d convs are left, want %d", biased, have, left)
		}
	}
}

// A ConvTranspose whose map gains an axis behind it merges with what stands there; its
// output_padding is that of another axis.
func TestConvTransposeBeforeAnAddedAxis(t *testing.T) {
	for extra := range int64(2) {
		m := near(t, onnxio.Float32, func(b *graphBuilder) string {
			row := b.op("ReduceMean", []string{"x"}, onnxio.IntsAttr("axes", []int64{2}), onnxio.IntAttr("keepdims", 0))
			y := b.op("ConvTranspose", []string{row, b.normal(4, 3, 3)}, onnxio.IntsAttr("dilations", []int64{2}), onnxio.IntsAttr("output_padding", []int64{extra}))
			return b.norm(b.op("Unsqueeze", []string{y, b.ints(2)}), 3)
		})
		if res := convertModel(t, m); countOps(res.Model)["BatchNormalization"] > 0 {
			t.Errorf("output_padding %d: %v are left", extra, countOps(res.Model))
		}
	}
}
