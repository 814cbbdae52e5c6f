package graph

import (
	"errors"
	"math"
	"math/bits"

	"repmlp/onnxio"
)

// Integers of constants are kept as int64, those of uint64 by their bits, and
// wrap as their type does.

func unsigned(d onnxio.DType) bool {
	return d == onnxio.Uint8 || d == onnxio.Uint16 || d == onnxio.Uint32 || d == onnxio.Uint64
}

// wrapInt reduces v to the range of an integer type.
func wrapInt(d onnxio.DType, v int64) int64 {
	switch d {
	case onnxio.Int8:
		return int64(int8(v))
	case onnxio.Uint8:
		return int64(uint8(v))
	case onnxio.Int16:
		return int64(int16(v))
	case onnxio.Uint16:
		return int64(uint16(v))
	case onnxio.Int32:
		return int64(int32(v))
	case onnxio.Uint32:
		return int64(uint32(v))
	}
	return v
}

// floatOf is the number that v stands for, rounded where float64 has to.
func floatOf(d onnxio.DType, v int64) float64 {
	if d == onnxio.Uint64 {
		return float64(uint64(v))
	}
	return float64(v)
}

// intOf truncates f; what the type cannot hold is undefined in ONNX.
func intOf(d onnxio.DType, f float64) (int64, error) {
	f = math.Trunc(f)
	lo, hi := -math.Ldexp(1, d.Bits()-1), math.Ldexp(1, d.Bits()-1)
	if unsigned(d) {
		lo, hi = 0, 2*hi
	}
	if !(f >= lo && f < hi) {
		return 0, errUndefined
	}
	if d == onnxio.Uint64 {
		return int64(uint64(f)), nil
	}
	return int64(f), nil
}

// errUndefined is the answer to what ONNX does not define: runtimes differ, so
// that it is no constant.
var errUndefined = errors.New("ONNX does not define the result for its values")

func lessInt(d onnxio.DType, a, b int64) bool {
	if d == onnxio.Uint64 {
		return uint64(a) < uint64(b)
	}
	return a < b
}

// smallest is the least number of a signed type, whose negative does not exist.
func smallest(d onnxio.DType) int64 { return -1 << (d.Bits() - 1) }

// divInt is Div of integers: truncation towards zero.
func divInt(d onnxio.DType, a, b int64) (int64, error) {
	switch {
	case b == 0, b == -1 && !unsigned(d) && a == smallest(d):
		return 0, errUndefined
	case d == onnxio.Uint64:
		return int64(uint64(a) / uint64(b)), nil
	}
	return a / b, nil
}

// modInt is Mod (opset 10 and later): the remainder has the divisor's sign, with
// fmod the dividend's.
func modInt(d onnxio.DType, a, b int64, fmod bool) (int64, error) {
	switch {
	case b == 0:
		return 0, errUndefined
	case d == onnxio.Uint64:
		return int64(uint64(a) % uint64(b)), nil
	case b == -1:
		return 0, nil
	}
	r := a % b
	if !fmod && r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r, nil
}

// powInt is Pow of integers as long as the result is one that the base's type
// and every runtime's float64 hold exactly.
func powInt(d, ed onnxio.DType, a, e int64) (int64, error) {
	if e != int64(float64(e)) && a == -1 && !unsigned(d) {
		return 0, errUndefined // float64 does not know whether the exponent is odd
	}
	if e < 0 && !unsigned(ed) {
		switch {
		case a == 1:
			return 1, nil
		case a == -1 && !unsigned(d):
			return 1 - 2*(e&1), nil
		case a == 0:
			return 0, errUndefined
		}
		return 0, nil // the fraction is cut off
	}
	r := int64(1)
	for n := uint64(e); n > 0 && r != 0; n-- {
		if a == 1 || a == -1 && !unsigned(d) {
			if n%2 == 1 {
				r *= a
			}
			break
		}
		hi, lo := bits.Mul64(uint64(abs(r)), uint64(abs(a)))
		if hi != 0 || lo >= 1<<53 || d == onnxio.Uint64 && a < 0 {
			return 0, errUndefined
		}
		r *= a
	}
	if wrapInt(d, r) != r {
		return 0, errUndefined
	}
	return r, nil
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
