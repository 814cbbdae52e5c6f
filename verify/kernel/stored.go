package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// Dot is Σ w·x in float64 for float32 numbers w as they lie in a file, little
// endian, aligned or not; absolute takes |w|. w holds 4·len(x) bytes.
func Dot(w []byte, x []float64, absolute bool) float64 {
	n, sum := 0, 0.0
	if fast && len(x) >= 16 {
		n = len(x) &^ 15
		p := (*float32)(unsafe.Pointer(unsafe.SliceData(w[:4*n])))
		if absolute {
			sum = dotAbs16(n, p, &x[0])
		} else {
			sum = dot16(n, p, &x[0])
		}
	}
	for i := n; i < len(x); i++ {
		sum += number(w, i, absolute) * x[i]
	}
	return sum
}

// Axpy adds alpha·w to y, with w as for Dot.
func Axpy(alpha float64, w []byte, y []float64, absolute bool) {
	n := 0
	if fast && len(y) >= 16 {
		n = len(y) &^ 15
		p := (*float32)(unsafe.Pointer(unsafe.SliceData(w[:4*n])))
		if absolute {
			axpyAbs16(n, alpha, p, &y[0])
		} else {
			axpy16(n, alpha, p, &y[0])
		}
	}
	for i := n; i < len(y); i++ {
		y[i] += alpha * number(w, i, absolute)
	}
}

// Widen converts len(x) numbers of w, as for Dot.
func Widen(x []float64, w []byte, absolute bool) {
	n := 0
	if fast && len(x) >= 16 {
		n = len(x) &^ 15
		p := (*float32)(unsafe.Pointer(unsafe.SliceData(w[:4*n])))
		if absolute {
			widenAbs16(n, p, &x[0])
		} else {
			widen16(n, p, &x[0])
		}
	}
	for i := n; i < len(x); i++ {
		x[i] = number(w, i, absolute)
	}
}

func number(w []byte, i int, absolute bool) float64 {
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(w[4*i:])))
	if absolute {
		return math.Abs(v)
	}
	return v
}
