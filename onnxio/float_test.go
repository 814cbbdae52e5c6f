package onnxio

import (
	"encoding/binary"
	"github.com/x448/float16"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
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

// Every 16-bit number, what lies halfway between it and the next, and what lies right beside
// that: each becomes the nearest, of two as near the even one.
func TestHalfwayRounding(t *testing.T) {
	for _, c := range []struct {
		d     DType
		round func(float64) uint16
		end   uint16 // infinity
	}{{Float16, Float16Bits, 0x7c00}, {BFloat16, BFloat16Bits, 0x7f80}} {
		number := func(bits uint16) float64 {
			x := make([]float64, 1)
			if err := DecodeFloat64(x, []byte{byte(bits), byte(bits >> 8)}, c.d); err != nil {
				t.Fatal(err)
			}
			return x[0]
		}
		check := func(x float64, want uint16) {
			t.Helper()
			if got := c.round(x); got != want {
				t.Fatalf("%s: %g became %#04x, want %#04x", c.d, x, got, want)
			}
			if got := c.round(-x); got != want|0x8000 {
				t.Fatalf("%s: %g became %#04x, want %#04x", c.d, -x, got, want|0x8000)
			}
		}
		for bits := range c.end {
			x, next := number(bits), number(bits+1)
			if bits+1 == c.end { // where infinity begins: as if the exponents went on
				next = 2*x - number(bits-1)
			}
			half := x + (next-x)/2
			check(x, bits)
			check(half, bits+bits&1)
			check(math.Nextafter(half, 0), bits)
			check(math.Nextafter(half, math.Inf(1)), bits+1)
		}
		check(math.Inf(1), c.end)
		check(math.MaxFloat64, c.end)
		check(math.SmallestNonzeroFloat64, 0)
		if got := c.round(math.NaN()); !math.IsNaN(number(got)) {
			t.Errorf("%s: NaN became %#04x", c.d, got)
		}
	}
}

// The fast conversions give the bits of plain Go, for any length and alignment.
func TestFloatConversions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n, off := rng.IntN(100), rng.IntN(4)
		raw := make([]byte, off+4*n)[off:]
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			bits := rng.Uint32()
			binary.LittleEndian.PutUint32(raw[4*i:], bits&0xBFFFFFFF) // finite
			x[i] = math.Ldexp(rng.NormFloat64(), rng.IntN(300)-160)
			y[i] = rng.NormFloat64()
		}
		f := &Floats{&Reader{data: raw}, Float32}
		got, sum := make([]float64, n), slices.Clone(y)
		f.Read(got, 0)
		f.AddScaled(sum, 0.1, 0)
		out := make([]byte, off+4*n)[off:]
		ok, err := PutFloat64(out, x, Float32)
		if err != nil {
			t.Fatal(err)
		}
		fits := true
		for i := range x {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
			if got[i] != v || sum[i] != y[i]+float64(0.1*v) {
				t.Fatalf("n=%d: number %d reads as %g and adds up to %g", n, i, got[i], sum[i])
			}
			if have := binary.LittleEndian.Uint32(out[4*i:]); have != math.Float32bits(float32(x[i])) {
				t.Fatalf("n=%d: %g is stored as %x", n, x[i], have)
			}
			fits = fits && !math.IsInf(float64(float32(x[i])), 0)
		}
		if _, bad := Unstorable(x, Float32); ok != fits || bad == fits {
			t.Fatalf("n=%d: finite %v, said to be %v and %v", n, fits, ok, !bad)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		v := slices.Repeat([]float64{1}, 40)
		v[17] = x
		if ok, _ := PutFloat64(make([]byte, 160), v, Float32); ok {
			t.Errorf("%g is said to be finite", x)
		}
	}
}
