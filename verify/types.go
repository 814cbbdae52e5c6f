package verify

import (
	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/tensor"
)

// A Tensor is a dense array. Float types hold their numbers in F32, or in F64
// where the engine runs in float64 or the type is float64; all other types
// hold them in I, uint64 by its bits.
type Tensor = tensor.Tensor

// EngineOptions configure NewEngine. The zero value runs in float32.
type EngineOptions = engine.Options

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
