package verify

import (
	"fmt"
	"io"
	"os"
	"slices"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

// A source is where the numbers of one input come from: all of them, of which runs
// read the rows that they take.
type source struct {
	*Tensor // its type and shape; without numbers where these are read when they are asked for
	rows    func(from, n int) (*Tensor, error)
	named   func(row int) string // what a row comes from, as a file of a folder; nil: nothing to say
}

// held is a source of numbers in memory.
func held(t *Tensor) *source {
	return &source{Tensor: t, rows: func(from, n int) (*Tensor, error) { return rowsOf(t, from, n), nil }}
}

// whole are all numbers of a source.
func (s *source) whole() (*Tensor, error) {
	if s.F32 != nil || s.F64 != nil || s.I != nil || len(s.Shape) == 0 {
		return s.Tensor, nil
	}
	return s.rows(0, s.Shape[0])
}

// npySource reads rows of a .npy file when they are asked for.
func npySource(path string) (*source, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, big, header, err := readNpyHeader(f)
	if err != nil {
		return nil, err
	}
	if _, err := npyBytes(t, size-header, slices.ContainsFunc(t.Shape, func(n int) bool { return n < 0 })); err != nil {
		return nil, err
	}
	width := t.DType.Bits() / 8
	read := func(shape []int, from int) (*Tensor, error) {
		if tensor.TooLarge(shape) {
			return nil, fmt.Errorf("rows of shape %v are too large", shape)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		raw := make([]byte, tensor.Count(shape)*width)
		if _, err := f.ReadAt(raw, header+int64(from)*int64(width)); err != nil && (err != io.EOF || len(raw) > 0) {
			return nil, err
		}
		if big {
			swap(raw, width)
		}
		return FromRaw(t.DType, shape, raw)
	}
	if len(t.Shape) == 0 {
		all, err := read(t.Shape, 0)
		if err != nil {
			return nil, err
		}
		return held(all), nil
	}
	return &source{Tensor: t, rows: func(from, n int) (*Tensor, error) {
		shape := slices.Clone(t.Shape)
		shape[0] = n
		return read(shape, from*tensor.Count(shape[1:]))
	}}, nil
}

// swap turns the bytes of numbers around.
func swap(raw []byte, width int) {
	for i := 0; i+width <= len(raw); i += width {
		slices.Reverse(raw[i : i+width])
	}
}

// taken is a source as an input takes it: float32 numbers that are bfloat16 ones go
// into an input of these, for which numpy has no type.
func (s *source) taken(in *onnxio.ValueInfo) *source {
	if in.Elem() != onnxio.BFloat16 || s.DType != onnxio.Float32 {
		return s
	}
	rows := s.rows
	as := func(t *Tensor) (*Tensor, error) {
		out := &Tensor{DType: onnxio.BFloat16, Shape: t.Shape, F32: slices.Clone(t.F32)}
		tensor.Round(out)
		for i, x := range t.F32 {
			if x != out.F32[i] && x == x {
				return nil, fmt.Errorf("input %q is bfloat16, and %g is no such number", in.Name(), x)
			}
		}
		return out, nil
	}
	out := &source{Tensor: &Tensor{DType: onnxio.BFloat16, Shape: s.Shape}, named: s.named}
	out.rows = func(from, n int) (*Tensor, error) {
		t, err := rows(from, n)
		if err != nil {
			return nil, err
		}
		return as(t)
	}
	if len(s.Shape) == 0 {
		if t, err := as(s.Tensor); err == nil {
			return held(t)
		}
		return s // the type says what is wrong
	}
	return out
}
