package operator

import (
	"math"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

func compare(f func(a, b float64) bool, g func(a, b int64) bool, u func(a, b uint64) bool) Kernel {
	bit := func(v bool) float64 {
		if v {
			return 1
		}
		return 0
	}
	b := binary{f: func(x, y float64) float64 { return bit(f(x, y)) }, g: func(x, y int64) int64 { return int64(bit(g(x, y))) }}
	if u != nil {
		b.u = func(x, y uint64) uint64 { return uint64(bit(u(x, y))) }
	}
	return func(c *Call) ([]*Value, error) {
		x, y, err := legacyBroadcast(c)
		if err != nil {
			return nil, err
		}
		out, err := b.apply(x, y, onnxio.Bool)
		return []*Value{out}, err
	}
}

func equal() Kernel {
	return compare(func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b }, nil)
}

func less() Kernel {
	return compare(func(a, b float64) bool { return a < b }, func(a, b int64) bool { return a < b }, func(a, b uint64) bool { return a < b })
}

func lessOrEqual() Kernel {
	return compare(func(a, b float64) bool { return a <= b }, func(a, b int64) bool { return a <= b }, func(a, b uint64) bool { return a <= b })
}

func greater() Kernel {
	return compare(func(a, b float64) bool { return a > b }, func(a, b int64) bool { return a > b }, func(a, b uint64) bool { return a > b })
}

func greaterOrEqual() Kernel {
	return compare(func(a, b float64) bool { return a >= b }, func(a, b int64) bool { return a >= b }, func(a, b uint64) bool { return a >= b })
}

func and() Kernel { return logical(func(a, b bool) bool { return a && b }) }

func or() Kernel { return logical(func(a, b bool) bool { return a || b }) }

func xor() Kernel { return logical(func(a, b bool) bool { return a != b }) }

func logical(f func(a, b bool) bool) Kernel {
	return compare(nil, func(a, b int64) bool { return f(a != 0, b != 0) }, nil)
}

func not(c *Call) ([]*Value, error) {
	out := Like(c.In[0], onnxio.Bool, c.In[0].Shape)
	for i, v := range c.In[0].I {
		out.I[i] = 1 - v
	}
	return []*Value{out}, nil
}

func where(c *Call) ([]*Value, error) {
	shape, err := tensor.Broadcast(c.In[0].Shape, c.In[1].Shape)
	if err == nil {
		shape, err = tensor.Broadcast(shape, c.In[2].Shape)
	}
	if err != nil {
		return nil, err
	}
	out := Like(c.In[1], c.In[1].DType, shape)
	var offs [3][]int
	for k := range offs {
		tensor.Walk(shape, tensor.Spread(c.In[k].Shape, shape), func(_, o int) { offs[k] = append(offs[k], o) })
	}
	for i := range out.Len() {
		k := 2
		if c.In[0].I[offs[0][i]] != 0 {
			k = 1
		}
		copyElement(out, i, c.In[k], offs[k][i])
	}
	return []*Value{out}, nil
}

func isNaN(c *Call) ([]*Value, error) {
	out := Like(c.In[0], onnxio.Bool, c.In[0].Shape)
	for i := range out.I {
		if math.IsNaN(c.In[0].Float(i)) {
			out.I[i] = 1
		}
	}
	return []*Value{out}, nil
}

func isInf(c *Call) ([]*Value, error) {
	out := Like(c.In[0], onnxio.Bool, c.In[0].Shape)
	for i := range out.I {
		v := c.In[0].Float(i)
		if math.IsInf(v, 1) && c.Node.AttrInt("detect_positive") != 0 || math.IsInf(v, -1) && c.Node.AttrInt("detect_negative") != 0 {
			out.I[i] = 1
		}
	}
	return []*Value{out}, nil
}
