package operator

import (
	"math"

	"repmlp/onnxio"
)

// quantizeDynamic is DynamicQuantizeLinear (opset 11): the range of the numbers, which
// contains zero, is divided into 255 steps. Every mode computes in float32, which
// decides between whole numbers as runtimes do.
func quantizeDynamic(c *Call) ([]*Value, error) {
	x := c.In[0]
	var lo, hi float32
	for i := range x.Len() {
		v := float32(x.Float(i))
		lo, hi = min(lo, v), max(hi, v)
	}
	const steps = 255
	step := float32(1)
	if hi > lo {
		step = (hi - lo) / steps
	}
	zero := math.RoundToEven(float64(max(0, min(steps, -lo/step))))
	out, scale := integers(onnxio.Uint8, x.Shape), Like(x, onnxio.Float32, []int{})
	put(scale, 0, float64(step))
	for i := range out.I {
		out.I[i] = toWhole(float64(float32(x.Float(i))/step), zero, 0, steps)
	}
	return []*Value{out, scale, scalar(onnxio.Uint8, int64(zero))}, nil
}
