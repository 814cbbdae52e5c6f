package operator

import (
	"math"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

func prelu(c *Call) ([]*Value, error) {
	x, slope := c.In[0], c.In[1]
	if c.Run.Opset < 7 && slope.Len() > 1 {
		shape := []int{slope.Len()}
		for len(shape) < len(x.Shape)-1 {
			shape = append(shape, 1)
		}
		slope = slope.view(shape)
	}
	out, err := binary{f: func(a, b float64) float64 {
		if c.Run.Mode == Absolute {
			return a * math.Max(1, math.Abs(b)) // as steepest
		}
		if a < 0 {
			return a * b
		}
		return a
	}, g: func(a, b int64) int64 {
		if a < 0 {
			return a * b
		}
		return a
	}}.apply(x, slope, x.DType)
	return []*Value{out}, err
}

// clipInt is Clip of integers between bounds of their type.
func clipInt(c *Call) ([]*Value, error) {
	x := c.In[0]
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	below := func(a, b int64) bool { return a < b }
	if x.DType == onnxio.Uint64 {
		lo, hi = 0, -1
		below = func(a, b int64) bool { return uint64(a) < uint64(b) }
	}
	if c.has(1) {
		lo = c.In[1].I[0]
	}
	if c.has(2) {
		hi = c.In[2].I[0]
	}
	out := Like(x, x.DType, x.Shape)
	for i, v := range x.I {
		if below(v, lo) {
			v = lo
		}
		if below(hi, v) {
			v = hi
		}
		out.I[i] = v
	}
	return []*Value{out}, nil
}

func relu(c *Call) ([]*Value, error) {
	x := c.In[0]
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
	return []*Value{out}, nil
}

// rectify keeps what is not below zero, NaN included.
func rectify[T kernel.Float](dst, src []T) {
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

func gelu(c *Call) func(float64) float64 {
	if c.Node.AttrString("approximate") == "tanh" {
		return func(x float64) float64 {
			u := math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
			if u < 0 { // where 1 + tanh u cancels
				return x * math.Exp(2*u) / (1 + math.Exp(2*u))
			}
			return 0.5 * x * (1 + math.Tanh(u))
		}
	}
	erf := c.erf()
	return func(x float64) float64 {
		if x < 0 && c.exactly() { // where 1 + erf cancels
			return 0.5 * x * math.Erfc(-x/math.Sqrt2)
		}
		return 0.5 * x * (1 + erf(x/math.Sqrt2))
	}
}

func softsign(x float64) float64 { return x / (1 + math.Abs(x)) }

func hardSwish(x float64) float64 { return x * math.Max(0, math.Min(1, x/6+0.5)) }

func mish(x float64) float64 { return x * math.Tanh(softplus(x)) }

func leakyRelu(c *Call) func(float64) float64 {
	a := c.number("alpha")
	return func(x float64) float64 {
		if x < 0 {
			return a * x
		}
		return x
	}
}

func elu(c *Call) func(float64) float64 {
	a := c.number("alpha")
	return func(x float64) float64 {
		if x < 0 {
			return a * math.Expm1(x)
		}
		return x
	}
}

func celu(c *Call) func(float64) float64 {
	a := c.number("alpha")
	return func(x float64) float64 { return math.Max(0, x) + math.Min(0, a*math.Expm1(x/a)) }
}

func selu(c *Call) func(float64) float64 {
	a, g := c.number("alpha"), c.number("gamma")
	return func(x float64) float64 {
		if x <= 0 {
			return g * a * math.Expm1(x)
		}
		return g * x
	}
}

func hardSigmoid(c *Call) func(float64) float64 {
	a, b := c.number("alpha"), c.number("beta")
	return func(x float64) float64 { return math.Max(0, math.Min(1, a*x+b)) }
}

func thresholdedRelu(c *Call) func(float64) float64 {
	a := c.number("alpha")
	return func(x float64) float64 {
		if x > a {
			return x
		}
		return 0
	}
}

func swish(c *Call) func(float64) float64 {
	a := c.number("alpha")
	return func(x float64) float64 { return x * sigmoid(a*x) }
}

func clip(c *Call) ([]*Value, error) {
	if c.In[0].DType.IsInt() {
		return clipInt(c)
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	if a := c.Node.Attr("min"); a != nil {
		lo = float64(a.F())
	}
	if a := c.Node.Attr("max"); a != nil {
		hi = float64(a.F())
	}
	if c.has(1) {
		lo = c.In[1].Float(0)
	}
	if c.has(2) {
		hi = c.In[2].Float(0)
	}
	return unaryOf(func(*Call) func(float64) float64 {
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
