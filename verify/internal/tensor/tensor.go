package tensor

import (
	"fmt"

	"repmlp/onnxio"
)

// A Tensor is a dense array. Float types hold their numbers in F32, or in F64
// where the engine runs in float64 or the type is float64; all other types
// hold them in I, uint64 by its bits.
type Tensor struct {
	DType onnxio.DType
	Shape []int
	F32   []float32
	F64   []float64
	I     []int64
}

// Len is the number of elements.
func (t *Tensor) Len() int { return Count(t.Shape) }

// Float returns element i as float64, whatever the type.
func (t *Tensor) Float(i int) float64 {
	switch {
	case t.F32 != nil:
		return float64(t.F32[i])
	case t.F64 != nil:
		return t.F64[i]
	case t.DType == onnxio.Uint64:
		return float64(uint64(t.I[i]))
	}
	return float64(t.I[i])
}

// Floats returns the elements as float64.
func (t *Tensor) Floats() []float64 {
	if t.F64 != nil {
		return t.F64
	}
	out := make([]float64, t.Len())
	for i := range out {
		out[i] = t.Float(i)
	}
	return out
}

// FromFile reads a stored tensor. double asks for float64 storage.
func FromFile(t *onnxio.Tensor, double bool) (*Tensor, error) {
	r, err := t.Reader()
	if err != nil {
		return nil, err
	}
	out := &Tensor{DType: t.DType(), Shape: ToInts(t.Dims())}
	n := out.Len()
	r.With(0, len(r.Mapped()), func(b []byte) {
		switch {
		case !t.DType().IsFloat():
			out.I = make([]int64, n)
			err = onnxio.DecodeInt64(out.I, b, t.DType())
		case double || t.DType() == onnxio.Float64:
			out.F64 = make([]float64, n)
			err = onnxio.DecodeFloat64(out.F64, b, t.DType())
		case t.DType() == onnxio.Float32:
			out.F32 = make([]float32, n)
			decode32(out.F32, b)
		default:
			out.F32 = make([]float32, n)
			err = decodeSmall(out.F32, b, t.DType())
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.Name(), err)
	}
	return out, nil
}

// decodeSmall decodes floats of a type below 32 bits, some at a time.
func decodeSmall(out []float32, b []byte, d onnxio.DType) error {
	const some = 1 << 13
	var wide [some]float64
	bits := d.Bits()
	if len(b) != (len(out)*bits+7)/8 {
		return onnxio.DecodeFloat64(make([]float64, len(out)), b, d) // which says what is wrong
	}
	for from := 0; from < len(out); from += some {
		to := min(from+some, len(out))
		if err := onnxio.DecodeFloat64(wide[:to-from], b[from*bits/8:(to*bits+7)/8], d); err != nil {
			return err
		}
		Narrow(out[from:to], wide[:to-from])
	}
	return nil
}

// Raw returns the elements in raw storage, as files hold them.
func (t *Tensor) Raw() ([]byte, error) {
	if t.DType.IsFloat() {
		return onnxio.EncodeFloat64(t.Floats(), t.DType)
	}
	return onnxio.EncodeInt64(t.I, t.DType)
}

// FromRaw makes a tensor from raw storage.
func FromRaw(d onnxio.DType, shape []int, raw []byte) (*Tensor, error) {
	dims := make([]int64, len(shape))
	for i, n := range shape {
		dims[i] = int64(n)
	}
	t, err := onnxio.NewTensor("", d, dims, raw)
	if err != nil {
		return nil, err
	}
	return FromFile(t, false)
}
