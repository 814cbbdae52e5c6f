package engine

import (
	"errors"
	"fmt"
	"math"

	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// trimAfter is how much is read of a mapped file before its pages are given
// back.
const trimAfter = 8 << 20

// aroundFault is how much the system brings into memory with any page.
const aroundFault = 64 << 10

// initializer reads a constant in a mode. With stream it may stay in its file.
func (e *Engine) initializer(name string, mode operator.Mode, stream bool) (*operator.Value, error) {
	if s := e.sparse[name]; s != nil {
		return e.densify(s)
	}
	v := e.g.Value(name)
	if v == nil || v.Init == nil {
		return nil, fmt.Errorf("value %q is not fed", name)
	}
	if e.read += max(v.Init.Len()*int64(v.Init.DType().Bits()/8), aroundFault); e.read > trimAfter && !e.again {
		e.Trim()
	}
	if e.change != nil && v.Init.DType().IsFloat() && len(v.Init.Dims()) > 0 && v.Init.Len() > 0 {
		return e.changed(v.Init, mode)
	}
	if stream {
		if t := e.stream(v.Init, mode); t != nil {
			return t, nil
		}
	}
	if e.kept == nil {
		return e.constant(v.Init, mode)
	}
	key := constantKey{name, mode, false}
	if t := e.kept[key]; t != nil {
		return t, nil
	}
	e.worked += v.Init.Len()
	t, err := e.constant(v.Init, mode)
	if err == nil && t.Len() <= keptNumbers {
		e.kept[key] = t
	}
	return t, err
}

// A constantKey is an initializer as one mode reads it.
type constantKey struct {
	name string
	mode operator.Mode
	wide bool // to be read where it lies
}

// Sizes up to which initializers stay decoded between runs of the same nodes, and widened.
const (
	keptNumbers = 1 << 16
	keptWide    = 1 << 25
)

// Worked is how many numbers of constants the last run decoded, and nodes made of constants:
// each run does so anew.
func (e *Engine) Worked() int64 { return e.worked }

// Again says that the same nodes will run many times, until Trim: pages of weights stay in
// memory, and small constants decoded.
func (e *Engine) Again() { e.again, e.kept = true, map[constantKey]*operator.Value{} }

// Trim gives the pages of mapped files back, and what Again kept.
func (e *Engine) Trim() {
	e.model.Trim()
	e.read, e.again, e.kept = 0, false, nil
}

func (e *Engine) constant(t *onnxio.Tensor, mode operator.Mode) (*operator.Value, error) {
	if t.DType() == onnxio.String || !t.DType().IsFloat() && !t.DType().IsInt() && t.DType() != onnxio.Bool && t.DType() != onnxio.Int4 && t.DType() != onnxio.Uint4 {
		return nil, operator.Unsupportedf("the Go engine has no tensors of type %s (%q)", t.DType(), t.Name())
	}
	if mode == operator.Single && t.DType() == onnxio.Float32 {
		there, err := tensor.InPlace(t)
		if err != nil {
			return nil, err
		}
		if there != nil {
			return &operator.Value{Tensor: *there, Arena: e.run.Arena}, nil
		}
	}
	read, err := tensor.FromFile(t, mode != operator.Single)
	if err != nil {
		return nil, err
	}
	out := &operator.Value{Tensor: *read, Arena: e.run.Arena}
	if compute := e.exact[t.Name()]; compute != nil && out.F64 != nil {
		x, err := compute()
		if err != nil {
			return nil, err
		}
		copy(out.F64, x)
	}
	if mode == operator.Absolute && t.DType().IsFloat() {
		floor := e.Floor[t.Name()]
		for i, x := range out.F64 {
			out.F64[i] = math.Abs(x) + floor
		}
	}
	return out, nil
}

// changed is an initializer as Change makes it.
func (e *Engine) changed(t *onnxio.Tensor, mode operator.Mode) (*operator.Value, error) {
	x, err := tensor.FromFile(t, false)
	if err != nil {
		return nil, err
	}
	x = e.change(t.Name(), x)
	if mode != operator.Single && x.F64 == nil {
		x = &tensor.Tensor{DType: x.DType, Shape: x.Shape, F64: x.Floats()}
	}
	return &operator.Value{Tensor: *x, Arena: e.run.Arena}, nil
}

func (e *Engine) densify(s *onnxio.SparseTensor) (*operator.Value, error) {
	values, err := tensor.FromFile(s.Values(), e.run.Mode != operator.Single)
	if err != nil {
		return nil, err
	}
	at, err := s.Indices().Int64s()
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(s.Dims()))
	for i, d := range s.Dims() {
		shape[i] = int(d)
	}
	out := operator.Like(&operator.Value{Tensor: *values}, s.Values().DType(), shape)
	st := tensor.Strides(shape)
	for i := range values.Len() {
		k := 0
		if len(s.Indices().Dims()) == 1 {
			k = int(at[i])
		} else {
			for j := range shape {
				k += int(at[i*len(shape)+j]) * st[j]
			}
		}
		if k < 0 || k >= out.Len() {
			return nil, errors.New("a sparse tensor has an index out of range")
		}
		switch {
		case out.F64 != nil:
			out.F64[k] = values.F64[i]
		case out.F32 != nil:
			out.F32[k] = values.F32[i]
		default:
			out.I[k] = values.I[i]
		}
	}
	return out, nil
}

// stream returns access to a large weight that a float64 run need not decode; nil for any
// other. One of a 16-bit type is widened to float32, which takes half the room.
func (e *Engine) stream(t *onnxio.Tensor, mode operator.Mode) *operator.Value {
	small := t.DType() == onnxio.Float16 || t.DType() == onnxio.BFloat16
	if e.run.Mode == operator.Single || !small && t.DType() != onnxio.Float32 || t.Len() < stored.StreamSize || e.exact[t.Name()] != nil {
		return nil
	}
	if !small {
		if r, err := t.Reader(); err == nil {
			return e.stored(t, r)
		}
		return nil
	}
	if e.Floor[t.Name()] != 0 {
		return nil
	}
	key := constantKey{t.Name(), mode, true}
	if w := e.kept[key]; w != nil {
		return w
	}
	r, err := tensor.Widened(t)
	if err != nil {
		return nil // reading it in another way says why
	}
	w := e.stored(t, r)
	if e.kept != nil && t.Len() <= keptWide {
		e.kept[key] = w
	} else {
		e.worked += t.Len()
	}
	return w
}

func (e *Engine) stored(t *onnxio.Tensor, r *onnxio.Reader) *operator.Value {
	return &operator.Value{Tensor: tensor.Tensor{DType: t.DType(), Shape: tensor.ToInts(t.Dims())}, File: &stored.Weight{Reader: r, Absolute: e.run.Mode == operator.Absolute, Probe: e.run.Probe, Storage: e.run.Arena.Storage, Seen: e.Seen}}
}
