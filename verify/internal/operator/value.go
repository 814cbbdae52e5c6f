package operator

import (
	"fmt"

	"repmlp/internal/budget"
	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// copyElement sets element i of dst to element j of src; both have one type.
func copyElement(dst *Value, i int, src *Value, j int) {
	switch {
	case dst.F32 != nil:
		dst.F32[i] = src.F32[j]
	case dst.F64 != nil:
		dst.F64[i] = src.F64[j]
	default:
		dst.I[i] = src.I[j]
	}
}

// fill rounds v into a float tensor.
func fill(t *Value, v []float64) {
	if t.F64 != nil {
		copy(t.F64, v)
		return
	}
	if t.DType == onnxio.Float32 {
		for i, x := range v {
			t.F32[i] = float32(x)
		}
		return
	}
	for i, x := range v {
		t.F32[i] = roundTo(x, t.DType)
	}
}

// put rounds v into element i of a float tensor.
func put(t *Value, i int, v float64) {
	switch {
	case t.F64 != nil:
		t.F64[i] = v
	case t.F32 != nil:
		t.F32[i] = float32(v)
	default:
		t.I[i] = int64(v)
	}
}

func one(t *Value, err error) ([]*Value, error) {
	if err != nil {
		return nil, err
	}
	return []*Value{t}, nil
}

// reshaped views t under a new shape of as many elements.
func reshaped(t *Value, shape []int) ([]*Value, error) {
	if tensor.Count(shape) != t.Len() {
		return nil, fmt.Errorf("%d elements of shape %v do not fit %v", t.Len(), t.Shape, shape)
	}
	return []*Value{t.view(shape)}, nil
}

// A Value is a tensor of a run.
type Value struct {
	tensor.Tensor
	File  *stored.Weight // or a weight that stays in its file
	Arena *Arena         // where tensors that are made from it get their storage
	Spare bool           // nothing but the node that runs needs it
}

// data returns the numbers of a float tensor as []T.
func data[T kernel.Float](t *Value) []T {
	if s, ok := any(t.F32).([]T); ok {
		return s
	}
	return any(t.F64).([]T)
}

// Like makes a zero tensor of type d with the storage of ref for floats.
func Like(ref *Value, d onnxio.DType, shape []int) *Value {
	t := &Value{Tensor: tensor.Tensor{DType: d, Shape: shape}, Arena: ref.Arena}
	n := tensor.Count(shape)
	if tensor.TooLarge(shape) {
		panic(&budget.Exceeded{Kind: budget.Memory, Need: budget.Bytes(4, shape...), Limit: 4 * tensor.MaxElements}) // call reports it
	}
	switch {
	case !d.IsFloat():
		ref.Arena.ask(8 * int64(n))
		t.I = make([]int64, n)
	case ref.F64 != nil || d == onnxio.Float64:
		ref.Arena.ask(8 * int64(n))
		t.F64 = ref.Arena.Floats64(n)
	default:
		ref.Arena.ask(4 * int64(n))
		t.F32 = ref.Arena.floats32(n)
	}
	return t
}

// over is like, but without zeros: where ref has as many elements and nothing
// else needs them, the result takes their place. It is for operators that read an
// element of ref for the last time before they write the one in its place.
func over(ref *Value, d onnxio.DType, shape []int) *Value {
	if !ref.Spare || d != ref.DType || ref.Half() || ref.I != nil || tensor.Count(shape) != ref.Len() {
		return Like(ref, d, shape)
	}
	return &Value{Tensor: tensor.Tensor{DType: d, Shape: shape, F32: ref.F32, F64: ref.F64}, Arena: ref.Arena}
}

// view shares t's elements under another shape.
func (t *Value) view(shape []int) *Value {
	v := *t
	v.Shape = shape
	return &v
}

// zeros makes a zero tensor of type d, whose floats have the storage of the run.
func (c *Call) zeros(d onnxio.DType, shape []int) *Value {
	ref := &Value{Arena: c.Run.Arena}
	if c.Run.Mode != Single {
		ref.F64 = []float64{}
	}
	return Like(ref, d, shape)
}

// integers makes a tensor of zeros of a type that is no float.
func integers(d onnxio.DType, shape []int) *Value {
	return &Value{Tensor: tensor.Tensor{DType: d, Shape: shape, I: make([]int64, tensor.Count(shape))}}
}

// scalar is one integer.
func scalar(d onnxio.DType, v int64) *Value {
	return &Value{Tensor: tensor.Tensor{DType: d, Shape: []int{}, I: []int64{v}}}
}

// list is a vector of integers, which it keeps.
func list(d onnxio.DType, v []int64) *Value {
	return &Value{Tensor: tensor.Tensor{DType: d, Shape: []int{len(v)}, I: v}}
}

// Half reports whether v has a 16-bit float type.
func (v *Value) Half() bool { return tensor.Half(&v.Tensor) }

// Round brings the numbers of a 16-bit float tensor to that precision.
func (v *Value) Round() { tensor.Round(&v.Tensor) }

// wrap reduces integers to the range of their type, as fixed-width arithmetic
// does.
func (v *Value) wrap() { tensor.Wrap(&v.Tensor) }

// readDouble fills dst with the numbers from element at on.
func (v *Value) readDouble(dst []float64, at int) { tensor.ReadDouble(&v.Tensor, dst, at) }

// Key is the identity of v's storage; nil for integers and for none.
func (v *Value) Key() any { return tensor.Key(&v.Tensor) }

// dense is v with its numbers in memory.
func (v *Value) dense() *Value {
	if v == nil || v.File == nil {
		return v
	}
	out := &Value{Tensor: tensor.Tensor{DType: v.DType, Shape: v.Shape, F64: make([]float64, v.Len())}}
	kernel.Widen(out.F64, v.File.Mapped(), v.File.Absolute)
	return out
}
