package operator

import (
	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/tensor"
)

// onIntegers gives an operator of floats a second form for integers, in their
// own arithmetic: float64 would lose what is above 2^53.
func onIntegers(floats Kernel, g func(d onnxio.DType, v int64) int64) Kernel {
	return func(c *Call) ([]*Value, error) {
		x := c.In[0]
		if !x.DType.IsInt() {
			return floats(c)
		}
		out := Like(x, x.DType, x.Shape)
		for i, v := range x.I {
			out.I[i] = g(x.DType, v)
		}
		out.wrap()
		return []*Value{out}, nil
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

// unaryOf makes an operator of a function of one number. It is worked out in
// float64 and rounded to the tensor's type, as a correctly rounded function is.
func unaryOf(f func(c *Call) func(float64) float64) Kernel {
	return func(c *Call) ([]*Value, error) {
		x := c.In[0]
		g := f(c)
		out := over(x, x.DType, x.Shape)
		switch {
		case x.DType.IsFloat():
			kernel.Split(x.Len(), 1<<14, func(from, to int) {
				inDouble(out, x, from, to, make([]float64, doubles), func(v []float64) {
					for i, x := range v {
						v[i] = g(x)
					}
				})
			})
		default:
			for i, v := range x.I {
				out.I[i] = int64(g(float64(v)))
			}
			out.wrap()
		}
		return []*Value{out}, nil
	}
}

// doubles is how many numbers are worked on in float64 at a time.
const doubles = 512

// inDouble lets f work on elements from ≤ i < to of x in float64, as many at a
// time as space has, and rounds what it leaves to out.
func inDouble(out, x *Value, from, to int, space []float64, f func(v []float64)) {
	if x.F64 != nil {
		copy(out.F64[from:to], x.F64[from:to])
		f(out.F64[from:to])
		return
	}
	for ; from < to; from += len(space) {
		v := space[:min(to-from, len(space))]
		tensor.Widen(v, x.F32[from:])
		f(v)
		tensor.Narrow(out.F32[from:][:len(v)], v)
	}
}

func plain(f func(float64) float64) Kernel {
	return unaryOf(func(*Call) func(float64) float64 { return f })
}

func reciprocal(x float64) float64 { return 1 / x }

func negative(x float64) float64 { return -x }

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func erf(c *Call) func(float64) float64 { return c.erf() }

func identity(c *Call) ([]*Value, error) { return []*Value{c.In[0]}, nil }
