package onnxio

import (
	"fmt"
	"slices"
)

// NewUnrounded makes a tensor of a float type that also knows its numbers before they
// are rounded, for models that are planned and not written: what is made of such
// numbers is rounded once.
func NewUnrounded(name string, d DType, dims []int64, v []float64) (*Tensor, error) {
	t, err := NewComputed(name, d, dims, unrounded{slices.Clone(v), d})
	if err == nil && !d.IsFloat() {
		err = fmt.Errorf("making tensor %q: numbers of type %s are not rounded", name, d)
	}
	return t, err
}

// Unrounded returns the numbers of a tensor that NewUnrounded made, nil of others. They
// are not to be changed.
func (t *Tensor) Unrounded() []float64 {
	if t.computed == nil {
		return nil
	}
	u, _ := t.computed.Source.(unrounded)
	return slices.Clip(u.v)
}

// unrounded is the source of such a tensor, in one piece.
type unrounded struct {
	v []float64
	d DType
}

func (u unrounded) Pieces() int { return 1 }

func (u unrounded) Piece(int) (from, to int64) { return 0, int64(len(u.v)) * int64(u.d.Bits()) / 8 }

func (u unrounded) Fill(_ int, dst []byte) error {
	ok, err := PutFloat64(dst, u.v, u.d)
	if err == nil && !ok {
		err = fmt.Errorf("a number does not fit %s", u.d)
	}
	return err
}
