package graph

import (
	"fmt"
	"math"

	"repmlp/onnxio"
)

// A Const is the value of a constant, whatever computes it. Numbers of float
// types are float64, all others int64.
type Const struct {
	DType onnxio.DType
	Shape []int
	F     []float64
	I     []int64
}

// Len is the number of elements.
func (c *Const) Len() int { return size(c.Shape) }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Float returns the elements as float64.
func (c *Const) Float() []float64 {
	if c.F != nil || c.I == nil {
		return c.F
	}
	f := make([]float64, len(c.I))
	for i, v := range c.I {
		f[i] = float64(v)
	}
	return f
}

// maxConst bounds a constant that is computed by nodes: 128 M elements.
const maxConst = 1 << 27

// IsConst reports whether v does not depend on the model's inputs. It reads no
// weights.
func (g *Graph) IsConst(v *Value) bool {
	if v == nil {
		return false
	}
	if v.constState == 0 {
		v.constState = 2
		if g.isConst(v) {
			v.constState = 1
		}
	}
	return v.constState == 1
}

func (g *Graph) isConst(v *Value) bool {
	if v.Init != nil {
		return g.fixed(v) && (v.Init.DType.IsFloat() || v.Init.DType.IsInt() || v.Init.DType == onnxio.Bool)
	}
	n := v.Producer
	if n == nil || n.Domain != "" || v.Index != 0 || v.Sparse {
		return false
	}
	if dims, ok := v.Shape(); ok {
		if total, ok := product(dims).Int(); ok && total > maxConst {
			return false
		}
	}
	if g.constRules[n.OpType] == nil {
		return false
	}
	switch n.OpType {
	case "Constant":
		return n.Attr("sparse_value") == nil && n.Attr("value_string") == nil && n.Attr("value_strings") == nil
	case "Shape", "Size":
		d, ok := n.In[0].Shape()
		if !ok {
			return false
		}
		_, known := numbers(d)
		return known
	case "CastLike":
		return g.IsConst(n.In[0])
	case "DequantizeLinear":
		if !g.opts.FoldDequantize {
			return false
		}
	case "Dropout":
		if !g.InferenceDropout(n) {
			return false
		}
	}
	if len(n.In) == 0 {
		return false
	}
	for _, in := range n.In {
		if in != nil && !g.IsConst(in) {
			return false
		}
	}
	return true
}

// InferenceDropout reports whether a Dropout node is the identity: always
// below opset 12 (opset 1 and 6 with is_test), later without training_mode.
func (g *Graph) InferenceDropout(n *Node) bool {
	if g.Opset < 7 {
		return n.Int("is_test", 0) != 0
	}
	if g.Opset < 12 || len(n.In) < 3 || n.In[2] == nil {
		return true
	}
	t := n.In[2].ints
	return len(t) == 1 && t[0].Is(0)
}

// Splat returns the number that every element of v equals, where that is known
// without its shape.
func (g *Graph) Splat(v *Value) (float64, bool) {
	if v == nil {
		return 0, false
	}
	if g.IsConst(v) {
		if d, ok := v.Shape(); ok {
			if n, known := product(d).Int(); known && n == 1 {
				if c, err := g.Const(v); err == nil {
					return c.Float()[0], true
				}
			}
		}
	}
	n := v.Producer
	if n == nil || n.Domain != "" {
		return 0, false
	}
	switch n.OpType {
	case "ConstantOfShape":
		if a := n.Attr("value"); a != nil && a.T != nil {
			f, err := a.T.Float64s()
			if err != nil || len(f) != 1 {
				return 0, false
			}
			return f[0], true
		}
		return 0, true
	case "Expand", "Identity", "Cast", "CastLike", "Reshape", "Unsqueeze", "Squeeze", "Transpose", "Tile":
		return g.Splat(n.In[0])
	}
	return 0, false
}

// Const evaluates a constant in float64, arithmetic on weights included.
func (g *Graph) Const(v *Value) (*Const, error) {
	if v.constant != nil {
		return v.constant, nil
	}
	if !g.IsConst(v) {
		return nil, fmt.Errorf("evaluating %q: it is no constant", v.Name)
	}
	c, err := g.evalConst(v)
	if err != nil {
		return nil, fmt.Errorf("evaluating constant %q: %w", v.Name, err)
	}
	if v.Init == nil || c.Len() <= maxInts { // large initializers are read again rather than kept
		v.constant = c
	}
	return c, nil
}

// Forget drops evaluated constants, which later calls evaluate again.
func (g *Graph) Forget() {
	for _, v := range g.values {
		v.constant = nil
	}
}

func (g *Graph) evalConst(v *Value) (*Const, error) {
	if v.Init != nil {
		return tensorConst(v.Init)
	}
	n := v.Producer
	args := make([]*Const, len(n.In))
	for i, in := range n.In {
		if in == nil || n.OpType == "Shape" || n.OpType == "Size" || n.OpType == "CastLike" && i > 0 {
			continue
		}
		c, err := g.Const(in)
		if err != nil {
			return nil, err
		}
		args[i] = c
	}
	out, err := g.constRules[n.OpType](g, n, args)
	if err != nil {
		return nil, fmt.Errorf("node %q (%s): %w", n.Title(), n.OpType, err)
	}
	return out, nil
}

func tensorConst(t *onnxio.Tensor) (*Const, error) {
	c := &Const{DType: t.DType, Shape: make([]int, len(t.Dims))}
	for i, d := range t.Dims {
		c.Shape[i] = int(d)
	}
	var err error
	if t.DType.IsFloat() {
		c.F, err = t.Float64s()
	} else {
		c.I, err = t.Int64s()
	}
	return c, err
}

// cast converts to another type as ONNX Cast does; float32 and narrower are
// not rounded, because constants are merged in float64.
func (c *Const) cast(to onnxio.DType) *Const {
	out := &Const{DType: to, Shape: c.Shape}
	switch {
	case to.IsFloat():
		out.F = c.Float()
	case c.I != nil:
		out.I = c.I
		if to == onnxio.Bool {
			out.I = make([]int64, len(c.I))
			for i, v := range c.I {
				if v != 0 {
					out.I[i] = 1
				}
			}
		}
	default:
		out.I = make([]int64, len(c.F))
		for i, v := range c.F {
			if to == onnxio.Bool {
				if v != 0 {
					out.I[i] = 1
				}
			} else {
				out.I[i] = int64(math.Trunc(v))
			}
		}
	}
	return out
}
