package graph

import (
	"errors"
	"fmt"
	"weak"

	"repmlp/internal/budget"
	"repmlp/onnxio"
)

// A Const is the value of a constant, whatever computes it. Numbers of float
// types are float64, all others int64, those of uint64 by their bits.
type Const struct {
	DType onnxio.DType
	Shape []int
	F     []float64
	I     []int64

	bytes   int64 // what the evaluation that made it took of the budget
	inexact bool  // a runtime may have rounded the elements on the way
	shared  bool  // other constants have the same elements
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
	for i := range c.I {
		f[i] = c.at(i)
	}
	return f
}

// at is element i as float64.
func (c *Const) at(i int) float64 {
	if c.F != nil {
		return c.F[i]
	}
	return floatOf(c.DType, c.I[i])
}

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
			if g.undefined(v) {
				v.constState = 2
			}
		}
	}
	return v.constState == 1
}

func (g *Graph) isConst(v *Value) bool {
	if v.Init != nil {
		return g.fixed(v) && g.stored(v) && (fitsLetter('a', v.Init.DType()) || fitsLetter('q', v.Init.DType()))
	}
	n := v.Producer
	if n == nil || n.op == nil || n.misfit || g.opts.undefined[n.Node] != "" || v.Sparse {
		return false
	}
	if op, ok := constOps[n.OpType()]; !ok || v.Index >= op.outputs(n) || n.products() > maxProducts {
		return false
	}
	if dims, ok := v.Shape(); ok {
		if sizes, known := numbers(dims); known && g.room.Ask(budget.Constants, budget.Bytes(8, sizes...), "") != nil {
			return false
		}
	}
	switch n.OpType() {
	case "Constant":
		return n.Attr("sparse_value") == nil && n.Attr("value_string") == nil && n.Attr("value_strings") == nil
	case "Shape", "Size":
		_, ok := fixedShape(n.In[0])
		return ok
	case "CastLike":
		return g.IsConst(n.In[0]) && !v.guessed
	case "QuantizeLinear", "DequantizeLinear":
		if !g.opts.FoldDequantize {
			return false
		}
	case "BatchNormalization":
		if g.Opset >= 14 && outputs(n) > 1 && !g.trained(n) {
			return false // ONNX has no such node
		}
	case "Dropout":
		if !g.InferenceDropout(n) {
			return false
		}
	}
	for _, in := range n.In {
		if in != nil && !g.IsConst(in) {
			return false
		}
	}
	return true
}

// Const evaluates a constant, arithmetic on weights included: integers as ONNX
// defines them to the bit, floats in float64 without rounding to a narrower
// type. An error names the node that has no value, or wraps a *budget.Exceeded.
func (g *Graph) Const(v *Value) (*Const, error) {
	if v == nil {
		return nil, errors.New("evaluating an absent value")
	}
	if c := g.kept(v); c != nil {
		return c, nil
	}
	if !g.IsConst(v) {
		return nil, fmt.Errorf("evaluating %q: it is no constant", v.Name)
	}
	return g.constWithin(v, g.room, maxProducts)
}

// maxKept bounds what evaluated constants take together until they are dropped.
const maxKept = 64 << 20

// A lastConst is the large constant that was worked out last. Its readers come one after
// the other: while the memory is there it is not worked out again for the next one.
type lastConst struct {
	v    *Value
	kept *Const // of no more than maxKept
	weak weak.Pointer[Const]
}

// kept is the value of v where it was worked out and is still there.
func (g *Graph) kept(v *Value) *Const {
	if v.sizes != nil {
		return v.sizes
	}
	if v.constant == nil && v == g.last.v {
		return g.last.weak.Value()
	}
	return v.constant
}

// constWithin works v out with no more than room and so many multiplications.
func (g *Graph) constWithin(v *Value, limits budget.Limits, products int64) (*Const, error) {
	if c := g.kept(v); c != nil {
		return c, nil
	}
	var c *Const
	var err error
	if v.Init != nil {
		c, err = tensorConst(v.Init)
	} else {
		e := g.evaluation(limits)
		e.products = products
		e.count(v)
		c, err = e.value(v)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluating constant %q: %w", v.Name, err)
	}
	switch n := c.Len(); {
	case v.Init != nil && n <= maxInts || v.Init == nil && n <= maxEager:
		if g.keptBytes += 8 * n; g.keptBytes > maxKept {
			g.Forget()
		}
		v.constant = c
		g.keeps = append(g.keeps, v)
	case v.Init == nil:
		if g.last = (lastConst{v: v, weak: weak.Make(c)}); 8*n <= maxKept {
			g.last.kept = c
		}
	}
	return c, nil
}

// Forget drops evaluated constants, which later calls evaluate again.
func (g *Graph) Forget() {
	g.keptBytes = 0
	for _, v := range g.keeps {
		v.constant = nil
	}
	g.keeps = nil
}

func tensorConst(t *onnxio.Tensor) (*Const, error) {
	c := &Const{DType: t.DType(), Shape: make([]int, len(t.Dims()))}
	for i, d := range t.Dims() {
		c.Shape[i] = int(d)
	}
	var err error
	if v := t.Unrounded(); v != nil {
		c.F = v
	} else if t.DType().IsFloat() {
		c.F, err = t.Float64s()
	} else {
		c.I, err = t.Int64s()
	}
	return c, err
}
