package verify

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"unsafe"

	"github.com/x448/float16"

	"repmlp/internal/budget"
	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

// A Tensor is a dense array. Float types hold their numbers in F32, or in F64
// where the engine runs in float64 or the type is float64; all other types
// hold them in I, uint64 by its bits.
type Tensor struct {
	DType onnxio.DType
	Shape []int
	F32   []float32
	F64   []float64
	I     []int64

	file  *streamed // or a weight that stays in its file
	arena *arena    // where tensors that are made from it get their storage
	spare bool      // nothing but the node that runs needs it
}

// Len is the number of elements.
func (t *Tensor) Len() int { return count(t.Shape) }

func count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Float returns element i as float64, whatever the type.
func (t *Tensor) Float(i int) float64 {
	switch {
	case t.F32 != nil:
		return float64(t.F32[i])
	case t.F64 != nil:
		return t.F64[i]
	case t.DType == onnxio.Uint64:
		return float64(uint64(t.I[i]))
	}
	return float64(t.I[i])
}

// Floats returns the elements as float64.
func (t *Tensor) Floats() []float64 {
	if t.F64 != nil {
		return t.F64
	}
	out := make([]float64, t.Len())
	for i := range out {
		out[i] = t.Float(i)
	}
	return out
}

type float interface{ float32 | float64 }

// data returns the numbers of a float tensor as []T.
func data[T float](t *Tensor) []T {
	if s, ok := any(t.F32).([]T); ok {
		return s
	}
	return any(t.F64).([]T)
}

// maxElements bounds one tensor of a run: beyond it a file is broken rather than
// large.
const maxElements = 1 << 28

func tooLarge[N int | int64](shape []N) bool {
	total := 1.0
	for _, d := range shape {
		if d < 0 {
			return true
		}
		total *= float64(d)
	}
	return total > maxElements
}

// like makes a zero tensor of type d with the storage of ref for floats.
func like(ref *Tensor, d onnxio.DType, shape []int) *Tensor {
	t := &Tensor{DType: d, Shape: shape, arena: ref.arena}
	n := count(shape)
	if tooLarge(shape) {
		panic(&budget.Exceeded{Kind: budget.Memory, Need: budget.Bytes(4, shape...), Limit: 4 * maxElements}) // call reports it
	}
	switch {
	case !d.IsFloat():
		ref.arena.ask(8 * int64(n))
		t.I = make([]int64, n)
	case ref.F64 != nil || d == onnxio.Float64:
		ref.arena.ask(8 * int64(n))
		t.F64 = ref.arena.floats64(n)
	default:
		ref.arena.ask(4 * int64(n))
		t.F32 = ref.arena.floats32(n)
	}
	return t
}

// over is like, but without zeros: where ref has as many elements and nothing
// else needs them, the result takes their place. It is for operators that read an
// element of ref for the last time before they write the one in its place.
func over(ref *Tensor, d onnxio.DType, shape []int) *Tensor {
	if !ref.spare || d != ref.DType || ref.half() || ref.I != nil || count(shape) != ref.Len() {
		return like(ref, d, shape)
	}
	return &Tensor{DType: d, Shape: shape, F32: ref.F32, F64: ref.F64, arena: ref.arena}
}

// view shares t's elements under another shape.
func (t *Tensor) view(shape []int) *Tensor {
	v := *t
	v.Shape = shape
	return &v
}

// half reports whether t has a 16-bit float type.
func (t *Tensor) half() bool { return t.DType == onnxio.Float16 || t.DType == onnxio.BFloat16 }

// round brings the numbers of a 16-bit float tensor to that precision.
func (t *Tensor) round() {
	switch t.DType {
	case onnxio.Float16:
		for i, v := range t.F32 {
			t.F32[i] = float16.Fromfloat32(v).Float32()
		}
	case onnxio.BFloat16:
		for i, v := range t.F32 {
			t.F32[i] = math.Float32frombits(uint32(onnxio.BFloat16Bits(float64(v))) << 16)
		}
	}
}

// wrap reduces integers to the range of their type, as fixed-width arithmetic
// does.
func (t *Tensor) wrap() {
	for i, v := range t.I {
		switch t.DType {
		case onnxio.Int8:
			t.I[i] = int64(int8(v))
		case onnxio.Uint8:
			t.I[i] = int64(uint8(v))
		case onnxio.Int16:
			t.I[i] = int64(int16(v))
		case onnxio.Uint16:
			t.I[i] = int64(uint16(v))
		case onnxio.Int32:
			t.I[i] = int64(int32(v))
		case onnxio.Uint32:
			t.I[i] = int64(uint32(v))
		}
	}
}

// FromFile reads a stored tensor. double asks for float64 storage.
func FromFile(t *onnxio.Tensor, double bool) (*Tensor, error) {
	r, err := t.Reader()
	if err != nil {
		return nil, err
	}
	out := &Tensor{DType: t.DType, Shape: toInts(t.Dims)}
	n := out.Len()
	r.With(0, len(r.Mapped()), func(b []byte) {
		switch {
		case !t.DType.IsFloat():
			out.I = make([]int64, n)
			err = onnxio.DecodeInt64(out.I, b, t.DType)
		case double || t.DType == onnxio.Float64:
			out.F64 = make([]float64, n)
			err = onnxio.DecodeFloat64(out.F64, b, t.DType)
		case t.DType == onnxio.Float32:
			out.F32 = make([]float32, n)
			decode32(out.F32, b)
		default:
			wide := make([]float64, n)
			if err = onnxio.DecodeFloat64(wide, b, t.DType); err == nil {
				out.F32 = make([]float32, n)
				narrow(out.F32, wide)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.Name, err)
	}
	return out, nil
}

// Raw returns the elements in raw storage, as files hold them.
func (t *Tensor) Raw() ([]byte, error) {
	if t.DType.IsFloat() {
		return onnxio.EncodeFloat64(t.Floats(), t.DType)
	}
	return onnxio.EncodeInt64(t.I, t.DType)
}

// FromRaw makes a tensor from raw storage.
func FromRaw(d onnxio.DType, shape []int, raw []byte) (*Tensor, error) {
	dims := make([]int64, len(shape))
	for i, n := range shape {
		dims[i] = int64(n)
	}
	t, err := onnxio.NewTensor("", d, dims, raw)
	if err != nil {
		return nil, err
	}
	return FromFile(t, false)
}

// littleEndian reports whether numbers lie in memory as they lie in files.
var littleEndian = binary16(1)

func binary16(v uint16) bool { return *(*byte)(unsafe.Pointer(&v)) == 1 }

// inPlace is a stored float32 tensor whose numbers stay where they lie, which
// may be a read-only mapping; nil where the machine cannot do that.
func inPlace(t *onnxio.Tensor) (*Tensor, error) {
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if !littleEndian || len(b) == 0 || unalignedTraps && uintptr(p)%4 != 0 {
		return nil, nil
	}
	return &Tensor{DType: t.DType, Shape: toInts(t.Dims), F32: unsafe.Slice((*float32)(p), len(b)/4)}, nil
}

// unalignedTraps: of the machines that Go runs on, only some read numbers from
// any address.
var unalignedTraps = runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64"

// memory is what a little-endian file would hold of v.
func memory(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// widen converts the first len(dst) numbers of src.
func widen(dst []float64, src []float32) {
	src = src[:len(dst)]
	if littleEndian {
		kernel.Widen(dst, memory(src), false)
		return
	}
	for i, v := range src {
		dst[i] = float64(v)
	}
}

// narrow rounds src to dst, which is as long.
func narrow(dst []float32, src []float64) {
	if littleEndian {
		kernel.Narrow(memory(dst), src)
		return
	}
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// readDouble fills dst with the numbers from element at on.
func (t *Tensor) readDouble(dst []float64, at int) {
	switch {
	case t.F32 != nil:
		widen(dst, t.F32[at:])
	case t.F64 != nil:
		copy(dst, t.F64[at:])
	default:
		for i := range dst {
			dst[i] = t.Float(at + i)
		}
	}
}

func decode32(dst []float32, b []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24)
	}
}

// convert returns t with float64 or float32 storage for its floats.
func (t *Tensor) convert(double bool) *Tensor {
	if !t.DType.IsFloat() || double == (t.F64 != nil) || t.DType == onnxio.Float64 {
		return t
	}
	out := &Tensor{DType: t.DType, Shape: t.Shape}
	if double {
		out.F64 = make([]float64, len(t.F32))
		widen(out.F64, t.F32)
		return out
	}
	out.F32 = make([]float32, len(t.F64))
	narrow(out.F32, t.F64)
	out.round()
	return out
}

func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// axisOf turns a possibly negative axis into an index.
func axisOf(a int64, rank int) (int, error) {
	k := a
	if k < 0 {
		k += int64(rank)
	}
	if k < 0 || k >= int64(rank) {
		return 0, fmt.Errorf("axis or index %d is out of range for %d", a, rank)
	}
	return int(k), nil
}

// walk calls f with the offset that the strides give, for every index of shape
// in row-major order.
func walk(shape, stride []int, f func(i, off int)) {
	idx := make([]int, len(shape))
	off := 0
	for i := range count(shape) {
		f(i, off)
		for a := len(shape) - 1; a >= 0; a-- {
			idx[a]++
			off += stride[a]
			if idx[a] < shape[a] {
				break
			}
			off -= stride[a] * shape[a]
			idx[a] = 0
		}
	}
}

// broadcast is the common shape of a and b.
func broadcast(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	off := len(a) - len(b)
	for i, d := range b {
		switch have := out[off+i]; {
		case have == d, d == 1:
		case have == 1:
			out[off+i] = d
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", a, b)
		}
	}
	if out == nil {
		out = []int{}
	}
	return out, nil
}

// spread gives the strides with which a tensor of shape from is read as to.
func spread(from, to []int) []int {
	out := make([]int, len(to))
	st := strides(from)
	off := len(to) - len(from)
	for i, d := range from {
		if d != 1 {
			out[off+i] = st[i]
		}
	}
	return out
}
