package operator

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// Products of 8-bit numbers are whole numbers of at most 17 bits, and sums of as many as
// can be addressed are exact in float64; so the kernels of floats serve.

// convInteger is ConvInteger (opset 10): Conv of x-x0 with w-w0, in int32.
func convInteger(c *Call) ([]*Value, error) {
	x, w, err := shifted(c.In[0], c.input(2), c.In[1], perChannel(c.input(3), len(c.In[1].Shape)))
	if err != nil {
		return nil, err
	}
	return int32s(convOf(c, x, w, nil))
}

// matMulInteger is MatMulInteger (opset 10): (A-a0)·(B-b0) in int32.
func matMulInteger(c *Call) ([]*Value, error) {
	a, b, err := shifted(c.In[0], perRow(c.input(2)), c.In[1], c.input(3))
	if err != nil {
		return nil, err
	}
	return int32s(matMulOf(c, a, b))
}

// quantizedConv is QLinearConv (opset 10): the sum in int32, the bias included, times
// x_scale·w_scale/y_scale.
func quantizedConv(c *Call) ([]*Value, error) {
	rank := len(c.In[3].Shape)
	x, w, err := shifted(c.In[0], c.In[2], c.In[3], perChannel(c.In[5], rank))
	if err != nil {
		return nil, err
	}
	var b *Value
	if c.has(8) {
		b = exact(c.In[8])
	}
	sums, err := int32s(convOf(c, x, w, b))
	if err != nil {
		return nil, err
	}
	return c.requantized(sums[0], c.In[1], perChannel(c.In[4], rank-1))
}

// quantizedMatMul is QLinearMatMul (opset 10, 21): the product in int32, times
// a_scale·b_scale/y_scale.
func quantizedMatMul(c *Call) ([]*Value, error) {
	a, b, err := shifted(c.In[0], perRow(c.In[2]), c.In[3], c.In[5])
	if err != nil {
		return nil, err
	}
	sums, err := int32s(matMulOf(c, a, b))
	if err != nil {
		return nil, err
	}
	return c.requantized(sums[0], perRow(c.In[1]), c.In[4])
}

// perRow makes a column of a list.
func perRow(v *Value) *Value {
	if v == nil || len(v.Shape) != 1 || v.Len() == 1 {
		return v
	}
	return v.view([]int{v.Len(), 1})
}

// perChannel gives a list the shape that broadcasts it over the first of rank axes.
func perChannel(v *Value, rank int) *Value {
	if v == nil || len(v.Shape) != 1 || v.Len() == 1 || rank < 1 {
		return v
	}
	return v.view(slices.Concat([]int{v.Len()}, slices.Repeat([]int{1}, rank-1)))
}

// shifted is two factors less their zero points, which may be nil, in float64.
func shifted(a, a0, b, b0 *Value) (*Value, *Value, error) {
	x, err := lessZero(a, a0)
	if err != nil {
		return nil, nil, err
	}
	y, err := lessZero(b, b0)
	return x, y, err
}

func lessZero(x, zero *Value) (*Value, error) {
	if x.I == nil {
		return nil, Unsupportedf("the Go engine cannot multiply quantised numbers of type %s", x.DType)
	}
	out := exact(x)
	if zero == nil {
		return out, nil
	}
	err := eachSpread(zero, x.Shape, func(i, j int) { out.F64[i] -= float64(zero.I[j]) })
	if err != nil {
		return nil, fmt.Errorf("subtracting zero points: %w", err)
	}
	return out, nil
}

// exact is integers in float64.
func exact(v *Value) *Value {
	out := &Value{Tensor: tensor.Tensor{DType: onnxio.Float64, Shape: v.Shape, F64: make([]float64, v.Len())}, Arena: v.Arena}
	for i, n := range v.I {
		out.F64[i] = float64(n)
	}
	return out
}

// eachSpread calls f for every element i of a tensor of that shape with the element j of
// v that is broadcast to it.
func eachSpread(v *Value, shape []int, f func(i, j int)) error {
	if v.Len() == 1 {
		for i := range tensor.Count(shape) {
			f(i, 0)
		}
		return nil
	}
	if got, err := tensor.Broadcast(v.Shape, shape); err != nil || !slices.Equal(got, shape) {
		return fmt.Errorf("shape %v does not fit %v", v.Shape, shape)
	}
	tensor.Walk(shape, tensor.Spread(v.Shape, shape), f)
	return nil
}

// int32s is whole numbers in float64 as int32, which wraps around.
func int32s(v []*Value, err error) ([]*Value, error) {
	if err != nil {
		return nil, err
	}
	out := integers(onnxio.Int32, v[0].Shape)
	for i, x := range v[0].F64 {
		out.I[i] = int64(x)
	}
	out.wrap()
	return []*Value{out}, nil
}

// requantized is sums times the scales a and b of both factors, by that of the output,
// input 6, whose zero point is input 7: in float32, which decides between whole numbers
// as runtimes do.
func (c *Call) requantized(sums, a, b *Value) ([]*Value, error) {
	by, zero := c.In[6], c.In[7]
	lo, hi, err := whole(zero.DType)
	if err != nil {
		return nil, err
	}
	out, scale := integers(zero.DType, sums.Shape), make([]float32, sums.Len())
	for _, step := range []struct {
		of *Value
		do func(i, j int)
	}{
		{a, func(i, j int) { scale[i] = float32(a.Float(j)) }},
		{b, func(i, j int) { scale[i] *= float32(b.Float(j)) }},
		{by, func(i, j int) { scale[i] /= float32(by.Float(j)) }},
		{zero, func(i, j int) {
			out.I[i] = toWhole(float64(float32(sums.I[i])*scale[i]), float64(zero.I[j]), lo, hi)
		}},
	} {
		if err := eachSpread(step.of, sums.Shape, step.do); err != nil {
			return nil, fmt.Errorf("scaling the sums: %w", err)
		}
	}
	return []*Value{out}, nil
}
