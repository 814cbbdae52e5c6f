package verify

import (
	"math"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

// unaryOf makes an operator of a function of one number. It is worked out in
// float64 and rounded to the tensor's type, as a correctly rounded function is.
func unaryOf(f func(c *call) func(float64) float64) operator {
	return func(c *call) ([]*Tensor, error) {
		x := c.in[0]
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
		return []*Tensor{out}, nil
	}
}

// doubles is how many numbers are worked on in float64 at a time.
const doubles = 512

// inDouble lets f work on elements from ≤ i < to of x in float64, as many at a
// time as space has, and rounds what it leaves to out.
func inDouble(out, x *Tensor, from, to int, space []float64, f func(v []float64)) {
	if x.F64 != nil {
		copy(out.F64[from:to], x.F64[from:to])
		f(out.F64[from:to])
		return
	}
	for ; from < to; from += len(space) {
		v := space[:min(to-from, len(space))]
		widen(v, x.F32[from:])
		f(v)
		narrow(out.F32[from:][:len(v)], v)
	}
}

func plain(f func(float64) float64) operator {
	return unaryOf(func(*call) func(float64) float64 { return f })
}

func relu(c *call) ([]*Tensor, error) {
	x := c.in[0]
	out := over(x, x.DType, x.Shape)
	kernel.Split(x.Len(), 1<<15, func(from, to int) {
		switch {
		case x.F32 != nil:
			rectify(out.F32[from:to], x.F32[from:to])
		case x.F64 != nil:
			rectify(out.F64[from:to], x.F64[from:to])
		}
	})
	for i, v := range x.I {
		out.I[i] = max(v, 0)
	}
	return []*Tensor{out}, nil
}

// rectify keeps what is not below zero, NaN included.
func rectify[T float](dst, src []T) {
	for i, v := range src {
		dst[i] = max(v, 0)
	}
}

func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func softplus(x float64) float64 {
	if x > 30 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}

func gelu(c *call) func(float64) float64 {
	if c.n.Str("approximate", "none") == "tanh" {
		return func(x float64) float64 {
			return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}
	}
	erf := erfFor(c.in[0].DType)
	return func(x float64) float64 { return 0.5 * x * (1 + erf(x/math.Sqrt2)) }
}

func pointwise() map[string]operator {
	m := map[string]operator{"Relu": relu, "Identity": identity}
	for op, f := range map[string]func(float64) float64{
		"Sigmoid": sigmoid, "Tanh": math.Tanh, "Exp": math.Exp, "Log": math.Log, "Sqrt": math.Sqrt,
		"Neg": func(x float64) float64 { return -x }, "Abs": math.Abs, "Reciprocal": func(x float64) float64 { return 1 / x },
		"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven, "Softplus": softplus,
		"Softsign": func(x float64) float64 { return x / (1 + math.Abs(x)) },
		"Sin":      math.Sin, "Cos": math.Cos, "Tan": math.Tan, "Asin": math.Asin, "Acos": math.Acos, "Atan": math.Atan,
		"Sinh": math.Sinh, "Cosh": math.Cosh, "Asinh": math.Asinh, "Acosh": math.Acosh, "Atanh": math.Atanh,
		"HardSwish": func(x float64) float64 { return x * math.Max(0, math.Min(1, x/6+0.5)) },
		"Mish":      func(x float64) float64 { return x * math.Tanh(softplus(x)) },
		"Sign": func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return x
		},
	} {
		m[op] = plain(f)
	}
	for op, g := range map[string]func(onnxio.DType, int64) int64{"Neg": negInt, "Abs": absInt, "Sign": signInt} {
		m[op] = onIntegers(m[op], g)
	}
	attr := func(c *call, name string, def float32) float64 { return float64(c.n.Float(name, def)) }
	for op, f := range map[string]func(c *call) func(float64) float64{
		"Gelu": gelu,
		"Erf":  func(c *call) func(float64) float64 { return erfFor(c.in[0].DType) },
		"LeakyRelu": func(c *call) func(float64) float64 {
			a := attr(c, "alpha", 0.01)
			return func(x float64) float64 {
				if x < 0 {
					return a * x
				}
				return x
			}
		},
		"Elu": func(c *call) func(float64) float64 {
			a := attr(c, "alpha", 1)
			return func(x float64) float64 {
				if x < 0 {
					return a * math.Expm1(x)
				}
				return x
			}
		},
		"Celu": func(c *call) func(float64) float64 {
			a := attr(c, "alpha", 1)
			return func(x float64) float64 { return math.Max(0, x) + math.Min(0, a*math.Expm1(x/a)) }
		},
		"Selu": func(c *call) func(float64) float64 {
			a, g := attr(c, "alpha", 1.67326319217681884765625), attr(c, "gamma", 1.05070102214813232421875)
			return func(x float64) float64 {
				if x <= 0 {
					return g * a * math.Expm1(x)
				}
				return g * x
			}
		},
		"HardSigmoid": func(c *call) func(float64) float64 {
			a, b := attr(c, "alpha", 0.2), attr(c, "beta", 0.5)
			return func(x float64) float64 { return math.Max(0, math.Min(1, a*x+b)) }
		},
		"ThresholdedRelu": func(c *call) func(float64) float64 {
			a := attr(c, "alpha", 1)
			return func(x float64) float64 {
				if x > a {
					return x
				}
				return 0
			}
		},
		"Swish": func(c *call) func(float64) float64 {
			a := attr(c, "alpha", 1)
			return func(x float64) float64 { return x * sigmoid(a*x) }
		},
	} {
		m[op] = unaryOf(f)
	}
	return m
}

func identity(c *call) ([]*Tensor, error) { return []*Tensor{c.in[0]}, nil }

func clip(c *call) ([]*Tensor, error) {
	if c.in[0].DType.IsInt() {
		return clipInt(c)
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	if a := c.n.Attr("min"); a != nil {
		lo = float64(a.F)
	}
	if a := c.n.Attr("max"); a != nil {
		hi = float64(a.F)
	}
	if c.has(1) {
		lo = c.in[1].Float(0)
	}
	if c.has(2) {
		hi = c.in[2].Float(0)
	}
	return unaryOf(func(*call) func(float64) float64 {
		return func(x float64) float64 {
			switch {
			case x > hi || lo > hi:
				return hi
			case x < lo:
				return lo
			}
			return x
		}
	})(c)
}
