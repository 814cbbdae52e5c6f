package tensor

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/x448/float16"

	"repmlp/onnxio"
	"repmlp/verify/internal/kernel"
)

// Half reports whether t has a 16-bit float type.
func Half(t *Tensor) bool { return t.DType == onnxio.Float16 || t.DType == onnxio.BFloat16 }

// Round brings the numbers of a 16-bit float tensor to that precision.
func Round(t *Tensor) {
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

// Wrap reduces integers to the range of their type, as fixed-width arithmetic
// does.
func Wrap(t *Tensor) {
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

// Key is the identity of a tensor's storage; nil for integers and for none.
func Key(t *Tensor) any {
	switch {
	case len(t.F32) > 0:
		return &t.F32[0]
	case len(t.F64) > 0:
		return &t.F64[0]
	}
	return nil
}

// littleEndian reports whether numbers lie in memory as they lie in files.
var littleEndian = binary16(1)

func binary16(v uint16) bool { return *(*byte)(unsafe.Pointer(&v)) == 1 }

// InPlace is a stored float32 tensor whose numbers stay where they lie, which
// may be a read-only mapping; nil where the machine cannot do that.
func InPlace(t *onnxio.Tensor) (*Tensor, error) {
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if !littleEndian || len(b) == 0 || unalignedTraps && uintptr(p)%4 != 0 {
		return nil, nil
	}
	return &Tensor{DType: t.DType(), Shape: ToInts(t.Dims()), F32: unsafe.Slice((*float32)(p), len(b)/4)}, nil
}

// unalignedTraps: of the machines that Go runs on, only some read numbers from
// any address.
var unalignedTraps = runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64"

// memory is what a little-endian file would hold of v.
func memory(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// Widen converts the first len(dst) numbers of src.
func Widen(dst []float64, src []float32) {
	src = src[:len(dst)]
	if littleEndian {
		kernel.Widen(dst, memory(src), false)
		return
	}
	for i, v := range src {
		dst[i] = float64(v)
	}
}

// Narrow rounds src to dst, which is as long.
func Narrow(dst []float32, src []float64) {
	if littleEndian {
		kernel.Narrow(memory(dst), src)
		return
	}
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// ReadDouble fills dst with the numbers from element at on.
func ReadDouble(t *Tensor, dst []float64, at int) {
	switch {
	case t.F32 != nil:
		Widen(dst, t.F32[at:])
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

// Convert returns t with float64 or float32 storage for its floats.
func Convert(t *Tensor, double bool) *Tensor {
	if !t.DType.IsFloat() || double == (t.F64 != nil) || t.DType == onnxio.Float64 {
		return t
	}
	out := &Tensor{DType: t.DType, Shape: t.Shape}
	if double {
		out.F64 = make([]float64, len(t.F32))
		Widen(out.F64, t.F32)
		return out
	}
	out.F32 = make([]float32, len(t.F64))
	Narrow(out.F32, t.F64)
	Round(out)
	return out
}
