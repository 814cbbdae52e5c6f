package tensor

import (
	"encoding/binary"
	"fmt"
	"math"

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
	d := t.DType()
	switch {
	case !d.IsFloat():
		out.I = make([]int64, n)
		r.With(0, len(r.Mapped()), func(b []byte) { err = onnxio.DecodeInt64(out.I, b, d) })
	case double || d == onnxio.Float64:
		out.F64 = make([]float64, n)
		err = pieces(t, r, func(from, to int, b []byte) error { return onnxio.DecodeFloat64(out.F64[from:to], b, d) })
	case d == onnxio.Float32:
		out.F32 = make([]float32, n)
		err = pieces(t, r, func(from, to int, b []byte) error { decode32(out.F32[from:to], b); return nil })
	default:
		out.F32 = make([]float32, n)
		err = wide(t, r, func(from int, x []float64) { Narrow(out.F32[from:][:len(x)], x) })
	}
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.Name(), err)
	}
	return out, nil
}

// Widened reads a stored tensor of a 16-bit type into float32.
func Widened(t *onnxio.Tensor) (*onnxio.Reader, error) {
	r, err := t.Reader()
	if err != nil {
		return nil, err
	}
	out := make([]byte, 4*t.Len())
	err = wide(t, r, func(from int, x []float64) {
		for i, v := range x {
			binary.LittleEndian.PutUint32(out[4*(from+i):], math.Float32bits(float32(v)))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading tensor %q: %w", t.Name(), err)
	}
	wider, err := onnxio.NewTensor(t.Name(), onnxio.Float32, t.Dims(), out)
	if err != nil {
		return nil, err
	}
	return wider.Reader()
}

// piece is how many elements are decoded at a time.
const piece = 1 << 14

// wide reads the elements of a float tensor as float64, some at a time; from is the first.
func wide(t *onnxio.Tensor, r *onnxio.Reader, use func(from int, x []float64)) error {
	space := make([]float64, min(piece, int(t.Len())))
	return pieces(t, r, func(from, to int, b []byte) error {
		x := space[:to-from]
		err := onnxio.DecodeFloat64(x, b, t.DType())
		if err == nil {
			use(from, x)
		}
		return err
	})
}

// pieces reads the elements of a tensor some at a time: those from one up to another.
func pieces(t *onnxio.Tensor, r *onnxio.Reader, use func(from, to int, b []byte) error) error {
	bits, n := t.DType().Bits(), int(t.Len())
	if have, want := len(r.Mapped()), (n*bits+7)/8; have != want {
		return fmt.Errorf("%d bytes are stored for %d elements of %s, which take %d", have, n, t.DType(), want)
	}
	for from := 0; from < n; from += piece {
		to := min(from+piece, n)
		var err error
		r.With(from*bits/8, (to*bits+7)/8-from*bits/8, func(b []byte) { err = use(from, to, b) })
		if err != nil {
			return err
		}
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
