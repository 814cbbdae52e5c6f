package onnxio

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Floats reads the numbers of a float tensor where they lie, a run at a time.
// It is safe for concurrent use.
type Floats struct {
	from *Reader
	kind DType
}

// Floats gives access to the numbers of a float tensor.
func (t *Tensor) Floats() (*Floats, error) {
	if !t.dtype.IsFloat() {
		return nil, fmt.Errorf("reading tensor %q: %s values are no floats", t.name, t.dtype)
	}
	r, err := t.Reader()
	if err != nil {
		return nil, err
	}
	return &Floats{r, t.dtype}, nil
}

// longRun is the number of bytes from which on a run is copied from the file:
// making the pages of a mapping resident costs more then.
const longRun = 16 << 10

// with calls f with n bytes of the raw values from byte at on.
func (f *Floats) with(at, n int, use func(b []byte)) {
	if n < longRun {
		use(f.from.Mapped()[at:][:n])
		return
	}
	f.from.With(at, n, use)
}

// Near is n numbers from index at on, counted from zero, for many short reads;
// release ends their use.
func (f *Floats) Near(at, n int) (near *Floats, release func()) {
	width := f.kind.Bits() / 8
	space := spaces.Get().(*[]byte)
	return &Floats{&Reader{data: f.from.Read(space, at*width, n*width)}, f.kind}, func() { spaces.Put(space) }
}

// Len is the number of elements.
func (f *Floats) Len() int { return len(f.from.Mapped()) / (f.kind.Bits() / 8) }

// Read fills dst with the numbers from index at on. It is exact.
func (f *Floats) Read(dst []float64, at int) {
	width := f.kind.Bits() / 8
	f.with(at*width, len(dst)*width, func(b []byte) {
		if err := DecodeFloat64(dst, b, f.kind); err != nil {
			panic(err) // Floats made sure of the type
		}
	})
}

// AddScaled adds scale times the numbers from index at on to dst; product and
// sum are rounded each.
func (f *Floats) AddScaled(dst []float64, scale float64, at int) {
	if f.kind != Float32 {
		v := make([]float64, len(dst))
		f.Read(v, at)
		for i, x := range v {
			dst[i] += float64(scale * x)
		}
		return
	}
	f.with(4*at, 4*len(dst), func(b []byte) {
		n := 0
		if wide && len(dst) >= 16 {
			n = len(dst) &^ 15
			addScaled16(n, scale, &b[0], &dst[0])
		}
		for i := n; i < len(dst); i++ {
			dst[i] += float64(scale * float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))))
		}
	})
}

// limit is the smallest magnitude that does not round to a finite number of
// type d.
func limit(d DType) float64 {
	switch d {
	case Float16:
		return 65520
	case Float32:
		return math.MaxFloat32 * (1 + 0x1p-25)
	case BFloat16:
		return 0x1.FFp127
	}
	return math.Inf(1)
}

// Unstorable finds the first number that does not round to a finite number of
// type d.
func Unstorable(v []float64, d DType) (x float64, found bool) {
	top := limit(d)
	for _, x := range v {
		if !(math.Abs(x) < top) {
			return x, true
		}
	}
	return 0, false
}
