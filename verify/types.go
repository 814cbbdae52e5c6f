package verify

import (
	"repmlp/onnxio"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// A Tensor is a dense array: DType, Shape []int, and its numbers in row-major order.
// Float types hold them in F32 []float32, or in F64 []float64 where the engine runs
// in float64 or the type is float64; all other types hold them in I []int64, uint64
// by its bits. Len, Float, Floats and Raw read them.
type Tensor = tensor.Tensor

// Mode is how an engine computes.
type Mode = operator.Mode

// The modes. Absolute runs in float64 with the magnitude of every constant, so
// that on non-negative inputs a sum of products shows Σ|w||x|.
const (
	Single   = operator.Single
	Double   = operator.Double
	Absolute = operator.Absolute
)

// Unsupported says that the engine lacks an operator, a type or a form of an
// operator.
type Unsupported = operator.Unsupported

// FromRaw makes a tensor from raw storage, as files hold it.
func FromRaw(d onnxio.DType, shape []int, raw []byte) (*Tensor, error) {
	return tensor.FromRaw(d, shape, raw)
}
