package operator

import (
	"fmt"
	"math"

	"repmlp/onnxio"
)

func cast(c *Call) ([]*Value, error) {
	x := c.In[0]
	to := c.Node.Out[0].Elem // CastLike whose second input is not worked out for it
	switch {
	case c.Node.OpType() == "Cast":
		to = onnxio.DType(c.Node.AttrInt("to"))
	case c.has(1):
		to = c.In[1].DType
	}
	if !to.IsFloat() && !to.IsInt() && to != onnxio.Bool {
		return nil, Unsupportedf("the Go engine cannot cast to %s", to)
	}
	if !x.DType.IsFloat() && !x.DType.IsInt() && x.DType != onnxio.Bool {
		return nil, Unsupportedf("the Go engine cannot cast from %s", x.DType)
	}
	out := c.zeros(to, x.Shape)
	rounds := to != onnxio.Float64 && to != x.DType && (x.I != nil || to.Bits() <= x.DType.Bits())
	for i := range x.Len() {
		switch {
		case to == onnxio.Bool:
			if x.Float(i) != 0 {
				out.I[i] = 1
			}
		case out.I != nil && x.I != nil:
			out.I[i] = x.I[i]
		case out.I != nil:
			v := x.Float(i)
			if math.IsNaN(v) {
				return nil, fmt.Errorf("casting NaN to %s", to)
			}
			if out.I[i] = int64(math.Trunc(v)); to == onnxio.Uint64 && v >= 1<<63 {
				out.I[i] = int64(uint64(v))
			}
		case out.F64 != nil && rounds: // in float64 runs too: rounding is what the node is for
			out.F64[i] = float64(roundTo(x.Float(i), to))
		case out.F64 != nil:
			out.F64[i] = x.Float(i)
		default:
			out.F32[i] = roundTo(x.Float(i), to)
		}
	}
	out.wrap()
	return []*Value{out}, nil
}

// roundTo rounds as a Cast does: to float16 by way of float32, as ONNX Runtime has it.
func roundTo(v float64, d onnxio.DType) float32 {
	if d == onnxio.Float16 {
		v = float64(float32(v))
	}
	if d == onnxio.Float32 {
		return float32(v)
	}
	b, err := onnxio.EncodeFloat64([]float64{v}, d)
	if err != nil {
		panic(err)
	}
	var f [1]float64
	if err := onnxio.DecodeFloat64(f[:], b, d); err != nil {
		panic(err)
	}
	return float32(f[0])
}
