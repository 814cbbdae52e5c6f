package onnxio

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"
)

// Every 16-bit pattern survives decoding and encoding.
func TestFloat16RoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		for _, d := range []DType{Float16, BFloat16} {
			var f [1]float64
			if err := DecodeFloat64(f[:], []byte{byte(h), byte(h >> 8)}, d); err != nil {
				t.Fatal(err)
			}
			if math.IsNaN(f[0]) {
				continue
			}
			b, err := EncodeFloat64(f[:], d)
			if err != nil {
				t.Fatal(err)
			}
			if got := uint16(b[0]) | uint16(b[1])<<8; got != h {
				t.Fatalf("%s %#04x became %#04x", d, h, got)
			}
		}
	}
}

// Rounding in one step agrees with a well-known library where the number is a
// float32, and with exact arithmetic at the midpoints that double rounding
// gets wrong.
func TestFloat16Rounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200000 {
		f := math.Float32frombits(rng.Uint32())
		if f != f {
			continue
		}
		if got, want := Float16Bits(float64(f)), float16.Fromfloat32(f).Bits(); got != want {
			t.Fatalf("%g became %#04x, want %#04x", f, got, want)
		}
	}
	// 1 + 2^-11 + 2^-40 lies above the midpoint of 1 and 1+2^-10; as a float32
	// it would be the midpoint and round down.
	if got := Float16Bits(1 + 0x1p-11 + 0x1p-40); got != 0x3c01 {
		t.Errorf("above the midpoint: %#04x, want 0x3c01", got)
	}
	if got := Float16Bits(65520); got != 0x7c00 {
		t.Errorf("65520 became %#04x, want infinity", got)
	}
	if got := Float16Bits(65519.999); got != 0x7bff {
		t.Errorf("65519.999 became %#04x, want the largest finite", got)
	}
}
