package onnxio

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// Floats reads the numbers of a float tensor where they lie, a run at a time.
// It is safe for concurrent use.
type Floats struct {
	raw  []byte
	kind DType
}

// Floats gives access to the numbers of a float tensor.
func (t *Tensor) Floats() (*Floats, error) {
	if !t.DType.IsFloat() {
		return nil, fmt.Errorf("reading tensor %q: %s values are no floats", t.Name, t.DType)
	}
	b, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	return &Floats{b, t.DType}, nil
}

// Len is the number of elements.
func (f *Floats) Len() int { return len(f.raw) / (f.kind.Bits() / 8) }

// Read fills dst with the numbers from index at on. It is exact.
func (f *Floats) Read(dst []float64, at int) {
	width := f.kind.Bits() / 8
	b := f.raw[at*width:][:len(dst)*width]
	switch f.kind {
	case Float32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i : 4*i+4])))
		}
	case Float64:
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i : 8*i+8]))
		}
	case Float16:
		for i := range dst {
			dst[i] = float64(float16.Frombits(binary.LittleEndian.Uint16(b[2*i:])).Float32())
		}
	case BFloat16:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16))
		}
	}
}
