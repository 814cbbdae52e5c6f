package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"

	"repmlp/onnxio"
)

// mask is what is kept of a float64 number.
func mask(absolute bool) uint64 {
	if absolute {
		return math.MaxUint64 >> 1 // all but the sign
	}
	return math.MaxUint64
}

// Dots is Σ w·x and Σ w·y in float64 for float32 numbers w as they lie in a file,
// little endian, aligned or not; absolute takes |w|. x and y are as long, w holds
// 4·len(x) bytes. A sum does not depend on the other row, which may be the same.
func Dots(w []byte, x, y []float64, absolute bool) (sumX, sumY float64) {
	n, mask := 0, mask(absolute)
	y = y[:len(x)]
	if fast && len(x) >= 16 {
		n = len(x) &^ 15
		sumX, sumY = dots16(n, (*float32)(unsafe.Pointer(unsafe.SliceData(w[:4*n]))), &x[0], &y[0], mask)
	}
	for i := n; i < len(x); i++ {
		v := number(w, i, mask)
		sumX += v * x[i]
		sumY += v * y[i]
	}
	return sumX, sumY
}

// Axpys adds alpha·w to y and beta·w to z, which are as long, with w as for Dots.
func Axpys(alpha, beta float64, w []byte, y, z []float64, absolute bool) {
	n, mask := 0, mask(absolute)
	z = z[:len(y)]
	if fast && len(y) >= 16 {
		n = len(y) &^ 15
		axpys16(n, alpha, beta, (*float32)(unsafe.Pointer(unsafe.SliceData(w[:4*n]))), &y[0], &z[0], mask)
	}
	for i := n; i < len(y); i++ {
		v := number(w, i, mask)
		y[i] += alpha * v
		z[i] += beta * v
	}
}

// Widen converts len(x) numbers of w, as for Dots.
func Widen(x []float64, w []byte, absolute bool) {
	if err := onnxio.DecodeFloat64(x, w, onnxio.Float32); err != nil {
		panic(err) // float32 always decodes
	}
	if absolute {
		for i, v := range x {
			x[i] = math.Abs(v)
		}
	}
}

// Narrow rounds x to float32 numbers, little endian.
func Narrow(w []byte, x []float64) {
	if _, err := onnxio.PutFloat64(w, x, onnxio.Float32); err != nil {
		panic(err) // float32 always encodes
	}
}

func number(w []byte, i int, mask uint64) float64 {
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(w[4*i:])))
	return math.Float64frombits(math.Float64bits(v) & mask)
}
