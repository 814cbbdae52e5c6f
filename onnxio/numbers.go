package onnxio

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

func float32frombits(b uint32) float32 { return math.Float32frombits(b) }

// DecodeFloat64 fills dst from raw storage b of type d.
func DecodeFloat64(dst []float64, b []byte, d DType) error {
	le := binary.LittleEndian
	switch d {
	case Float32:
		n := 0
		if wide && len(dst) >= 16 {
			n = len(dst) &^ 15
			widen16(n, &b[:4*n][0], &dst[0])
		}
		for i := n; i < len(dst); i++ {
			dst[i] = float64(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case Float64:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	case Float16:
		for i := range dst {
			x := le.Uint16(b[2*i:])
			if e := x >> 10 & 31; e > 0 && e < 31 {
				dst[i] = math.Float64frombits(uint64(x>>15)<<63 | uint64(x&0x7fff)<<42 + (1023-15)<<52)
			} else {
				dst[i] = float64(float16.Frombits(x).Float32())
			}
		}
	case BFloat16:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16))
		}
	case Uint64:
		for i := range dst {
			dst[i] = float64(le.Uint64(b[8*i:]))
		}
	default:
		ints := make([]int64, len(dst))
		if err := DecodeInt64(ints, b, d); err != nil {
			return err
		}
		for i, v := range ints {
			dst[i] = float64(v)
		}
	}
	return nil
}

// DecodeInt64 fills dst from raw storage b of the integer or bool type d.
func DecodeInt64(dst []int64, b []byte, d DType) error {
	le := binary.LittleEndian
	for i := range dst {
		switch d {
		case Int64, Uint64:
			dst[i] = int64(le.Uint64(b[8*i:]))
		case Int32:
			dst[i] = int64(int32(le.Uint32(b[4*i:])))
		case Uint32:
			dst[i] = int64(le.Uint32(b[4*i:]))
		case Int16:
			dst[i] = int64(int16(le.Uint16(b[2*i:])))
		case Uint16:
			dst[i] = int64(le.Uint16(b[2*i:]))
		case Int8:
			dst[i] = int64(int8(b[i]))
		case Uint8:
			dst[i] = int64(b[i])
		case Bool:
			if b[i] != 0 {
				dst[i] = 1
			}
		case Uint4:
			dst[i] = int64(b[i/2] >> (4 * (i % 2)) & 0xF)
		case Int4:
			dst[i] = int64(int8(b[i/2]>>(4*(i%2))<<4) >> 4)
		default:
			return &Unsupported{fmt.Errorf("%s values cannot be read as integers", d)}
		}
	}
	return nil
}

// EncodeInt64 returns v in raw storage of the integer or bool type d. Numbers
// outside the type's range are cut to its width.
func EncodeInt64(v []int64, d DType) ([]byte, error) {
	width := d.Bits() / 8
	if !d.IsInt() && d != Bool || width == 0 {
		return nil, &Unsupported{fmt.Errorf("integers cannot be stored as %s", d)}
	}
	out := make([]byte, 0, len(v)*width)
	for _, x := range v {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(x))
		out = append(out, b[:width]...)
	}
	return out, nil
}

// EncodeFloat64 rounds v once to the float type d and returns raw storage.
// Rounding is to nearest, ties to even.
func EncodeFloat64(v []float64, d DType) ([]byte, error) {
	out := make([]byte, d.rawSize(int64(len(v))))
	_, err := PutFloat64(out, v, d)
	return out, err
}

// PutFloat64 rounds v once to the float type d into raw storage out, which has
// the length of the result. ok is false where a number does not round to a
// finite one.
func PutFloat64(out []byte, v []float64, d DType) (ok bool, err error) {
	le := binary.LittleEndian
	switch d {
	case Float32:
		n := 0
		ok = true
		if wide && len(v) >= 16 {
			n = len(v) &^ 15
			ok = narrow16(n, limit(d), &v[0], &out[:4*n][0]) == 0
		}
		for i, x := range v[n:] {
			le.PutUint32(out[4*(n+i):], math.Float32bits(float32(x)))
			ok = ok && math.Abs(x) < limit(d)
		}
		return ok, nil
	case Float64:
		for i, x := range v {
			le.PutUint64(out[8*i:], math.Float64bits(x))
		}
	case Float16:
		for i, x := range v {
			le.PutUint16(out[2*i:], Float16Bits(x))
		}
	case BFloat16:
		for i, x := range v {
			le.PutUint16(out[2*i:], BFloat16Bits(x))
		}
	default:
		return false, &Unsupported{fmt.Errorf("weights cannot be stored as %s", d)}
	}
	_, bad := Unstorable(v, d)
	return !bad, nil
}

// Float16Bits rounds x to float16, to nearest even, in one step: a detour
// over float32 would round twice.
func Float16Bits(x float64) uint16 { return roundBits(x, 10, 5) }

// BFloat16Bits rounds x to bfloat16, to nearest even, in one step.
func BFloat16Bits(x float64) uint16 { return roundBits(x, 7, 8) }

// roundBits rounds x to a 16-bit float with man mantissa and exp exponent bits.
func roundBits(x float64, man, exp uint) uint16 {
	bits := math.Float64bits(x)
	sign := uint16(bits >> 63 << 15)
	bits &^= 1 << 63
	bias := 1<<(exp-1) - 1
	switch e := int(bits>>52) - 1023; {
	case math.IsNaN(x):
		return sign | uint16((1<<exp-1)<<man) | 1<<(man-1)
	case e > bias:
		return sign | uint16((1<<exp-1)<<man)
	case e < 1-bias: // subnormal: an integer count of units in the last place
		units := math.Float64frombits(uint64(1023+bias-1+int(man)) << 52)
		return sign | uint16(math.RoundToEven(math.Abs(x)*units))
	}
	drop := 52 - man
	bits += 1<<(drop-1) - 1 + bits>>drop&1 // what carries over belongs to the exponent, up to infinity
	return sign | uint16(bits>>drop-uint64(1023-bias)<<man)
}
