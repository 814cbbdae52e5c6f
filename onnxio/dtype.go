package onnxio

import "fmt"

// DType is an ONNX tensor element type (TensorProto.DataType).
type DType int32

// Element types by their ONNX names.
const (
	Undefined  DType = 0
	Float32    DType = 1
	Uint8      DType = 2
	Int8       DType = 3
	Uint16     DType = 4
	Int16      DType = 5
	Int32      DType = 6
	Int64      DType = 7
	String     DType = 8
	Bool       DType = 9
	Float16    DType = 10
	Float64    DType = 11
	Uint32     DType = 12
	Uint64     DType = 13
	Complex64  DType = 14
	Complex128 DType = 15
	BFloat16   DType = 16
	Uint4      DType = 21
	Int4       DType = 22
	Float4E2M1 DType = 23
	Uint2      DType = 25
	Int2       DType = 26
)

var dtypes = map[DType]struct {
	name string
	bits int
}{
	Undefined: {"undefined", 0}, Float32: {"float32", 32}, Uint8: {"uint8", 8}, Int8: {"int8", 8},
	Uint16: {"uint16", 16}, Int16: {"int16", 16}, Int32: {"int32", 32}, Int64: {"int64", 64},
	String: {"string", 0}, Bool: {"bool", 8}, Float16: {"float16", 16}, Float64: {"float64", 64},
	Uint32: {"uint32", 32}, Uint64: {"uint64", 64}, Complex64: {"complex64", 64},
	Complex128: {"complex128", 128}, BFloat16: {"bfloat16", 16},
	17: {"float8e4m3fn", 8}, 18: {"float8e4m3fnuz", 8}, 19: {"float8e5m2", 8}, 20: {"float8e5m2fnuz", 8},
	Uint4: {"uint4", 4}, Int4: {"int4", 4}, Float4E2M1: {"float4e2m1", 4}, 24: {"float8e8m0", 8},
	Uint2: {"uint2", 2}, Int2: {"int2", 2},
}

func (d DType) String() string {
	if t, ok := dtypes[d]; ok {
		return t.name
	}
	return fmt.Sprintf("type %d", int32(d))
}

// Known reports whether d is a type of the ONNX schema that can hold data.
func (d DType) Known() bool { _, ok := dtypes[d]; return ok && d != Undefined }

// Bits is the width of one element in raw storage, 0 for strings.
func (d DType) Bits() int { return dtypes[d].bits }

// IsFloat reports whether d is one of the types that weights are merged in:
// float16, bfloat16, float32, float64.
func (d DType) IsFloat() bool {
	return d == Float32 || d == Float16 || d == Float64 || d == BFloat16
}

// IsInt reports whether d is a signed or unsigned integer of 8 to 64 bits.
func (d DType) IsInt() bool {
	switch d {
	case Uint8, Int8, Uint16, Int16, Int32, Int64, Uint32, Uint64:
		return true
	}
	return false
}

// rawSize is the length of n elements in raw storage; sub-byte types are packed.
func (d DType) rawSize(n int64) int64 { return (n*int64(d.Bits()) + 7) / 8 }
