package verify

import (
	"math"

	"repmlp/onnxio"
)

// onIntegers gives an operator of floats a second form for integers, in their
// own arithmetic: float64 would lose what is above 2^53.
func onIntegers(floats operator, g func(d onnxio.DType, v int64) int64) operator {
	return func(c *call) ([]*Tensor, error) {
		x := c.in[0]
		if !x.DType.IsInt() {
			return floats(c)
		}
		out := like(x, x.DType, x.Shape)
		for i, v := range x.I {
			out.I[i] = g(x.DType, v)
		}
		out.wrap()
		return []*Tensor{out}, nil
	}
}

func hasSign(d onnxio.DType) bool {
	return d == onnxio.Int8 || d == onnxio.Int16 || d == onnxio.Int32 || d == onnxio.Int64
}

func negInt(_ onnxio.DType, v int64) int64 { return -v }

func absInt(d onnxio.DType, v int64) int64 {
	if v < 0 && hasSign(d) {
		return -v
	}
	return v
}

func signInt(d onnxio.DType, v int64) int64 {
	switch {
	case v == 0:
		return 0
	case v < 0 && hasSign(d):
		return -1
	}
	return 1
}

// clipInt is Clip of integers between bounds of their type.
func clipInt(c *call) ([]*Tensor, error) {
	x := c.in[0]
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	below := func(a, b int64) bool { return a < b }
	if x.DType == onnxio.Uint64 {
		lo, hi = 0, -1
		below = func(a, b int64) bool { return uint64(a) < uint64(b) }
	}
	if c.has(1) {
		lo = c.in[1].I[0]
	}
	if c.has(2) {
		hi = c.in[2].I[0]
	}
	out := like(x, x.DType, x.Shape)
	for i, v := range x.I {
		if below(v, lo) {
			v = lo
		}
		if below(hi, v) {
			v = hi
		}
		out.I[i] = v
	}
	return []*Tensor{out}, nil
}
